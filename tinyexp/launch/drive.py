"""Sees jobs through an executor to their ends, and hears the signals meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self

from tinyexp import stopping
from tinyexp.config.experiment import Experiment
from tinyexp.launch.beside import Beside
from tinyexp.launch.executor import Cancelled, Event, Executor, Handle, RunEnded, WorkerLost
from tinyexp.launch.job import Job, Outcome, failed_status, mark_failed, recorded_status
from tinyexp.launch.progress import Progress
from tinyexp.launch.watch import Watch
from tinyexp.runs.plan import RunPlan
from tinyexp.trainers.base import trainer_of

_POLL_S = 0.05
"""A signal is heard between two polls: a run of seconds would otherwise be over before it is asked to stop."""


class _Signals:
    """The signals that ask to stop, while runs are under way.

    The first one asks every run to commit and leave; a second SIGINT ends them at once, which is as safe as
    any other end at any instant.
    """

    def __init__(self) -> None:
        self.code = stopping.code_so_far()
        self.at_once = False

    def __enter__(self) -> Self:
        self._before = stopping.hear(self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.code and number == signal.SIGINT:
            self.at_once = True
        self.code = self.code or stopping.code_of(number)


def train(
    jobs: Sequence[Job], executor: Executor, progress: Progress, beside: Beside | None = None
) -> tuple[list[Outcome], int]:
    """Have jobs carried out; finished runs are used again. The executor is closed in any case.

    Parameters
    ----------
    beside
        What goes on meanwhile; whoever made it closes it.

    Returns
    -------
    list[Outcome]
        In the order of the jobs; runs that were not begun, because a signal came, are left out.
    int
        0, or 130 or 143 after a signal.
    """
    outcomes = {
        job.plan: Outcome(job.plan, recorded_status(job.plan), 0, trained=False)
        for job in jobs
        if job.is_done()
    }
    beside = beside or Beside()
    for plan in outcomes:
        beside.ended(plan)
    left = [job for job in jobs if job.plan not in outcomes]
    progress.begin([job.plan for job in left], len(outcomes))
    with _Signals() as signals:
        try:
            _try_out(left, progress)
            if not signals.code:
                outcomes |= _Driver(executor, progress, beside, signals).carry_out(left)
        finally:
            executor.close()
            progress.end()
    return [outcomes[job.plan] for job in jobs if job.plan in outcomes], signals.code


class _Driver:
    """The jobs that an executor has, and what became of the others."""

    def __init__(self, executor: Executor, progress: Progress, beside: Beside, signals: _Signals) -> None:
        self._executor, self._progress, self._watch = executor, progress, Watch(progress)
        self._beside, self._signals = beside, signals
        self._plans: dict[Handle, RunPlan] = {}
        self._outcomes: dict[RunPlan, Outcome] = {}

    def carry_out(self, jobs: Sequence[Job]) -> dict[RunPlan, Outcome]:
        for job in jobs:
            self._watch.begin(job.plan)
            self._plans[self._executor.submit(job)] = job.plan
        stopping_began = False
        while self._plans and not self._signals.at_once:
            if self._signals.code and not stopping_began:
                stopping_began = True
                self._progress.note("stopping: every run commits its state and leaves")
                self._beside.close()
                for handle in self._plans:
                    self._executor.cancel(handle)
            for event in self._executor.poll(_POLL_S):
                self._take(event)
            self._watch.look()
            if not stopping_began and (line := self._beside.look()):
                self._progress.note(line)
        return self._outcomes

    def _take(self, event: Event) -> None:
        plan = self._plans.pop(event.handle)
        self._watch.end(plan)
        match event:
            case Cancelled():
                return
            case WorkerLost() if (
                self._signals.code
            ):  # the signal went to every process, and this one was just being loaded
                return
            case WorkerLost(how=how):
                message = f"its process ended unexpectedly ({how}), as where memory is short; the same command goes on from the last commit"
                status, exit_code = mark_failed(plan, message), 1
            case RunEnded(exit_code=exit_code, message=message):
                status = recorded_status(plan)
                # What could not be written, as on a full disk or where another process has the run, is told.
                if message and status.message != message:
                    status = failed_status(plan, message)
        self._outcomes[plan] = Outcome(plan, status, exit_code, trained=True)
        self._progress.ended(plan, status)
        self._beside.ended(plan)


def _try_out(jobs: Sequence[Job], progress: Progress) -> None:
    """Once for all runs: a worker that finds no answer tries by itself."""
    by_trainer: dict[str, list[Experiment]] = {}
    for job in jobs:
        by_trainer.setdefault(job.plan.experiment.trainer, []).append(job.plan.experiment)
    for trainer, experiments in by_trainer.items():
        trainer_of(trainer).try_out(
            experiments,
            lambda count: progress.note(
                f"{count} of the runs' forms tried on this processor first; it takes seconds, and once"
            ),
        )
