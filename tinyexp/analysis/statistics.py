"""Intervals and tests, each a few lines; accuracies and their differences are fractions.

The t interval, not the bootstrap: a nominal 95 % percentile bootstrap covers some 75 % at three
seeds and 84 % at five, the t interval 95 %. Exact tests are checks that assume less.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.distributions import coin_lower, normal_critical, t_critical
from tinyexp.analysis.exact import deviation, folded, mean, total

LEVEL = 0.95
"""Confidence of every interval."""
ALPHA = 0.05
ENUMERABLE = 20
"""Sign flips are enumerated up to this many differences: 2**20 sums."""
_FLIPS_AT_ONCE = 5_000
FEWEST_SEEDS = 3
"""Below this many seeds no verdict is given, whatever they show."""

Values = Sequence[float] | NDArray[np.float64]


class Interval(NamedTuple):
    """A confidence interval, in the units of the values."""

    low: float
    high: float


def mean_interval(values: Values, level: float = LEVEL) -> Interval | None:
    """Student's t interval for the mean of values of shape (n,); None below two values.

    Source: Student (1908), The probable error of a mean; ``scipy.stats.ttest_1samp`` gives the same.

    >>> low, high = mean_interval([0.1, 0.2, 0.3])
    >>> round(low, 4), round(high, 4)
    (-0.0484, 0.4484)
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        return None
    return interval_around(mean(x), deviation(x) / math.sqrt(len(x)), len(x) - 1, level)


def interval_around(estimate: float, standard_error: float, degrees: float, level: float = LEVEL) -> Interval:
    """The t interval of an estimate whose standard error has so many degrees of freedom."""
    half = t_critical(1 - level, degrees) * standard_error
    return Interval(estimate - half, estimate + half)


def paired_interval(a: Values, b: Values, level: float = LEVEL) -> Interval | None:
    """The t interval of the mean of ``a - b``, both of shape (n,) and in the same order of seeds."""
    return mean_interval(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64), level)


