"""How many runs would decide: a range, since the spread is itself known only roughly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tinyexp.analysis.exact import deviation, mean
from tinyexp.analysis.looks import Look, look_errors
from tinyexp.analysis.samples import welch
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, has_no_spread, interval_around

MOST = 999
"""Runs of each design; what would take more is not told as a number."""
_TENTH = 1.2815515655446004
"""Standard normal quantile of 0.9."""


@dataclass(frozen=True)
class SeedForecast:
    """Runs of each design, in all, at which the verdict would come out, were the difference as it is seen here."""

    low: int
    """Were the spread so small that 9 of 10 spreads are larger."""
    high: int | None
    """Were it so large that 9 of 10 are smaller; None for more than 999."""
    next_look: int | None


def seeds_forecast(
    contender: Sequence[float], baseline: Sequence[float], margin: float, look: Look, *, paired: bool
) -> SeedForecast | None:
    """The range of numbers of runs that would bring the interval clear of the margin's edges.

    A plan and no promise: the mean is uncertain too. Never at or below the runs at hand. None below two runs, where
    there is no spread, or where even the smallest spread would take more than :data:`MOST`.
    """
    count = min(len(contender), len(baseline))
    if count < 2:
        return None
    point = mean(contender) - mean(baseline)
    if paired:
        differences = [a - b for a, b in zip(contender, baseline, strict=True)]
        spread, degrees = (0.0 if has_no_spread(differences) else deviation(differences)), count - 1.0
    else:
        error, degrees = welch(contender, baseline)
        spread = 0.0 if has_no_spread(contender) and has_no_spread(baseline) else error * math.sqrt(count)
    if not spread:
        return None
    level = 1 - (look_errors(look.looks)[-1] if look.looks else ALPHA)
    distance = min(abs(point - margin), abs(point + margin))
    low, high = (
        _fewest(spread * factor, distance, count, level, paired=paired) for factor in _spread_factors(degrees)
    )
    return None if low is None else SeedForecast(low, high, look.next)


def _fewest(spread: float, distance: float, more_than: int, level: float, *, paired: bool) -> int | None:
    """The fewest runs of each, beyond those at hand, with which the half width falls below a distance."""

    def half(runs: int) -> float:
        degrees = (runs - 1) * (1 if paired else 2)
        return interval_around(0.0, spread / math.sqrt(runs), degrees, level).high

    low, high = max(more_than + 1, FEWEST_SEEDS), MOST
    if half(high) >= distance:
        return None
    while low < high:  # the half width falls with the runs
        middle = (low + high) // 2
        low, high = (low, middle) if half(middle) < distance else (middle + 1, high)
    return low


def _spread_factors(degrees: float) -> tuple[float, float]:
    """What a spread may be, as multiples of the one seen: from the 10 % to the 90 % quantile.

    Source: Wilson and Hilferty (1931), The distribution of chi-square, for its quantiles; within 3 % from two degrees on.
    """

    def chi_square(z: float) -> float:
        root = 1 - 2 / (9 * degrees) + z * math.sqrt(2 / (9 * degrees))
        kept = max(root, 0.05)
        return degrees * kept * kept * kept

    return math.sqrt(degrees / chi_square(_TENTH)), math.sqrt(degrees / chi_square(-_TENTH))
