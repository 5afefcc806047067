"""Two samples of runs that share nothing: the interval of their difference, and the exact test beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyexp.analysis.exact import deviation, folded, mean, total
from tinyexp.analysis.statistics import (
    ALPHA,
    FEWEST_SEEDS,
    LEVEL,
    Interval,
    Values,
    has_no_spread,
    interval_around,
    permutation_floor,
)

ENUMERABLE = 200_000
"""Ways to share runs out among two designs that are all tried; 9 runs against 9 have 48,620, 10 against 10 have 184,756."""
_SAMPLES = 100_000
_AT_ONCE = 5_000


def welch(a: Values, b: Values) -> tuple[float, float]:
    """The standard error of ``mean(a) - mean(b)`` and its degrees of freedom; zero of both where neither has spread.

    Of equal numbers ``scipy.stats.ttest_ind(equal_var=False)`` gives the same; for unequal ones see
    :func:`degrees_of_freedom`.

    Source: Welch (1947), The generalization of "Student's" problem when several different population variances are
    involved, Biometrika 34, 28-35.
    """
    spreads = [deviation(values) for values in (a, b)]
    parts = [spread * spread / len(values) for spread, values in zip(spreads, (a, b), strict=True)]
    variance = total(parts)
    return math.sqrt(variance), degrees_of_freedom(parts, (len(a), len(b)))


def degrees_of_freedom(parts: Sequence[float], runs: Sequence[int]) -> float:
    """Of a sum of variances of means: Satterthwaite's, and where the numbers of runs differ at most a bound.

    Satterthwaite's degrees are estimated. Where a few runs meet many and happen to show little spread, the many seem to be
    all that counts, and the interval comes out too short just when its centre is least certain: with 3 runs against 10 a
    design with normal noise beat itself in 6.3 % of cases, with 3 against 20 in 7.4 %. The bound is what would remain if
    each design's variance counted by the square of its share of the fewest runs, (n - 1) times the sum of (n / n_i)^2
    with n the fewest: of equal numbers it is the most that Satterthwaite's can be, so that it changes nothing there, and
    with many runs against n it goes to Hsu's n - 1. It was chosen by simulation; its error rates are in docs/method.md.

    Source: Satterthwaite (1946), An approximate distribution of estimates of variance components, Biometrics Bulletin 2,
    110-114; for n - 1 Hsu's test in Scheffe (1970), Practical solutions of the Behrens-Fisher problem, JASA 65, 1501-1508.

    Parameters
    ----------
    parts
        The variance of each mean. What is zero, as what has no weight, does not count; 0.0 where all are.
    runs
        How many each rests on.

    >>> round(degrees_of_freedom([1.0, 1.0], [3, 3]), 6), round(degrees_of_freedom([1.0, 10.0], [10, 3]), 6)
    (4.0, 2.18)
    """
    variance = total(parts)
    if not variance:
        return 0.0
    counted = [(part / variance, count) for part, count in zip(parts, runs, strict=True) if part]
    estimated = 1 / total([share * share / (count - 1) for share, count in counted])
    fewest = min(runs)
    return min(estimated, (fewest - 1) * total([fewest * fewest / (count * count) for count in runs]))


def difference_interval(
    a: Values, b: Values, low_edge: float, high_edge: float, level: float = LEVEL
) -> Interval | None:
    """Welch's interval of ``mean(a) - mean(b)``, as far as a verdict about the region between two edges may rest on it.

    Where the numbers of runs differ its degrees of freedom are bounded: :func:`degrees_of_freedom`.

    None below two runs of either. Runs that are all equal estimate no spread: accuracies are counts over a finite test
    set, and three equal ones no rarity. Where neither design's runs show any, the difference is trusted outside the
    region from that number of runs on at which the permutation test confirms it too, and inside it from three on.

    >>> low, high = difference_interval([0.5, 0.6, 0.7], [0.1, 0.2, 0.3], 0.0, 0.0)
    >>> round(low, 4), round(high, 4)
    (0.1733, 0.6267)
    """
    if min(len(a), len(b)) < 2:
        return None
    point = mean(a) - mean(b)
    if has_no_spread(a) and has_no_spread(b):
        inside = low_edge <= point <= high_edge
        fewest = min(len(a), len(b))
        trusted = fewest >= FEWEST_SEEDS if inside else permutation_floor(len(a), len(b)) < 1 - level
        return Interval(point, point) if trusted else None
    error, degrees = welch(a, b)
    return interval_around(point, error, degrees, level)


def permutation_p(a: Values, b: Values, *, seed: int = 0) -> float:
    """Two-sided permutation test of two means: how often runs shared out by chance would lie as far apart.

    Exact where there are at most :data:`ENUMERABLE` ways; else by 100,000 of them, the observed one among them.

    Source: Fisher (1935), The Design of Experiments, section 21; Phipson and Smyth (2010) for "+1".

    >>> permutation_p([0.4, 0.5, 0.6], [0.1, 0.2, 0.3])
    0.1
    """
    both = np.sort(np.array([*a, *b], dtype=np.float64))  # so that the order of the runs does not matter
    count, among = len(a), len(both)
    whole, part = total(both.tolist()), total(list(map(float, a)))
    # The difference of the means is, but for constants, the sum over one of the two.
    expected = whole * count / among
    observed = abs(part - expected)
    least = observed - 1e-12 * total(np.abs(both).tolist())
    if math.comb(among, count) <= ENUMERABLE:
        sums = _sums_of(both, count)
        return int(np.count_nonzero(np.abs(sums - expected) >= least)) / len(sums)
    draw, hits = np.random.default_rng(seed), 0
    for start in range(0, _SAMPLES, _AT_ONCE):
        size = min(_AT_ONCE, _SAMPLES - start)
        chosen = draw.random((size, among)).argsort(axis=1, kind="stable")[:, :count]
        hits += int(np.count_nonzero(np.abs(folded(both[chosen]) - expected) >= least))
    return (hits + 1) / (_SAMPLES + 1)


def _sums_of(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """The sum of every choice of so many values, each once; added in one order on every machine."""
    sums = [np.zeros(1)] + [np.empty(0)] * count
    for value in values:
        for size in range(count, 0, -1):  # downward, so that a value is taken once
            sums[size] = np.concatenate([sums[size], sums[size - 1] + value])
    return sums[count]


def fewest_to_confirm(alpha: float = ALPHA) -> int:
    """The fewest runs of each of two designs whose permutation test can go below ``alpha``.

    >>> fewest_to_confirm(), fewest_to_confirm(0.01)
    (4, 5)
    """
    count = 2
    while permutation_floor(count, count) >= alpha:
        count += 1
    return count


def outliers(values: Sequence[float], sense: float, least: float) -> tuple[int, ...]:
    """Places of values that lie far behind their fellows: by more than ``least``, and ten times as far from the median as half of all do.

    For normal noise that is 6.7 standard deviations. Below four values there is no telling.

    Parameters
    ----------
    sense
        1 where higher is better, -1 where lower is.
    """
    if len(values) < 4:
        return ()
    middle = median(values)
    typical = median([abs(value - middle) for value in values])
    return tuple(
        place for place, value in enumerate(values) if sense * (middle - value) > max(least, 10 * typical)
    )


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else mean(ordered[half - 1 : half + 1])
