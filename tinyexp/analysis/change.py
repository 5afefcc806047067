"""What changed between two rounds of the same trainings, paired by seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tinyexp.analysis.exact import mean
from tinyexp.analysis.statistics import FEWEST_SEEDS, decisive_interval

SAME = 1e-9
"""What was measured twice and differs by less is equal: an earlier report may have stored more digits, or fewer."""

ChangeVerdict = Literal["rose", "fell", "within_noise", "equal", "cannot_tell"]
ChangeReason = Literal[
    "",
    "no_shared_seed",
    "too_few_seeds",
    "no_spread",
    "not_in_baseline",
    "not_here",
    "not_recorded",
    "other_data",
    "other_question",
    "not_compared_then",
    "not_compared_here",
]


@dataclass(frozen=True)
class Change:
    """A quantity then and now; figures are means over the shared seeds, None where there is none."""

    verdict: ChangeVerdict
    reason: ChangeReason = ""
    """For cannot_tell: why."""
    before: float | None = None
    here: float | None = None
    change: float | None = None
    """Mean of here minus before, seed by seed."""
    low: float | None = None
    high: float | None = None
    """95 % paired t interval of the change."""
    seeds: tuple[int, ...] = ()
    """The seeds of both, ascending."""
    unpaired_seeds: tuple[int, ...] = ()
    """Seeds that only one of the two has; left out."""


def change_between(before: Mapping[int, float], here: Mapping[int, float]) -> Change:
    """The change of a quantity that was measured twice with the same seeds.

    Parameters
    ----------
    before, here
        The quantity by seed, in the same units.

    ``equal`` when every shared seed gives the same value, to :data:`SAME`. ``rose`` or ``fell`` when the 95 % paired t
    interval of the mean change lies wholly on one side of zero; ``within_noise`` when it contains zero.
    Without an interval to go by, ``cannot_tell``: below three shared seeds, and below six where the
    changes are all the same and not zero; see :func:`tinyexp.analysis.statistics.decisive_interval`.

    >>> change_between({0: 0.50, 1: 0.52, 2: 0.51}, {0: 0.60, 1: 0.61, 2: 0.62}).verdict
    'rose'
    >>> change_between({0: 0.50, 1: 0.52, 2: 0.51}, {0: 0.51, 1: 0.50, 2: 0.52}).verdict
    'within_noise'
    """
    seeds = tuple(sorted(before.keys() & here.keys()))
    alone = tuple(sorted(before.keys() ^ here.keys()))
    if not seeds:
        return Change("cannot_tell", "no_shared_seed", unpaired_seeds=alone)
    differences = np.array([here[seed] - before[seed] for seed in seeds])
    scale = max(1.0, *(abs(here[seed]) for seed in seeds))
    differences[np.abs(differences) < SAME * scale] = 0.0
    interval = decisive_interval(differences, 0.0, 0.0) if len(seeds) >= FEWEST_SEEDS else None
    verdict: ChangeVerdict = "within_noise"
    reason: ChangeReason = ""
    if not differences.any():
        verdict = "equal"
    elif interval is None:
        verdict, reason = "cannot_tell", "too_few_seeds" if len(seeds) < FEWEST_SEEDS else "no_spread"
    elif interval.low > 0 or interval.high < 0:
        verdict = "rose" if interval.low > 0 else "fell"
    return Change(
        verdict,
        reason,
        before=mean([before[seed] for seed in seeds]),
        here=mean([here[seed] for seed in seeds]),
        change=mean(differences),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        seeds=seeds,
        unpaired_seeds=alone,
    )
