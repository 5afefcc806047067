"""Looks: the numbers of runs at which a study may be decided, each of which spends a part of the 5 %.

Whoever adds seeds until the verdict is clear, and each time looks with all of the 5 %, is wrong in 9 % of comparisons
of a design with itself after two looks and in 31 % after fifty. So a study says beforehand at how many runs of each
design it looks, and every look has its own level. The levels add up to 5 %, which holds the error whatever the looks
share (Bonferroni); that they grow with the runs follows the spending functions of Kim and DeMets (1987), Design and
analysis of group sequential tests based on the type I error spending rate function, Biometrika 74, 149-154.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal

from tinyexp.analysis.statistics import ALPHA

_POWER = Decimal("2.321928094887362")
"""The binary logarithm of 5, so that half of the runs spend a fifth: .01 and .04 at two looks, the second of twice as
many runs as the first."""
_DECIMAL = Context(prec=30)


@dataclass(frozen=True)
class Look:
    """Where a study stands among its looks."""

    looks: tuple[int, ...]
    """Runs of each design at which it is decided; empty where all runs there are count, at once and for good."""
    number: int
    """Which of them this is, from 1; 0 before the first."""
    runs: int | None
    """Of each design that count; None for all."""
    error: float
    """What this look may be wrong by: its interval covers 1 minus this. Before the first that of the first."""
    next: int | None
    """Runs of each design at the next look; None after the last."""


def default_looks(seeds: int) -> tuple[int, ...]:
    """The looks of a study that names none: at the number of seeds that it is trained with, and at twice that."""
    return (seeds, 2 * seeds)


def look_errors(looks: Sequence[int], error: float = ALPHA) -> tuple[float, ...]:
    """What each look may be wrong by; together ``error``.

    >>> look_errors([3, 6]), look_errors([3, 6, 10]), look_errors([5])
    ((0.01, 0.04), (0.003054, 0.012216, 0.03473), (0.05,))
    """
    spent = [round(error * _spent(runs, looks[-1]), 6) for runs in looks[:-1]]
    spent = [*spent, error]
    return tuple(round(now - before, 6) for now, before in zip(spent, [0.0, *spent[:-1]], strict=True))


def _spent(runs: int, last: int) -> float:
    """The share of the error that is spent by so many runs; by decimals, as a power's last bits are the processor's."""
    return float(_DECIMAL.power(_DECIMAL.divide(Decimal(runs), Decimal(last)), _POWER))


def look_at(looks: Sequence[int], runs: int, error: float = ALPHA) -> Look:
    """The last look that so many runs of each design reach.

    >>> look_at((3, 6), 4)
    Look(looks=(3, 6), number=1, runs=3, error=0.01, next=6)
    """
    if not looks:
        return Look((), 1, None, error, None)
    errors = look_errors(looks, error)
    number = sum(runs >= look for look in looks)
    return Look(
        looks=tuple(looks),
        number=number,
        runs=looks[number - 1] if number else runs,
        error=errors[max(number, 1) - 1],
        next=looks[number] if number < len(looks) else None,
    )
