"""Commands in processes of their own that begin warm: what they load was loaded once, by the process that they are forked from.

Loading takes a short command most of its time, and tests start many. ``run`` and ``Popen`` are those of :mod:`subprocess`; what
cannot be begun warm, because it is no Python program or its environment changes how libraries load, begins as ever. Tests of
how a command begins use :mod:`subprocess` itself, and ``TINYEXP_TESTS_COLD=1`` has all of them do so.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import popen_spawn_posix, util
from pathlib import Path
from typing import Any

from warm_server import LARGEST

_AT_LOADING = (
    "ATEN", "CUDA", "DYLD", "KMP", "LANG", "LC_", "LD_", "MALLOC", "MKL", "MPL", "NPY", "OMP", "ONEDNN", "OPENBLAS",
    "PYTHON", "TORCH",
)  # fmt: skip
"""How the names of variables begin that change a process while it loads."""


_HARMLESS = ("PYTHONPATH", "TORCHINDUCTOR_CACHE_DIR")
"""The first is heeded here, the second set by torch for the processes that it may start."""


class Popen(subprocess.Popen[Any]):
    """As that of :mod:`subprocess`."""

    _ends: socket.socket | None = None

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, *rest: Any) -> None:
        close_fds, pass_fds, cwd, env, _, _, shell, *files = rest
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, *others = files
        session = bool(others[-2])
        environment = dict(os.environ if env is None else env)
        words = [os.fspath(word) for word in args] if isinstance(args, list | tuple) else []
        if preexec_fn or pass_fds or shell or not close_fds or not _can_be_warm(words, environment):
            super()._execute_child(args, executable, preexec_fn, *rest)
            return
        files = [number if own == -1 else own for number, own in enumerate((p2cread, c2pwrite, errwrite))]
        try:
            self.pid, self._ends = _begun(words, cwd or Path.cwd(), environment, files, session=session)
        finally:
            self._child_created = True
            self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)  # type: ignore[attr-defined]

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._ends is None:
            return super()._try_wait(wait_flags)  # type: ignore[misc]
        status = _ended(self._ends, wait_flags)
        return (0, 0) if status is None else (self.pid, status)

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:
        if self._ends is None:
            return super()._internal_poll(_deadstate)  # type: ignore[misc]
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                if self.returncode is None:
                    pid, status = self._try_wait(os.WNOHANG)
                    if pid:
                        self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def run(
    words: list[str],
    *,
    input: Any = None,  # noqa: A002 - as there
    capture_output: bool = False,
    timeout: float | None = None,
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[Any]:
    """As that of :mod:`subprocess`."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if capture_output:
        options["stdout"] = options["stderr"] = subprocess.PIPE
    with Popen(words, **options) as process:
        try:
            out, said = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(process.args, process.returncode, out, said)
    if check:
        done.check_returncode()
    return done


def begin_workers_warm() -> None:
    """Have the processes that ``multiprocessing`` spawns from now on begin warm, too."""
    ends: dict[int, socket.socket] = {}

    def begun(path: bytes, words: Sequence[bytes | str], files: Sequence[int]) -> int:
        texts = [sys.executable, *(text for word in words[1:] if (text := os.fsdecode(word)) != "-B")]
        if "--multiprocessing-fork" not in texts or not _can_be_warm(texts, dict(os.environ)):
            return cold(path, words, files)
        kept = sorted({int(file) for file in files})
        pid, ends[pid] = _begun(texts, Path.cwd(), dict(os.environ), [0, 1, 2, *kept], kept=kept)
        return pid

    def poll(self: popen_spawn_posix.Popen, flag: int = os.WNOHANG) -> int | None:
        if self.pid not in ends:
            return poll_cold(self, flag)
        if self.returncode is None and (status := _ended(ends[self.pid], flag)) is not None:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    cold, poll_cold = util.spawnv_passfds, popen_spawn_posix.Popen.poll
    util.spawnv_passfds = begun
    popen_spawn_posix.Popen.poll = poll  # type: ignore[method-assign]


def _begun(
    words: Sequence[str],
    folder: Path | str,
    environment: Mapping[str, str],
    files: Sequence[int],
    *,
    kept: Sequence[int] = (),
    session: bool = False,
) -> tuple[int, socket.socket]:
    """Begin a process; gives its number and the socket that tells its end. Beyond the streams, ``kept`` keep their numbers there."""
    ours, theirs = socket.socketpair()
    asked = {
        "words": words[1:],
        "cwd": os.fspath(folder),
        "environment": environment,
        "session": session,
        "kept": kept,
        "ignored": [
            number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN
        ],
    }
    message = json.dumps(asked).encode()
    assert len(message) < LARGEST
    with theirs:
        socket.send_fds(_server(trains=_trains(words)), [message], [theirs.fileno(), *files])
    return _number(ours), ours


def _ended(ends: socket.socket, flags: int) -> int | None:
    """How a process ended, as ``waitpid`` has it; None while it runs, where nobody waits."""
    ends.setblocking(not flags & os.WNOHANG)
    try:
        status = _number(ends)
    except BlockingIOError:
        return None
    ends.close()
    return status


def _can_be_warm(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    if (
        len(words) < 3
        or words[0] != sys.executable
        or not (words[1] in {"-m", "-c"} or words[1].endswith(".py"))
    ):
        return False
    if words[1] == "-m" and words[2] != "tinyexp":
        return False
    if not Path("/proc/self/task").exists() or os.environ.get("TINYEXP_TESTS_COLD"):
        return False
    paths = environment.get("PYTHONPATH", "").split(os.pathsep)
    if any(Path(path, "sitecustomize.py").exists() for path in paths if path):
        return False
    return _at_loading(environment) == _at_loading(_STARTED)


def _at_loading(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_AT_LOADING) and name not in _HARMLESS
    }


def _number(file: socket.socket) -> int:
    data = file.recv(8)
    assert len(data) == 8, "the process that keeps it has ended"
    return int(struct.unpack("=q", data)[0])


_STARTED = dict(os.environ)
_asked: dict[bool, socket.socket] = {}


def _trains(words: Sequence[str]) -> bool:
    """Whether a process may need torch. One that has it loaded is slower to fork from, and most commands never do."""
    return words[1:3] != ["-m", "tinyexp"] or words[3:4] in (["run"], ["run-all"], ["try"], ["data"])


def _server(*, trains: bool) -> socket.socket:
    """A connection to the server, which the first that asks starts: all processes of one test run share it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    address = f"\0tinyexp-tests-{os.getuid()}-{run}-{trains}"
    for _ in range(0 if trains in _asked else 20):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening, contextlib.suppress(OSError):
            listening.bind(address)  # which fails where another process was first
            listening.listen()
            _start(listening, trains=trains)
        ours = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LARGEST)
        with contextlib.suppress(
            ConnectionError
        ):  # it is not listening yet, or ends as its last connection did
            ours.connect(address)
            if ours.recv(16) == b"ready":
                atexit.register(ours.close)
                _asked[trains] = ours
                break
        ours.close()
        time.sleep(0.1)
    assert trains in _asked, "the process that others are forked from could not begin"
    return _asked[trains]


def _start(listening: socket.socket, *, trains: bool) -> None:
    """It ends with the last connection to it."""
    program = Path(__file__).with_name("warm_server.py")
    what = "all" if trains else "without torch"
    server = subprocess.Popen(
        [sys.executable, str(program), str(listening.fileno()), what],
        pass_fds=[listening.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=_STARTED,
    )
    server.returncode = 0  # nobody waits for it: others may need it for longer
