"""Whose a file or a folder is: only what can be proven to be ours is ever deleted.

A folder that we make for working in gets a mark as the first thing inside it: what it is for, of which target, and a random
token. While its process lives it holds a lock on the mark, which the system lets go of at the process's end, however it ends:
so neither a number that another process has by now nor one of another container can be mistaken for it. What has no
mark, another target's or another machine's is a stranger's, whatever its name. A run's folder is shared with its
user; there the token stands in ``.owner`` and in the names of temporary files.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import glob
import json
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tinyexp.clutter import is_clutter
from tinyexp.errors import TinyexpError, UserError
from tinyexp.failpoints import failpoint
from tinyexp.files import (
    NOT_THROUGH_LINKS,
    cut_to,
    json_text,
    process_token,
    read_bounded,
    remove_leftovers,
    sync_folder,
    write_text,
    write_whole,
)

if sys.platform != "win32":
    import fcntl

MARK = ".tinyexp-owner.json"
_FORMAT = "tinyexp-owner-1"
_MAX_MARK_BYTES = 1_000_000
_TOKEN = re.compile(r"^token ([0-9a-f]{16})$", re.MULTILINE)

Stamp = tuple[int, int, int]
"""Inode, bytes and time of change: whether a file is still the one that it was."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mark:
    """What a folder of ours says of itself."""

    purpose: str
    """``report``, ``unpacking``, ``pack``, ``downloads`` or ``soak``."""
    target: str
    """The name of what is being made."""
    folder: str = ""
    """The marked folder's own name, so that a copy of it proves nothing; empty where it is given another name."""
    host: str = dataclasses.field(default_factory=socket.gethostname)
    process: int = dataclasses.field(default_factory=os.getpid)
    """For people; whether it lives is asked of the lock."""
    token: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))
    names: Mapping[str, Stamp | None] = dataclasses.field(default_factory=dict)
    """Where the folder is shared with its user: the files in it that are ours, None where one is not whole yet."""


def read_mark(folder: Path, purpose: str, target: str) -> Mark | None:
    """The mark of a folder; None where there is none that says just this."""
    try:
        told = json.loads(read_bounded(folder / MARK, _MAX_MARK_BYTES))
        if told.pop("format") != _FORMAT:
            return None
        mark = Mark(**told | {"names": dict(map(_named, told["names"].items()))})
    except (OSError, ValueError, RecursionError, TypeError, AttributeError, KeyError):
        return None
    ours = (mark.purpose, mark.target) == (purpose, target) and str(mark.folder) in {"", folder.name}
    return mark if ours and re.fullmatch("[0-9a-f]{16}", str(mark.token)) else None


def _named(entry: tuple[str, Any]) -> tuple[str, Stamp | None]:
    """Raises ValueError or TypeError where it is no file in the folder itself, or no stamp."""
    name, stamp = entry
    if name in {"", ".", ".."} or set(name) & set("/\\\0"):
        raise ValueError(name)
    if stamp is None:
        return name, None
    inode, size, changed = stamp
    return name, (int(inode), int(size), int(changed))


def write_mark(folder: Path, mark: Mark) -> int:
    """Mark a folder that has none, durably; gives the open file, which holds the lock.

    Raises
    ------
    FileExistsError
        There is a mark already, and something stands in it.
    OSError
        It cannot be written.
    """
    # What was cut off before anything stood in it is nobody's.
    with contextlib.suppress(FileNotFoundError):
        if not (folder / MARK).is_symlink() and (folder / MARK).stat().st_size == 0:
            (folder / MARK).unlink()
    handle = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        # Before anything stands in it: who can read the mark finds it locked. Where there are no locks, nobody can take it for abandoned.
        with contextlib.suppress(OSError):
            _lock(handle)
        _write(handle, _text(mark).encode())
        sync_folder(folder)
    except BaseException:
        os.close(handle)
        (folder / MARK).unlink()
        raise
    failpoint(f"{mark.purpose} marked")
    return handle


def rewrite_mark(folder: Path, mark: Mark) -> None:
    """Replace the mark of a folder by one with the same token."""
    write_text(folder / MARK, _text(mark), mark.token)


def adopt(folder: Path, purpose: str, target: str) -> Mark:
    """The mark of a folder in a fixed place, which is made and marked where it is missing or empty; its lock is the caller's.

    Raises
    ------
    UserError
        There is something in it, and it is not ours.
    OSError
        It cannot be made.
    """
    require_ours(folder, purpose, target)
    folder.mkdir(exist_ok=True)
    if mark := read_mark(folder, purpose, target):
        return mark
    mark = Mark(purpose=purpose, target=target)
    os.close(write_mark(folder, mark))
    return mark


def require_ours(folder: Path, purpose: str, target: str) -> None:
    """Raise UserError where something is in the place of a folder of ours that has no mark and is not empty."""
    if not os.path.lexists(folder) or read_mark(folder, purpose, target):
        return
    if folder.is_symlink() or not folder.is_dir() or any(map(_holds_something, folder.iterdir())):
        raise UserError(
            f"{folder}: is needed for working in, and what is there was not made by tinyexp: it has no {MARK} that says so."
            " Move it away, then give the same command again; it is left as it is."
        )


