"""How far the runs are: bars on a terminal, plain lines elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status, last_row
from tinyexp.terminal import counted, visible

_LINE_EVERY_S = 20.0


class Progress(Protocol):
    """What is told of runs under way."""

    def begin(self, plans: list[RunPlan], finished: int) -> None:
        """These runs are to be trained; so many others were finished before."""

    def started(self, plan: RunPlan) -> None:
        """A run is under way."""

    def epoch_done(self, plan: RunPlan, epoch: int, seconds: float | None, measured: str) -> None:
        """Epochs up to this one are committed; those that are new took so long each, where that is known."""

    def ended(self, plan: RunPlan, status: Status) -> None:
        """A run came to an end."""

    def note(self, message: str) -> None:
        """Something worth a line."""

    def end(self) -> None:
        """Nothing more will come."""


def measured(metric: str, value: float | None) -> str:
    """A metric in a line of progress, as in ``test accuracy 43.2%``; a plain number where its unit is not known."""
    if not metric or value is None:
        return "no metric"
    told = f"{value:.1%}" if metric.endswith("accuracy") and 0 <= value <= 1 else f"{value:.4g}"
    return f"{metric.replace('_', ' ')} {told}"


class TimeLeft:
    """An estimate from the epochs seen so far: each configuration's own mean, or that of all until it has one."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._left: dict[RunPlan, int] = {}
        self._seconds: dict[str, list[float]] = {}

    def expect_all(self, plans: list[RunPlan]) -> None:
        """These runs are to come, whole."""
        self._left = {plan: plan.epochs for plan in plans}

    def ended(self, plan: RunPlan) -> None:
        """Nothing more of this run is to come."""
        self._left[plan] = 0

    def took(self, plan: RunPlan, epoch: int, seconds: float | None) -> None:
        """So many epochs are done; see :meth:`Progress.epoch_done`."""
        self._left[plan] = max(0, plan.epochs - epoch)
        if seconds:
            self._seconds.setdefault(plan.record.configuration, []).append(seconds)

    def words(self) -> str:
        """As in ``about 2 min left``; empty before the first epoch and after the last."""
        everything = [value for values in self._seconds.values() for value in values]
        if not everything:
            return ""
        overall = sum(everything) / len(everything)
        total = 0.0
        for plan, epochs in self._left.items():
            own = self._seconds.get(plan.record.configuration)
            total += epochs * (sum(own) / len(own) if own else overall)
        if not total:
            return ""
        seconds = total / max(1, min(self._jobs, sum(1 for epochs in self._left.values() if epochs)))
        return f"about {seconds / 60:.0f} min left" if seconds >= 90 else f"about {seconds:.0f} s left"


class PlainProgress:
    """Lines for logs: one when a run ends, and one every twenty seconds between."""

    def __init__(self, jobs: int) -> None:
        self._left = TimeLeft(jobs)
        self._total = self._ended = 0
        self._last = time.monotonic()

    def begin(self, plans: list[RunPlan], finished: int) -> None:
        self._left.expect_all(plans)
        self._total = len(plans)
        self._say(begin_words(plans, finished))

    def started(self, plan: RunPlan) -> None:
        """A line at the end of each run is enough."""

    def epoch_done(self, plan: RunPlan, epoch: int, seconds: float | None, measured: str) -> None:
        self._left.took(plan, epoch, seconds)
        if time.monotonic() - self._last >= _LINE_EVERY_S:
            of = f" of {plan.epochs}" if plan.epochs else ""
            left = f"; {words}" if (words := self._left.words()) else ""
            unit = "row" if _is_by_step(plan) else "epoch"
            self._say(f"{plan.title}: {unit} {epoch}{of}, {measured}{left}")

    def ended(self, plan: RunPlan, status: Status) -> None:
        self._left.ended(plan)
        self._ended += 1
        self._say(f"[{self._ended}/{self._total}] {plan.title}: {describe_end(plan, status)}")

    def note(self, message: str) -> None:
        self._say(message)

    def end(self) -> None:
        """Every line was written when it was due."""

    def _say(self, line: str) -> None:
        self._last = time.monotonic()
        print(visible(line, one_line=True), file=sys.stderr, flush=True)  # noqa: T201 - this is the line


