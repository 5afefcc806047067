"""A gap between two designs, shared out among the factors in which they differ, from runs really trained.

A share says what was switched and what moved; it is no cause. Shares are not to be ranked where their
intervals overlap: :func:`leading_factor` names one only where they do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tinyexp.analysis.contrasts import Contrasts, contrasts
from tinyexp.analysis.effects import (
    Effect,
    ErrorSource,
    Fit,
    Floats,
    fit_additive,
    paired_effects,
    pooled_effects,
)
from tinyexp.analysis.exact import logarithms, mean
from tinyexp.analysis.mixtures import Mixtures, mixtures, planned
from tinyexp.analysis.plan import Group, Plan
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, holm
from tinyexp.config.metric import Metric, metric_of
from tinyexp.errors import UserError

LackOfFitVerdict = Literal["flagged", "not_seen", "cannot_tell"]


@dataclass(frozen=True)
class Share:
    """What one factor carries of the gap."""

    factor: str
    share: Effect
    """The exact Shapley value in a full plan; else the main effect, which equals it unless three or more
    factors interact."""
    p_holm: float | None
    """The share's p, adjusted over all factors."""
    main_effect: Effect
    """The mean over the plan's runs of what switching it alone does."""
    over_half: Effect
    """The share minus half of the gap."""
    from_baseline: Effect | None
    """What switching it alone does to the baseline; None in a fraction, which has no such run."""
    from_contender: Effect | None
    """What it still adds when all others are switched."""
    hidden: Group
    """Three-way interactions that this plan cannot tell from the main effect."""


@dataclass(frozen=True)
class Interaction:
    """How much more one switch does with the other thrown than without, summed over a group of pairs."""

    pairs: Group
    effect: Effect
    p_holm: float | None
    """Adjusted over all groups."""


@dataclass(frozen=True)
class LackOfFit:
    """Whether three or more factors interact, as far as the plan sees it; tested with the runs' pooled spread."""

    verdict: LackOfFitVerdict
    tested: int
    """Quantities that are zero unless three or more factors interact; Holm-adjusted over these. None in the
    saturated fractions of four and of eight factors: their verdict is ``cannot_tell``."""
    groups: tuple[tuple[Group, Effect, float], ...]
    """Those that are not zero, each with its adjusted p. The group ``()`` stands for any of them."""


@dataclass(frozen=True)
class Scale:
    """The shares on one scale; ``not_explained`` makes the rows add up to the gap."""

    unit: Literal["metric", "log_odds"]
    baseline: float
    contender: float
    """The fitted means of the ends: plain means over the seeds where every seed has every run."""
    gap: Effect
    shares: tuple[Share, ...]
    not_explained: Effect
    """Interaction / not explained: the gap minus the sum of shares; zero by construction in a full plan
    and in a saturated fraction (four or eight factors)."""
    interactions: tuple[Interaction, ...]
    lack_of_fit: LackOfFit


@dataclass(frozen=True)
class Attribution:
    """What carries the gap, in the metric and in log-odds."""

    metric: Metric
    plan: Plan
    seeds: tuple[int, ...]
    """Those under which every run of the plan is there."""
    partial_seeds: tuple[int, ...]
    """Those under which only some are: used by ``pooled_over_runs``, left out by ``paired_by_seed``."""
    runs: int
    """Runs that the estimates rest on."""
    error: ErrorSource
    degrees: int
    """Degrees of freedom of the intervals; 0 without any."""
    in_metric: Scale
    in_log_odds: Scale | None
    """None where the metric is no share of a whole, or a run is at nothing or all of it."""


def attribute(
    frame: pd.DataFrame, factors: Sequence[str], metric: Metric | str, plan: str | None = None
) -> Attribution:
    """Share the gap between baseline (all factors 0) and contender (all 1) out among the factors.

    Parameters
    ----------
    frame
        A row per run: a column of 0 and 1 for each factor, ``seed``, and the metric. Optional columns:
        ``state`` (only ``finished`` rows count) and those of :data:`tinyexp.analysis.checked.GUARDED`.
    metric
        A name must be a usual one.
    plan
        ``one-at-a-time``, ``fraction`` or ``full``; None for the dearest whose runs are all there. Runs of
        other mixtures are left out.

    Intervals are explained in :mod:`tinyexp.analysis.effects`, estimates in :mod:`tinyexp.analysis.contrasts`.

    Raises
    ------
    UserError
        A frame that cannot be used, or runs of the plan that are missing; the message names them.

    >>> rows = [(a, b, seed, 0.5 + 0.2 * a + 0.01 * b) for a in (0, 1) for b in (0, 1) for seed in (0, 1, 2)]
    >>> runs = pd.DataFrame(rows, columns=["augmentation", "width", "seed", "test_accuracy"])
    >>> [round(row.share.estimate, 3) for row in attribute(runs, ["augmentation", "width"], "test_accuracy").in_metric.shares]
    [0.2, 0.01]
    """
    chosen = planned(frame, factors, str(metric), plan)
    metric = metric_of(metric, where="attribute") if isinstance(metric, str) else metric
    runs = mixtures(frame, chosen, metric)
    paired = len(runs.seeds) >= FEWEST_SEEDS
    fit = _fit(runs, runs.value)
    share = runs.value / (metric.shown.whole or 1.0)
    inside = metric.is_share and bool(((share > 0) & (share < 1)).all())
    degrees = len(runs.seeds) - 1 if paired else fit.degrees
    return Attribution(
        metric=metric,
        plan=chosen,
        seeds=runs.seeds,
        partial_seeds=runs.partial_seeds,
        runs=int(np.count_nonzero(runs.complete)) if paired else len(runs.value),
        error="paired_by_seed" if paired else "pooled_over_runs" if degrees else "none",
        degrees=degrees,
        in_metric=_scale("metric", chosen, runs, fit, runs.value),
        in_log_odds=_log_odds(chosen, runs, share) if inside else None,
    )


