"""What a fuzzer is, and what must be true of every input: read, or refused by name; in bounded time and memory."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from hypothesis.strategies import SearchStrategy

from tinyexp.errors import TinyexpError

SECONDS = 30.0
"""No input may take longer; the machine may be busy, so this is far more than any needs."""
BYTES = 3 << 30
"""No input may need so much memory more than there is already."""


class HangError(BaseException):
    """An input took too long. No ``except Exception`` of the code under test takes it for its own."""


@dataclass(frozen=True)
class Fuzzer:
    """One reader of files, and inputs for it."""

    inputs: SearchStrategy[Any]
    prepare: Callable[[Path], Any]
    """Makes valid files in an empty folder, once; what it gives is handed to every call of ``feed``."""
    feed: Callable[[Any, Any], None]
    """Has one input read: of what ``prepare`` gave, and the input. It returns where the input was accepted."""
    names: tuple[str, ...]
    """One of these must stand in the message of a refusal: the file, or the option."""


@dataclass
class Tally:
    """How many inputs there were, and what became of them."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    found: dict[str, str] = field(default_factory=dict)
    """For each way to fail the smallest input that does."""

    @property
    def tried(self) -> int:
        return self.accepted + self.refused + self.failed


def try_one(fuzzer: Fuzzer, place: Any, given: Any, tally: Tally) -> None:
    """Feed one input; raises whatever is not as it should be."""
    try:
        with bounded():
            fuzzer.feed(place, given)
    except TinyexpError as error:
        said = str(error)
        assert any(name in said for name in fuzzer.names), f"the message does not name the file: {said!r}"
        tally.refused += 1
    else:
        tally.accepted += 1


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
