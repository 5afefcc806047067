"""Estimates and intervals of contrasts over runs: paired by seed, or from an additive model.

Two sources of error, and which is used is said in the result:

* ``paired_by_seed``, with three complete seeds or more. Each seed gives one value of the contrast; the
  t interval of their mean has n - 1 degrees of freedom. What a seed shares over all runs cancels, and
  spreads may differ from mixture to mixture. For the gap it is the interval of a comparison.
* ``pooled_over_runs``, with fewer: one or two complete seeds, with the ends under more seeds or without.
  Ordinary least squares of y = mixture + seed over all runs; the residual mean square estimates the
  variance of one run, taken to be equal in all mixtures, with runs - mixtures - seeds + 1 degrees of
  freedom. With one complete seed and the ends under r seeds that is var(end differences) / 2 with r - 1.
  Source: two-way layout without interaction, unequal numbers; Scheffe (1959), The Analysis of Variance,
  section 4.4. One seed alone has no residual: estimates without an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.distributions import t_two_sided
from tinyexp.analysis.exact import deviation, dot, dots, mean, total
from tinyexp.analysis.statistics import decisive_interval, has_no_spread, interval_around, sign_flip_p

ErrorSource = Literal["paired_by_seed", "pooled_over_runs", "none"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Effect:
    """An estimate in the units of the metric, or in log-odds; None where the runs give no error estimate."""

    estimate: float
    standard_error: float | None
    low: float | None
    high: float | None
    """95 % t interval."""
    p: float | None
    """Two-sided, of an effect of zero, from the same t distribution as the interval."""
    by_seed: tuple[float, ...]
    """The value in each complete seed, ascending by seed."""


@dataclass(frozen=True)
class Fit:
    """The additive model ``mixture + seed``, fitted by least squares.

    The covariance of the mixtures' means is ``variance * (diag(spread) + lever @ lever.T)``, for
    contrasts that sum to zero.
    """

    means: Floats
    """Shape (mixtures,)."""
    spread: Floats
    """Shape (mixtures,): one over the number of runs."""
    lever: Floats
    """Shape (mixtures, seeds - 1): what the unknown seed effects add."""
    variance: float
    """Of one run; NaN without a degree of freedom."""
    degrees: int


def fit_additive(mixture: Integers, seed: Integers, value: Floats) -> Fit | None:
    """Fit ``value = mixture + seed`` over runs; None where the seeds do not hang together.

    Parameters
    ----------
    mixture, seed, value
        Shape (runs,); the first two number mixtures and seeds from 0, each number used at least once.
    """
    counts = np.zeros((int(mixture.max()) + 1, int(seed.max()) + 1))
    np.add.at(counts, (mixture, seed), 1.0)
    runs_of = np.bincount(mixture).astype(np.float64)
    share = counts / runs_of[:, None]
    raw = _totals(mixture, value) / runs_of
    # Mixtures are eliminated first, so only a seeds-by-seeds system is solved, however large the plan. The last
    # seed's effect is set to zero: a contrast of mixtures that sums to zero is the same whatever it is.
    reduced = np.diag(np.bincount(seed)[:-1].astype(np.float64))
    for own, part in zip(counts[:, :-1], share[:, :-1], strict=True):
        reduced -= own[:, None] * part
    solved = _eliminated(reduced, np.column_stack([share.T, _totals(seed, value - raw[mixture])])[:-1])
    if solved is None:
        return None
    upper, right = solved
    shift = np.append(_substituted(upper, right[:, -1]), 0.0)
    shift -= mean(shift)  # so that the means are those of the average seed
    means = raw - dots(share, shift[None])[:, 0]
    residual = value - means[mixture] - shift[seed]
    degrees = len(value) - counts.shape[0] - counts.shape[1] + 1
    variance = dot(residual, residual) / degrees if degrees else float("nan")
    lever = right[:, :-1] / np.sqrt(upper.diagonal())[:, None]
    return Fit(means, 1 / runs_of, lever.T, variance, degrees)


def _totals(group: Integers, value: Floats) -> Floats:
    """The sum of the values of each group, numbered from 0."""
    order = np.argsort(group, kind="stable")
    parts = np.split(value[order], np.searchsorted(group[order], np.arange(1, int(group.max()) + 1)))
    return np.array([total(part.tolist()) for part in parts])


def _eliminated(matrix: Floats, right: Floats) -> tuple[Floats, Floats] | None:
    """A symmetric system (n, n) with right sides (n, m) brought to upper triangular form; None where it is singular.

    Gauss without exchanging rows, which the matrix of a connected design, diagonally dominant as it is, does not need.
    LAPACK would be faster, and its last bits another's on another processor: here numpy multiplies and subtracts
    element by element. Each pivot is the runs of a seed as far as later seeds do not explain them.
    """
    count = len(matrix)
    least = 1e-9 * max(1.0, float(matrix.diagonal().max(initial=0.0)))
    both = np.column_stack([matrix, right])
    for place in range(count):
        if both[place, place] <= least:
            return None
        factors = both[place + 1 :, place] / both[place, place]
        both[place + 1 :, place:] -= factors[:, None] * both[place, place:]
    return both[:, :count], both[:, count:]


def _substituted(upper: Floats, right: Floats) -> Floats:
    """The solution of an upper triangular system (n, n) with right side (n,)."""
    found = right.copy()
    for place in reversed(range(len(found))):
        known = dot(upper[place, place + 1 :], found[place + 1 :])
        found[place] = (found[place] - known) / upper[place, place]
    return found


def pooled_effects(fit: Fit, rows: Floats, table: Floats) -> tuple[Effect, ...]:
    """The effects of contrasts of shape (effects, mixtures) under an additive fit."""
    by_seed = dots(table, rows)
    levered = dots(rows, fit.lever.T)
    unscaled = [dot(row * row, fit.spread) + dot(own, own) for row, own in zip(rows, levered, strict=True)]
    estimates = dots(rows, fit.means[None])[:, 0]
    return tuple(
        _pooled(float(estimate), factor, fit, tuple(own.tolist()))
        for estimate, factor, own in zip(estimates, unscaled, by_seed.T, strict=True)
    )


def paired_effects(table: Floats, rows: Floats) -> tuple[Effect, ...]:
    """The effects of contrasts of shape (effects, mixtures) over a table of shape (seeds, mixtures)."""
    return tuple(_paired(own) for own in dots(table, rows).T)


def _paired(values: Floats) -> Effect:
    estimate, own = mean(values), tuple(values.tolist())
    error = deviation(values) / math.sqrt(len(values))
    # As in a comparison: equal values estimate no spread, and the exact test stands in for t.
    interval = decisive_interval(values, 0.0, 0.0)
    p = (
        sign_flip_p(values, seed=0)
        if has_no_spread(values)
        else t_two_sided(estimate / error, len(values) - 1)
    )
    return Effect(
        estimate, error, interval.low if interval else None, interval.high if interval else None, p, own
    )


def _pooled(estimate: float, unscaled: float, fit: Fit, own: tuple[float, ...]) -> Effect:
    if unscaled == 0:  # a contrast that is zero by construction
        return Effect(0.0, 0.0, 0.0, 0.0, 1.0, own)
    if not fit.degrees or fit.variance <= 1e-24:
        return Effect(estimate, None, None, None, None, own)
    error = math.sqrt(fit.variance * unscaled)
    interval = interval_around(estimate, error, fit.degrees)
    return Effect(
        estimate, error, interval.low, interval.high, t_two_sided(estimate / error, fit.degrees), own
    )
