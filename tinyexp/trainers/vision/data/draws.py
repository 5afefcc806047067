"""Random numbers that are looked up, not remembered.

Every random decision is a pure function of (seed, purpose, epoch, index): a Philox generator
(Salmon et al. 2011, as in numpy) whose key is a hash of seed and purpose and whose counter is set to
(epoch, index). Nothing is stored and nothing depends on what was drawn before, so workers, prefetching and
interruptions cannot change a result.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def hashed(*parts: int | str, bits: int = 64) -> int:
    """An unsigned number of so many bits, from the hash of the parts; the same on every machine.

    >>> hashed(0, "order") == hashed("0", "order")
    False
    """
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=bits // 8).digest(), "little")


class KeyedRng:
    """The draws of one seed and purpose.

    Parameters
    ----------
    seed
        The run's seed.
    purpose
        What is drawn, as in ``"order"``; two purposes never share a number.
    """

    def __init__(self, seed: int, purpose: str) -> None:
        """One generator is made here and used again with its counter set: making one costs ten times more."""
        self._bits = np.random.Philox(key=hashed(seed, purpose, bits=128))
        self._generator = np.random.Generator(self._bits)
        self._state = self._bits.state  # a copy, as new: nothing is left over from the place before

    def at(self, epoch: int, index: int = 0) -> np.random.Generator:
        """The generator, set to this place; valid until the next call."""
        counter = self._state["state"]["counter"]
        counter[:] = (0, index, epoch, 0)
        self._bits.state = self._state
        return self._generator

    def uniforms(self, epoch: int, indices: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        """``count`` numbers in [0, 1) for each index, shape (len(indices), count)."""
        rows = np.empty((len(indices), count))
        for row, index in zip(rows, indices.tolist(), strict=True):
            self.at(epoch, index).random(out=row)
        return rows

    def permutation(self, epoch: int, size: int) -> NDArray[np.int64]:
        """The numbers 0 to ``size`` - 1 in this epoch's order."""
        return self.at(epoch).permutation(size)


def keyed_subset(purpose: str, size: int, count: int) -> NDArray[np.int64]:
    """``count`` of the numbers below ``size``, in ascending order; the same for every seed.

    Which images a limit or a held-out part takes is a property of the data, not of a run.
    """
    return np.sort(KeyedRng(0, purpose).permutation(0, size)[:count])
