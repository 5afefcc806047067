"""Named places in a commit, at which a test can end the process.

A kill at a random moment seldom falls into a commit, which takes milliseconds. What has to hold at every instant of one is
therefore tried at each of these places. They do nothing unless the environment says otherwise:

``TINYEXP_END_AT=PATTERN@N`` or ``PATTERN@N=TERM``
    The Nth time that this process reaches a place whose name matches PATTERN (as file names do), it gets SIGKILL, or
    SIGTERM.
``TINYEXP_COMMIT_LOG=FILE``
    Every place that is reached adds a line: process, seconds of the system's monotonic clock, name.

A name is what is written and how far that is: ``begun``, ``written`` (whole, under another name), ``named``, ``done``.
"""

from __future__ import annotations

import fnmatch
import os
import signal
import time
from collections.abc import Callable, Mapping


def failpoint(place: str) -> None:
    """Called by whatever makes something durable, between two steps of it."""
    if _watch is not None:
        _watch(place)


def watch(watcher: Callable[[str], None] | None) -> None:
    """Have ``watcher`` told of every place from now on, in place of whoever was."""
    global _watch  # noqa: PLW0603 - one process, one watcher
    _watch = watcher


def watcher_from(environment: Mapping[str, str]) -> Callable[[str], None] | None:
    """What the variables above ask for; None where they are not set."""
    end, log = environment.get("TINYEXP_END_AT"), environment.get("TINYEXP_COMMIT_LOG")
    watchers = [_Ender(end)] if end else []
    if not log:
        return watchers[0] if watchers else None
    target = log

    def both(place: str) -> None:
        _append(target, place)
        for ender in watchers:
            ender(place)

    return both


class _Ender:
    """Ends the process at the place it was told of."""

    def __init__(self, text: str) -> None:
        self._pattern, _, rest = text.rpartition("@")
        count, _, name = rest.partition("=")
        self._left = int(count)
        self._signal = signal.Signals[f"SIG{name or 'KILL'}"]

    def __call__(self, place: str) -> None:
        if fnmatch.fnmatchcase(place, self._pattern):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)


def _append(path: str, place: str) -> None:
    """One write, so that processes which share the file do not mix their lines."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(handle, f"{os.getpid()} {time.monotonic():.6f} {place}\n".encode(errors="replace"))
    finally:
        os.close(handle)


_watch = watcher_from(os.environ)
