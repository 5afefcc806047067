"""The values of a run's metrics as they were logged, and what later attempts took the place of; then a row for each step.

Trackers keep a value with its step and the time it was logged at. After a resume some steps stand twice, and what the
earlier attempt had logged behind the checkpoint is of a training that was given up. Steps of different metrics may
count different things (batches here, epochs there), so that a step of one says nothing of another. Time does: what was
logged since the first value that the later attempt logged again is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Series(NamedTuple):
    """The values of one metric, in the order in which they were logged."""

    steps: Integers
    values: Floats
    times: Floats
    """From any beginning; only their order counts."""

    def where(self, mask: Mask) -> Series:
        """Some of the values."""
        return Series(self.steps[mask], self.values[mask], self.times[mask])


def series_of(steps: Sequence[int], values: Sequence[float], times: Sequence[float] | None = None) -> Series:
    """Values from lists; without times where there is one attempt alone. Raises OverflowError for a step beyond 64 bits."""
    return Series(
        np.array(steps, dtype=np.int64),
        np.array(values, dtype=np.float64),
        np.zeros(len(steps)) if times is None else np.array(times, dtype=np.float64),
    )


@dataclass
class Attempt:
    """What one process, or one session of it, logged of a run."""

    began: float
    ended: float
    series: dict[str, Series] = field(default_factory=dict)
    """By metric; none is empty."""
    voids: float = math.inf
    """The step from which on it says that all earlier ones are void."""
    _last: dict[str, int] = field(default_factory=dict)

    def last(self, name: str) -> float:
        """The highest step of a metric; it is asked for once for each attempt that follows."""
        if name not in self.series:
            return -math.inf
        if name not in self._last:
            self._last[name] = int(self.series[name].steps.max())
        return self._last[name]

    def drop(self, unwanted: Callable[[Series], Mask]) -> set[int]:
        """Drop values; the steps of those dropped."""
        dropped: set[int] = set()
        for name, series in list(self.series.items()):
            mask = unwanted(series)
            if mask.any():
                dropped.update(series.steps[mask].tolist())
                self.series[name] = series.where(~mask)
                self._last.pop(name, None)
                if mask.all():
                    del self.series[name]
        return dropped


@dataclass
class StepTable:
    """A row for each step, as columns of equal length."""

    steps: Column
    metrics: dict[str, Column]
    repairs: tuple[Repair, ...] = ()
    notes: tuple[str, ...] = ()


def table_by_step(
    attempts: Sequence[Attempt], where: Path, wanted: Callable[[str], bool] = lambda _: True
) -> StepTable:
    """A row for each step of the wanted metrics; of several values of a metric at a step the later attempt's, or the later."""
    found: dict[str, list[Series]] = {}
    for attempt in attempts:
        for name, series in attempt.series.items():
            if wanted(name):
                found.setdefault(name, []).append(series)
    stepless = {name: parts for name, parts in found.items() if _is_stepless(parts)}
    twice: set[int] = set()
    latest = {name: _latest(parts, twice) for name, parts in found.items() if name not in stepless}
    steps = (
        np.unique(np.concatenate([one.steps for one in latest.values()]))
        if latest
        else np.array([], np.int64)
    )
    more = max((sum(len(one.steps) for one in parts) for parts in stepless.values()), default=0)
    bound_cells(len(steps) + more, len(found), where)
    nothing: Column = [None] * more
    metrics = {name: _spread(one, steps) + nothing for name, one in latest.items()}
    for name, parts in stepless.items():
        values = np.concatenate([one.values for one in parts]).tolist()
        metrics[name] = [None] * len(steps) + values + [None] * (more - len(values))
    return StepTable(
        steps=[*steps.tolist(), *([0] * more)],
        metrics={name: metrics[name] for name in found},
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
            voided += _drop(earlier, lambda series, since=attempt.voids: series.steps >= since)  # type: ignore[misc]
        again += supersede(earlier, attempt)
    return tuple(Repair(what, rows) for what, rows in ((VOIDED, voided), (AGAIN, again)) if rows)


def supersede(earlier: Sequence[Attempt], attempt: Attempt) -> int:
    """Drop what was logged since the first value that a later attempt logged again; how many rows that was."""
    since = given_up_since(earlier, attempt)
    return _drop(earlier, lambda series: series.times >= since) if since < math.inf else 0


def given_up_since(earlier: Sequence[Attempt], attempt: Attempt) -> float:
    """The time of the first value of earlier attempts that a later one logged again; infinite where it went on.

    An attempt goes back where one of its metrics begins at an earlier step than that metric had come to. One that has
    nothing but step 0 does not: that is where values without a step are, such as a last evaluation's.
    """
    since = math.inf
    if not any(series.steps.any() for series in attempt.series.values()):
        return since
    for name, series in attempt.series.items():
        first = int(series.steps.min())
        if any(one.last(name) > first for one in earlier):
            old = [one.series[name] for one in earlier if name in one.series]
            since = min(since, *(one.times[one.steps >= first].min(initial=math.inf) for one in old))
    return since


def bound_cells(rows: int, names: int, where: Path) -> None:
    """Raises UserError where a run's table would be too large to be kept."""
    if rows * names > MAX_CELLS:
        raise UserError(
            f"{where}: {rows:,} rows of {names:,} metrics are more than one table can have ({MAX_CELLS:,} cells). Leave the "
            "run out, or log fewer metrics to it."
        )


def rows_of(metrics: Mapping[str, Column], count: int) -> list[dict[str, Value]]:
    """Columns as rows, each with the values that it has."""
    rows: list[dict[str, Value]] = [{} for _ in range(count)]
    for name, column in metrics.items():
        for row, value in zip(rows, column, strict=True):
            if value is not None:
                row[name] = value
    return rows


def _drop(attempts: Iterable[Attempt], unwanted: Callable[[Series], Mask]) -> int:
    return len({step for one in attempts for step in one.drop(unwanted)})


def _is_stepless(parts: Sequence[Series]) -> bool:
    return any(len(one.steps) > 1 for one in parts) and not any(one.steps.any() for one in parts)


def _latest(parts: Sequence[Series], twice: set[int]) -> Series:
    """Values by rising step, the last of each; steps at which others differed are added to a set."""
    steps, values = (np.concatenate(column) for column in (list(zip(*parts, strict=True))[:2]))
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    same = steps[1:] == steps[:-1]
    if same.any():
        differ = (values[1:] != values[:-1]) & ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
        twice.update(steps[1:][same & differ].tolist())
    last = np.append(~same, True)
    return Series(steps[last], values[last], values[last])


def _spread(series: Series, steps: Integers) -> Column:
    """A column over all steps."""
    if len(series.steps) == len(steps):
        whole: Column = series.values.tolist()
        return whole
    column = np.full(len(steps), None, dtype=object)
    column[np.searchsorted(steps, series.steps)] = series.values
    return list(column)
