"""One TensorBoard event file: TFRecord frames with masked CRC-32C, and a protobuf ``Event`` in each.

Nearly all events are a time, a step and one scalar, and the same bytes as others but for these. Such are found among
records of one length, the first of each kind is parsed, and numpy takes the numbers out of all others. What is of no
such kind is parsed one by one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinyexp.errors import UserError
from tinyexp.logs.folder import read_content
from tinyexp.logs.series import Attempt, Floats, Integers, Series
from tinyexp.logs.tfalike import Alike, Place, alike
from tinyexp.logs.tfvalues import settings_of, value_in
from tinyexp.logs.wire import BYTES, VARINT, Field, WireError, crc32c, double, fields, masked, signed, text

MAX_SESSIONS = 200
_AT_ONCE = 1 << 16
"""Records whose checksums are computed together."""
_HEADER, _FOOTER = 12, 4
_SIZE = struct.Struct("<Q").unpack_from
_START = 1
"""The status of a session log that voids what earlier sessions logged from its step on."""
_PLUGINS = {"scalar": {"", "scalars"}, "tensor": {"scalars"}}
"""For which plugins a number is a scalar, where nothing is remembered of its tag."""


@dataclass
class EventFile:
    """What an event file holds."""

    path: Path
    attempts: list[Attempt] = field(default_factory=list)
    """One, and one more for each session that starts in mid-file; none of an empty file."""
    records: int = 0
    cut: bool = False
    """Whether its last record is not whole."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the hparams plugin."""
    others: dict[str, str] = field(default_factory=dict)
    """Tags that are no scalars, and what they are."""


def read_events(path: Path) -> EventFile:
    """Read one event file, every checksum compared.

    Raises
    ------
    UserError
        It cannot be read, or a record in it is damaged; the last one may be cut, as a killed run leaves it.
    """
    content = read_content(path)
    parser = _Parser(path, content)
    for starts, ends, cut in _records(path, content):
        parser.file.cut = cut
        parser.take(starts, ends)
    return parser.finished()


def first_tag(head: bytes) -> str:
    """The tag of the first scalar or other value in the beginning of an event file; empty where none is there."""
    at = 0
    try:
        while at + _HEADER <= len(head):
            (size,) = struct.unpack_from("<Q", head, at)
            start, end = at + _HEADER, min(at + _HEADER + size, len(head))
            at = end + _FOOTER
            for summary in fields(head, start, end):
                if (summary.number, summary.wire) == (5, BYTES):
                    for value in fields(head, summary.start, summary.end):
                        for one in fields(head, value.start, value.end):
                            if (one.number, one.wire) == (1, BYTES):
                                return text(head, one)
    except ValueError:
        pass
    return ""


def _records(path: Path, content: bytes) -> Iterator[tuple[Integers, Integers, bool]]:
    """Where records begin and end, many at a time and compared with their checksums; whether the last one is cut."""
    at, count, cut, size = 0, 0, False, len(content)
    while at < size and not cut:
        heads: list[int] = []
        while len(heads) < _AT_ONCE and at + _HEADER <= size:
            heads.append(at)
            at += _HEADER + _SIZE(content, at)[0] + _FOOTER
        # The last one may reach beyond the end, or have no room for its own length.
        cut = at > size or (len(heads) < _AT_ONCE and at < size)
        starts = np.array(heads, dtype=np.int64) + _HEADER
        ends = np.append(starts[1:] - _HEADER, min(at, size))[: len(starts)] - _FOOTER
        whole = len(starts) - (at > size)
        bad = min(
            _bad(content, starts - _HEADER, starts - _FOOTER) + _bad(content, starts[:whole], ends[:whole]),
            default=None,
        )
        if bad is not None:
            # A file system that lost power leaves zeros where it had promised room.
            if content.count(b"\0", heads[bad]) < size - heads[bad]:
                raise UserError(
                    f"{path}: record {count + bad + 1:,}, at byte {heads[bad]:,}, does not fit its checksum: the file is "
                    "damaged or is no event file. Copy it again, or take it out of the folder."
                )
            whole, cut = bad, True
        count += whole
        yield starts[:whole], ends[:whole], cut


def _bad(content: bytes, starts: Integers, ends: Integers) -> list[int]:
    """The indices of the pieces that the checksum behind them does not fit."""
    behind = np.frombuffer(content, dtype=np.uint8)[ends[:, None] + np.arange(_FOOTER)]
    stored = np.ascontiguousarray(behind).view("<u4").ravel()
    wrong: list[int] = np.flatnonzero(masked(crc32c(content, starts, ends)) != stored).tolist()
    return wrong


