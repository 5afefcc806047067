"""The seam between what is to be trained and where: one machine, a cluster, or a test's own process.

An executor starts jobs and says how they ended. How far they are is read from the run folders, see
:mod:`tinyexp.launch.watch`, and so is the same for every executor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tinyexp.launch.job import Job

Handle = int
"""An executor's name for a job that was submitted to it."""


@dataclass(frozen=True)
class RunEnded:
    """A job ended by itself; see :class:`tinyexp.launch.job.JobEnd`."""

    handle: Handle
    exit_code: int
    message: str = ""


@dataclass(frozen=True)
class WorkerLost:
    """The process of a job ended without a word, as by SIGKILL; the run is as it was last committed."""

    handle: Handle
    how: str


@dataclass(frozen=True)
class Cancelled:
    """A job that was cancelled and did not say how it ended: it never began, or its process ended first."""

    handle: Handle


Event = RunEnded | WorkerLost | Cancelled


class Executor(Protocol):
    """A place to train. Each job that was submitted ends in exactly one event, unless the executor is closed before."""

    @property
    def side_by_side(self) -> int:
        """How many jobs are trained at once, as far as that is known now."""

    def submit(self, job: Job) -> Handle:
        """Have a job trained as soon as there is room for it; returns at once."""

    def poll(self, wait_s: float) -> list[Event]:
        """What happened since the last call; where nothing did, waits for it up to so many seconds."""

    def cancel(self, handle: Handle) -> None:
        """Ask a job to commit its state and leave; one that has not begun never will. No error where it has ended."""

    def close(self) -> None:
        """End at once whatever is still under way, and leave no process behind."""
