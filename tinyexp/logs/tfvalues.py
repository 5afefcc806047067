"""The values in TensorBoard's summaries: a number in any of the forms that it is written in, and settings of hparams."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from tinyexp.logs.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    WireError,
    double,
    fields,
    signed,
    text,
    varint,
)

_OTHERS = {3: "histogram", 4: "image", 5: "histogram", 6: "audio"}
"""Fields of a value that hold no scalar."""
_HALF, _BFLOAT16 = 19, 14
_CONTENT = {
    1: "<f",
    2: "<d",
    3: "<i",
    4: "<B",
    5: "<h",
    6: "<b",
    9: "<q",
    10: "<?",
    17: "<H",
    _HALF: "<e",
    22: "<I",
    23: "<Q",
}
"""By the number of a tensor's type, how its content is packed."""
_PACKED, _VARINTS, _HALVES = {5: "<f", 6: "<d"}, frozenset({7, 10, 11, 16, 17}), 13
"""Fields of a tensor that hold its elements as a list."""
_UNSIGNED = frozenset({16, 17})
_MAX_DIMENSIONS = 32


class Number(NamedTuple):
    """A scalar, and where in the bytes of its message it stands; without packing where that is no fixed place."""

    value: float
    start: int = 0
    end: int = 0
    packed: str = ""


class Value(NamedTuple):
    """A value of a summary."""

    tag: str
    number: Number | None
    """None where it is no single number."""
    kind: str
    """``scalar``, or what else it is."""
    plugin: str
    """Which of TensorBoard's plugins it is for; empty where it does not say so."""
    content: Field | None
    """Of the plugin."""


def value_in(body: bytes) -> Value:
    """Read a value of a summary.

    Raises
    ------
    ValueError
        It is no such message.
    """
    tag, kind, plugin, number, content = "", "nothing", "", None, None
    for one in fields(body, 0, len(body)):
        if one.number == 1 and one.wire == BYTES:
            tag = text(body, one)
        elif one.number == 2 and one.wire == FIXED32:
            (value,) = struct.unpack_from("<f", body, one.start)
            kind, number = "scalar", Number(value, one.start, one.end, "<f")
        elif one.number == 8 and one.wire == BYTES:
            kind, number = "tensor", _element(body, one)
        elif one.number == 9 and one.wire == BYTES:
            plugin, content = _plugin(body, one)
        elif one.number in _OTHERS:
            kind, number = _OTHERS[one.number], None
    return Value(tag, number, kind, plugin, content)


def settings_of(body: bytes, content: Field) -> dict[str, Any]:
    """Settings that the hparams plugin keeps with a session's start; whole numbers are such, though all are stored as double."""
    found: dict[str, Any] = {}
    for start in fields(body, content.start, content.end):
        if start.number == 3 and start.wire == BYTES:
            for one in fields(body, start.start, start.end):
                if one.number == 1 and one.wire == BYTES:
                    parts = {
                        part.number: part for part in fields(body, one.start, one.end) if part.wire == BYTES
                    }
                    if 1 in parts:
                        found[text(body, parts[1])] = _setting(body, parts[2]) if 2 in parts else None
    return found


def _setting(body: bytes, field: Field) -> Any:
    """A value of google.protobuf: a number, text, or yes and no; lists and structures are not read."""
    for one in fields(body, field.start, field.end):
        if one.number == 2:
            value = double(body, one)
            return int(value) if value.is_integer() and abs(value) < 2**53 else value
        if one.number == 3 and one.wire == BYTES:
            return text(body, one)
        if one.number == 4:
            return bool(one.value)
        if one.number in (5, 6):
            return "(not read)"
    return None


def _plugin(body: bytes, metadata: Field) -> tuple[str, Field | None]:
    for one in fields(body, metadata.start, metadata.end):
        if one.number == 1 and one.wire == BYTES:
            parts = {part.number: part for part in fields(body, one.start, one.end) if part.wire == BYTES}
            return text(body, parts[1]) if 1 in parts else "", parts.get(2)
    return "", None


def _element(body: bytes, tensor: Field) -> Number | None:
    """The element of a tensor that has one; None where it has others, or is of no type of number."""
    parts = {one.number: one for one in fields(body, tensor.start, tensor.end)}
    kind = parts[1].value if 1 in parts else 0
    size = _size(body, parts[2]) if 2 in parts else 1
    if size != 1 or (kind not in _CONTENT and kind != _BFLOAT16):
        return None
    for number, one in parts.items():
        if number == 4 and one.wire == BYTES:
            return _from_content(body, one, kind)
        if number in _PACKED:
            return _from_list(one, body, _PACKED[number])
        if number in _VARINTS or number == _HALVES:
            return _from_varint(body, one, kind)
    # A tensor of zeros may leave its elements out.
    return Number(0.0)


def _size(body: bytes, shape: Field) -> int:
    """How many elements a shape has; 0 where it does not say."""
    size = 1
    for place, one in enumerate(fields(body, shape.start, shape.end)):
        if one.number != 2 or place >= _MAX_DIMENSIONS:
            return 0
        size *= next((part.value for part in fields(body, one.start, one.end) if part.number == 1), 0)
    return size


def _from_content(body: bytes, field: Field, kind: int) -> Number:
    if kind == _BFLOAT16 and field.end - field.start == 2:
        return Number(_bfloat16(int.from_bytes(body[field.start : field.end], "little")))
    packed = _CONTENT.get(kind, "")
    if not packed or field.end - field.start != struct.calcsize(packed):
        raise WireError("a tensor whose content is not of its size")
    (value,) = struct.unpack_from(packed, body, field.start)
    return Number(float(value), field.start, field.end, packed)


def _from_list(field: Field, body: bytes, packed: str) -> Number:
    size = struct.calcsize(packed)
    if field.wire not in (BYTES, FIXED32 if size == 4 else FIXED64) or field.end - field.start != size:
        raise WireError("a tensor whose list is not of its size")
    (value,) = struct.unpack_from(packed, body, field.start)
    return Number(value, field.start, field.end, packed)


def _from_varint(body: bytes, field: Field, kind: int) -> Number:
    value = field.value
    if field.wire == BYTES:
        value, after = varint(body, field.start, field.end)
        if after != field.end:
            raise WireError("a tensor whose list is not of its size")
    elif field.wire != VARINT:
        raise WireError("a tensor whose list is of another type")
    if field.number == _HALVES:
        if kind == _BFLOAT16:
            return Number(_bfloat16(value & 0xFFFF))
        (half,) = struct.unpack("<e", struct.pack("<H", value & 0xFFFF))
        return Number(half)
    return Number(float(value if field.number in _UNSIGNED else signed(value)))


def _bfloat16(bits: int) -> float:
    (value,) = struct.unpack("<f", struct.pack("<I", bits << 16))
    return float(value)