def require_mark(folder: Path, purpose: str, target: str) -> None:
    """Raise UserError where a folder that is shared with its user has something else in the mark's place."""
    path = folder / MARK
    if os.path.lexists(path) and _holds_something(path) and not read_mark(folder, purpose, target):
        raise UserError(
            f"{path}: is needed to note which files are tinyexp's, and holds something else. Move it away, then give the"
            " same command again; it is left as it is."
        )


def _holds_something(path: Path) -> bool:
    if is_clutter(path.name):
        return False
    return path.name != MARK or path.is_symlink() or not path.is_file() or path.stat().st_size > 0


@contextlib.contextmanager
def room_beside(target: Path, purpose: str) -> Iterator[Path]:
    """A marked folder beside ``target`` for as long as the block lasts; what is left in it then keeps it there."""
    # Its name is known before it is there: a signal may arrive as it is made.
    room = target.parent / f"{_prefix(target, purpose)}{secrets.token_hex(8)}"
    handle = None
    try:
        room.mkdir(0o700)
        handle = write_mark(room, Mark(purpose=purpose, target=target.name, folder=room.name))
        yield room
    finally:
        try:
            _close(room)
        except BaseException:
            _close(room)  # a signal came meanwhile; a second one ends the process at once
            raise
        finally:
            if handle is not None:
                os.close(handle)


def remove_abandoned(target: Path, purpose: str, clear: Callable[[Path], None]) -> None:
    """Remove the rooms beside ``target`` whose processes were killed.

    Parameters
    ----------
    clear
        Removes what is in such a room, but for its mark; what it leaves keeps the room there.
    """
    for room in target.parent.glob(f"{glob.escape(_prefix(target, purpose))}*"):
        with contextlib.suppress(OSError), _abandoned(room, purpose, target.name) as ours:
            if ours:
                clear(room)
                _close(room)


def empty(room: Path) -> None:
    """Remove all that is in a room of ours, but for its mark, without which nobody could go on with removing."""
    for path in room.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()


def stamp_of(path: Path) -> Stamp:
    """Of a file, not of what a link leads to."""
    found = path.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def take_over(owner: Path, folders: Sequence[Path]) -> None:
    """Record this process as a run's owner, before it writes anything else; what the last one was writing when it was killed is removed.

    Raises
    ------
    TinyexpError
        The record cannot be written.
    """
    try:
        if found := _TOKEN.search(_recorded(owner)):
            for folder in folders:
                remove_leftovers(folder, found[1])
        _record(owner, f"process {os.getpid()}\ntoken {process_token()}\n".encode())
    except OSError as error:
        raise TinyexpError(
            f"{owner}: cannot be written ({error.strerror}); a few bytes were needed."
            " Free some space or choose another folder, then run the same command again."
        ) from error


def owner_of(owner: Path) -> str:
    """Who is recorded as a run's owner, in words."""
    return next(iter(_recorded(owner).splitlines()), "").strip() or "another process"


def _recorded(owner: Path) -> str:
    try:
        return read_bounded(owner, 1000).decode(errors="replace")
    except OSError:
        return ""


def _record(owner: Path, content: bytes) -> None:
    # In its place: a temporary file could not be proven to be ours, for its token would stand nowhere yet.
    failpoint(f"{owner.name} begun")
    handle = os.open(owner, os.O_WRONLY | os.O_CREAT | NOT_THROUGH_LINKS, 0o666)
    try:
        _write(handle, content)
    finally:
        os.close(handle)
    failpoint(f"{owner.name} written")
    sync_folder(owner.parent)
    failpoint(f"{owner.name} done")


def _write(handle: int, content: bytes) -> None:
    write_whole(handle, content)
    cut_to(handle, len(content))
    os.fsync(handle)


def _prefix(target: Path, purpose: str) -> str:
    return f".{target.name}.{purpose}-"


def _text(mark: Mark) -> str:
    return json_text({"format": _FORMAT, **dataclasses.asdict(mark)})


def _close(room: Path) -> None:
    """Remove a room in which nothing is left, or nothing but its mark."""
    with contextlib.suppress(OSError):
        if all(path.name == MARK for path in room.iterdir()):
            (room / MARK).unlink(missing_ok=True)
            room.rmdir()


@contextlib.contextmanager
def _abandoned(room: Path, purpose: str, target: str) -> Iterator[bool]:
    """Whether a room is ours and its process dead; nobody else can take it for that meanwhile."""
    if room.is_symlink() or not _is_from_here(room, purpose, target):
        yield False
        return
    handle = os.open(room / MARK, os.O_RDWR)
    try:
        _lock(handle)
        yield _is_from_here(room, purpose, target)  # it may have been removed before the lock was ours
    finally:
        os.close(handle)


def _is_from_here(room: Path, purpose: str, target: str) -> bool:
    mark = read_mark(room, purpose, target)
    return mark is not None and mark.folder == room.name and mark.host == socket.gethostname()


def _lock(handle: int) -> None:
    """Raises OSError where another process has it, or none can be had: then nothing is taken for abandoned."""
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
