"""Files that are either whole or absent.

Every write goes to memory first, then to a temporary file beside the target, is flushed to the
disk, renamed over the target, and the folder's entry is flushed too. A reader, or a process that
starts after a power cut, sees the old content or the new one and never a part.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import stat
import tempfile
from pathlib import Path
from typing import Any

from tinyexp.commits import reached
from tinyexp.errors import TinyexpError

_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"^\..+\.[a-z0-9_]{8}\.tmp$")  # as mkstemp makes them below
MAX_JSON_BYTES = 200_000_000
"""No JSON file of ours is larger."""


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` with ``content`` atomically and durably; the folder is made where missing.

    Raises
    ------
    TinyexpError
        The disk is full or the place cannot be written to. The old file, if any, is intact.
    """
    reached(f"{path.name} begun")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise _write_error(path, content, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        reached(f"{path.name} written")
        # mkstemp makes files private; what we write is meant to be read by whoever may read the folder.
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
        reached(f"{path.name} named")
        sync_folder(path.parent)
    except OSError as error:
        raise _write_error(path, content, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
    reached(f"{path.name} done")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of writers that were killed; nobody may be writing into the folder meanwhile."""
    for path in folder.glob(".*.tmp"):
        if _TEMPORARY.match(path.name):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """As :func:`write_bytes`, in UTF-8 with the line ends as given."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """As :func:`write_bytes`: sorted keys, two spaces, so that equal values are equal bytes."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """The one way in which this project writes JSON for people and digests; refuses NaN."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


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
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(found.st_size + 1)  # which takes the memory at once
    finally:
        os.close(handle)
    if len(content) > found.st_size:
        raise OSError(errno.EBUSY, "it grew while it was read")
    return content


def append_text(path: Path, text: str) -> None:
    """Add to a log; a pipe or a device in its place is not waited for.

    Raises
    ------
    TinyexpError
        It cannot be written to, or is no ordinary file.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags, 0o666), "ab") as file:
            _require_ordinary(file.fileno())
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
    """Flush a folder's entries, so that a rename in it survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def flush_to_disk() -> None:
    """All files written so far survive a power cut; one call is cheaper than one for each of 120,000 files."""
    if hasattr(os, "sync"):
        os.sync()


def sha256_of_file(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal, read a megabyte at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
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


def _umask() -> int:
    # The only portable way to read it is to set it; nothing else in the process makes files meanwhile.
    current = os.umask(0o022)
    os.umask(current)
    return current


def _write_error(path: Path, content: bytes, error: OSError) -> TinyexpError:
    return TinyexpError(
        f"{path}: cannot be written ({error.strerror}); {len(content):,} bytes were needed."
        " What was there before is intact. Free some space or choose another folder, then run the same command again."
    )
