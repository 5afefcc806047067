"""Standard output and standard error that end nothing: what tells of the work never decides whether it is done.

A log on a full disk, a pipe whose reader left, a terminal that vanished: what goes to standard error is lost then, and training
goes on. Of standard output it is remembered, as there the results stand: a command that could not print them fails, unless their
reader left, who had all that he wanted.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_OUT, _ERR = 1, 2
_kept: dict[int, _Kept] = {}


class _Kept(io.FileIO):
    """A stream of this process, as an unbuffered file whose writing never fails."""

    def __init__(self, number: int, problem: int = 0) -> None:
        super().__init__(number, "wb", closefd=False)
        self.problem = problem
        """The number of the first error."""

    def write(self, content: Any, /) -> int:
        size = memoryview(content).nbytes
        try:
            while (written := super().write(content)) is None:  # full, and somebody made it non-blocking
                select.select([], [self], [])
        except (OSError, ValueError) as error:
            self.problem = self.problem or getattr(error, "errno", None) or errno.EIO
            return size
        return written


def keep() -> None:
    """Have this process write to its standard streams so; those that were closed lead nowhere, so that no file takes their numbers."""
    closed = {number for number in (0, _OUT, _ERR) if _is_closed(number)}
    for _ in closed:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - it gets the lowest number that is free
    if 0 in closed and sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    if os.name == "nt":  # consoles there are no files
        return
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(_OUT, sys.stdout, errno.EBADF if _OUT in closed else 0)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(_ERR, sys.stderr)


def problem_with_results() -> str:
    """Why results could not be printed, as the system says it; empty where they were, or their reader left."""
    if _OUT not in _kept:
        return ""
    sys.stdout.flush()
    problem = _kept[_OUT].problem
    return "" if problem in {0, errno.EPIPE} else os.strerror(problem)


def _stream(number: int, old: TextIO | None, problem: int = 0) -> TextIO:
    _kept[number] = raw = _Kept(number, problem)
    is_line_by_line = number == _ERR or raw.isatty()
    # What the terminal's encoding lacks is escaped: a name in another script is no reason to end.
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old else "utf-8",
        errors="backslashreplace",
        line_buffering=is_line_by_line,
        write_through=getattr(old, "write_through", False),
    )


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False
