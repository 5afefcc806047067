"""How much memory an epoch's training steps need beyond what the process holds before them: measured, and no part of any result."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"
_KIB, _MB = 1024, 1e6


class PeakMemory:
    """The most memory held at once since :meth:`begin`, beyond what was held there: batches, feature maps, gradients.

    On a CPU that is resident memory, whose peak Linux counts and can forget (``man 5 proc``, ``clear_refs``); on CUDA what
    torch's allocator has given out. Other systems do not forget a peak, and a worker trains many runs: there
    nothing is said. The first epoch of a process also loads code and prepares kernels, so it shows more than later ones.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._before: int | None = None

    def begin(self) -> None:
        """Forget the peak so far."""
        if self._device == "cuda":
            torch.cuda.reset_peak_memory_stats()
            self._before = torch.cuda.memory_allocated()
            return
        self._before = None
        if self._device == "cpu":
            _give_back()
            try:
                _CLEAR.write_text(_FORGET_PEAK)
            except OSError:  # another system, or one that does not let us
                return
            self._before = _of_this_process("VmRSS")

    def megabytes(self) -> float | None:
        """Millions of bytes; None where nobody knows."""
        peak = torch.cuda.max_memory_allocated() if self._device == "cuda" else _of_this_process("VmHWM")
        return None if peak is None or self._before is None else round((peak - self._before) / _MB, 1)


def _of_this_process(name: str) -> int | None:
    """Bytes that Linux counts under a name; None elsewhere."""
    try:
        lines = _STATUS.read_text().splitlines()
        return next((int(line.split()[1]) * _KIB for line in lines if line.startswith(f"{name}:")), None)
    except (OSError, ValueError, IndexError):
        return None


def _give_back() -> None:
    """Have the C library return what was freed, so that the growth is that of what follows; glibc has the call."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        return
