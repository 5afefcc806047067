"""Memory for batches, used again as soon as nothing refers to a batch any more.

A batch of 256 images of 64 px is 12.6 MB, which the system would hand over page by page, zeroed, for every batch: as much
time again as a third of making it, and with two threads they wait for each other.
"""

from __future__ import annotations

import sys
import threading

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats32 = NDArray[np.float32]

_MOST = 16
"""So many batches are remembered; who holds more of them at once gets new memory for the rest."""


class Buffers:
    """Hands out batches; may be asked from several threads at once."""

    def __init__(self) -> None:
        self._held: list[Floats32] = []
        self._lock = threading.Lock()

    def images(self, count: int, side: int, *, channels_last: bool) -> Tensor:
        """A float32 tensor of shape (count, 3, side, side) with anything in it, which nobody else refers to."""
        flat = torch.from_numpy(self._free(count * 3 * side * side))
        if channels_last:
            return flat.view(count, side, side, 3).permute(0, 3, 1, 2)
        return flat.view(count, 3, side, side)

    def _free(self, elements: int) -> Floats32:
        """The first ``elements`` of an array that is not in use."""
        with self._lock:
            free = [place for place in range(len(self._held)) if _references(self._held, place) == _ALONE]
            for place in free:
                if self._held[place].size >= elements:
                    return self._held[place][:elements]
            made = np.empty(elements, np.float32)
            if free:
                self._held[free[0]] = made
            elif len(self._held) < _MOST:
                self._held.append(made)
            return made[:]


def _references(arrays: list[Floats32], place: int) -> int:
    """A tensor over an array refers to it, as does all that shares the tensor's memory."""
    return sys.getrefcount(arrays[place])


_ALONE = _references([np.empty(0, np.float32)], 0)
"""What is counted where only the list refers to an array; differs between versions of Python."""