def decisive_interval(values: Values, low_edge: float, high_edge: float) -> Interval | None:
    """The t interval as far as a verdict about the region ``low_edge`` to ``high_edge`` may rest on it.

    Values that are all equal estimate no spread, and their t interval has no width: certainty out of
    rounding, since accuracies are counts over a finite test set (three A/A differences of one image
    each are no rarity). Such values outside the region are trusted from six on, where the exact
    sign-flip test confirms them too, and inside it from three on, where nothing is claimed to differ.
    Before that the result is None.
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2 or not has_no_spread(x):
        return mean_interval(x)
    point = mean(x)
    needed = FEWEST_SEEDS if low_edge <= point <= high_edge else seeds_to_confirm()
    return Interval(point, point) if len(x) >= needed else None


def has_no_spread(values: Values) -> bool:
    """Whether values are equal but for rounding in the last binary places."""
    x = np.asarray(values, dtype=np.float64)
    # Differences of accuracies below one: 1e-12 lies far under one image and far above rounding.
    return bool(np.ptp(x) <= 1e-12 * max(1.0, float(np.abs(x).max())))


def sign_flip_p(differences: Values, *, seed: int | None = None, samples: int = 100_000) -> float:
    """Two-sided paired sign-flip permutation test of a mean difference of zero.

    Exact over all ``2**n`` flips up to twenty differences. Beyond that ``samples`` random flips, for
    which a ``seed`` must be given; the observed one counts among them, so that p is never zero.

    Source: Fisher (1935), The Design of Experiments, section 21; Phipson and Smyth (2010) for "+1".

    >>> sign_flip_p([0.1, 0.2, 0.3])
    0.25
    """
    observed = abs(total(np.asarray(differences, dtype=np.float64).tolist()))
    # As all signs are tried, or any drawn, the differences' own do not matter; by size, their order does not either.
    d = np.sort(np.abs(np.asarray(differences, dtype=np.float64)))
    tolerance = 1e-12 * total(d.tolist())  # sums of equal size in another order are ties
    if len(d) <= ENUMERABLE:
        sums = d[:1] + 0.0  # each flip has a mirror image, whose sum is as large: one of the two is enough
        for value in d[1:]:
            sums = np.concatenate([sums + value, sums - value])
        return int(np.count_nonzero(np.abs(sums) >= observed - tolerance)) / len(sums)
    if seed is None:
        raise ValueError(f"{len(d)} differences are too many to enumerate; give a seed to sample the flips")
    draw, hits = np.random.default_rng(seed), 0
    for start in range(0, samples, _FLIPS_AT_ONCE):  # with a thousand seeds all of them would fill a gigabyte
        size = (min(_FLIPS_AT_ONCE, samples - start), len(d))
        signs = draw.choice(np.array([-1.0, 1.0]), size=size)
        hits += int(np.count_nonzero(np.abs(folded(signs * d)) >= observed - tolerance))
    return (hits + 1) / (samples + 1)


def sign_flip_floor(n: int) -> float:
    """The smallest two-sided p that the sign-flip test can give for n pairs: ``2 / 2**n``, at most 1.

    >>> [round(sign_flip_floor(n), 4) for n in (3, 4, 5, 6, 8)]
    [0.25, 0.125, 0.0625, 0.0312, 0.0078]
    """
    return min(1.0, math.ldexp(1.0, 1 - n))


def seeds_to_confirm(alpha: float = ALPHA) -> int:
    """The fewest pairs whose sign-flip floor lies below ``alpha``.

    >>> seeds_to_confirm()
    6
    """
    n = 1
    while sign_flip_floor(n) >= alpha:
        n += 1
    return n


def seeds_to_decide(values: Values, *edges: float, most: int = 999) -> int | None:
    """The fewest seeds at which the t interval would clear every edge, were mean and spread as seen here.

    A plan, not a promise: both are themselves uncertain. None below two values, where the values show no
    spread, or where more than ``most`` seeds would be needed.

    >>> seeds_to_decide([0.02, 0.05, 0.03], 0.01), seeds_to_decide([0.1, 0.2, 0.1], 0.5)
    (5, 3)
    """
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2 or has_no_spread(x):
        return None
    distance = min(abs(mean(x) - edge) for edge in edges)
    spread = deviation(x)
    sizes = range(FEWEST_SEEDS, most + 1)  # the interval narrows with every seed
    at = bisect_left(
        sizes, x=True, key=lambda n: t_critical(1 - LEVEL, n - 1) * spread / math.sqrt(n) < distance
    )
    return sizes[at] if at < len(sizes) else None


def permutation_floor(n_a: int, n_b: int) -> float:
    """The smallest two-sided p of an unpaired permutation test of two group means.

    Only groups of one size have a mirror image that is as extreme as they are.

    >>> [round(permutation_floor(n, n), 5) for n in (3, 4, 5, 6, 8)]
    [0.1, 0.02857, 0.00794, 0.00216, 0.00016]
    """
    return min(1.0, (2 if n_a == n_b else 1) / math.comb(n_a + n_b, n_a))


def mcnemar_p(only_a: int, only_b: int) -> float:
    """Exact two-sided McNemar test on the images that only one of two networks gets right.

    Source: McNemar (1947); the binomial test on discordant pairs, as ``scipy.stats.binomtest`` has it.
    """
    discordant = only_a + only_b
    # A fair coin's distribution is symmetric, so the two tails are one of them twice, but for the middle.
    return min(1.0, 2 * coin_lower(min(only_a, only_b), discordant))


def paired_share_interval(only_a: int, only_b: int, images: int, level: float = LEVEL) -> Interval:
    """Adjusted Wald interval for the difference of two accuracies (a minus b) on the same images.

    One image is added to each kind of disagreement, which mends the Wald interval's coverage where
    disagreements are few. Source: Bonett and Price (2012), Adjusted Wald confidence interval for a
    difference of binomial proportions based on paired data, J. Educ. Behav. Stat. 37, 479-488.
    """
    a, b = (only_a + 1) / (images + 2), (only_b + 1) / (images + 2)
    half = normal_critical(1 - level) * math.sqrt((a + b - (a - b) * (a - b)) / (images + 2))
    return Interval(max(-1.0, a - b - half), min(1.0, a - b + half))


def holm(p_values: Values) -> tuple[float, ...]:
    """Holm's adjusted p-values, in the order given; they hold the family-wise error under any dependence.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return tuple(adjusted.tolist())
