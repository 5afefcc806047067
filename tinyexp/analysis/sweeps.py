"""Designs in an order: each step from one to the next, and the change along all of them.

Every sample is the runs of one design. Unpaired, variances are Welch's; paired by seed, the samples are in one order of
seeds and a seed's own value is taken. Two designs are a sweep of one step, and their change is their difference.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyexp.analysis.exact import deviation, dot, mean, total
from tinyexp.analysis.samples import degrees_of_freedom, difference_interval
from tinyexp.analysis.statistics import (
    ALPHA,
    FEWEST_SEEDS,
    Interval,
    has_no_spread,
    interval_around,
    mean_interval,
    permutation_floor,
    sign_flip_floor,
)

Samples = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Step:
    """What lies between one design of a sweep and the next, in the units of the metric."""

    first: str
    second: str
    estimate: float
    """Second minus first."""
    low: float | None
    high: float | None
    level: float
    """Confidence of the interval: clear of zero just where Holm's procedure over all steps says so."""


def change_along(
    samples: Samples, margin: float, error: float = ALPHA, *, paired: bool = False
) -> tuple[float, Interval | None]:
    """The change along the straight line through the samples' means, from first to last, with its interval.

    Of two samples it is their difference. Where nothing shows any spread the interval has no width, and is None unless
    the exact test could confirm it, as in :func:`tinyexp.analysis.samples.difference_interval`.

    Degrees of freedom as :func:`tinyexp.analysis.samples.degrees_of_freedom` has them; of two samples they are Welch's.

    >>> estimate, interval = change_along([[0.1, 0.2, 0.3], [0.5, 0.6, 0.7]], 0.0)
    >>> round(estimate, 4), round(interval.low, 4), round(interval.high, 4)
    (0.4, 0.1733, 0.6267)
    """
    weights = line_weights(len(samples))
    if paired:
        values = along_each_seed(samples)
        return mean(values), _paired_interval(values, margin, error)
    estimate = dot([mean(sample) for sample in samples], weights)
    if min(map(len, samples)) < 2:
        return estimate, None
    counted = [sample for sample, weight in zip(samples, weights, strict=True) if weight]
    if all(map(has_no_spread, counted)):
        floor = permutation_floor(len(samples[0]), len(samples[-1]))
        fewest = min(map(len, samples))
        return estimate, _point(estimate, margin, trusted=floor < error, fewest=fewest)
    parts = [
        weight * weight * deviation(sample) * deviation(sample) / len(sample)
        for weight, sample in zip(weights, samples, strict=True)
    ]
    variance = total(parts)
    kept = [place for place, weight in enumerate(weights) if weight]
    degrees = degrees_of_freedom([parts[place] for place in kept], [len(samples[place]) for place in kept])
    return estimate, interval_around(estimate, math.sqrt(variance), degrees, 1 - error)


def steps_along(
    names: Sequence[str], samples: Samples, error: float = ALPHA, *, paired: bool = False
) -> tuple[Step, ...]:
    """Every step, with intervals that are together wrong in at most ``error`` of cases about its direction.

    Holm's procedure by intervals: of the steps that are left each is looked at with an equal part of the error; those
    whose interval is clear of zero are told and leave, and it begins again, until none leaves. Each step's interval is
    that of the last time it was looked at.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure; Shaffer (1980) for directions.
    """
    pairs = list(itertools.pairwise(samples))
    found: dict[int, tuple[Interval | None, float]] = {}
    left = list(range(len(pairs)))
    while left:
        part = error / len(left)
        now = {place: _between(*pairs[place], part, paired=paired) for place in left}
        found |= {place: (interval, 1 - part) for place, interval in now.items()}
        clear = {place for place, interval in now.items() if interval and clear_of_zero(*interval)}
        if not clear:
            break
        left = [place for place in left if place not in clear]
    return tuple(
        Step(
            first=names[place],
            second=names[place + 1],
            estimate=mean(second) - mean(first),
            low=interval.low if interval else None,
            high=interval.high if interval else None,
            level=level,
        )
        for place, (first, second) in enumerate(pairs)
        for interval, level in [found[place]]
    )


def clear_of_zero(low: float, high: float) -> bool:
    """Whether an interval lies wholly on one side."""
    return low > 0 or high < 0


def line_weights(count: int) -> list[float]:
    """What the fitted line's change takes of each mean: the least-squares slope over equal distances, times the steps.

    >>> line_weights(2), line_weights(3)
    ([-1.0, 1.0], [-1.0, 0.0, 1.0])
    """
    place = np.arange(count) - (count - 1) / 2
    weights: list[float] = (place * (count - 1) / dot(place, place)).tolist()
    return weights


def along_each_seed(samples: Samples) -> tuple[float, ...]:
    """The change along the line for each seed; the samples are in one order of seeds."""
    weights = line_weights(len(samples))
    return tuple(dot(values, weights) for values in zip(*samples, strict=True))


def _between(
    first: Sequence[float], second: Sequence[float], error: float, *, paired: bool
) -> Interval | None:
    if paired:
        return _paired_interval([b - a for a, b in zip(first, second, strict=True)], 0.0, error)
    return difference_interval(second, first, 0.0, 0.0, 1 - error)


def _paired_interval(values: Sequence[float], margin: float, error: float) -> Interval | None:
    if len(values) < 2 or not has_no_spread(values):
        return mean_interval(values, 1 - error)
    return _point(mean(values), margin, trusted=sign_flip_floor(len(values)) < error, fewest=len(values))


def _point(point: float, margin: float, *, trusted: bool, fewest: int) -> Interval | None:
    """An interval without width: inside the margin three runs are enough, as nothing is claimed to differ."""
    inside = abs(point) <= margin and fewest >= FEWEST_SEEDS
    return Interval(point, point) if inside or trusted else None
