"""The draws of :mod:`tinyexp.trainers.vision.data.draws` for a whole batch, compiled: the same numbers, a tenth of the time.

Philox 4x64 with ten rounds (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3), as numpy has it: the counter
is raised before each block of four words, and a double is the upper 53 bits of a word.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.resample import compiled

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LOW, _HALF, _TO_53_BITS = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(11)
_UNIT = 2.0**-53
_ROUNDS = 10


class CompiledKeyedRng(KeyedRng):
    """As :class:`KeyedRng`."""

    def uniforms(self, epoch: int, indices: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        """``count`` numbers in [0, 1) for each index, shape (len(indices), count)."""
        rows = np.empty((len(indices), count))
        key = self._state["state"]["key"]
        _fill(rows, indices.astype(np.uint64), np.uint64(epoch), np.uint64(key[0]), np.uint64(key[1]))
        return rows


@compiled
def _high(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of the product of two words, from products of halves."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    low = a_low * b_low
    middle = a_high * b_low + (low >> _HALF)
    other = a_low * b_high + (middle & _LOW)
    return a_high * b_high + (middle >> _HALF) + (other >> _HALF)


@compiled
def _fill(
    rows: NDArray[np.float64],
    indices: NDArray[np.uint64],
    epoch: np.uint64,
    first_key: np.uint64,
    second_key: np.uint64,
) -> None:
    for row in range(len(indices)):
        block = np.uint64(0)
        for start in range(0, rows.shape[1], 4):
            block += np.uint64(1)
            x0, x1, x2, x3 = block, indices[row], epoch, np.uint64(0)
            k0, k1 = first_key, second_key
            for _ in range(_ROUNDS):
                x0, x1, x2, x3 = _high(_M1, x2) ^ x1 ^ k0, _M1 * x2, _high(_M0, x0) ^ x3 ^ k1, _M0 * x0
                k0 += _W0
                k1 += _W1
            for place, word in enumerate((x0, x1, x2, x3)):
                if start + place < rows.shape[1]:
                    rows[row, start + place] = (word >> _TO_53_BITS) * _UNIT
