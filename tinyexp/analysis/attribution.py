"""A gap between two designs, shared out among the factors in which they differ, from runs really trained.

How the error is estimated is explained in :mod:`tinyexp.analysis.effects`, what the shares are in
:mod:`tinyexp.analysis.contrasts`, and which of them are named in :mod:`tinyexp.analysis.shares`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tinyexp.analysis.as_run import as_run_scale
from tinyexp.analysis.confirmation import Alone, alone_effects, confirmations
from tinyexp.analysis.contrasts import Contrasts, contrasts
from tinyexp.analysis.effects import (
    Effect,
    Fit,
    Floats,
    SeedSpread,
    fit_additive,
    gap_effect,
    paired_effects,
    pooled_effects,
    seed_spread,
)
from tinyexp.analysis.exact import logarithms, mean
from tinyexp.analysis.mixtures import Mixtures, mixtures, planned
from tinyexp.analysis.plan import AS_RUN, Plan
from tinyexp.analysis.shares import (
    Attribution,
    Interaction,
    LackOfFit,
    LackOfFitVerdict,
    Scale,
    Share,
    factors_to_confirm,
    leading_factor,
    share_verdict,
    stands_out,
)
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, holm
from tinyexp.config.metric import Metric, metric_of
from tinyexp.errors import UserError

__all__ = ["Attribution", "Scale", "Share", "attribute", "factors_to_confirm", "leading_factor"]


def attribute(
    frame: pd.DataFrame,
    factors: Sequence[str],
    metric: Metric | str,
    plan: str | None = None,
    margin: float = 0.0,
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
        ``one-at-a-time``, ``fraction`` or ``full``; ``as-run`` for least squares over all runs. None for the dearest
        plan whose runs are all there, and ``as-run`` where there is none and a factor can be told. Under a plan, runs
        of other mixtures are left out, but for those in which one factor alone is switched: these confirm a share.
    margin
        What is too small to matter, in the metric's units: a factor whose interval reaches into it is not named.

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
    as_run, by_seed = chosen.kind == AS_RUN, len(runs.seeds) >= FEWEST_SEEDS
    return Attribution(
        metric=metric,
        margin=margin,
        plan=chosen,
        seeds=() if as_run else runs.seeds,
        partial_seeds=tuple(sorted((*runs.seeds, *runs.partial_seeds))) if as_run else runs.partial_seeds,
        runs=int(np.count_nonzero(runs.complete)) if by_seed and not as_run else len(runs.value),
        in_metric=_scale("metric", chosen, runs, margin),
        in_log_odds=_log_odds(chosen, runs, metric),
    )


def _log_odds(plan: Plan, runs: Mixtures, metric: Metric) -> Scale | None:
    # A ceiling bends the scale of shares and makes interactions of plain main effects.
    whole = metric.shown.whole or 1.0
    share = runs.every_value / whole
    if not metric.is_share or not bool(((share > 0) & (share < 1)).all()):
        return None
    odds = runs.transformed(lambda value: logarithms((value / whole) / (1 - value / whole)))
    return _scale("log_odds", plan, odds, 0.0)


def _scale(unit: Literal["metric", "log_odds"], plan: Plan, runs: Mixtures, margin: float) -> Scale:
    if plan.kind == AS_RUN:
        return as_run_scale(unit, plan, runs, margin)
    fit = fit_additive(runs.mixture, runs.seed, runs.value)
    if fit is None:
        raise UserError(
            "attribute: no chain of shared runs links all seeds, so what a seed does cannot be told from what a "
            "factor does. Train the whole plan under one seed."
        )
    rows, table = contrasts(plan), runs.table(runs.value)
    by_seed = len(table) >= FEWEST_SEEDS
    spread = seed_spread(table, rows.shares) if by_seed else None
    (left,), pairs = (
        _effects(table, fit, part, by_seed=by_seed) for part in (rows.not_explained, rows.pairs)
    )
    ends = [mean(table[:, place]) if by_seed else float(fit.means[place]) for place in (0, -1)]
    return Scale(
        unit=unit,
        error=("pooled_by_seed" if spread.pooled else "own_by_seed")
        if spread
        else "pooled_over_runs"
        if fit.degrees
        else "none",
        degrees=(spread.degrees if spread.pooled else spread.own) if spread else fit.degrees,
        p_equal_spread=spread.p_equal if spread else None,
        baseline=ends[0],
        contender=ends[1],
        gap=gap_effect(table) if by_seed else pooled_effects(fit, rows.gap, table)[0],
        shares=_shares(plan, runs, rows, fit, spread, margin),
        inseparable=(),
        not_explained=left,
        interactions=tuple(map(Interaction, rows.pair_groups, pairs, _adjusted(pairs))),
        lack_of_fit=_lack_of_fit(len(plan.factors), rows, pooled_effects(fit, rows.beyond_pairs, table)),
    )


def _effects(
    table: Floats, fit: Fit, rows: Floats, spread: SeedSpread | None = None, *, by_seed: bool
) -> tuple[Effect, ...]:
    return paired_effects(table, rows, spread) if by_seed else pooled_effects(fit, rows, table)


def _shares(
    plan: Plan, runs: Mixtures, rows: Contrasts, fit: Fit, spread: SeedSpread | None, margin: float
) -> tuple[Share, ...]:
    table, by_seed = runs.table(runs.value), spread is not None
    shares, mains = (
        _effects(table, fit, part, spread, by_seed=by_seed) for part in (rows.shares, rows.main_effects)
    )
    halves = _effects(table, fit, rows.shares - rows.gap / 2, by_seed=by_seed)
    near, far = (
        dict(zip(rows.alone, _effects(table, fit, part, by_seed=by_seed), strict=True))
        for part in (rows.from_baseline, rows.from_contender)
    )
    alone = [
        Alone(near[name], far[name]) if name in near else alone_effects(plan, runs, name, row, spread)
        for name, row in zip(plan.factors, rows.shares, strict=True)
    ]
    adjusted, hidden = _adjusted(shares), plan.hidden_behind
    wanted = [
        plan.is_aliased(name) and stands_out(share, p, margin)
        for name, share, p in zip(plan.factors, shares, adjusted, strict=True)
    ]
    confirmed, p_apart = confirmations(wanted, alone)
    return tuple(
        Share(
            factor=name,
            share=share,
            p_holm=p,
            main_effect=main,
            over_half=half,
            from_baseline=single.from_baseline,
            from_contender=single.from_contender,
            hidden=hidden.get(name, ()),
            verdict=share_verdict(share, p, margin, confirmation),
            confirmation=confirmation,
            apart=single.apart,
            p_apart=apart,
        )
        for name, share, p, main, half, single, confirmation, apart in zip(
            plan.factors, shares, adjusted, mains, halves, alone, confirmed, p_apart, strict=True
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
