"""The compiled half of the exact kernel: Pillow's bilinear filter and its nearest-neighbour turn, over a batch.

Repeated from Pillow (Resample.c, Geometry.c, Image.rotate): two passes of integer arithmetic with weights of 22 bits and
rounding to bytes after each, then a walk in steps of 1/65536 pixel. Where Pillow leaves a pass out (the size stays) or
turns by 0, 90, 180 or 270 degrees without a matrix, the same arithmetic changes nothing or turns exactly: no case apart.

All compiled code lies in this one file: numba's cache notices a change in a function's own file, in no other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Weights = NDArray[np.int32]
Bytes = NDArray[np.uint8]

PRECISION_BITS = 22
BLOCK = 64
"""Bytes that the vertical pass makes at once."""
STRAIGHT_TAPS = 8
"""Sums along a row of up to this many taps have code of their own; they may read as far ahead, times zero."""
_RGB, RGBX = 3, 4  # bytes of a pixel in a source; of a finished one, which is one 32-bit word
_RADIANS = math.pi / 180
_UNIT = 1e15
_SPLITTER = 134217729.0  # 2**27 + 1 cuts a double into halves whose products are exact

Function = TypeVar("Function", bound=Callable[..., Any])
_operation = cast("Callable[[Callable[..., Any]], Callable[..., None]]", intrinsic)


def compiled(function: Function) -> Function:
    """``function`` as machine code that lets other threads run; no liberties with its floating point."""
    return cast("Function", numba.njit(nogil=True, cache=True, error_model="numpy")(function))


def _weighted_sum(lanes: int) -> Callable[[int, int, int, int, int], None]:
    """Makes ``lanes`` neighbouring bytes: each a weighted sum over taps, rounded.

    Takes addresses of the bytes to make, of the first tap's and of the int32 weights; bytes from tap to tap; taps.
    Written in the compiler's own terms, for its vectorizer sees no gain in four bytes or in a short sum.
    """
    word, wide, narrow = (
        ir.IntType(32),
        ir.VectorType(ir.IntType(32), lanes),
        ir.VectorType(ir.IntType(8), lanes),
    )
    unset = ir.Constant(wide, ir.Undefined)

    def in_every_lane(value: int) -> Any:
        return ir.Constant(wide, [value] * lanes)

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        target, source, step, weights, taps = arguments
        total = cgutils.alloca_once(builder, wide)
        builder.store(in_every_lane(1 << (PRECISION_BITS - 1)), total)
        with cgutils.for_range(builder, taps) as loop:
            tap = builder.add(source, builder.mul(loop.index, step))
            place = builder.add(weights, builder.mul(loop.index, loop.index.type(4)))
            weight = builder.load(builder.inttoptr(place, word.as_pointer()), align=4)
            alone = builder.insert_element(unset, weight, word(0))
            values = builder.zext(builder.load(builder.inttoptr(tap, narrow.as_pointer()), align=1), wide)
            product = builder.mul(values, builder.shuffle_vector(alone, unset, in_every_lane(0)))
            builder.store(builder.add(builder.load(total), product), total)
        shifted = builder.lshr(builder.load(total), in_every_lane(PRECISION_BITS))
        white = in_every_lane(255)
        clipped = builder.select(builder.icmp_unsigned("<", shifted, white), shifted, white)
        builder.store(builder.trunc(clipped, narrow), builder.inttoptr(target, narrow.as_pointer()), align=1)
        return context.get_dummy_value()

    @_operation
    def weighted_sum(_typing: Any, target: Any, source: Any, step: Any, weights: Any, taps: Any) -> Any:  # noqa: ARG001 - counted
        return types.void(*[types.int64] * 5), generate

    return weighted_sum


_sum_byte, _sum_pixel, _sum_block = _weighted_sum(1), _weighted_sum(RGBX), _weighted_sum(BLOCK)


@_operation
def _copy(_typing: Any, target: Any, source: Any, count: Any) -> Any:  # noqa: ARG001 - counted
    """``count`` bytes from one address to another."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointers = [builder.inttoptr(address, ir.IntType(8).as_pointer()) for address in arguments[:2]]
        cgutils.raw_memcpy(builder, *pointers, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _four_pixels(*, channels_last: bool) -> Callable[..., None]:
    """Looks four pixels of a row up, and writes each register that is full at once: the stores bound the speed.

    Takes ``out`` and the first pixel's place in it, elements between channels, and from ``column`` on what ``write`` takes.
    """

    @_operation
    def four_pixels(
        _typing: Any,
        out: Any,
        place: Any,  # noqa: ARG001 - counted
        to_channel: Any,  # noqa: ARG001 - counted
        words: Any,
        origins: Any,
        column: Any,  # noqa: ARG001 - counted
        values: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            def element(which: int, *offsets: Any) -> Any:
                array = context.make_array(signature.args[which])(context, builder, arguments[which])
                return reduce(lambda pointer, offset: builder.gep(pointer, [offset]), offsets, array.data)

            whole = arguments[1].type
            four = ir.VectorType(context.get_value_type(values.dtype), 4)
            made = [ir.Constant(four, ir.Undefined)] * 3
            for pixel, channel in product(range(4), range(3)):
                if channel == 0:
                    word = builder.load(element(3, builder.load(element(4, arguments[5], whole(pixel)))))
                level = builder.and_(builder.lshr(word, word.type(8 * channel)), word.type(255))
                value = builder.load(element(6, builder.zext(level, whole), whole(256 * channel)))
                lane = 3 * pixel + channel if channels_last else pixel + 4 * channel
                made[lane // 4] = builder.insert_element(made[lane // 4], value, ir.IntType(32)(lane % 4))
            for number, vector in enumerate(made):
                step = whole(4) if channels_last else arguments[2]
                target = element(0, arguments[1], builder.mul(step, whole(number)))
                builder.store(vector, builder.bitcast(target, four.as_pointer()), align=1)
            return context.get_dummy_value()

        signed = types.int64
        return types.void(out, signed, signed, words, origins, signed, values), generate

    return four_pixels


_four_pixels_planar, _four_pixels_last = _four_pixels(channels_last=False), _four_pixels(channels_last=True)


@compiled
def address_of(array: NDArray[Any]) -> int:
    return np.int64(array.ctypes.data)  # type: ignore[return-value]


@compiled
def coefficients(
    size: int, resized: int, first: int, starts: Integers, weights: Weights, shares: NDArray[np.float64]
) -> int:
    """Bilinear weights of ``len(starts)`` pixels, from ``first`` on, of a line of ``size`` made ``resized`` long.

    Writes each pixel's first source pixel into ``starts`` and its weights, in units of 2**-22, into a row of ``weights``,
    followed by zeros; returns the taps of the longest. ``shares`` is room for one row.
    """
    scale = size / resized
    support = max(scale, 1.0)
    inverse = 1.0 / support
    longest, room = 2, 2 * math.ceil(support) + 2
    for place in range(len(starts)):
        center = (first + place + 0.5) * scale
        start = max(int(center - support + 0.5), 0)
        taps = min(int(center + support + 0.5), size) - start
        total = 0.0
        for tap in range(taps):
            shares[tap] = max(1.0 - abs((tap + start - center + 0.5) * inverse), 0.0)
            total += shares[tap]
        for tap in range(taps):
            weights[place, tap] = int(0.5 + shares[tap] / total * (1 << PRECISION_BITS))
        for tap in range(taps, room):
            weights[place, tap] = 0
        starts[place] = start
        longest = max(longest, taps)
    return longest


def _row_of(taps: int) -> Callable[[int, int, Integers, int, int, int], None]:
    """A row of RGBX pixels from one of RGB, ``step`` bytes apart: with the taps known, the sum becomes straight code."""

    def row(target: int, source: int, starts: Integers, weights: int, pitch: int, step: int) -> None:
        for place in range(len(starts)):
            _sum_pixel(
                target + place * step, source + starts[place] * _RGB, _RGB, weights + place * pitch, taps
            )

    row.__qualname__ = f"row_of_{taps}"  # numba's cache keeps functions of one name in one index
    return compiled(row)


_row_of_2, _row_of_3, _row_of_4, _row_of_5, _row_of_6, _row_of_8 = (
    _row_of(taps) for taps in (2, 3, 4, 5, 6, 8)
)


@compiled
def _across(
    target: int, source: int, starts: Integers, weights: int, pitch: int, taps: int, step: int
) -> None:
    """One row of RGBX pixels from a row of RGB; reads ahead, see ``STRAIGHT_TAPS``."""
    if taps <= 2:
        _row_of_2(target, source, starts, weights, pitch, step)
    elif taps == 3:
        _row_of_3(target, source, starts, weights, pitch, step)
    elif taps == 4:
        _row_of_4(target, source, starts, weights, pitch, step)
    elif taps == 5:
        _row_of_5(target, source, starts, weights, pitch, step)
    elif taps == 6:
        _row_of_6(target, source, starts, weights, pitch, step)
    elif taps <= STRAIGHT_TAPS:
        _row_of_8(target, source, starts, weights, pitch, step)
    else:
        for place in range(len(starts)):
            _sum_pixel(
                target + place * step, source + starts[place] * _RGB, _RGB, weights + place * pitch, taps
            )


@compiled
def _down(target: int, source: int, line: int, count: int, weights: int, taps: int) -> None:
    """``count`` bytes from the rows at ``source``, ``line`` bytes apart; reads nothing beyond them."""
    if count < BLOCK:
        for byte in range(count):
            _sum_byte(target + byte, source + byte, line, weights, taps)
        return
    if taps == 2:
        for byte in range(0, count - BLOCK + 1, BLOCK):
            _sum_block(target + byte, source + byte, line, weights, 2)
    else:
        for byte in range(0, count - BLOCK + 1, BLOCK):
            _sum_block(target + byte, source + byte, line, weights, taps)
    if count % BLOCK:  # the last block lies partly over the one before
        _sum_block(target + count - BLOCK, source + count - BLOCK, line, weights, taps)


@compiled
def resize(
    plan: Integers,
    mirrored: bool,  # noqa: FBT001 - compiled functions have no keywords of their own
    starts: Integers,
    weights: Weights,
    shares: NDArray[np.float64],
    between: Bytes,
    edge: Bytes,
    words: NDArray[np.uint32],
) -> None:
    """One image's window as RGBX words, row by row. ``plan``, a row of it, and working memory are laid out by ``kernel``."""
    source, line, end, height, width, full_height, full_width, top, left, vertical_first = plan
    side = len(starts) // 2
    down, across = starts[:side], starts[side:]
    taps_down = coefficients(height, full_height, top, down, weights[:side], shares)
    taps_across = coefficients(width, full_width, left, across, weights[side:], shares)
    pitch = weights.shape[1] * weights.itemsize
    weights_down, made, done = address_of(weights), address_of(between), address_of(words)
    weights_across = weights_down + side * pitch
    row_bytes = side * RGBX
    step, begin = (-RGBX, row_bytes - RGBX) if mirrored else (RGBX, 0)
    if vertical_first:
        for row in range(side):
            taps = min(taps_down, height - down[row])  # the rest are zeros, and rows that do not exist
            _down(made, source + down[row] * line, line, width * _RGB, weights_down + row * pitch, taps)
            _across(done + row * row_bytes + begin, made, across, weights_across, pitch, taps_across, step)
        return
    first, last = down[0], min(down[side - 1] + taps_down, height)
    reach = (across[side - 1] + max(taps_across, STRAIGHT_TAPS)) * _RGB + 1
    for row in range(first, last):
        pixels = source + row * line
        if pixels + reach > end:  # reading ahead would leave the image and perhaps the memory
            _copy(address_of(edge), pixels, width * _RGB)
            pixels = address_of(edge)
        target = made + (row - first) * row_bytes + begin
        _across(target, pixels, across, weights_across, pitch, taps_across, step)
    for row in range(side):
        taps = min(taps_down, height - down[row])
        rows = made + (down[row] - first) * row_bytes
        _down(done + row * row_bytes, rows, row_bytes, row_bytes, weights_down + row * pitch, taps)


@compiled
def rounded(value: float) -> float:
    """``round(value, 15)`` as Python has it, for -1 to 1: by the product's exact value, ties to even."""
    product = value * _UNIT
    high = value * _SPLITTER - (value * _SPLITTER - value)
    unit_high = _UNIT * _SPLITTER - (_UNIT * _SPLITTER - _UNIT)
    low, unit_low = value - high, _UNIT - unit_high
    error = ((high * unit_high - product) + high * unit_low + low * unit_high) + low * unit_low
    whole = np.floor(product)
    beyond = (product - whole - 0.5) + error
    if beyond > 0.0 or (beyond == 0.0 and whole % 2.0 == 1.0):
        whole += 1.0
    return float(whole / _UNIT)


@compiled
def _fixed(value: float) -> int:
    return math.floor(value * 65536.0 + 0.5)


@compiled
def turn(angle: float, side: int) -> tuple[int, int, int, int]:
    """Where the first pixel of a turned image comes from, and the way to its right neighbour's: x, y, dx, dy.

    In 1/65536 pixel, for ``angle`` in degrees counter-clockwise; the way to the pixel below is (-dy, dx).
    """
    radians = -((angle % 360.0) * _RADIANS)
    cosine, sine = rounded(math.cos(radians)), rounded(math.sin(radians))
    middle = side / 2
    x = (cosine * -middle + sine * -middle) + middle
    y = (-sine * -middle + cosine * -middle) + middle
    x = x + cosine * 0.5 + sine * 0.5
    y = y + -sine * 0.5 + cosine * 0.5
    return _fixed(x), _fixed(y), _fixed(cosine), _fixed(-sine)


@compiled
def write(
    words: NDArray[np.uint32],
    angle: float,
    values: NDArray[Any],
    out: NDArray[Any],
    first: int,
    steps: Integers,
    origins: NDArray[np.uint64],
) -> None:
    """The turned image by way of ``values`` into ``out``, from element ``first`` on.

    Parameters
    ----------
    words
        The image's pixels, row by row, and one more, black, for where nothing comes to lie.
    values
        Shape (3, 256): what a channel's byte becomes.
    steps
        Elements of ``out`` from image to image, channel to channel, row to row and pixel to pixel.
    origins
        Room for one row.
    """
    side = len(origins)
    x_row, y_row, dx, dy = turn(angle, side)
    sixteen, sides, outside = np.uint64(16), np.uint64(side), np.uint64(side * side)
    to_channel, to_next = steps[1], steps[3]
    fours = side - side % 4
    for row in range(side):
        # In two loops, because the compiler makes the first one parallel. Unsigned, what is negative is far too large.
        for column in range(side):
            x = np.uint64(x_row + column * dx) >> sixteen
            y = np.uint64(y_row + column * dy) >> sixteen
            origins[np.uintp(column)] = y * sides + x if (x < sides) & (y < sides) else outside
        place = first + row * steps[2]
        if to_next == 1:
            for column in range(0, fours, 4):
                _four_pixels_planar(out, place + column, to_channel, words, origins, column, values)
        else:
            for column in range(0, fours, 4):
                _four_pixels_last(out, place + column * to_next, to_channel, words, origins, column, values)
        for column in range(fours, side):
            for channel in range(3):
                level = words[origins[column]] >> (8 * channel) & 255
                out[place + column * to_next + channel * to_channel] = values[channel, level]
        x_row -= dy
        y_row += dx


@compiled
def batch(
    plans: Integers,
    mirrored: NDArray[np.bool_],
    angles: NDArray[np.float64],
    values: NDArray[Any],
    out: NDArray[Any],
    steps: Integers,
    starts: Integers,
    weights: Weights,
    shares: NDArray[np.float64],
    between: Bytes,
    edge: Bytes,
    words: NDArray[np.uint32],
    origins: NDArray[np.uint64],
) -> None:
    """Every image of a batch, one after the other, in working memory that stays in the cache."""
    words[-1] = 0
    for image in range(len(plans)):
        resize(plans[image], mirrored[image], starts, weights, shares, between, edge, words)
        write(words, angles[image], values, out, image * steps[0], steps, origins)


def cache_folder() -> Path:
    """Where numba keeps the compiled code of this file."""
    return Path(cast("Any", batch).stats.cache_path)
