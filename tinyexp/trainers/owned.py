"""Holding a run's folder, so that one process at a time trains it; and setting aside what was trained before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import filelock

from tinyexp.errors import LockedError, LostFolderError, UserError
from tinyexp.files import BYTES_AS_THEY_ARE, GIT_ATTRIBUTES, read_error, rename_anew, write_text
from tinyexp.lease import leased
from tinyexp.ownership import owner_of, take_over
from tinyexp.runs.folder import RECORD_NAMES, RunFolder
from tinyexp.runs.holder import has_no_locks
from tinyexp.trees import below

LOCK_SECONDS = 20.0
"""Data workers of a killed worker share its lock, and look for their parent every five seconds."""


class Held:
    """A run's folder while this process holds it."""

    def __init__(self, path: Path) -> None:
        self._path, self._inode = path, _inode(path)

    def require(self) -> None:
        """Raise LostFolderError where the folder was moved or removed; asked before each commit, which would make another one."""
        if self._inode is None or _inode(self._path) != self._inode:
            raise LostFolderError(
                f"{self._path}: was moved or removed while the run was trained, which stopped. Where it was moved, give it"
                " this name again; then the same command goes on from its last commit."
            )


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def owned(folder: RunFolder, wait_s: float | None = None) -> Iterator[Held]:
    """Hold the run for this process; a lock that a dead process left does not hold, nor a lease of a dead machine.

    Parameters
    ----------
    wait_s
        For how long a process of this machine is waited for; :data:`LOCK_SECONDS` unless given.

    Raises
    ------
    LockedError
        Another process holds it.
    UserError
        The folder cannot be written to.
    """
    owner = folder.path / ".owner"
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder.lock)
        if not has_no_locks(folder):
            lock.acquire(timeout=LOCK_SECONDS if wait_s is None else wait_s)
    except filelock.Timeout as error:
        raise LockedError(
            f"{folder.path}: is being trained by {owner_of(owner)}. Wait for it, or stop it."
        ) from error
    except OSError as error:
        raise UserError(_unwritable(folder, error)) from error
    try:
        with _leased(folder):
            take_over(owner, _folders(folder.path))
            if not os.path.lexists(attributes := folder.path / GIT_ATTRIBUTES):
                write_text(attributes, BYTES_AS_THEY_ARE)
            yield Held(folder.path)
    finally:
        lock.release()


def _folders(path: Path) -> list[Path]:
    """A run's folder and those below it; raises UnreadableError where one cannot be listed, for what an owner left in it would stay."""
    try:
        return [path, *(one for one in below(path) if one.is_dir())]
    except OSError as error:
        raise read_error(Path(error.filename or path), error) from error


@contextlib.contextmanager
def _leased(folder: RunFolder) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(leased(folder.path))
        except OSError as error:
            raise UserError(_unwritable(folder, error)) from error
        yield


def _unwritable(folder: RunFolder, error: OSError) -> str:
    return f"{folder.path}: cannot be written to ({error.strerror}). Choose another folder with --runs."


def new_folder(parent: Path, name: str) -> Path:
    """A folder ``name-1``, ``name-2``, ... that was not there before."""
    number = 1
    while True:
        with contextlib.suppress(FileExistsError):
            (parent / f"{name}-{number}").mkdir()
            return parent / f"{name}-{number}"
        number += 1


def set_aside(folder: RunFolder, *more: Path) -> Path | None:
    """Move the records of what was trained before out of the way, then ``more``, and nothing else; where they are now."""
    paths = (*(folder.path / name for name in RECORD_NAMES), folder.timing, folder.log, *more)
    found = [path for path in paths if os.path.lexists(path)]
    if not found:
        return None
    aside = new_folder(folder.path, "before-fresh")
    for path in found:
        target = aside / path.relative_to(folder.path)
        target.parent.mkdir(exist_ok=True)
        rename_anew(path, target)
    return aside
