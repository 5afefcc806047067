"""Whether a factor that would be named does alone what its share says.

In a fraction an interaction of three factors may stand in for a factor that does nothing: no run of the fraction tells
them apart. Two more do: the baseline with the factor alone switched, and the contender with it alone switched back.
Their mean is the factor's share unless three or more factors interact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyexp.analysis.effects import (
    Effect,
    Floats,
    SeedSpread,
    fit_additive,
    paired_effects,
    pooled_effects,
)
from tinyexp.analysis.mixtures import Mixtures
from tinyexp.analysis.plan import Plan
from tinyexp.analysis.shares import Confirmation
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, holm


@dataclass(frozen=True)
class Alone:
    """What a factor does when it alone is switched."""

    from_baseline: Effect | None = None
    from_contender: Effect | None = None
    apart: Effect | None = None
    """Its share minus the mean of the two."""


def alone_effects(plan: Plan, runs: Mixtures, factor: str, share: Floats, spread: SeedSpread | None) -> Alone:
    """Of a factor, from runs beside the plan; without both of them there is none.

    Parameters
    ----------
    share
        The contrast, shape (mixtures,).
    spread
        That of the shares over the seeds, where they are taken seed by seed. The difference has the shares' error; what
        the factor does from either end has its own.
    """
    near, far = (runs.alone.get(levels, {}) for levels in plan.alone(factor))
    if not near or not far:
        return Alone()
    count = len(plan.levels)
    ends, apart = np.zeros((2, count + 2)), np.zeros((1, count + 2))
    ends[0, [0, count]] = -1, 1
    ends[1, [count + 1, count - 1]] = -1, 1
    apart[0, :count] = share
    apart -= (ends[:1] + ends[1:]) / 2
    common = [place for place, seed in enumerate(runs.seeds) if seed in near and seed in far]
    if spread is not None and common and (spread.pooled or len(common) >= FEWEST_SEEDS):
        own = np.array([[values[runs.seeds[place]] for values in (near, far)] for place in common])
        table = np.column_stack([runs.table(runs.value)[common], own])
        either = paired_effects(table, ends, None if len(common) >= FEWEST_SEEDS else spread)
        return Alone(*either, *paired_effects(table, apart, spread))
    seeds = sorted((*runs.seeds, *runs.partial_seeds))
    rows = [(int(row), seeds[place]) for row, place in zip(runs.mixture, runs.seed, strict=True)]
    rows += [(count + side, seed) for side, values in enumerate((near, far)) for seed in values]
    values = [*runs.value.tolist(), *near.values(), *far.values()]
    mixture, seed = np.array(rows, dtype=np.int64).T
    fit = fit_additive(mixture, np.unique(seed, return_inverse=True)[1].astype(np.int64), np.array(values))
    if fit is None:
        return Alone()
    return Alone(*pooled_effects(fit, np.vstack([ends, apart]), np.empty((0, count + 2))))


def confirmations(
    wanted: Sequence[bool], alone: Sequence[Alone]
) -> tuple[tuple[Confirmation, ...], tuple[float | None, ...]]:
    """What the runs of factors alone say of those that would be named, and p of the difference, adjusted over these."""
    asked = [place for place, own in enumerate(wanted) if own]
    raw = {place: p for place in asked if (p := _p(alone[place])) is not None}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True)) if raw else {}
    found: list[Confirmation] = ["not_needed"] * len(wanted)
    for place in asked:
        p = adjusted.get(place)
        found[place] = "not_trained" if p is None else "contradicted" if p < ALPHA else "confirmed"
    return tuple(found), tuple(adjusted.get(place) for place in range(len(wanted)))


def _p(alone: Alone) -> float | None:
    return alone.apart.p if alone.apart else None
