"""One launcher at a time looks which runs are submitted and submits the others; on any disk, and after any death.

Locks of files do not reach from one machine to another on every network disk. What does is that a file can be made anew by
one process only. It is touched before each step of its owner, none of which takes as long as a file takes to go stale.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from tinyexp.errors import UserError
from tinyexp.files import stamp_of
from tinyexp.runs.heartbeat import STALE_S


class Turn:
    """A process has it for as long as it touches its file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def beat(self) -> None:
        """Say that this process is still there; a minute may follow."""
        with contextlib.suppress(OSError):
            os.utime(self.path)


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[Turn | None]:
    """Have the turn in a folder, which is made where it is missing; None while another process has it.

    Raises
    ------
    UserError
        The folder cannot be written to.
    """
    path = folder / "submitting"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        mine = _made(path) or (_put_away(path) and _made(path))
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written to ({error.strerror}). Choose another folder with --runs."
        ) from error
    if not mine:
        yield None
        return
    inode = _inode(path)
    try:
        yield Turn(path)
    finally:
        if _inode(path) == inode:  # it may have been thought dead
            path.unlink(missing_ok=True)


def _inode(path: Path) -> int:
    """0 where there is none."""
    return stamp_of(path).inode


def _made(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(f"{socket.gethostname()} {os.getpid()}\n")
    return True


def _put_away(path: Path) -> bool:
    """Remove the file of a process that was killed in its turn; False where it lives."""
    if not _is_stale(path):
        return False
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.rename(aside)
    except FileNotFoundError:  # another process was first
        return False
    stale = _is_stale(aside)
    if not stale:  # between the look and the renaming it was put away and made anew
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
    aside.unlink(missing_ok=True)
    return stale


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > STALE_S
    except FileNotFoundError:
        return False
