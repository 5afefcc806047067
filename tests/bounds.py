"""A block of code that gets so much time and memory and no more."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

SECONDS = 30.0
"""No input may take longer; the machine may be busy, so this is far more than any needs."""
BYTES = 3 << 30
"""No input may need so much memory more than there is already."""


class HangError(BaseException):
    """An input took too long. No ``except Exception`` of the code under test takes it for its own."""


@contextlib.contextmanager
def bounded(seconds: float = SECONDS, more: int = BYTES) -> Iterator[None]:
    """Whatever runs in this block gets so much time and memory, and an exception beyond it."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise HangError(f"took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begun = time.monotonic()
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert time.monotonic() - begun < 2 * seconds, "took too long, in one call that nothing could stop"
