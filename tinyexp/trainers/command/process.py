"""A command with its whole process group: started, watched, and ended so that nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from tinyexp import stopping
from tinyexp.files import open_to_append

GUARD = (sys.executable, "-I", str(Path(__file__).with_name("guard.py")))
"""What stands before a command's words; see that file."""
POLL_S = 0.2
GRACE_S = 10.0
"""From SIGTERM to SIGKILL: what a trainer may take to save its state."""
USUAL_VARIABLES = (
    "CONDA_PREFIX",
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "PYTHONPATH",
    "SHELL",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
    "XDG_CACHE_HOME",
)
"""Passed on where they are set: what programs need to be found and to run, and nothing that changes a result on purpose."""

_SAME_SIGNAL_S = 1.0
"""Within which a signal that ended the command has reached this process too, where it was sent to both."""
_BY_SIGNALS = {code for one in stopping.asked_by() if one != signal.SIGINT for code in (-one, 128 + one)}

Ending = Literal["done", "stopped", "timeout"]


def run_command(
    words: Sequence[str],
    output: Path,
    variables: Mapping[str, str],
    *,
    timeout_s: float,
    stop_wanted: Callable[[], bool],
    watch: Callable[[], None],
) -> tuple[Ending, int]:
    """Run a command to its end, or until it is asked to stop or its time is over.

    Parameters
    ----------
    output
        Where what it prints is added, both standard output and error.
    variables
        All that its environment has.
    watch
        Called now and then while it runs.

    Returns
    -------
    Ending
        ``stopped`` where it was asked to; ``timeout`` where it took too long.
    int
        Its exit code; 128 and its number where a signal ended it.
    """
    started = time.monotonic()
    with open_to_append(output) as told:
        process = subprocess.Popen(  # noqa: S603 - what the user's file says
            [*GUARD, *words],
            stdin=subprocess.PIPE,  # its end tells the guard that this process is gone
            stdout=told,
            stderr=subprocess.STDOUT,
            env=dict(variables),
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if stop_wanted():
                    return "stopped", _end(process)
                if timeout_s and time.monotonic() - started > timeout_s:
                    return "timeout", _end(process)
                watch()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
            return (
                "stopped" if _ended_with_us(process.returncode, stop_wanted) else "done"
            ), process.returncode
        finally:
            kill_group(process)


def passed_on(named: Sequence[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that a command gets: the usual ones and those that its file names, where they are set."""
    return {name: environment[name] for name in (*USUAL_VARIABLES, *named) if name in environment}


def _ended_with_us(code: int, stop_wanted: Callable[[], bool]) -> bool:
    """Whether a command failed because a signal came to all processes of a job, as a cluster's scheduler sends it."""
    until = time.monotonic() + (_SAME_SIGNAL_S if code in _BY_SIGNALS else 0)
    while code and not stop_wanted():
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_S)
    return code != 0


def _end(process: subprocess.Popen[bytes]) -> int:
    """Ask the group to end, and end it where it does not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        kill_group(process)
        return process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever of the group is left, as children that a command leaves behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
