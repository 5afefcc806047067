"""Files that are either whole or absent.

Every write goes to memory first, then to a temporary file beside the target, is flushed to the
disk, renamed over the target, and the folder's entry is flushed too. A reader, or a process that
starts after a power cut, sees the old content or the new one and never a part. A temporary file's
name has a random token in it, by which whoever recorded the token can tell it from a stranger's.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tinyexp.errors import DamagedError, TinyexpError, UnreadableError
from tinyexp.failpoints import failpoint
from tinyexp.trees import move_by_parts

_CHUNK = 1 << 20
_NOREPLACE, _EXCHANGE = 1, 2
"""RENAME_NOREPLACE and RENAME_EXCHANGE of renameat2(2)."""
_REFUSED = {
    errno.EPERM,
    errno.EACCES,
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EBADF,
}
"""What file systems say to a call that they do not know: FAT, network and user-space ones to changes of rights, to the flushing of
a folder. A full or failing disk says something else."""
_HERE = -100
"""AT_FDCWD."""
GIT_ATTRIBUTES = ".gitattributes"
BYTES_AS_THEY_ARE = "* -text\n"
"""What that file says in a folder of ours: git rewrites no line ends there, of which digests would tell."""
MAX_JSON_BYTES = 200_000_000
"""No JSON file of ours is larger."""
_OF_THE_FILE = frozenset(
    (
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENXIO,
        errno.EINVAL,
        errno.EFBIG,
        errno.ENAMETOOLONG,
    )
)
"""What is wrong with a file itself. Any other number is of the moment: no handle left, no permission, a disk that fails."""


def write_bytes(path: Path, content: bytes, token: str = "") -> None:
    """Replace ``path`` with ``content`` atomically and durably; the folder is made where missing.

    Parameters
    ----------
    token
        Stands in the temporary file's name; this process's own unless given.

    Raises
    ------
    TinyexpError
        The disk is full or the place cannot be written to. The old file, if any, is intact.
    """
    _replace(path, io.BytesIO(content), len(content), token)


def copy_file(source: Path, path: Path) -> None:
    """Replace ``path`` with the content of an ordinary file, as :func:`write_bytes` does, a megabyte at a time.

    Raises
    ------
    TinyexpError
        The source cannot be read, or as :func:`write_bytes`.
    """
    try:
        handle = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except OSError as error:
        raise read_error(source, error) from error
    with os.fdopen(handle, "rb") as file:
        _replace(path, file, _require_ordinary(handle).st_size, "")


def _replace(path: Path, content: BinaryIO, size: int, token: str) -> None:
    failpoint(f"{path.name} begun")
    # Its name is known before it is there: a signal may arrive as it is made.
    whole = path.with_name(f"{_prefix(path.name, token or process_token())}{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole.open("xb") as file:
            shutil.copyfileobj(content, file, _CHUNK)
            file.flush()
            os.fsync(file.fileno())
        failpoint(f"{path.name} written")
        whole.replace(path)
        failpoint(f"{path.name} named")
        sync_folder(path.parent)
    except OSError as error:
        raise _write_error(path, size, error) from error
    finally:
        # Gone, as it has its name; or it cannot be removed, and goes with the next that holds this folder.
        with contextlib.suppress(OSError):
            whole.unlink()
    failpoint(f"{path.name} done")


def write_whole(handle: int, content: bytes) -> None:
    """Write all of it to an open file; the system may take a part at a time."""
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def cut_to(handle: int, size: int) -> None:
    """Cut an open file that is longer; another is not touched, as some FAT file systems refuse what changes nothing."""
    if os.fstat(handle).st_size > size:
        os.ftruncate(handle, size)


def process_token() -> str:
    """Sixteen random digits in the name of every temporary file that this process makes."""
    return _token_of(os.getpid())


@lru_cache(maxsize=1)
def _token_of(_process: int) -> str:
    # By the process's number, so that a forked one has a token of its own.
    return secrets.token_hex(8)


def _prefix(name: str, token: str) -> str:
    return f".{name}.{token}-"


def remove_leftovers(folder: Path, token: str) -> None:
    """Remove the temporary files of a writer of this token that was killed; any other file is a stranger's."""
    made = re.compile(rf"^\..+\.{re.escape(token)}-[0-9a-f]{{8}}\.tmp$")
    for path in entries(folder):
        if made.match(path.name) and path.is_file() and not path.is_symlink():
            path.unlink()


def rename_anew(source: Path, target: Path) -> None:
    """Give a file or folder another name, and never that of something that is there; a folder of a lower layer is copied there.

    Raises
    ------
    FileExistsError
        Something has that name; both are as they were.
    """
    if (problem := _renamed(source, target, _NOREPLACE)) == 0:
        return
    if problem == errno.EXDEV and source.is_dir() and not source.is_symlink():
        move_by_parts(source, target)
        return
    if problem not in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}:
        raise OSError(problem, os.strerror(problem), str(source), None, str(target))
    # A file system that cannot look and rename in one step.
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, so that neither name is ever without a whole one; False where that cannot be done."""
    return _renamed(one, other, _EXCHANGE) == 0


def _renamed(one: Path, other: Path, flag: int) -> int:
    """0, or the number of the error."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return errno.ENOSYS
    return ctypes.get_errno() if rename(_HERE, bytes(one), _HERE, bytes(other), flag) else 0


