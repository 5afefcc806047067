"""A lease on a folder: held by one process of one machine, wherever the folder is seen.

A file lock holds between the processes of one machine. On disks that machines share it may hold nothing, so that a lock
alone is no guard. A lease is a file that is created exclusively, which network file systems do as well, and that its
holder touches every few seconds. Another machine takes it over once it has not been touched for longer than a network
file system keeps a file's time of change.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path

from tinyexp.errors import LockedError, UnreadableError
from tinyexp.failpoints import failpoint
from tinyexp.files import read_bounded, read_error, write_whole

NAME = ".lease"
TOUCH_S = 10.0
STALE_S = 90.0
"""Unchanged for so long a time of watching, a lease is its holder's no more (NFS keeps times of change up to 60 s)."""
OLD_S = 900.0
"""So old by the clock it need not be watched: clocks of machines differ by less."""
_LOOK_S = 1.0
_MAX_BYTES = 4_000


@lru_cache(maxsize=1)
def machine() -> str:
    """What tells the running systems apart: a file lock holds within one, containers included, and is let go of at a restart."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return socket.gethostname()


@dataclass(frozen=True)
class _Holder:
    machine: str = field(default_factory=machine)
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def words(self) -> str:
        return f"process {self.process} on {self.host}"


_Seen = tuple[_Holder | None, int]
"""What a lease says, and when it was touched last."""


@contextlib.contextmanager
def leased(folder: Path) -> Iterator[None]:
    """Hold the lease on a folder for as long as the block lasts; the caller holds the folder's file lock.

    Raises
    ------
    LockedError
        A process of another machine holds it, and lives.
    OSError
        The folder cannot be written to.
    """
    path, holder = folder / NAME, _Holder()
    handle = _take(path, holder)
    ended = threading.Event()
    # A thread, because a step of a training may take longer than a lease lasts.
    toucher = threading.Thread(target=_keep_touching, args=(path, ended), daemon=True, name="lease")
    toucher.start()
    try:
        yield
    finally:
        ended.set()
        toucher.join()
        _let_go(path, handle)


def holder_elsewhere(folder: Path) -> str:
    """Who holds a lease that was touched a short time ago, in words; empty where nobody does, or the clocks leave it open."""
    path = folder / NAME
    found = _holder(path)
    age = _age(path)
    return found.words if found and found.machine != machine() and age is not None and age < STALE_S else ""


def held_here(folder: Path) -> bool:
    """Whether a process of this machine has the lease, or had it and left no other way than by being killed."""
    found = _holder(folder / NAME)
    return found is not None and found.machine == machine()


def _let_go(path: Path, handle: int) -> None:
    """Remove the lease, unless it is another's by now: an open file is asked, which no disk that fails in reading keeps from an answer."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(handle), path.stat()):
            path.unlink()
    with contextlib.suppress(OSError):
        os.close(handle)


def _take(path: Path, holder: _Holder) -> int:
    """The lease as an open file, once it is held."""
    watched: _Seen | None = None
    since = time.monotonic()
    while (handle := _created(path, holder)) is None:
        if (seen := _seen(path)) is None:
            continue
        found = seen[0]
        if seen != watched:
            if watched is not None and found is not None:
                raise LockedError(
                    f"{path.parent}: is being trained by {found.words}. Wait for it, or stop it."
                )
            watched, since = (
                seen,
                time.monotonic(),
            )  # each is watched for as long, also one that says nothing yet
        # With this machine's lock in our hands a holder of this machine is gone, and so is one that wrote nothing.
        gone = found is not None and found.machine == machine()
        if gone or (_age(path) or 0) > OLD_S or time.monotonic() - since > STALE_S:
            _put_out_of_the_way(path, seen)
            watched = None
        else:
            time.sleep(_LOOK_S)
    return handle


def _created(path: Path, holder: _Holder) -> int | None:
    """The new lease as an open file; None where there is one."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return None
    try:
        write_whole(handle, json.dumps(asdict(holder)).encode())
        os.fsync(handle)
    except BaseException:
        # What is not whole says nothing of its holder, and would be waited for.
        _let_go(path, handle)
        raise
    failpoint(f"{NAME} done")
    return handle


def _put_out_of_the_way(path: Path, stale: _Seen) -> None:
    """Remove a lease that was seen to be stale, and never the fresh one of somebody who removed it a moment earlier.

    Of all that want to remove this very lease one may: whoever makes its mark, and finds it as it was seen.
    """
    mark = path.with_name(f"{NAME}.{hashlib.sha256(repr(stale).encode()).hexdigest()[:16]}")
    try:
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except FileExistsError:
        if (_age(mark) or 0) > STALE_S:  # its maker was killed
            mark.unlink(missing_ok=True)
        time.sleep(_LOOK_S)
        return
    try:
        if _seen(path) == stale:
            path.unlink(missing_ok=True)
    finally:
        mark.unlink(missing_ok=True)


def _seen(path: Path) -> _Seen | None:
    """The holder and when it touched its lease last; None where there is no lease.

    Raises
    ------
    OSError
        It cannot be read at the moment: it is not taken for one that says nothing, which would be waited for.
    """
    try:
        found = _read(path)
    except OSError as error:
        is_being_written = error.errno == errno.EBUSY
        if not is_being_written and isinstance(read_error(path, error), UnreadableError):
            raise
        found = None
    try:
        return found, path.stat().st_mtime_ns
    except FileNotFoundError:
        return None


def _keep_touching(path: Path, ended: threading.Event) -> None:
    while not ended.wait(TOUCH_S):
        with contextlib.suppress(OSError):  # a disk that fails is noticed at the next commit
            os.utime(path)


def _holder(path: Path) -> _Holder | None:
    try:
        return _read(path)
    except OSError:
        return None


def _read(path: Path) -> _Holder | None:
    """Who a lease says that holds it; None where it says nothing of that kind. Raises OSError where it cannot be read."""
    try:
        return _Holder(**json.loads(read_bounded(path, _MAX_BYTES)))
    except (ValueError, TypeError, RecursionError):
        return None


def _age(path: Path) -> float | None:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None
