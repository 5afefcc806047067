"""One TensorBoard event file: TFRecord frames with masked CRC-32C, and a protobuf ``Event`` in each.

Scalars come as ``simple_value`` (torch, tensorboardX, TensorFlow 1) or as a tensor of one element (TensorFlow 2, Keras,
torch with ``new_style``), in any type of number, as raw content or as a list. Nearly all values of a tag are the same
bytes but for the number: the first one is parsed, where its number stands is remembered, and the others are recognised.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinyexp.errors import UserError
from tinyexp.logs.folder import read_content
from tinyexp.logs.series import Attempt, Series
from tinyexp.logs.tfvalues import settings_of, value_in
from tinyexp.logs.wire import (
    BYTES,
    VARINT,
    Field,
    WireError,
    crc32c,
    double,
    fields,
    masked,
    signed,
    text,
    varint,
)

MAX_SESSIONS = 1_000
_AT_ONCE = 1 << 16
"""Records whose checksums are computed together."""
_HEADER, _FOOTER = 12, 4
_START = 1
"""The status of a session log that voids what earlier sessions logged from its step on."""
_MAX_PLACES = 4
"""Places of a number that are tried for values of one length."""
_WALL, _STEP, _SUMMARY, _VALUE = 0x09, 0x10, 0x2A, 0x0A
"""How the fields of an event begin, and a value in a summary."""
_DOUBLE = struct.Struct("<d").unpack_from

_Unpack = Callable[[bytes, int], tuple[Any, ...]]


@dataclass
class EventFile:
    """What an event file holds."""

    path: Path
    attempts: list[Attempt]
    """One, and one more for each session that starts in mid-file."""
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
        for start, end in zip(starts, ends, strict=True):
            try:
                parser.event(start, end)
            except ValueError as error:
                number = parser.file.records + 1
                raise UserError(f"{path}: record {number:,} is no TensorBoard event ({error}).") from error
            parser.file.records += 1
    return parser.file


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


def _records(path: Path, content: bytes) -> Iterator[tuple[list[int], list[int], bool]]:
    """Where records begin and end, many at a time and compared with their checksums; whether the last one is cut."""
    at, count, cut = 0, 0, False
    while at < len(content) and not cut:
        starts: list[int] = []
        ends: list[int] = []
        heads: list[int] = []
        while at < len(content) and len(starts) < _AT_ONCE:
            if len(content) - at < _HEADER:
                cut = True
                break
            end = at + _HEADER + int.from_bytes(content[at : at + 8], "little")
            heads.append(at)
            if end + _FOOTER > len(content):
                cut = True
                break
            starts.append(at + _HEADER)
            ends.append(end)
            at = end + _FOOTER
        bad = min(
            _bad(content, heads, [one + _HEADER - _FOOTER for one in heads]) + _bad(content, starts, ends),
            default=None,
        )
        if bad is not None:
            # A file system that lost power leaves zeros where it had promised room.
            if content.count(b"\0", heads[bad]) < len(content) - heads[bad]:
                raise UserError(
                    f"{path}: record {count + bad + 1:,}, at byte {heads[bad]:,}, does not fit its checksum: the file is "
                    "damaged or is no event file. Copy it again, or take it out of the folder."
                )
            del starts[bad:], ends[bad:]
            cut = True
        count += len(starts)
        yield starts, ends, cut


def _bad(content: bytes, starts: list[int], ends: list[int]) -> list[int]:
    """The indices of the pieces that the checksum behind them does not fit."""
    first, last = np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
    behind = np.frombuffer(content, dtype=np.uint8)[last[:, None] + np.arange(_FOOTER)]
    stored = np.ascontiguousarray(behind).view("<u4").ravel()
    return np.flatnonzero(masked(crc32c(content, first, last)) != stored).tolist()


class _Parser:
    """Events of one file, one after the other."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.file = EventFile(path, [])
        self._content = content
        self._plugins: dict[str, str] = {}
        self._places: dict[int, list[tuple[int, int]]] = {}
        self._known: dict[tuple[bytes, bytes], tuple[str, _Unpack]] = {}

    def event(self, start: int, end: int) -> None:
        """Read one event. Nearly every one is a time, a step and a summary of one value, in this order."""
        content = self._content
        if end - start > 11 and content[start] == _WALL:
            at, step = start + 9, 0
            if content[at] == _STEP:
                step, at = content[at + 1], at + 2
                if step >= 0x80:
                    step, at = varint(content, at - 1, end)
            if at + 1 < end and content[at] == _SUMMARY:
                size, at = content[at + 1], at + 2
                if size >= 0x80:
                    size, at = varint(content, at - 1, end)
                if at + size == end:
                    (wall,) = _DOUBLE(content, start + 1)
                    self._summary(at, end, signed(step), self._attempt(wall))
                    return
        self._irregular(start, end)

    def _irregular(self, start: int, end: int) -> None:
        content, wall, step = self._content, 0.0, 0
        rest = list(fields(content, start, end))
        for one in rest:
            if one.number == 1:
                wall = double(content, one)
            elif one.number == 2 and one.wire == VARINT:
                step = one.value
        attempt = self._attempt(wall)
        for one in rest:
            if one.number == 5 and one.wire == BYTES:
                self._summary(one.start, one.end, signed(step), attempt)
            elif one.number == 7 and one.wire == BYTES:
                self._session(one, signed(step), attempt)

    def _attempt(self, wall: float) -> Attempt:
        """The attempt that goes on."""
        attempts = self.file.attempts
        if not attempts:
            attempts.append(Attempt(wall, wall))
        elif wall > attempts[-1].ended:
            attempts[-1].ended = wall
        return attempts[-1]

    def _session(self, log: Field, step: int, attempt: Attempt) -> None:
        status = next((one.value for one in fields(self._content, log.start, log.end) if one.number == 1), 0)
        if status != _START:
            return
        if attempt.series:
            if len(self.file.attempts) == MAX_SESSIONS:
                raise WireError(f"more than {MAX_SESSIONS:,} sessions start in one file")
            attempt = Attempt(attempt.ended, attempt.ended)
            self.file.attempts.append(attempt)
        attempt.voids = min(attempt.voids, step)

    def _summary(self, start: int, end: int, step: int, attempt: Attempt) -> None:
        """The values of a summary, which has nothing else in it."""
        content, known = self._content, self._known
        if not attempt.series and attempt.voids == math.inf:
            # The time of a file's first event, which only has its version, is cut to whole seconds by TensorFlow.
            attempt.began = attempt.ended
        while start < end:
            if content[start] != _VALUE:
                raise WireError("a summary of something else than values")
            size, first = content[start + 1], start + 2
            if size >= 0x80:
                size, first = varint(content, first - 1, end)
            start = first + size
            if start > end:
                raise WireError("a value reaches beyond its summary")
            body = content[first:start]
            for place, behind in self._places.get(size, ()):
                found = known.get((body[:place], body[behind:]))
                if found is not None:
                    tag, unpack = found
                    (value,) = unpack(body, place)
                    break
            else:
                parsed = self._parsed(body)
                if parsed is None:
                    continue
                tag, value = parsed
            series = attempt.series.get(tag)
            if series is None:
                series = attempt.series[tag] = Series()
            series.steps.append(step)
            series.values.append(float(value))
            series.times.append(attempt.ended)

    def _parsed(self, body: bytes) -> tuple[str, float] | None:
        """The tag and the number of a value; None where it is no scalar, which is remembered."""
        tag, number, kind, plugin, content = value_in(body)
        plugin = self._plugins.setdefault(tag, plugin) if plugin else self._plugins.get(tag, "")
        if plugin == "hparams":
            self.file.settings.update(settings_of(body, content) if content else {})
            return None
        if number is None or (kind == "tensor" and plugin not in {"", "scalars"}):
            self.file.others[tag] = plugin or kind
            return None
        place = number.start, number.end
        places = self._places.setdefault(len(body), [])
        if number.packed and place not in places and len(places) < _MAX_PLACES:
            places.append(place)
        if place in places:
            key = body[: number.start], body[number.end :]
            self._known[key] = tag, struct.Struct(number.packed).unpack_from
        return tag, number.value
