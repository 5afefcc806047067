"""What processes that prepare batches need of the machine, so that one that cannot do its work says so and is not waited for."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from multiprocessing.queues import Queue
from multiprocessing.util import get_temp_dir
from typing import Any

from tinyexp import stopping
from tinyexp.errors import TinyexpError, UserError

_MAX_BYTES = 70
"""Of the folder for temporary files. Batches travel by sockets in it, whose whole paths may have 103 bytes (macOS; Linux: 107)."""
_LOST = re.compile(
    r"^DataLoader worker \(pid.*?\) (?=is|exited)(is |exited unexpectedly with )?(?P<how>[^.]*)"
)
"""What torch says of a process that ended; it has no type for that."""
_SHORT = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - a folder with a random name is made in it


def make_room_for_sockets() -> None:
    """Have the sockets of this process's children lie where their paths are short enough.

    Raises
    ------
    UserError
        The folder for temporary files has too long a path, and there is no other.
    """
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) <= _MAX_BYTES:
        return
    short = next((folder for folder in _SHORT if os.access(folder, os.W_OK | os.X_OK)), None)
    if short is None:
        raise UserError(
            f"{usual}: the path of the folder for temporary files has {len(os.fsencode(usual))} bytes, and processes that prepare"
            f" batches need one of at most {_MAX_BYTES}. Set TMPDIR to a shorter one, or execution.workers=0."
        )
    tempfile.tempdir = short
    try:
        get_temp_dir()  # is made once, and kept for all sockets
    finally:
        tempfile.tempdir = usual


def leave_where_nothing_can_be_sent(_number: int) -> None:
    """In such a process: end where a batch cannot be sent, which its parent sees at once, in place of a batch that never comes.

    What a terminal sends to all processes is its parent's to answer; what the parent sends ends it.
    """
    stopping.hear_nothing()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def leave(self: Any, error: BaseException, _batch: Any) -> None:
        del self
        sys.stderr.write(f"tinyexp: a batch could not be sent: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)

    Queue._on_queue_feeder_error = leave  # type: ignore[attr-defined]  # noqa: SLF001 - it is made to be replaced


def how_lost(error: RuntimeError) -> str:
    """How a process that prepares batches ended, in torch's words; empty where the error is of something else."""
    found = _LOST.match(str(error))
    return (found["how"] or "it is gone") if found else ""


@contextlib.contextmanager
def lost_ones_told() -> Iterator[None]:
    """Around a training: torch raises the end of such a process wherever the training just is, and seldom where a batch is waited for."""
    try:
        yield
    except RuntimeError as error:
        if not (how := how_lost(error)):
            raise
        raise TinyexpError(
            f"a process that prepares batches ended ({how}), as where memory is short. The same command goes on from the last commit;"
            " with execution.workers=0 it takes no such process."
        ) from error
