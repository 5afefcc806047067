"""Protobuf fields and checksums, with known values and with bytes that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.logs.wire import BYTES, WireError, crc32c, double, fields, masked, signed, text, varint


def one_by_one(data: bytes) -> int:
    """CRC-32C a bit at a time, as the standard has it."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def checksums(data, pieces):
    starts, ends = (np.array(column, dtype=np.int64) for column in zip(*pieces, strict=True))
    return [int(one) for one in crc32c(data, starts, ends)]


@pytest.mark.parametrize(
    ("data", "checksum"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
    ],
)
def test_the_examples_of_rfc_3720_hold(data, checksum):
    assert checksums(data, [(0, len(data))]) == [checksum]


def test_records_of_all_lengths_are_checked_side_by_side():
    data = np.random.default_rng(0).bytes(20_000)
    lengths = [0, 1, 2, 3, 7, 255, 256, 257, 511, 512, 513, 768, 769, 1_024, 1_025, 5_000]
    pieces = [(start, start + length) for length in lengths for start in (0, 17, 4_000)]
    assert checksums(data, pieces) == [one_by_one(data[start:end]) for start, end in pieces]


def test_more_records_than_fit_side_by_side_keep_their_order():
    data = bytes(range(256)) * 400
    pieces = [(place, place + place % 60) for place in range(40_000)]
    found = checksums(data, pieces)
    assert found[33_333] == one_by_one(data[33_333 : 33_333 + 33_333 % 60])
    assert found[59] == one_by_one(data[59:118])


def test_no_records_have_no_checksums():
    assert len(crc32c(b"", np.array([], dtype=np.int64), np.array([], dtype=np.int64))) == 0


def test_a_mask_is_tensorflows():
    assert masked(np.array([0xE3069283], dtype=np.uint32)).tolist() == [
        ((0xE3069283 >> 15 | 0xE3069283 << 17) + 0xA282EAD8) & 0xFFFFFFFF
    ]


def test_numbers_are_read_as_they_were_written():
    assert varint(b"\xac\x02", 0, 2) == (300, 2)
    assert signed(varint(b"\xff" * 9 + b"\x01", 0, 10)[0]) == -1
    assert signed(5) == 5


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 11, b"\xff" * 30])
def test_a_number_without_an_end_is_refused(data):
    with pytest.raises(WireError, match="does not end"):
        varint(data, 0, len(data))


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05ab", b"\x09abc", b"\x0d\x00", b"\x0b", b"\x0e", b"\x0a\xff\xff\xff\xff\x0f"]
)
def test_a_field_beyond_its_message_or_of_no_type_is_refused(data):
    with pytest.raises(WireError):
        list(fields(data, 0, len(data)))


def test_a_field_is_not_read_beyond_the_end_that_was_given():
    with pytest.raises(WireError):
        list(fields(b"\x0a\x03abc", 0, 3))


def test_a_field_that_is_no_double_or_no_text_is_refused():
    (one,) = fields(b"\x0a\x01\xff", 0, 3)
    assert one.wire == BYTES
    with pytest.raises(ValueError, match="decode"):
        text(b"\x0a\x01\xff", one)
    with pytest.raises(WireError):
        double(b"\x0a\x01\xff", one)


@given(st.binary(max_size=80))
def test_any_bytes_end_or_are_refused(data):
    try:
        found = list(fields(data, 0, len(data)))
    except WireError:
        return
    assert all(0 <= one.start <= one.end <= len(data) for one in found)