def write_text(path: Path, text: str, token: str = "") -> None:
    """As :func:`write_bytes`, in UTF-8 with the line ends as given."""
    write_bytes(path, text.encode(), token)


def json_text(value: Any) -> str:
    """The one way in which this project writes JSON for people and digests; refuses NaN."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of reading or writing say of which file it is: the system says that only of opening one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def read_bounded(path: Path, limit: int) -> bytes:
    """The bytes of an ordinary file that has at most ``limit`` of them.

    A pipe or a device in its place is not waited for, and of a file that is too large nothing is read.

    Raises
    ------
    OSError
        It is missing, cannot be read, is no ordinary file, or is too large; ``strerror`` says which.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        found = _require_ordinary(handle)
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"it has {found.st_size:,} bytes; at most {limit:,} are read")
        with naming(path), os.fdopen(handle, "rb", closefd=False) as file:
            content = file.read(found.st_size + 1)  # which takes the memory at once
    finally:
        os.close(handle)
    if len(content) > found.st_size:
        raise OSError(errno.EBUSY, "it grew while it was read")
    return content


def read_error(path: Path, error: OSError) -> DamagedError:
    """What is to be raised where a file of ours could not be read: only what is wrong with the file itself is damage."""
    kind = DamagedError if error.errno in _OF_THE_FILE else UnreadableError
    return kind(f"cannot be read ({error.strerror}).", path)


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where there is no folder.

    Raises
    ------
    DamagedError
        It cannot be listed, of which ``Path.glob`` says nothing.
    """
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        kind = DamagedError if error.errno in _OF_THE_FILE else UnreadableError
        raise kind(f"cannot be listed ({error.strerror}).", folder) from error


class Stamp(NamedTuple):
    """What changes with every new content of a file, and can be asked for without reading it; zeros for none."""

    inode: int
    changed_ns: int
    size: int


def stamp_of(path: Path) -> Stamp:
    """The stamp of a file as it is now."""
    try:
        found = path.stat()
    except OSError:
        return Stamp(0, 0, 0)
    return Stamp(found.st_ino, found.st_mtime_ns, found.st_size)


def read_appended(path: Path, start: int, limit: int) -> bytes:
    """What a log has from the byte ``start`` on, at most ``limit`` bytes; empty where it is no ordinary file, or cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as file:
            _require_ordinary(handle)
            file.seek(start)
            return file.read(limit)
    except OSError:
        return b""


NOT_THROUGH_LINKS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
"""To open for writing in its place what is a file of ours: what a link leads to is somebody else's, a pipe is not waited for."""


def open_to_append(path: Path) -> BinaryIO:
    """A log, opened to add to it; raises TinyexpError where something else is in its place, as a link, whose target is left as it is."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | NOT_THROUGH_LINKS, 0o666)
        try:
            _require_ordinary(handle)
        except OSError:
            os.close(handle)
            raise
    except OSError as error:
        what = "it is a link, which is not followed" if path.is_symlink() else error.strerror
        raise TinyexpError(f"{path}: cannot be written ({what}).") from error
    return os.fdopen(handle, "ab")


def append_text(path: Path, text: str) -> None:
    """Add to a log, as :func:`open_to_append` opens it.

    Raises
    ------
    TinyexpError
        It cannot be written to, or is no ordinary file.
    """
    try:
        with open_to_append(path) as file:
            file.write(text.encode(errors="backslashreplace"))
    except OSError as error:
        raise TinyexpError(f"{path}: cannot be written ({error.strerror}).") from error


def read_json(path: Path) -> Any:
    """Parse a JSON file of ours.

    Raises
    ------
    TinyexpError
        The file is missing, unreadable, too large or no JSON; the message names it.
    """
    try:
        return json.loads(read_bounded(path, MAX_JSON_BYTES))
    except OSError as error:
        raise TinyexpError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise TinyexpError(f"{path}: is not valid JSON ({error}).") from error


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename in it survives a power cut, where the file system can do that of a folder."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        _optional(lambda: os.fsync(handle))
    finally:
        os.close(handle)


def _optional(call: Callable[[], None]) -> None:
    """A call that makes things better where the file system knows it, and is no reason to stop where it does not."""
    try:
        call()
    except OSError as error:
        if error.errno not in _REFUSED:
            raise


def flush_to_disk() -> None:
    """All files written so far survive a power cut; one call is cheaper than one for each of 120,000 files."""
    if hasattr(os, "sync"):
        os.sync()


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal, read a megabyte at a time."""
    digest = hashlib.sha256()
    with naming(path), path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """The SHA-256 of bytes that were read already, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_json(value: Any) -> str:
    """The SHA-256 of a value in canonical JSON: sorted keys, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _require_ordinary(handle: int) -> os.stat_result:
    """What is known of an open file; raises OSError where it is a folder, a pipe, a socket or a device."""
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
        raise OSError(errno.EINVAL, f"it is {kind}")
    return found


def _write_error(path: Path, size: int, error: OSError) -> TinyexpError:
    return TinyexpError(
        f"{path}: cannot be written ({error.strerror}); {size:,} bytes were needed."
        " What was there before is intact. Free some space or choose another folder, then run the same command again."
    )
