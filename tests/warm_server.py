"""The process that :mod:`warm` forks from: it has loaded what tinyexp loads, and never does anything itself.

Run as a program with the number of a socket that listens, and `all` or `without torch`. Each message of who connects is a process to begin: a JSON object of its words, folder and
environment, with files: a socket on which its number and then how it ended are told, standard input, output and error, and what it keeps besides.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import json
import multiprocessing
import multiprocessing.process
import os
import pkgutil
import random
import runpy
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import spared

LARGEST = 1 << 20
"""Bytes of a message: a command's words and its whole environment."""
_MOST_FILES = 4096


def main() -> None:
    listening = socket.socket(fileno=int(sys.argv[1]))
    load(trains=sys.argv[2] == "all")
    gc.freeze()
    ended, wakes = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(ended, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    if callable(
        signal.getsignal(signal.SIGINT)
    ):  # Ctrl-C is for whoever runs the tests, and ends this by the socket
        signal.signal(signal.SIGINT, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    asking: list[socket.socket] = []
    begun: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([listening, ended, *asking], [], [])
        if ended in ready:
            os.read(ended, 4096)
            _tell_ends(begun)
        if listening in ready:
            asking.append(listening.accept()[0])
            asking[-1].send(b"ready")
        for one in [one for one in asking if one in ready]:
            message, files, _, _ = socket.recv_fds(one, LARGEST, 64)
            if message:
                _fork(json.loads(message), files, begun)
                continue
            asking.remove(one)
            one.close()
            if not asking:
                return


def _fork(asked: Mapping[str, Any], files: Sequence[int], begun: dict[int, socket.socket]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            _begin(asked, files[1:])
        except BaseException:  # noqa: BLE001 - it must not go on as the one that it was forked from
            traceback.print_exc()
        os._exit(70)
    begun[pid] = socket.socket(fileno=files[0])
    with contextlib.suppress(OSError):  # whoever asked may be gone
        begun[pid].sendall(struct.pack("=q", pid))
    for file in files[1:]:
        os.close(file)


def _tell_ends(begun: dict[int, socket.socket]) -> None:
    for pid in list(begun):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            with begun.pop(pid) as told, contextlib.suppress(OSError):  # whoever asked may be gone
                told.sendall(struct.pack("=q", status))


def load(*, trains: bool) -> None:
    """Import what commands import; if asked, what workers do and torch does at an optimizer's first step."""
    left_out = ["tinyexp.__main__", "tinyexp.launch.ray"]
    if trains:
        with contextlib.suppress(ImportError):  # where only analysis and report are installed
            import torch._dynamo  # noqa: F401
            import torchvision  # noqa: F401
    else:
        left_out.append("tinyexp.trainers.vision")
        import matplotlib.backends.backend_svg  # noqa: F401
        import pandas as pd  # noqa: F401

    import tinyexp

    for module in pkgutil.walk_packages(tinyexp.__path__, "tinyexp."):
        if not module.name.startswith(tuple(left_out)):
            with contextlib.suppress(ImportError):
                __import__(module.name)
    assert trains or "torch" not in sys.modules
    spared.leave_files_to_the_disk()
    if "torch" in sys.modules:
        spared.unpack_images_once()
        spared.load_kernel()
    if os.fork() == 0:  # before which numpy's own threads end
        os._exit(0)
    os.wait()
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a process with threads cannot be forked"


def _begin(asked: Mapping[str, Any], files: Sequence[int]) -> None:
    """In the forked process: nothing of the other one's is left but what is loaded."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    numbers = [0, 1, 2, *asked["kept"]]
    aside = [fcntl.fcntl(file, fcntl.F_DUPFD, max(numbers) + 1) for file in files]
    for number, file in zip(numbers, aside, strict=True):
        os.dup2(file, number)
    _close_all_but(numbers)
    if asked["session"]:
        os.setsid()
    _be(asked)


def _close_all_but(files: Sequence[int]) -> None:
    begin = 0
    for file in (*sorted({*files}), _MOST_FILES):
        if begin < file:  # an empty range at nought is all files to Python
            os.closerange(begin, file)
        begin = file + 1


def _be(asked: Mapping[str, Any]) -> None:
    """Carry out a command in this process as if Python had just begun with it."""
    words: list[str] = asked["words"]
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    multiprocessing.process.ORIGINAL_DIR = str(Path.cwd())
    random.seed()
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ}:
        # As whoever asks has them, and not as who was first to ask for a process.
        signal.signal(number, signal.SIG_IGN if number in asked["ignored"] else signal.SIG_DFL)
    _as_at_first()
    paths = [path for path in asked["environment"].get("PYTHONPATH", "").split(os.pathsep) if path]
    kind, *rest = words
    what = rest.pop(0) if kind in {"-m", "-c"} else kind
    folder = {"-m": str(Path.cwd()), "-c": ""}.get(kind, str(Path(what).parent))
    sys.path[:0] = [folder, *paths]
    sys.argv = ["-c" if kind == "-c" else what, *rest]
    _fork_workers()

    def carry_out() -> None:
        if kind == "-m":
            from tinyexp import stopping

            stopping.hear()  # as its first line does, where nothing that starts workers was loaded before
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        elif kind != "-c":
            runpy.run_path(what, run_name="__main__")
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__", "__builtins__": __builtins__})  # noqa: S102

    _leave(carry_out)


def _as_at_first() -> None:
    """Forget what a process that was forked from has heard, and read the environment anew."""
    from tinyexp import failpoints, stopping

    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    stopping._heard.clear()
    sys.unraisablehook = sys.__unraisablehook__
    failpoints.watch(failpoints.watcher_from(os.environ))


def _fork_workers() -> None:
    """Have the workers that a launcher starts begin warm as well: forked from it, with what ``spawn`` would have given them."""
    from multiprocessing import util

    def begun(path: bytes, words: Sequence[bytes | str], files: Sequence[int]) -> int:
        texts = [os.fsdecode(word) for word in words]
        if "--multiprocessing-fork" not in texts:  # the resource tracker, which is light
            return cold(path, words, files)
        pid = os.fork()
        if pid == 0:
            _close_all_but([0, 1, 2, *map(int, files)])
            _as_at_first()
            atexit._clear()
            begin_with = texts[texts.index("-c") + 1]
            sys.argv = ["-c", "--multiprocessing-fork"]
            _leave(lambda: exec(begin_with, {"__name__": "__main__"}))  # noqa: S102 - as Python does with -c
        return pid

    cold = util.spawnv_passfds
    util.spawnv_passfds = begun  # type: ignore[assignment]


def _leave(carry_out: Callable[[], None]) -> None:
    """What the interpreter does around a program."""
    code = 1
    try:
        try:
            carry_out()
            code = 0
        except SystemExit as end:
            code = _code_of(end)
        except KeyboardInterrupt:
            traceback.print_exc()
            code = -signal.SIGINT
        except BaseException:  # noqa: BLE001 - as the interpreter does
            traceback.print_exc()
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BaseException:  # noqa: BLE001 - as where standard output is gone
        code = code or 120
    if code < 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 255)


def _code_of(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    return 1


if __name__ == "__main__":
    main()
