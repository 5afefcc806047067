"""One ``.wandb`` file: records framed as in a LevelDB log, and a protobuf ``Record`` in each.

Blocks of 32 KiB hold frames of a CRC-32 (zlib's, over type and data, unlike LevelDB's), a length and a type: a record
is one FULL frame, or a FIRST, some MIDDLE and a LAST one. The file begins with ``:W&B``, a number and a version.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.folder import read_content
from tinyexp.logs.wire import BYTES, FIXED64, VARINT, Field, WireError, double, fields, signed, text

HEADER = b":W&B\xe1\xbe\x00"
"""With which every file begins; nothing but this is in one whose run was killed at once."""
_BLOCK = 32_768
_FRAME = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_HISTORY, _CONFIG, _RUN, _EXIT = 2, 5, 17, 18
"""Fields of a record that are read."""
_TYPED = {
    3: ("none", VARINT),
    4: ("boolean", VARINT),
    5: ("integer", VARINT),
    6: ("number", FIXED64),
    7: ("text", BYTES),
    8: ("json", BYTES),
}
"""Fields of a logged value."""


@dataclass
class WandbFile:
    """What a file tells of its run."""

    path: Path
    id: str = ""
    project: str = ""
    name: str = ""
    started: float = 0.0
    """Seconds since 1970."""
    settings: dict[str, Any] = field(default_factory=dict)
    """By key; mappings within mappings."""
    steps: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    """What was logged at each step, by dotted name: numbers, and whatever else."""
    exit_code: int | None = None
    """None where the run did not say that it ended."""
    cut: bool = False
    """Whether the last record is not whole."""
    is_empty: bool = False
    """Whether it has nothing but its header, or not even that."""


def read_wandb(path: Path) -> WandbFile:
    """Read a file, every checksum compared.

    Raises
    ------
    UserError
        It cannot be read, is no such file, or a record in it is damaged; the last one may be cut, as a killed run leaves it.
    """
    content = read_content(path)
    file = WandbFile(path)
    if content and not content.startswith(HEADER[: len(content)]):
        raise UserError(
            f"{path}: does not begin as a .wandb file does (':W&B' and version 0). Copy it again, or leave it out."
        )
    file.is_empty = len(content) <= len(HEADER)
    for number, record in enumerate(_records(content, file), start=1):
        try:
            _take(record, file)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}: record {number:,} is no record of W&B ({error}).") from error
    return file


def _records(content: bytes, file: WandbFile) -> Iterator[bytes]:
    """Whole records in order; whether the last one is cut is told to the file."""
    parts: list[bytes] = []
    for place, kind, data in _frames(content, file):
        begins, ends = kind in (_FULL, _FIRST), kind in (_FULL, _LAST)
        if kind not in (_FULL, _FIRST, _MIDDLE, _LAST) or begins == bool(parts):
            raise UserError(
                f"{file.path}: a part of a record is missing before byte {place:,}. Copy the file again."
            )
        parts.append(data)
        if ends:
            yield b"".join(parts)
            parts = []
    file.cut = file.cut or bool(parts)


def _frames(content: bytes, file: WandbFile) -> Iterator[tuple[int, int, bytes]]:
    """Frames in order: where each begins, its type and its data."""
    at, end = len(HEADER), len(content)
    while at < end:
        left = _BLOCK - at % _BLOCK
        if left < _FRAME.size:
            at += left
            continue
        if end - at < _FRAME.size:
            file.cut = True
            return
        checksum, size, kind = _FRAME.unpack_from(content, at)
        data = content[at + _FRAME.size : at + _FRAME.size + size]
        fits = len(data) == size and zlib.crc32(data, zlib.crc32(bytes([kind]))) == checksum
        if size > left - _FRAME.size or not fits:
            # A file system that lost power leaves zeros where it had promised room.
            is_zero = content.count(b"\0", at) == end - at
            file.cut = is_zero or (size <= left - _FRAME.size and _is_cut(data, size, kind, checksum))
            if file.cut:
                return
            raise UserError(
                f"{file.path}: the record at byte {at:,} does not fit its checksum: the file is damaged. Copy it again, or "
                "leave it out."
            )
        yield at, kind, data
        at += _FRAME.size + size


def _is_cut(data: bytes, size: int, kind: int, checksum: int) -> bool:
    """Whether a frame was written in part, rather than its length damaged, when fewer bytes would fit its checksum."""
    if len(data) >= size:
        return False
    found = zlib.crc32(bytes([kind]))
    for place in range(len(data)):
        if found == checksum:
            return False
        found = zlib.crc32(data[place : place + 1], found)
    return found != checksum


def _take(record: bytes, file: WandbFile) -> None:
    for one in fields(record, 0, len(record)):
        if one.wire != BYTES:
            continue
        if one.number == _HISTORY:
            _take_history(record, one, file)
        elif one.number == _CONFIG:
            _take_config(record, one, file)
        elif one.number == _RUN:
            _take_run(record, one, file)
        elif one.number == _EXIT:
            codes = [part.value for part in fields(record, one.start, one.end) if part.number == 1]
            file.exit_code = signed(codes[-1]) if codes else 0


def _take_run(record: bytes, run: Field, file: WandbFile) -> None:
    for one in fields(record, run.start, run.end):
        if one.wire != BYTES:
            continue
        if one.number == 1:
            file.id = text(record, one)
        elif one.number == 3:
            file.project = text(record, one)
        elif one.number == 8:
            file.name = text(record, one)
        elif one.number == 4:
            _take_config(record, one, file)
        elif one.number == 17:
            parts = {part.number: part.value for part in fields(record, one.start, one.end)}
            file.started = parts.get(1, 0) + parts.get(2, 0) / 1e9


def _take_config(record: bytes, config: Field, file: WandbFile) -> None:
    for one in fields(record, config.start, config.end):
        if one.wire != BYTES or one.number not in (1, 2):
            continue
        keys, value = _item(record, one)
        inner = file.settings
        for key in keys[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                raise WireError("a setting within one that has no others in it")
        if one.number == 1:
            inner[keys[-1]] = value
        else:
            inner.pop(keys[-1], None)


def _take_history(record: bytes, history: Field, file: WandbFile) -> None:
    row: dict[str, Any] = {}
    step = None
    for one in fields(record, history.start, history.end):
        if one.wire != BYTES:
            continue
        if one.number == 1:
            keys, value = _item(record, one)
            row[".".join(keys)] = value
        elif one.number == 2:
            step = next(
                (signed(part.value) for part in fields(record, one.start, one.end) if part.number == 1), 0
            )
    own = row.get("_step")
    if isinstance(own, int):
        step = own
    if step is None:
        raise WireError("a row without a step")
    file.steps.append(step)
    file.rows.append(row)


def _item(record: bytes, item: Field) -> tuple[list[str], Any]:
    """The keys that lead to a value, and the value: of its own type where it is (since 0.31), else JSON."""
    key, nested, values = "", list[str](), dict[str, Any]()
    for one in fields(record, item.start, item.end):
        if one.number == 1 and one.wire == BYTES:
            key = text(record, one)
        elif one.number == 2 and one.wire == BYTES:
            nested.append(text(record, one))
        elif one.number == 16 and one.wire == BYTES:
            values["json"] = json.loads(text(record, one))
        elif one.number in _TYPED:
            values["typed"] = _typed(record, one)
    return nested or [key], values.get("typed", values.get("json"))


def _typed(record: bytes, one: Field) -> Any:
    kind, wire = _TYPED[one.number]
    if one.wire != wire:
        raise WireError("a value that is not of its type")
    if kind == "number":
        return double(record, one)
    if kind == "text":
        return text(record, one)
    if kind == "json":
        return json.loads(text(record, one))
    return {"none": None, "boolean": bool(one.value), "integer": (one.value >> 1) ^ -(one.value & 1)}[kind]
