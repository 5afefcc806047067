"""The values of a run's metrics as they were logged, and what later attempts took the place of; then rows of them.

Trackers keep a value with its step and the time it was logged at. After a resume some steps stand twice, and what the
earlier attempt had logged behind the checkpoint is of a training that was given up. Steps of different metrics may
count different things (batches here, epochs there), so that a step of one says nothing of another. Time does: what was
logged since the first value that the later attempt logged again is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinyexp.errors import UserError
from tinyexp.logs.log import Column, Repair, Value
from tinyexp.logs.rows import AGAIN, TWICE

MAX_CELLS = 50_000_000
"""Rows times metrics of one run."""
VOIDED = "voided by the start of a later session, as by purge_step"
BACKWARDS = (
    "steps of some metrics go back while others go on, which is no resume: of several values of a metric at one step "
    "the later one counts, and nothing else was dropped."
)
NO_STEP = (
    "some metrics were logged several times at step 0 and at no other, as without a step: their values stand in rows "
    "of their own, in the order in which they were logged."
)


@dataclass
class Series:
    """The values of one metric, in the order in which they were logged."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    """From any beginning; only their order counts."""

    def add(self, step: int, value: float, time: float) -> None:
        """One more value."""
        self.steps.append(step)
        self.values.append(value)
        self.times.append(time)

    def __iter__(self) -> Iterator[tuple[int, float, float]]:
        """Step, value and time of each."""
        return zip(self.steps, self.values, self.times, strict=True)


@dataclass
class Attempt:
    """What one process, or one session of it, logged of a run."""

    began: float
    ended: float
    series: dict[str, Series] = field(default_factory=dict)
    voids: float = math.inf
    """The step from which on it says that all earlier ones are void."""

    def last(self, name: str) -> float:
        """The highest step of a metric."""
        return max(self.series[name].steps, default=-math.inf) if name in self.series else -math.inf

    def drop(self, unwanted: Callable[[int, float], bool]) -> int:
        """Drop values by their step and time; how many steps that concerned."""
        dropped: set[int] = set()
        for name, series in self.series.items():
            kept = [one for one in series if not unwanted(one[0], one[2])]
            if len(kept) < len(series.steps):
                dropped.update(step for step, _, time in series if unwanted(step, time))
                self.series[name] = Series(*(list(column) for column in zip(*kept, strict=True)))
        return len(dropped)


@dataclass
class StepRows:
    """Rows of a run, by step."""

    steps: Column
    rows: list[dict[str, Value]]
    repairs: tuple[Repair, ...]
    notes: tuple[str, ...]


def rows_by_step(
    attempts: Sequence[Attempt], where: Path, wanted: Callable[[str], bool] = lambda _: True
) -> StepRows:
    """A row for each step of the wanted metrics; of several values of a metric at a step the later attempt's, or the later."""
    names = list(dict.fromkeys(name for one in attempts for name in one.series if wanted(name)))
    stepless = {name for name in names if _is_stepless(name, attempts)}
    table: dict[int, dict[str, Value]] = {}
    twice: set[int] = set()
    for attempt in attempts:
        for name, series in attempt.series.items():
            if name in stepless or not wanted(name):
                continue
            for step, value in zip(series.steps, series.values, strict=True):
                row = table.setdefault(step, {})
                if name in row and row[name] != value:
                    twice.add(step)
                row[name] = value
    in_order = _in_order(stepless, attempts)
    bound_cells(len(table) + len(in_order), len(names), where)
    steps = sorted(table)
    return StepRows(
        steps=[*steps, *([0] * len(in_order))],
        rows=[*(table[step] for step in steps), *in_order],
        repairs=(Repair(TWICE, len(twice)),) if twice else (),
        notes=(NO_STEP,) if stepless else (),
    )


def drop_superseded(attempts: Sequence[Attempt]) -> tuple[Repair, ...]:
    """Take out of earlier attempts what later ones took the place of.

    Only those attempts are earlier that had ended when one began; others ran beside it, as a writer of another folder does.
    """
    voided = again = 0
    for place, attempt in enumerate(attempts):
        earlier = [one for one in attempts[:place] if one.ended <= attempt.began]
        if attempt.voids < math.inf:
            voided += sum(one.drop(lambda step, _: step >= attempt.voids) for one in earlier)  # noqa: B023 - called at once
        again += supersede(earlier, attempt)
    return tuple(Repair(what, rows) for what, rows in ((VOIDED, voided), (AGAIN, again)) if rows)


def supersede(earlier: Sequence[Attempt], attempt: Attempt) -> int:
    """Drop what was logged since the first value that a later attempt logged again; how many rows that was."""
    since = given_up_since(earlier, attempt)
    return sum(one.drop(lambda _, time: time >= since) for one in earlier) if since < math.inf else 0


def given_up_since(earlier: Sequence[Attempt], attempt: Attempt) -> float:
    """The time of the first value of earlier attempts that a later one logged again; infinite where it went on.

    An attempt goes back where one of its metrics begins at an earlier step than that metric had come to. One that has
    nothing but step 0 does not: that is where values without a step are, such as a last evaluation's.
    """
    since = math.inf
    if not any(any(series.steps) for series in attempt.series.values()):
        return since
    for name, series in attempt.series.items():
        first = min(series.steps, default=0)
        if series.steps and any(one.last(name) > first for one in earlier):
            old = (one.series[name] for one in earlier if name in one.series)
            since = min(since, *(time for each in old for step, _, time in each if step >= first))
    return since


def bound_cells(rows: int, names: int, where: Path) -> None:
    """Raises UserError where a run's table would be too large to be kept."""
    if rows * names > MAX_CELLS:
        raise UserError(
            f"{where}: {rows:,} rows of {names:,} metrics are more than one table can have ({MAX_CELLS:,} cells). Leave the "
            "run out, or log fewer metrics to it."
        )


def _is_stepless(name: str, attempts: Sequence[Attempt]) -> bool:
    found = [one.series[name].steps for one in attempts if name in one.series]
    return any(len(steps) > 1 for steps in found) and not any(any(steps) for steps in found)


def _in_order(names: Iterable[str], attempts: Sequence[Attempt]) -> list[dict[str, Value]]:
    """The n-th value of each metric in the n-th row."""
    rows: list[dict[str, Value]] = []
    for name in sorted(names):
        values = [value for one in attempts if name in one.series for value in one.series[name].values]
        rows += [{} for _ in range(len(values) - len(rows))]
        for row, value in zip(rows, values, strict=False):
            row[name] = value
    return rows
