"""A report that is written anew while runs are trained, by a process of its own, so that it can neither slow nor end them.

First when the two designs of the leading study are complete, where one leads, then when more runs have ended, and seldom enough
that it takes no more than about a tenth of the time. The last report, of all runs, is written by whoever closes this.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tinyexp.errors import UserError
from tinyexp.launch.beside import Beside
from tinyexp.report.place import held_by
from tinyexp.runs.plan import RunPlan
from tinyexp.terminal import counted
from tinyexp.trainers.command.process import GUARD, kill_group

_PAUSE = 10
"""The next report begins no earlier than so many times the last one's duration after it."""
_MIN_PAUSE_S = 10.0
_GRACE_S = 10.0
"""What a report that is being written may take to clear away when it is ended."""
_NICENESS = 5
"""Added to this process's own: training comes first, and the report is still written in less than a minute."""
_MAX_TOLD = 300


def require_place(out: Path, runs: Path) -> None:
    """Raise UserError where no report can be written into ``out``, or while the runs are trained."""
    if runs.resolve().is_relative_to(out.resolve()):
        raise UserError(
            f"--report {out}: the runs are kept in it ({runs}), and a report replaces its folder whole. Choose a folder"
            " beside them, or keep the runs elsewhere with --runs."
        )
    held_by(out)


@dataclass
class _Rendering:
    """A process that writes a report."""

    process: subprocess.Popen[bytes]
    began: float
    told: IO[bytes]
    """What it prints: where the report is, once it is there."""
    complaints: IO[bytes]
    files: contextlib.ExitStack


class ReportBeside(Beside):
    """Has the report in ``out`` written by a command, one at a time."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
        """The command prints a line to standard output once its report is written, and says on standard error what went wrong."""
        self._command, self._environment = command, environment
        self._waiting: set[Path] = set()
        self._ended: set[Path] = set()
        self._written = 0
        """How many runs had ended when the last report was begun."""
        self._due = 0.0
        self._rendering: _Rendering | None = None
        self._last = ""

    def begin(self, first: Sequence[RunPlan]) -> None:
        """See :class:`tinyexp.launch.beside.Beside`."""
        self._waiting = {plan.folder.path for plan in first} - self._ended

    def ended(self, plan: RunPlan) -> None:
        """See :class:`tinyexp.launch.beside.Beside`."""
        self._ended.add(plan.folder.path)
        self._waiting.discard(plan.folder.path)

    def look(self) -> str:
        """Begin a report that is due; gives a line where one was written, or could not be."""
        if self._rendering is not None:
            return self._looked_after(self._rendering)
        if not self._waiting and len(self._ended) > self._written and time.monotonic() >= self._due:
            self._written = len(self._ended)
            try:
                self._rendering = self._started()
            except OSError as error:
                return self._later(0.0, f"no report yet, training goes on: {error.strerror or error}")
        return ""

    def close(self) -> None:
        """End a report that is being written: what was there before stays, whole."""
        rendering, self._rendering = self._rendering, None
        if rendering is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(rendering.process.pid, signal.SIGINT)  # so that it clears away what it had begun
        with contextlib.suppress(subprocess.TimeoutExpired):
            rendering.process.wait(_GRACE_S)
        _put_away(rendering)

    def _started(self) -> _Rendering:
        with contextlib.ExitStack() as files:
            told, complaints = (files.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            process = subprocess.Popen(  # noqa: S603 - our own program
                [*GUARD, *self._command],
                stdin=subprocess.PIPE,  # its end tells the guard that this process is gone
                stdout=told,
                stderr=complaints,
                env=dict(self._environment),
                start_new_session=True,  # what a terminal sends to all its processes is for the launcher to pass on
            )
            with contextlib.suppress(OSError):
                own = os.getpriority(os.PRIO_PROCESS, 0)
                os.setpriority(os.PRIO_PROCESS, process.pid, own + _NICENESS)
            return _Rendering(process, time.monotonic(), told, complaints, files.pop_all())

    def _looked_after(self, rendering: _Rendering) -> str:
        if rendering.process.poll() is None:
            return ""
        self._rendering = None
        where, wrong = (_lines(file) for file in (rendering.told, rendering.complaints))
        _put_away(rendering)
        # Gates say little of runs that are not all there, and count at the end.
        line = (
            f"report of {counted(self._written, 'run')} so far: {where[-1]}"
            if where
            else f"no report yet, training goes on: {_without_name(wrong[-1]) if wrong else 'its process was ended'}"
        )
        return self._later(time.monotonic() - rendering.began, line)

    def _later(self, took_s: float, line: str) -> str:
        """Put the next report off; a line is told once, however often it is the same."""
        self._due = time.monotonic() + max(_MIN_PAUSE_S, _PAUSE * took_s)
        told, self._last = line if line != self._last else "", line
        return told


def report_command(
    out: Path, runs: Path, profile: str, settings: Sequence[str], data_folder: Path
) -> list[str]:
    """The command that writes the report of a profile's runs."""
    words = [sys.executable, "-P", "-m", "tinyexp", "report", f"--out={out}", f"--runs={runs}"]
    words += [f"--profile={profile}", f"--data-folder={data_folder}"]
    return [*words, *(f"--set={setting}" for setting in settings)]


def _put_away(rendering: _Rendering) -> None:
    kill_group(rendering.process)
    rendering.files.close()


def _lines(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return [line[:_MAX_TOLD] for line in file.read().decode(errors="replace").splitlines() if line.strip()]


def _without_name(line: str) -> str:
    return line.removeprefix("tinyexp: ")
