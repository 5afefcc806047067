"""Records of an event file that are the same but for their time, step and number, read side by side.

A record is taken only if it equals one that was parsed in every other byte, so that it would be parsed alike. All that
is left over is somebody else's to parse, and nothing is lost by leaving a record over but time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tinyexp.logs.series import Floats, Integers

_FEWEST, _LONGEST, _SHORTEST = 16, 512, 20
"""Records of one length that are worth it; the longest and the shortest ones that are looked at."""
_WALL, _STEP, _SUMMARY = 0x09, 0x10, 0x2A
"""How the fields of an event begin."""
_STEP_AT = 10
_MAX_WIDTH = 10
"""Bytes of a step."""
_TRIES = 4

Bytes = NDArray[np.uint8]


class Place(NamedTuple):
    """A scalar's tag, and where in its record the number stands."""

    tag: str
    start: int
    end: int
    packed: str


Locate = Callable[[int, int], Place | None]
"""Parses the record between two offsets; None unless it is an event of a single scalar and nothing else."""


class Alike(NamedTuple):
    """Values of one tag; each as long as the others."""

    records: Integers
    steps: Integers
    values: Floats
    walls: Floats


def alike(
    content: bytes, starts: Integers, ends: Integers, locate: Locate, first: int
) -> tuple[list[tuple[str, Alike]], Integers]:
    """Values by tag, and the indices of the records that were left over, in order.

    Parameters
    ----------
    first
        The number of the first of these records in the file.
    """
    found: list[tuple[str, Alike]] = []
    taken = np.zeros(len(starts), dtype=bool)
    data = np.frombuffer(content, dtype=np.uint8)
    for length, places in _equal(ends - starts):
        if len(places) < _FEWEST or not _SHORTEST <= length <= _LONGEST:
            continue
        records = sliding_window_view(data, length)[starts[places]]
        for width, some in _by_width(records):
            own, rows = places[some], records[some]
            steps, walls = _steps(rows, width), rows[:, 1:9].copy().view("<f8").ravel()
            behind = _STEP_AT + width if width else _STEP_AT - 1
            for kind, mask in _kinds(rows, behind, starts[own].tolist(), locate):
                numbers = rows[mask, kind.start : kind.end].copy().view(kind.packed).ravel()
                taken[own[mask]] = True
                one = Alike(own[mask] + first, steps[mask], numbers.astype(np.float64), walls[mask])
                found.append((kind.tag, one))
    return found, np.flatnonzero(~taken)


def _equal(numbers: NDArray[Any]) -> Iterator[tuple[int, Integers]]:
    """Each number, and the indices at which it stands, rising."""
    order = np.argsort(numbers, kind="stable")
    bounds = np.flatnonzero(np.diff(numbers[order])) + 1
    for places in np.split(order, bounds):
        if len(places):
            yield int(numbers[places[0]]), places


def _by_width(records: Bytes) -> Iterator[tuple[int, Integers]]:
    """How many bytes the step has, 0 where there is none as it is 0, and which records are such events."""
    ends_here = records[:, _STEP_AT : _STEP_AT + _MAX_WIDTH] < 0x80
    widths = np.where(records[:, _STEP_AT - 1] == _STEP, np.argmax(ends_here, axis=1) + 1, 0)
    behind = np.where(widths > 0, _STEP_AT + widths, _STEP_AT - 1)
    inside = behind < records.shape[1]
    next_field = records[np.arange(len(records)), np.minimum(behind, records.shape[1] - 1)]
    is_event = (
        (records[:, 0] == _WALL) & (next_field == _SUMMARY) & inside & ((widths == 0) | ends_here.any(axis=1))
    )
    rows = np.flatnonzero(is_event)
    for width, places in _equal(widths[rows]):
        yield width, rows[places]


def _steps(records: Bytes, width: int) -> Integers:
    steps = np.zeros(len(records), dtype=np.uint64)
    for place in range(width):
        byte = (records[:, _STEP_AT + place] & 0x7F).astype(np.uint64)
        steps |= byte << np.uint64(7 * place)
    return steps.view(np.int64)


def _kinds(
    records: Bytes, behind: int, starts: list[int], locate: Locate
) -> Iterator[tuple[Place, NDArray[np.bool_]]]:
    """Kinds of records that are equal but for time, step and number, and which are of each."""
    left, length = np.arange(len(records)), records.shape[1]
    for _ in range(_TRIES):
        if len(left) < _FEWEST:
            return
        sample = locate(starts[left[0]], starts[left[0]] + length)
        if sample is None:
            left = left[1:]
            continue
        kept = np.r_[behind : sample.start, sample.end : length]
        frames = records[np.ix_(left, kept)]
        groups = list(_equal(_hashes(frames)))
        if len(groups) > len(left) // 4:
            return
        done = np.zeros(len(left), dtype=bool)
        for _, group in groups:
            start = starts[left[group[0]]]
            kind = locate(start, start + length)
            if kind is None or (kind.start, kind.end) != (sample.start, sample.end):
                continue
            # Records whose hashes are equal by chance are left over.
            same = group[(frames[group] == frames[group[0]]).all(axis=1)]
            done[same] = True
            mask = np.zeros(len(records), dtype=bool)
            mask[left[same]] = True
            yield kind, mask
        left = left[~done]


def _hashes(frames: Bytes) -> NDArray[np.int64]:
    """A number for each row, equal for equal ones."""
    weights = np.random.default_rng(0).integers(2**62, size=frames.shape[1], dtype=np.uint64)
    return (frames.astype(np.uint64) @ weights).view(np.int64)
