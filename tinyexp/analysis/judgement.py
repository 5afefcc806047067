"""What claims are judged from, and what a judgement says: values from closed lists, and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from tinyexp.analysis.attribution import Attribution
from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import Fact

ClaimVerdict = Literal["supported", "refuted", "inconclusive", "not_tested"]
Reason = Literal[
    "prediction_holds",
    "prediction_fails",
    "works_against",
    "interval_too_wide",
    "too_few_seeds",
    "no_error_estimate",
    "only_before_adjustment",
    "nothing_to_explain",
    "gap_not_clear",
    "runs_missing",
    "attribution_missing",
    "no_difference",
    "runs_unusable",
    "fact_missing",
    "not_planned",
]
Quantity = Literal["share", "share_minus_half_gap", "difference", "change_along", "fact", "none"]


@dataclass(frozen=True)
class Judgement:
    """A claim, its verdict, and the figures; None where there is none."""

    claim: str
    verdict: ClaimVerdict
    reason: Reason
    quantity: Quantity = "none"
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    """The interval must lie wholly beyond this."""
    p_holm: float | None = None
    seeds: tuple[int, ...] = ()
    seeds_to_decide: int | None = None
    """For inconclusive: about how many seeds in all would decide; None where that cannot be said."""
    fact: str = ""
    problem: str = ""
    """For runs_unusable: what is wrong with them."""


@dataclass(frozen=True)
class Evidence:
    """What claims are judged from; what is missing leaves claims not tested."""

    frame: pd.DataFrame
    """A row per run and epoch, as for :func:`tinyexp.analysis.comparison.compare`."""
    attributions: Mapping[str, Attribution] = field(default_factory=dict)
    """By metric."""
    experiments: Mapping[str, Experiment] = field(default_factory=dict)
    """By name, for static claims."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    """By claim id: facts that need more than settings."""
    inactive: tuple[str, ...] = ()
    """Factors in which the two designs do not differ here."""
