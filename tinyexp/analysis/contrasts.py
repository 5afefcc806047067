"""The sums over a plan's runs that estimate shares, interactions and what is left over.

Written for levels coded -1 and +1 a response is a sum of coefficients times products of levels. The
gap between the ends is twice the sum of all coefficients of odd order; those of even order drop out.
So without interactions of three factors or more the main effects add up to the gap, and equal the
Shapley values, which share the gap out whatever the interactions (Shapley 1953, A value for n-person
games, with the factors as players).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.exact import total
from tinyexp.analysis.plan import Group, Plan

Rows = NDArray[np.float64]


@dataclass(frozen=True)
class Contrasts:
    """Weights over the runs of a plan, a row a quantity; each row sums to zero."""

    gap: Rows
    """Shape (1, runs): contender minus baseline."""
    shares: Rows
    """Shape (factors, runs): exact Shapley values in a full plan; else main effects."""
    main_effects: Rows
    """Shape (factors, runs): the mean over the plan of what switching the factor alone does."""
    not_explained: Rows
    """Shape (1, runs): gap minus the sum of shares."""
    alone: tuple[str, ...]
    """The factors whose single switches are runs of the plan."""
    from_baseline: Rows
    """Shape (factors alone, runs): what the switch does to the baseline."""
    from_contender: Rows
    """Shape (factors alone, runs): what the switch contributes to the contender."""
    pairs: Rows
    """Shape (groups, runs): how much more the one switch does with the other thrown than without."""
    pair_groups: tuple[Group, ...]
    beyond_pairs: Rows
    """Shape (groups, runs): what is zero unless three or more factors interact."""
    beyond_pair_groups: tuple[Group, ...]


def contrasts(plan: Plan) -> Contrasts:
    """The weights for a plan.

    Standard errors at K = 6, one seed, for a run's spread of 1: shares have 1.0 from one-at-a-time, 0.5
    from the fraction, 0.38 from the full plan.
    """
    place = {row: number for number, row in enumerate(plan.levels)}
    gap = _difference(len(place), len(place) - 1, 0)
    mains = np.array([2 * plan.column([name]) for name in plan.factors]) / len(place)
    alone = tuple(name for name in plan.factors if not plan.is_aliased(name))
    ones, rest = zip(*map(plan.alone, alone), strict=True) if alone else ((), ())
    near = _stacked([_difference(len(place), place[row], 0) for row in ones], len(place))
    far = _stacked([_difference(len(place), len(place) - 1, place[row]) for row in rest], len(place))
    if plan.kind == "one-at-a-time":
        mains = (near + far) / 2
    shares = _shapley(plan) if plan.kind == "full" else mains
    left = _clean(gap - np.array([[total(column) for column in shares.T.tolist()]]))
    pairs, pair_groups = _pairs(plan, near, far)
    beyond, beyond_groups = _beyond_pairs(plan, left)
    return Contrasts(gap, shares, mains, left, alone, near, far, pairs, pair_groups, beyond, beyond_groups)


def _pairs(plan: Plan, near: Rows, far: Rows) -> tuple[Rows, tuple[Group, ...]]:
    if plan.kind == "one-at-a-time":
        # From one end to the other a switch meets all others thrown: only the sum of its pairs is seen.
        return far - near, tuple(_pairs_of(plan, own) for own in plan.factors)
    groups = plan.two_way_groups
    rows = [4 * plan.column(group[0]) / len(plan.levels) for group in groups]
    return np.array(rows).reshape(len(groups), len(plan.levels)), groups


def _pairs_of(plan: Plan, own: str) -> Group:
    return tuple((own, other) for other in plan.factors if other != own)


def _beyond_pairs(plan: Plan, left: Rows) -> tuple[Rows, tuple[Group, ...]]:
    if plan.kind == "one-at-a-time":
        return left, ((),)
    groups = plan.groups(3)
    rows = [2 * plan.column(group[0]) / len(plan.levels) for group in groups]
    return np.array(rows).reshape(len(groups), len(plan.levels)), groups


def _shapley(plan: Plan) -> Rows:
    """Switching one factor, averaged over all orders in which all of them can be switched."""
    levels = np.array(plan.levels)
    count, thrown = levels.shape[1], np.count_nonzero(levels, axis=1)
    weight = np.array([math.factorial(size) * math.factorial(count - size - 1) for size in range(count)])
    weight = weight / math.factorial(count)
    # A run with the factor on ends a switch from the set one smaller; one with it off begins one.
    on, off = weight[np.maximum(thrown - 1, 0)], weight[np.minimum(thrown, count - 1)]
    return np.asarray(np.where(levels.T == 1, on, -off))


def _stacked(rows: list[Rows], runs: int) -> Rows:
    return np.vstack(rows) if rows else np.empty((0, runs))


def _difference(runs: int, plus: int, minus: int) -> Rows:
    row = np.zeros((1, runs))
    row[0, plus] += 1
    row[0, minus] -= 1
    return row


def _clean(rows: Rows) -> Rows:
    """Rounding taken out, so that what cancels by construction is exactly zero."""
    return np.where(np.abs(rows) < 1e-12, 0.0, rows)
