"""Two designs compared, paired by seed: one method gives interval and verdict, so they cannot disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

Verdict = Literal["beats", "within_margin", "no_difference_detected", "too_few_seeds"]


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison; differences are contender minus baseline, in the metric's units."""

    baseline: str
    contender: str
    metric: str
    margin: float
    epoch: int
    """The epoch that was compared: the last one of both."""
    verdict: Verdict
    winner: str | None
    """The one that beats the other; None under any other verdict."""
    seeds: tuple[int, ...]
    """The seeds that both were trained with, ascending."""
    baseline_values: tuple[float, ...]
    contender_values: tuple[float, ...]
    differences: tuple[float, ...]
    mean: float
    """Mean difference."""
    low: float | None
    high: float | None
    """95 % paired t interval; None below two seeds."""
    p_sign_flip: float
    """Two-sided paired sign-flip test, exact."""
    p_floor: float
    """The smallest p that this many seeds can reach: 2 / 2**n."""
    seeds_to_confirm: int
    """The fewest seeds whose floor lies below 0.05: six."""
    unpaired_seeds: tuple[int, ...]
    """Seeds that only one of the two has; named, and left out."""


def compare(frame: pd.DataFrame, a: str, b: str, metric: str = "test_accuracy", margin: float = 0.01) -> Comparison:
    """Compare contender ``a`` with baseline ``b`` over a frame of runs."""
    raise NotImplementedError
