"""The heartbeat of a run under way: when its ``status.json`` was last touched.

A file's time of change is no part of its content, so that the records of equal runs stay equal to the bit.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

BEAT_S = 10.0
STALE_S = 90.0
"""Longer than network file systems keep a file's time of change before they ask for it again (NFS: up to 60 s)."""


def beating(status: Path, stop_code: Callable[[], int] = lambda: 0) -> Callable[[], int]:
    """``stop_code``, such that asking for it also touches the file ``status``, at most every ten seconds.

    Trainers ask between steps, so one that hangs in a step has no heartbeat, though its process lives.
    """
    due = time.monotonic() + BEAT_S

    def ask() -> int:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + BEAT_S
            with contextlib.suppress(OSError):  # a disk that fails is noticed at the next commit
                os.utime(status)
        return stop_code()

    return ask


def stale_words(status: Path) -> str:
    """As in ``last heartbeat 312 s ago``, of a run that says it is running; empty while that can be so."""
    try:
        age = time.time() - status.stat().st_mtime
    except OSError:
        return ""
    return f"last heartbeat {age:.0f} s ago" if age > STALE_S else ""
