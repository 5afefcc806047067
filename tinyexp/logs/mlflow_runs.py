"""A run as MLflow keeps it, in either of its stores: values in the order of their writing, made rows of.

Nothing in MLflow says that a run was resumed: it goes on in the same place. What says it is that a metric's steps go
back, while none that is logged with it goes on from where it was.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from tinyexp.errors import listed
from tinyexp.logs.log import Repair, RunLog
from tinyexp.logs.logged_epochs import columns_of
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.series import BACKWARDS, Attempt, given_up_since, series_of, supersede, table_by_step

MAX_ATTEMPTS = 50
"""Steps that go back more often are of no resume."""
_OWN_TAGS = "mlflow."
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,18})")
_DECIMAL = re.compile(r"[-+]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][-+]?\d{1,4})?|[-+]?(?:nan|inf)")


SUMS_UP = "runs are nested in it, and it has none of their metrics: it sums them up and is no run"


class Logged(NamedTuple):
    """A value of a metric, as it was written."""

    time: int
    """Milliseconds since 1970."""
    value: float
    step: int


@dataclass(frozen=True)
class NestedLog(RunLog):
    """A run that may be nested in another; the name of its folder is its id."""

    parent: str = ""
    """The other's id."""


def without_parents(logs: Sequence[RunLog]) -> list[RunLog]:
    """All runs; those that only have metrics which no run nested in them has are no trainings."""
    inside: dict[str, set[str]] = {}
    for log in logs:
        if isinstance(log, NestedLog) and log.parent:
            inside.setdefault(log.parent, set()).update(log.metrics)
    return [
        replace(log, no_training=SUMS_UP)
        if log.where.name in inside and inside[log.where.name].isdisjoint(log.metrics)
        else log
        for log in logs
    ]


@dataclass
class MlflowRun:
    """What a store has of a run."""

    where: Path
    files: tuple[Path, ...]
    name: str = ""
    experiment: str = ""
    status: str = ""
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, list[Logged]] = field(default_factory=dict)
    """In the order of writing."""
    repairs: list[Repair] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def told(self) -> NestedLog:
        """As a log."""
        in_time, reordered = _in_time(self.metrics)
        attempts, again, notes = _attempts(in_time)
        table = table_by_step(attempts, self.where)
        columns = columns_of(table, self.where)
        twice = reordered + sum(one.rows for one in table.repairs)
        name = self.name or self.tags.get("mlflow.runName", "")
        return NestedLog(
            reader="mlflow",
            parent=self.tags.get("mlflow.parentRunId", "").strip(),
            where=self.where,
            files=self.files,
            epoch=columns.epoch,
            step=columns.step,
            metrics=columns.metrics,
            rows_read=sum(map(len, self.metrics.values())),
            settings={key: setting(value) for key, value in self.params.items()},
            name="/".join(one for one in (self.experiment, name) if one),
            ended=self.status == "FINISHED" if self.status else None,
            repairs=(
                *self.repairs,
                *(Repair(what, rows) for what, rows in ((AGAIN, again), (TWICE, twice)) if rows),
            ),
            notes=(*self.notes, *self._remarks(), *notes, *table.notes, *columns.notes),
        )

    def _remarks(self) -> list[str]:
        told = []
        if self.status not in ("", "FINISHED"):
            told.append(f"MLflow has the run as {self.status}.")
        if not self.metrics:
            told.append("no metric was logged, as in a run that only holds others.")
        tags = sorted(tag for tag in self.tags if not tag.startswith(_OWN_TAGS))
        if tags:
            told.append(f"tags were not taken for settings: {listed(tags[:10])}.")
        return told


def setting(text: str) -> Any:
    """A parameter, which MLflow keeps as text, as the number, or yes and no, that it was.

    >>> [setting(text) for text in ("3", "1e-3", "True", "007", "sgd")]
    [3, 0.001, True, '007', 'sgd']
    """
    if text in ("True", "False", "true", "false"):
        return text in ("True", "true")
    if _INTEGER.fullmatch(text):
        return int(text)
    is_plain_word = text.lstrip("+-").isdigit()
    return float(text) if _DECIMAL.fullmatch(text) and not is_plain_word else text


def _in_time(metrics: Mapping[str, Sequence[Logged]]) -> tuple[dict[str, list[Logged]], int]:
    """Values in an order in which no time goes back; how many were left out, as the value of their step is from later.

    Clocks are set back now and then, so that the order of writing counts more than the times, but for values of one step.
    """
    found: dict[str, list[Logged]] = {}
    left_out: set[int] = set()
    for name, values in metrics.items():
        if not any(one.step for one in values):
            found[name] = sorted(values, key=lambda one: one.time)
            continue
        latest: dict[int, int] = {}
        now = 0
        found[name] = []
        for one in values:
            if one.time < latest.get(one.step, one.time):
                left_out.add(one.step)
                continue
            latest[one.step] = one.time
            now = max(now, one.time)
            found[name].append(one._replace(time=now))
    return found, len(left_out)


def _attempts(metrics: Mapping[str, Sequence[Logged]]) -> tuple[list[Attempt], int, list[str]]:
    """What counts of each attempt, and how many rows do not; a single one, and why, where going back is no resume."""
    starts = _starts(metrics)
    if len(starts) > MAX_ATTEMPTS:
        return [_attempt(metrics)], 0, [BACKWARDS]
    split: list[dict[str, list[Logged]]] = [{} for _ in range(len(starts) + 1)]
    for name, values in metrics.items():
        for one in values:
            split[bisect_right(starts, one.time)].setdefault(name, []).append(one)
    found: list[Attempt] = []
    again = 0
    for attempt in map(_attempt, split):
        if found and not _is_resume(found, attempt):
            return [_attempt(metrics)], 0, [BACKWARDS]
        again += supersede(found, attempt)
        found.append(attempt)
    return found, again, []


def _attempt(metrics: Mapping[str, Sequence[Logged]]) -> Attempt:
    times = [one.time for values in metrics.values() for one in values]
    attempt = Attempt(min(times, default=0), max(times, default=0))
    for name, values in metrics.items():
        if values:
            attempt.series[name] = series_of(
                [one.step for one in values], [one.value for one in values], [one.time for one in values]
            )
    return attempt


def _starts(metrics: Mapping[str, Sequence[Logged]]) -> list[int]:
    """The times at which the steps of some metric go back."""
    in_order = sorted((one.time, name, one.step) for name, values in metrics.items() for one in values)
    starts: list[int] = []
    last: dict[str, int] = {}
    for time, group in groupby(in_order, key=lambda one: one[0]):
        some = list(group)
        if any(step < last.get(name, step) for _, name, step in some):
            starts.append(time)
            last = {}
        for _, name, step in some:
            last[name] = max(step, last.get(name, step))
    return starts


def _is_resume(earlier: Sequence[Attempt], attempt: Attempt) -> bool:
    """Whether all that an attempt logs begins where the earlier ones were given up, and none goes on from where it was."""
    since = given_up_since(earlier, attempt)
    for name, series in attempt.series.items():
        first = series.steps.min()
        old = (one.series[name] for one in earlier if name in one.series)
        if any(((each.times >= since) & (each.steps < first)).any() for each in old):
            return False
    return True
