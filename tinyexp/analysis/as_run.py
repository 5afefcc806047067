"""The shares of a gap from whatever was trained: main effects by least squares, with the runs' pooled residual."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from tinyexp.analysis.confirmation import Alone, confirmations
from tinyexp.analysis.effects import Effect, Floats, scaled_effect
from tinyexp.analysis.exact import dot, mean, total
from tinyexp.analysis.least_squares import MainEffects, main_effects
from tinyexp.analysis.mixtures import Mixtures
from tinyexp.analysis.plan import Levels, Plan
from tinyexp.analysis.shares import Inseparable, LackOfFit, Scale, Share, share_verdict, stands_out
from tinyexp.analysis.statistics import holm


def as_run_scale(unit: Literal["metric", "log_odds"], plan: Plan, runs: Mixtures, margin: float) -> Scale:
    """Shares of the factors that the runs can separate; the others stand in groups.

    The gap is contender minus baseline where both were trained, else the sum of what can be told. The residual, which
    holds whatever interacts, estimates the variance of one run.
    """
    found = main_effects([plan.levels[row] for row in runs.mixture], runs.seed.tolist())
    variance = found.variance(runs.value)

    def effect(weights: Floats) -> Effect:
        return scaled_effect(dot(weights, runs.value), dot(weights, weights), variance, found.degrees)

    told = [place for place, own in enumerate(found.separable) if own]
    grouped = [
        (group, _added(found.solution[list(group)]) if known else None)
        for group, known in zip(found.groups, found.group_told, strict=True)
    ]
    parts = [found.solution[place] for place in told] + [row for _, row in grouped if row is not None]
    zero, one = (0,) * len(plan.factors), (1,) * len(plan.factors)
    whole = _added(np.array(parts)) if parts else np.zeros(len(runs.value))
    measured = _difference(plan, runs, found, one, zero)
    weights = whole if measured is None else measured
    gap = effect(weights)
    shares = _shares(plan, runs, found, effect, weights, told, margin)
    groups = tuple(
        Inseparable(tuple(plan.factors[place] for place in group), None if row is None else effect(row))
        for group, row in grouped
    )
    rows = [*(row.share.estimate for row in shares), *(own.effect.estimate for own in groups if own.effect)]
    left = effect(np.where(np.abs(weights - whole) < 1e-12, 0.0, weights - whole))
    if left.standard_error != 0:
        left = replace(left, estimate=total([gap.estimate, *(-row for row in rows)]))
    baseline = _baseline(plan, runs, found, measured, zero)
    return Scale(
        unit=unit,
        error="pooled_over_runs" if found.degrees else "none",
        degrees=found.degrees,
        p_equal_spread=None,
        baseline=baseline,
        contender=baseline + gap.estimate,
        gap=gap,
        shares=shares,
        inseparable=groups,
        not_explained=left,
        interactions=(),
        lack_of_fit=LackOfFit("cannot_tell" if len(plan.factors) > 2 else "not_seen", 0, ()),
    )


def _shares(
    plan: Plan,
    runs: Mixtures,
    found: MainEffects,
    effect: Callable[[Floats], Effect],
    gap: Floats,
    told: list[int],
    margin: float,
) -> tuple[Share, ...]:
    rows = [found.solution[place] for place in told]
    effects = [effect(row) for row in rows]
    known = [own.p for own in effects if own.p is not None]
    adjusted = holm(known) if known and len(known) == len(effects) else [None] * len(effects)
    alone = []
    for place, row in zip(told, rows, strict=True):
        near, far = plan.alone(plan.factors[place])
        up = _difference(plan, runs, found, near, (0,) * len(near))
        down = _difference(plan, runs, found, (1,) * len(near), far)
        both = None if up is None or down is None else effect(row - (up + down) / 2)
        alone.append(Alone(None if up is None else effect(up), None if down is None else effect(down), both))
    wanted = [stands_out(own, p, margin) for own, p in zip(effects, adjusted, strict=True)]
    confirmed, p_apart = confirmations(wanted, alone)
    return tuple(
        Share(
            factor=plan.factors[place],
            share=own,
            p_holm=p,
            main_effect=own,
            over_half=effect(row - gap / 2),
            from_baseline=single.from_baseline,
            from_contender=single.from_contender,
            hidden=(),
            verdict=share_verdict(own, p, margin, confirmation),
            confirmation=confirmation,
            apart=single.apart,
            p_apart=apart,
        )
        for place, row, own, p, single, confirmation, apart in zip(
            told, rows, effects, adjusted, alone, confirmed, p_apart, strict=True
        )
    )


def _difference(
    plan: Plan, runs: Mixtures, found: MainEffects, above: Levels, below: Levels
) -> Floats | None:
    """Weights of the runs for one mixture minus another, over the blocks that have both; None without any."""
    if not {above, below} <= set(plan.levels):
        return None
    high, low = (runs.mixture == plan.levels.index(levels) for levels in (above, below))
    blocks = [
        place
        for place in range(int(found.block.max()) + 1)
        if high[found.block == place].any() and low[found.block == place].any()
    ]
    if not blocks:
        return None
    weights = np.zeros(len(runs.value))
    for place in blocks:
        for own, sign in ((high, 1.0), (low, -1.0)):
            here = own & (found.block == place)
            weights[here] += sign / (int(np.count_nonzero(here)) * len(blocks))
    return weights


def _baseline(plan: Plan, runs: Mixtures, found: MainEffects, measured: Floats | None, zero: Levels) -> float:
    """The mean of the baseline's runs; where it was not trained, what the factors that can be told leave of the mean of all."""
    if measured is not None:
        return -dot(np.minimum(measured, 0.0), runs.value)
    if zero in plan.levels:
        return mean(runs.value[runs.mixture == plan.levels.index(zero)])
    levels = np.array(plan.levels, dtype=np.float64)[runs.mixture]
    shift = [
        mean(levels[:, place]) * dot(found.solution[place], runs.value)
        for place, own in enumerate(found.separable)
        if own
    ]
    return mean(runs.value) - total(shift)


def _added(rows: Floats) -> Floats:
    return np.array([total(column) for column in rows.T.tolist()])
