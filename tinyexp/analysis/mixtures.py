"""From a frame with a column of 0 and 1 for each factor to arrays over the runs of a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tinyexp.analysis.checked import check_columns, check_guarded, check_metric
from tinyexp.analysis.least_squares import main_effects
from tinyexp.analysis.plan import AS_RUN, PLAN_KINDS, Levels, Plan, make_plan, plan_as_run
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError, listed, unknown


@dataclass(frozen=True)
class Mixtures:
    """Runs of a plan; the arrays have shape (runs,), sorted by seed and mixture."""

    mixture: NDArray[np.int64]
    """Row of the plan."""
    seed: NDArray[np.int64]
    """Place of the seed among all seeds, ascending."""
    value: NDArray[np.float64]
    complete: NDArray[np.bool_]
    """Whether the run's seed has every run of the plan."""
    seeds: tuple[int, ...]
    """The complete seeds."""
    partial_seeds: tuple[int, ...]
    alone: Mapping[Levels, Mapping[int, float]]
    """Single switches that the plan does not hold and that have runs: their values by seed."""

    def transformed(self, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Mixtures:
        """The same runs with other values."""
        alone = {
            levels: dict(zip(own, function(np.array(list(own.values()))).tolist(), strict=True))
            for levels, own in self.alone.items()
        }
        return replace(self, value=function(self.value), alone=alone)

    @property
    def every_value(self) -> NDArray[np.float64]:
        """Those of the plan, then those of single switches."""
        return np.array(
            [*self.value.tolist(), *(value for own in self.alone.values() for value in own.values())]
        )

    def table(self, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values of the complete seeds, shape (complete seeds, mixtures)."""
        return value[self.complete].reshape(len(self.seeds), int(self.mixture.max()) + 1)


def planned(frame: pd.DataFrame, factors: Sequence[str], metric: str, kind: str | None = None) -> Plan:
    """The plan asked for, or the dearest whose mixtures are all among the finished runs, or else what was trained.

    Raises
    ------
    UserError
        The frame lacks a column, holds a level other than 0 and 1, lacks mixtures of the plan, or holds no two runs
        that a single factor could be told from.
    """
    rows = _checked(frame, factors, metric)
    levels = _levels(rows, factors)
    there = set(levels)
    if kind == AS_RUN:
        make_plan("one-at-a-time", factors)  # names that cannot be used are refused
        return plan_as_run(factors, there)
    if kind is not None and kind not in PLAN_KINDS:
        raise unknown("attribute", "plan", kind, (*PLAN_KINDS, AS_RUN))
    plans = [make_plan(name, factors) for name in ([kind] if kind is not None else reversed(PLAN_KINDS))]
    lacking = [[row for row in plan.levels if row not in there] for plan in plans]
    for plan, missing in zip(plans, lacking, strict=True):
        if not missing:
            return plan
    if kind is None and any(main_effects(levels, rows["seed"].tolist()).separable):
        return plan_as_run(factors, there)
    nearest = min(range(len(plans)), key=lambda number: len(lacking[number]))
    plan, missing = plans[nearest], lacking[nearest]
    raise UserError(
        f"attribute: the plan '{plan.kind}' has {len(plan.levels)} mixtures of {listed(plan.factors)}, and "
        f"{len(missing)} of them have no finished run: {listed(_mixture(plan, row) for row in missing[:6])}"
        f"{', ...' if len(missing) > 6 else ''}. Train them, or choose a plan that is there."
    )


def mixtures(frame: pd.DataFrame, plan: Plan, metric: Metric) -> Mixtures:
    """The finished runs of a plan that :func:`planned` has found to be there.

    Raises
    ------
    UserError
        A mixture has two runs of one seed, or a value is none that the metric can have.
    """
    rows = _checked(frame, plan.factors, metric.name)
    singles = [levels for name in plan.factors if plan.is_aliased(name) for levels in plan.alone(name)]
    known = (*plan.levels, *dict.fromkeys(levels for levels in singles if levels not in plan.levels))
    place = {row: number for number, row in enumerate(known)}
    rows = rows.assign(mixture=[place.get(row, -1) for row in _levels(rows, plan.factors)])
    rows = rows[rows["mixture"] >= 0].sort_values(["seed", "mixture"], kind="stable")
    check_metric(rows, metric)
    twice = rows[rows.duplicated(["seed", "mixture"])]
    if len(twice):
        row = twice.iloc[0]
        raise UserError(
            f"attribute: {_mixture(plan, known[int(row['mixture'])])} has more than one run of seed "
            f"{int(row['seed'])}. Keep one row a run: the last epoch."
        )
    extra = rows[rows["mixture"] >= len(plan.levels)]
    rows = rows[rows["mixture"] < len(plan.levels)]
    seed, mixture = rows["seed"].to_numpy(np.int64), rows["mixture"].to_numpy(np.int64)
    names, number, counts = np.unique(seed, return_inverse=True, return_counts=True)
    whole = counts == len(plan.levels)
    return Mixtures(
        mixture=mixture,
        seed=number.astype(np.int64),
        value=rows[metric.name].to_numpy(np.float64),
        complete=whole[number],
        seeds=tuple(names[whole].tolist()),
        partial_seeds=tuple(names[~whole].tolist()),
        alone={
            levels: dict(zip(own["seed"].tolist(), own[metric.name].astype(float).tolist(), strict=True))
            for levels, own in (
                (levels, extra[extra["mixture"] == number]) for levels, number in place.items()
            )
            if len(own)
        },
    )


def _checked(frame: pd.DataFrame, factors: Sequence[str], metric: str) -> pd.DataFrame:
    check_columns(frame, metric, ("seed",))
    for name in factors:
        if name not in frame:
            raise unknown(
                "the runs", "factor (no such column)", name, [str(column) for column in frame.columns]
            )
        if not frame[name].isin([0, 1]).all():
            raise UserError(
                f"the runs: the column '{name}' holds other levels than 0 (baseline) and 1 (contender)."
            )
    rows = frame[frame["state"] == "finished"] if "state" in frame else frame
    if rows.empty:
        raise UserError("the runs: none is finished. Resume them with the command that started them.")
    if not pd.api.types.is_integer_dtype(rows["seed"]):
        raise UserError("the runs: 'seed' is not a whole number in every row.")
    if "epoch" in rows and len(rows["epoch"].unique()) > 1:
        raise UserError("the runs: they end at different epochs. Keep one row a run, all of one epoch.")
    check_guarded(rows)
    return rows


def _levels(rows: pd.DataFrame, factors: Sequence[str]) -> list[Levels]:
    table = rows[list(factors)].to_numpy(np.int64)
    return [tuple(row) for row in table.tolist()]


def _mixture(plan: Plan, levels: Levels) -> str:
    """A mixture for a message: which factors stand at the contender's level."""
    at_contender_level = plan.switched(levels)
    if not at_contender_level:
        return "the baseline"
    return (
        "the contender"
        if len(at_contender_level) == len(levels)
        else f"the baseline with {'+'.join(at_contender_level)}"
    )