class _Parser:
    """Events of one file, some side by side and some one by one, and at last in their order."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.file = EventFile(path)
        self._content = content
        self._plugins: dict[str, str] = {}
        self._alike: dict[str, list[Alike]] = {}
        self._single: dict[str, list[tuple[int, int, float]]] = {}
        """Record, step and value of what was parsed one by one."""
        self._walls: list[Floats] = []
        self._sessions: list[tuple[int, int]] = []
        """Record and step of each start."""

    def take(self, starts: Integers, ends: Integers) -> None:
        """Read the next records."""
        first = self.file.records
        walls = np.zeros(len(starts))
        found, left = alike(self._content, starts, ends, self._located, first)
        for tag, one in found:
            self._alike.setdefault(tag, []).append(one)
            walls[one.records - first] = one.walls
        for place in left.tolist():
            try:
                walls[place] = self._event(first + place, int(starts[place]), int(ends[place]))
            except ValueError as error:
                raise UserError(
                    f"{self.file.path}: record {first + place + 1:,} is no TensorBoard event ({error})."
                ) from error
        self._walls.append(walls)
        self.file.records += len(starts)

    def finished(self) -> EventFile:
        """The file, with its values by attempt."""
        if not self.file.records:
            return self.file
        # Clocks are set back now and then; the order of records is what counts.
        times = np.maximum.accumulate(np.nan_to_num(np.concatenate(self._walls)))
        bounds = np.array([0, *(record for record, _ in self._sessions)])
        last = [*(bounds[1:] - 1).tolist(), self.file.records - 1]
        voids = [math.inf, *(step for _, step in self._sessions)]
        attempts = [
            Attempt(times[first], times[end], {}, void)
            for first, end, void in zip(bounds, last, voids, strict=True)
        ]
        for tag in self._alike | self._single:
            for part, series in self._parts(tag, times, bounds):
                attempts[part].series[tag] = series
        for place, one in enumerate(attempts):
            if one.series:
                # The time of a first event, which only has the version, is cut to whole seconds by TensorFlow.
                one.began = min(float(series.times[0]) for series in one.series.values())
            elif place + 1 < len(attempts):
                attempts[place + 1].voids = min(one.voids, attempts[place + 1].voids)
        self.file.attempts = [one for one in attempts if one.series] or attempts[:1]
        return self.file

    def _parts(self, tag: str, times: Floats, bounds: Integers) -> Iterator[tuple[int, Series]]:
        """The values of a tag in their order, by session."""
        single = self._single.get(tag, [])
        some = self._alike.get(tag, [])
        records = np.concatenate(
            [*(one.records for one in some), np.array([one[0] for one in single], dtype=np.int64)]
        )
        steps = np.concatenate(
            [*(one.steps for one in some), np.array([one[1] for one in single], dtype=np.int64)]
        )
        values = np.concatenate(
            [*(one.values for one in some), np.array([one[2] for one in single], dtype=np.float64)]
        )
        order = np.argsort(records, kind="stable")
        records = records[order]
        series = Series(steps[order], values[order], times[records])
        sessions = np.searchsorted(bounds, records, side="right") - 1
        for part in np.unique(sessions).tolist():
            yield part, series.where(sessions == part)

    def _located(self, start: int, end: int) -> Place | None:
        """Where the number of an event stands that is one scalar; a tensor's only if it is said to be a scalar's."""
        content = self._content
        try:
            summaries = [one for one in fields(content, start, end) if one.number not in (1, 2)]
            (summary,) = summaries
            (value,) = fields(content, summary.start, summary.end)
            if (summary.number, summary.wire, value.number, value.wire) != (5, BYTES, 1, BYTES):
                return None
            tag, number, kind, plugin, _ = value_in(content[value.start : value.end])
        except ValueError:
            return None
        if number is None or not number.packed or plugin not in _PLUGINS[kind]:
            return None
        offset = value.start - start
        return Place(tag, number.start + offset, number.end + offset, number.packed)

    def _event(self, record: int, start: int, end: int) -> float:
        """Read one event; its time."""
        content, wall, step = self._content, 0.0, 0
        rest = list(fields(content, start, end))
        for one in rest:
            if one.number == 1:
                wall = double(content, one)
            elif one.number == 2 and one.wire == VARINT:
                step = signed(one.value)
        for one in rest:
            if one.number == 5 and one.wire == BYTES:
                for value in fields(content, one.start, one.end):
                    if value.number == 1 and value.wire == BYTES:
                        self._value(record, step, content[value.start : value.end])
            elif one.number == 7 and one.wire == BYTES:
                self._session(record, step, one)
        return wall

    def _session(self, record: int, step: int, log: Field) -> None:
        status = next((one.value for one in fields(self._content, log.start, log.end) if one.number == 1), 0)
        if status == _START:
            if len(self._sessions) == MAX_SESSIONS:
                raise WireError(f"more than {MAX_SESSIONS:,} sessions start in one file")
            self._sessions.append((record, step))

    def _value(self, record: int, step: int, body: bytes) -> None:
        """Take the number of a value; of one that is no scalar, what it is."""
        tag, number, kind, plugin, content = value_in(body)
        plugin = self._plugins.setdefault(tag, plugin) if plugin else self._plugins.get(tag, "")
        if plugin == "hparams":
            self.file.settings.update(settings_of(body, content) if content else {})
        elif number is None or (kind == "tensor" and plugin not in {"", "scalars"}):
            self.file.others[tag] = plugin or kind
        else:
            self._single.setdefault(tag, []).append((record, step, number.value))
