"""Who trains a run at the moment, and whether a run that says it is under way has lost its process. Nothing is written."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from tinyexp.lease import held_here, holder_elsewhere
from tinyexp.ownership import owner_of
from tinyexp.runs.folder import RunFolder


def holder_of(folder: RunFolder) -> str:
    """Who trains a run, in words; empty where nobody does, as far as this machine can know."""
    if elsewhere := holder_elsewhere(folder.path):
        return elsewhere
    return owner_of(folder.path / ".owner") if _locked(folder) else ""


def is_abandoned(folder: RunFolder) -> bool:
    """Whether a process of this machine began to train a run and is gone, as after SIGKILL: it left its lease, and its lock is free."""
    return held_here(folder.path) and _locked(folder) is False


def has_no_locks(folder: RunFolder) -> bool:
    """Whether the file system that a run's folder is on knows no locks; the lease alone guards the run there."""
    with _opened(folder, os.O_RDWR | os.O_CREAT) as handle:
        return sys.platform != "win32" and handle is not None and _tried(handle) is None


def _locked(folder: RunFolder) -> bool | None:
    """Whether somebody has a run's lock; None where that cannot be known."""
    with _opened(folder, os.O_RDONLY) as handle:
        return None if handle is None else _tried(handle)


@contextlib.contextmanager
def _opened(folder: RunFolder, flags: int) -> Iterator[int | None]:
    try:
        handle = os.open(folder.lock, flags | getattr(os, "O_NONBLOCK", 0), 0o666)
    except OSError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _tried(handle: int) -> bool | None:
    if sys.platform == "win32":  # an open lock cannot be looked at there without taking it
        return None
    import fcntl  # noqa: PLC0415 - there is none on Windows

    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks
        return None
    return False