class TerminalProgress:
    """One bar over all epochs, and a bar for each run under way."""

    def __init__(self, jobs: int, console: Console | None = None) -> None:
        self._left = TimeLeft(jobs)
        self._console = console or Console(stderr=True)
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs{task.fields[words]}"),
            console=self._console,
        )
        self._all: TaskID | None = None
        self._runs: dict[RunPlan, TaskID] = {}
        self._done: dict[RunPlan, int] = {}
        """Epochs of each run that are done, or will never be."""
        self._ended = 0

    def begin(self, plans: list[RunPlan], finished: int) -> None:
        self._left.expect_all(plans)
        self._console.print(begin_words(plans, finished))
        self._done = dict.fromkeys(plans, 0)
        if plans:
            self._all = self._bars.add_task("all runs", total=sum(_epochs(plan) for plan in plans), words="")
            self._bars.start()

    def started(self, plan: RunPlan) -> None:
        self._runs[plan] = self._bars.add_task(
            escape(visible(plan.title, one_line=True)), total=_epochs(plan), words=""
        )

    def epoch_done(self, plan: RunPlan, epoch: int, seconds: float | None, measured: str) -> None:
        self._left.took(plan, epoch, seconds)
        self._bars.update(self._runs[plan], completed=epoch, words=f", {measured}")
        self._advance(plan, epoch)

    def ended(self, plan: RunPlan, status: Status) -> None:
        self._left.ended(plan)
        if plan in self._runs:  # one that could not begin never was
            self._bars.remove_task(self._runs.pop(plan))
        self._ended += 1
        self._advance(plan, _epochs(plan))
        if status.state != "finished":
            self.note(f"{plan.title}: {describe_end(plan, status)}")

    def note(self, message: str) -> None:
        self._console.print(Text(visible(message, one_line=True)))

    def end(self) -> None:
        self._bars.stop()

    def _advance(self, plan: RunPlan, epochs: int) -> None:
        assert self._all is not None, "a run that is trained was announced"
        self._done[plan] = epochs
        parts = [f"{self._ended} of {len(self._done)} runs", self._left.words()]
        words = "".join(f", {part}" for part in parts if part)
        self._bars.update(self._all, completed=sum(self._done.values()), words=words)


def _epochs(plan: RunPlan) -> int:
    return plan.epochs or 1  # of a command only its log will say


def begin_words(plans: list[RunPlan], finished: int) -> str:
    """As in ``12 runs: 4 finished before, 8 to train``."""
    return f"{counted(len(plans) + finished, 'run')}: {finished} finished before, {len(plans)} to train"


def describe_end(plan: RunPlan, status: Status) -> str:
    """As in ``finished, 12 epochs``; of a log by step, whose rows are counted whatever their steps, ``12 rows by step``."""
    units = "rows by step" if _is_by_step(plan) else "epochs"
    if status.state == "finished":
        early = f"; {status.message}" if status.message else ""
        return f"finished, {status.epochs_done} {units}{early}"
    of = f" of {status.epochs}" if status.epochs else ""
    return f"{status.state} after {status.epochs_done}{of} {units}: {status.message}"


def _is_by_step(plan: RunPlan) -> bool:
    """Whether a run's log counts steps and no epochs; that of a planned run never does."""
    if plan.epochs:
        return False
    row = last_row(plan.folder)
    return "step" in row and "epoch" not in row


def progress_for(jobs: int) -> Progress:
    """Bars where stderr is a terminal, lines elsewhere."""
    return TerminalProgress(jobs) if sys.stderr.isatty() else PlainProgress(jobs)
