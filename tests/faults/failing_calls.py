"""The library of failing_calls.c: compiled where there is a compiler, loaded before everything else, driven from Python."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")
SHORT = 0
"""In place of an error: half of what was to be written is, and half of what was to be read."""


def compiled(folder: Path) -> Path:
    """The library; the test is left out where there is no compiler, which CI has."""
    compiler = shutil.which("cc")
    if compiler is None:
        words = "no C compiler (cc) for calls that fail"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    library = folder / "failing_calls.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Calls:
    """The library in a process that was started with it; a forked child arms its own."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self._library.failing_calls_seen.restype = ctypes.c_long
        self._library.failing_calls_failed.restype = ctypes.c_long
        self._library.failing_calls_first.restype = ctypes.c_char_p
        self._library.failing_calls_arm.argtypes = (ctypes.c_int, ctypes.c_long, ctypes.c_int)

    def below(self, folder: Path) -> None:
        """Calls of this process that concern this folder count, and no others."""
        self._library.failing_calls_below(bytes(folder.resolve()))

    def arm(self, error: int, nth: int, *, for_good: bool = False) -> None:
        """The nth of the calls that ``error`` fits fails, and with ``for_good`` all that follow; 0 for none."""
        self._library.failing_calls_arm(error, nth, for_good)

    def plain_disk(self, *, locks: bool) -> None:
        """From now on as on a FAT disk: no rights or links, no exchange, no flush of a folder; some network disks have no locks either."""
        self._library.failing_calls_plain_disk(1 if locks else 2)

    def log(self, file: int) -> None:
        """Write every change below the folder to an open file."""
        self._library.failing_calls_log(file)

    @property
    def seen(self) -> int:
        """Calls so far that the error fits."""
        return int(self._library.failing_calls_seen())

    @property
    def failed(self) -> str:
        """The first call that failed, and its path below the folder; empty where none did."""
        return os.fsdecode(self._library.failing_calls_first())