def leading_factor(scale: Scale) -> str | None:
    """The factor whose share surely exceeds every other in the direction of the gap; None where intervals overlap."""
    sense = 1.0 if scale.gap.estimate >= 0 else -1.0
    bounds: dict[str, tuple[float, float]] = {}
    for row in scale.shares:
        if row.share.low is None or row.share.high is None:
            return None
        low, high = sorted((sense * row.share.low, sense * row.share.high))
        bounds[row.factor] = low, high
    best = max(bounds, key=lambda name: bounds[name][0])
    clear = all(bounds[best][0] > high for name, (_, high) in bounds.items() if name != best)
    return best if clear and bounds[best][0] > 0 else None


def _log_odds(plan: Plan, runs: Mixtures, share: Floats) -> Scale:
    # A ceiling bends the scale of shares and makes interactions of plain main effects.
    value = logarithms(share / (1 - share))
    return _scale("log_odds", plan, runs, _fit(runs, value), value)


def _fit(runs: Mixtures, value: Floats) -> Fit:
    fit = fit_additive(runs.mixture, runs.seed, value)
    if fit is None:
        raise UserError(
            "attribute: no chain of shared runs links all seeds, so what a seed does cannot be told from what a "
            "factor does. Train the whole plan under one seed."
        )
    return fit


def _scale(unit: Literal["metric", "log_odds"], plan: Plan, runs: Mixtures, fit: Fit, value: Floats) -> Scale:
    rows, table = contrasts(plan), runs.table(value)
    paired = len(table) >= FEWEST_SEEDS

    def effects(weights: Floats) -> tuple[Effect, ...]:
        return paired_effects(table, weights) if paired else pooled_effects(fit, weights, table)

    (gap,), (left,), pairs = effects(rows.gap), effects(rows.not_explained), effects(rows.pairs)
    ends = [mean(table[:, place]) if paired else float(fit.means[place]) for place in (0, -1)]
    return Scale(
        unit=unit,
        baseline=ends[0],
        contender=ends[1],
        gap=gap,
        shares=_shares(plan, rows, effects),
        not_explained=left,
        interactions=tuple(map(Interaction, rows.pair_groups, pairs, _adjusted(pairs))),
        lack_of_fit=_lack_of_fit(len(plan.factors), rows, pooled_effects(fit, rows.beyond_pairs, table)),
    )


def _shares(
    plan: Plan, rows: Contrasts, effects: Callable[[Floats], tuple[Effect, ...]]
) -> tuple[Share, ...]:
    shares, nothing = effects(rows.shares), (None,) * len(plan.factors)
    hidden = plan.hidden_behind
    return tuple(
        Share(name, share, p, main, half, near, far, hidden.get(name, ()))
        for name, share, p, main, half, near, far in zip(
            plan.factors,
            shares,
            _adjusted(shares),
            effects(rows.main_effects),
            effects(rows.shares - rows.gap / 2),
            effects(rows.from_baseline) or nothing,
            effects(rows.from_contender) or nothing,
            strict=True,
        )
    )


def _lack_of_fit(count: int, rows: Contrasts, found: tuple[Effect, ...]) -> LackOfFit:
    adjusted = _adjusted(found)
    flagged = tuple(
        (group, effect, p)
        for group, effect, p in zip(rows.beyond_pair_groups, found, adjusted, strict=True)
        if p is not None and p < ALPHA
    )
    tellable = bool(found) and all(p is not None for p in adjusted)
    verdict: LackOfFitVerdict = "flagged" if flagged else "not_seen" if tellable else "cannot_tell"
    if count < 3:
        verdict = "not_seen"  # two factors have no three-way interaction
    return LackOfFit(verdict, len(found), flagged)


def _adjusted(effects: Sequence[Effect]) -> tuple[float | None, ...]:
    """Holm's p over a family of effects; None throughout where one has none."""
    raw = [effect.p for effect in effects]
    known = [p for p in raw if p is not None]
    return holm(known) if len(known) == len(raw) else (None,) * len(raw)
