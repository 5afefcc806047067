"""The signals that ask a command to stop, heard from its first line on: whenever they come, they end it with one line and their code.

Ctrl-C leaves with 130. What a scheduler or a shell sends (SIGTERM), a terminal that vanishes (SIGHUP) and what clusters send
before a time limit (SIGUSR1) mean the same and leave with 143. Whoever has something to commit first hears them itself meanwhile.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys

TYPE_CHECKING = False  # typing takes longer to load than all of this, and until it is loaded nothing is heard
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

    Handler = Callable[[int, FrameType | None], None]

INTERRUPTED, ASKED = 128 + signal.SIGINT, 128 + signal.SIGTERM
_AS_TERM = ("SIGTERM", "SIGHUP", "SIGUSR1")
_ASK_AGAIN_S = 0.01
"""After which it is looked anew whether a module is still being loaded."""
_heard: list[int] = []
"""The signal that stopped this command: once in the handler below, it is never forgotten."""


class Stopped(BaseException):
    """A signal asked the command to stop; what it had begun is cleared away as this passes."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number, self.exit_code = number, code_of(number)


def code_of(number: int) -> int:
    """The exit code after a signal: 130 after SIGINT, else 143."""
    return INTERRUPTED if number == signal.SIGINT else ASKED


def asked_by() -> list[int]:
    """The signals that ask to stop; without those that whoever started this process had it ignore, as ``nohup`` does."""
    known = (getattr(signal, name) for name in _AS_TERM if hasattr(signal, name))
    # A shell has what it starts in the background ignore SIGINT; who sends it by name means it.
    always = (signal.SIGINT, signal.SIGTERM)
    return [
        signal.SIGINT,
        *(one for one in known if one in always or signal.getsignal(one) != signal.SIG_IGN),
    ]


def hear(handler: Handler | None = None) -> dict[int, Any]:
    """Have each of these signals call ``handler``; by default it ends the command. Gives what heard them before."""
    return {number: signal.signal(number, handler or _stop) for number in asked_by()}


def hear_first() -> None:
    """As the first thing that a program does. A process that trains for it loads the same file, and has handlers of its own."""
    if "multiprocessing" not in sys.modules:
        hear()


@contextlib.contextmanager
def heeded() -> Iterator[Callable[[], int]]:
    """In this block a signal is noted for whoever asks, who gets its exit code; the block's end is then the command's.

    A second one leaves at once.

    Raises
    ------
    Stopped
        A signal came.
    """
    heard = [*_heard]

    def note(number: int, _: FrameType | None) -> None:
        if heard:
            _leave(number)
        heard.append(number)

    before = hear(note)
    try:
        yield lambda: code_of(heard[0]) if heard else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if heard:
            raise Stopped(heard[0])


def hear_as_worker(stop: Handler) -> None:
    """The same in a process whose launcher decides: a terminal sends SIGINT to all of its processes."""
    hear(stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _held_back())


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """What is started in this block gets no signal of a terminal's before :func:`hear_as_worker`: loading takes it seconds."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _held_back())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def code_so_far() -> int:
    """The code of a signal that was heard, though a library may have swallowed what it raised; 0 for none."""
    return code_of(_heard[0]) if _heard else 0


def deafen(code: int) -> None:
    """The command is over: a signal that comes while the interpreter is taken down changes nothing of its exit code."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    hear(lambda *_: os._exit(code))
    atexit.register(hear_nothing)


def hear_nothing() -> None:
    """Ignored are the only signals that Python leaves as they are when it ends."""
    for number in asked_by():
        signal.signal(number, signal.SIG_IGN)


def line(number: int) -> str:
    """What is said of a command that a signal ended."""
    return f"tinyexp: stopped by {signal.Signals(number).name}; give the same command again to go on."


def _held_back() -> set[int]:
    return set(asked_by()) - {signal.SIGTERM}


def _stop(number: int, frame: FrameType | None) -> None:
    if _heard:
        _leave(number)
    _heard.append(number)
    sys.unraisablehook = lambda told: (
        _leave(number) if told.exc_type is Stopped else sys.__unraisablehook__(told)
    )
    _stop_once_loaded(number, frame)


def _stop_once_loaded(number: int, frame: FrameType | None) -> None:
    """A native library that is being loaded makes another error of what is raised in it, and what is under way stays behind."""
    if _is_importing(frame):
        if not hasattr(signal, "setitimer"):
            _leave(number)
        signal.signal(signal.SIGALRM, lambda _, now: _stop_once_loaded(number, now))
        signal.setitimer(signal.ITIMER_REAL, _ASK_AGAIN_S)
        return
    if signal.getsignal(number) is _stop:  # whoever else hears it by now has asked what was heard before
        raise Stopped(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _leave(number: int) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"{line(number)}\n".encode())
    os._exit(code_of(number))
