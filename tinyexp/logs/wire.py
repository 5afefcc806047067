"""What binary logs are made of: protobuf fields, and checksums of many records at once.

Nothing here trusts its input: no length is followed beyond the end that the caller gives, and no call recurses. The
checksum is CRC-32C (Castagnoli, RFC 3720 B.4), which the standard library lacks. numpy computes it for all records of
a file side by side, a byte of each at a time; long records are cut into chunks, whose checksums are then folded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""
_CHUNK = 256
"""Bytes of a record that are gone through side by side with those of others."""
_SIDE_BY_SIDE = 1 << 15
"""So many chunks at once stay in the cache."""
_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF

Checksums = NDArray[np.uint32]
Offsets = NDArray[np.int64]


class WireError(ValueError):
    """Bytes that are no message of the kind they should be."""


class Field(NamedTuple):
    """A field of a message, by its place in the buffer."""

    number: int
    wire: int
    value: int
    """Of a varint; 0 otherwise."""
    start: int
    end: int


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits, and where it ends.

    >>> varint(bytes([0xAC, 0x02]), 0, 2)
    (300, 2)
    """
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise WireError("a number does not end")


def signed(value: int) -> int:
    """A varint of the types int32, int64 and bool, which hold negative numbers as two's complement."""
    return value - (1 << 64) if value >> 63 else value


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message between two offsets, in order.

    Raises
    ------
    WireError
        A field reaches beyond the end, or is of a type that is not in use.
    """
    while start < end:
        # Most numbers are one byte, which saves a call.
        key, start = (data[start], start + 1) if data[start] < 0x80 else varint(data, start, end)
        number, wire, value, first = key >> 3, key & 7, 0, start
        if wire == BYTES:
            if start >= end:
                raise WireError("a field without its length")
            size, first = (data[start], start + 1) if data[start] < 0x80 else varint(data, start, end)
            start = first + size
        elif wire == VARINT:
            value, start = varint(data, start, end)
        elif wire in (FIXED64, FIXED32):
            start += 8 if wire == FIXED64 else 4
        else:
            raise WireError(f"a field of wire type {wire}")
        if start > end:
            raise WireError("a field reaches beyond its message")
        yield Field(number, wire, value, first, start)


def text(data: bytes, field: Field) -> str:
    """A field's text; raises UnicodeDecodeError, a ValueError, where it is none."""
    return data[field.start : field.end].decode()


def double(data: bytes, field: Field) -> float:
    """A field of type double."""
    if field.wire != FIXED64:
        raise WireError("a field that is no double")
    (value,) = struct.unpack_from("<d", data, field.start)
    return float(value)


def crc32c(data: bytes, starts: Offsets, ends: Offsets) -> Checksums:
    """CRC-32C of many pieces of one buffer.

    >>> [hex(int(one)) for one in crc32c(b"-123456789", np.array([1, 0]), np.array([10, 0]))]
    ['0xe3069283', '0x0']
    """
    content = np.frombuffer(data, dtype=np.uint8)
    counts = np.maximum(-(-(ends - starts) // _CHUNK), 1)
    owners = np.repeat(np.arange(len(starts)), counts)
    place = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
    # Chunks end where the record ends, so that all but its first are of one length.
    chunk_ends = ends[owners] - (counts[owners] - 1 - place) * _CHUNK
    chunk_starts = np.maximum(chunk_ends - _CHUNK, starts[owners])
    states = np.where(place == 0, np.uint32(_ONES), np.uint32(0))
    for first in range(0, len(states), _SIDE_BY_SIDE):
        part = slice(first, first + _SIDE_BY_SIDE)
        states[part] = _side_by_side(content, chunk_starts[part], chunk_ends[part], states[part])
    return _folded(states, counts) ^ np.uint32(_ONES)


def masked(checksums: Checksums) -> Checksums:
    """As TFRecord files store a checksum: rotated, and a constant added."""
    return ((checksums >> np.uint32(15)) | (checksums << np.uint32(17))) + np.uint32(0xA282EAD8)


def _side_by_side(content: NDArray[np.uint8], starts: Offsets, ends: Offsets, states: Checksums) -> Checksums:
    """The states after each piece's bytes: the longest begin first, and all end together."""
    lengths = ends - starts
    order = np.argsort(-lengths, kind="stable")
    ends, states = ends[order], states[order]
    longest = int(lengths.max(initial=0))
    going = np.searchsorted(-lengths[order], -np.arange(1, longest + 1), side="right")
    table = _table()
    for left in range(longest, 0, -1):
        some = slice(0, int(going[left - 1]))
        known = states[some]
        states[some] = table[(known ^ content[ends[some] - left]) & np.uint32(0xFF)] ^ (known >> np.uint32(8))
    found = np.empty_like(states)
    found[order] = states
    return found


def _folded(states: Checksums, counts: Offsets) -> Checksums:
    """One state for each record, of the states of its chunks: neighbours in pairs, until one is left."""
    level = 0
    while counts.max(initial=1) > 1:
        owners = np.repeat(np.arange(len(counts)), counts)
        place = np.arange(len(states)) - np.repeat(np.cumsum(counts) - counts, counts)
        pairs = (counts + 1) // 2
        # An odd one out gets a state of nothing before it, which changes nothing.
        padded = np.zeros(2 * int(pairs.sum()), dtype=np.uint32)
        padded[2 * (np.cumsum(pairs) - pairs)[owners] + (counts % 2)[owners] + place] = states
        states = _shifted(padded[0::2], _after_zeros(level)) ^ padded[1::2]
        counts = pairs
        level += 1
    return states


@lru_cache(maxsize=1)
def _table() -> Checksums:
    found = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        found = np.where(found & 1, (found >> np.uint32(1)) ^ np.uint32(_POLYNOMIAL), found >> np.uint32(1))
    return found


@lru_cache(maxsize=64)
def _after_zeros(level: int) -> tuple[Checksums, ...]:
    """What a state becomes by as many zeros as ``2 ** level`` chunks have, for each value of each of its bytes."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    if level == 0:
        table = _table()
        for _ in range(_CHUNK):
            bits = table[bits & np.uint32(0xFF)] ^ (bits >> np.uint32(8))
    else:
        half = _after_zeros(level - 1)
        once = _shifted(bits, half)
        bits = _shifted(once, half)
    values = np.arange(256, dtype=np.uint32)
    tables = []
    for byte in range(4):
        found = np.zeros(256, dtype=np.uint32)
        for bit in range(8):
            found ^= np.where(values >> np.uint32(bit) & np.uint32(1), bits[8 * byte + bit], np.uint32(0))
        tables.append(found)
    return tuple(tables)


def _shifted(states: Checksums, after: tuple[Checksums, ...]) -> Checksums:
    found = np.zeros_like(states)
    for byte in range(4):
        found ^= after[byte][(states >> np.uint32(8 * byte)) & np.uint32(0xFF)]
    return found
