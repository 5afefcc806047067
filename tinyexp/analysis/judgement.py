"""What claims are judged from, and what a judgement says: values from closed lists, and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.sweeps import Step
from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import Fact

ClaimVerdict = Literal[
    "supported",
    "refuted",
    "inconclusive",
    "below_margin",
    "as_predicted_here",
    "not_as_predicted_here",
    "undecided_here",
    "not_tested",
]
"""``here`` where runs depart from the source in data, size or length: they are no evidence on what it claims."""
AGAINST: tuple[ClaimVerdict, ...] = ("refuted", "not_as_predicted_here")
"""Those under which a prediction failed."""
Reason = Literal[
    "prediction_holds",
    "prediction_fails",
    "works_against",
    "too_small",
    "size_open",
    "direction_open",
    "interval_too_wide",
    "step_against",
    "step_open",
    "too_few_seeds",
    "lost_runs",
    "no_error_estimate",
    "only_before_adjustment",
    "contradicted_alone",
    "nothing_to_explain",
    "gap_not_clear",
    "runs_missing",
    "attribution_missing",
    "no_difference",
    "runs_unusable",
    "fact_missing",
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
    error: float | None = None
    """What the verdict may be wrong by, a part of the 5 % that all claims of a study have together (Holm); None where it
    rests on no test. The interval is the claim's own at 95 %."""
    steps: tuple[Step, ...] = ()
    """Of a sweep."""
    seeds: tuple[int, ...] = ()
    """Those of any of its experiments."""
    runs: tuple[int, ...] = ()
    """How many runs of each of its experiments count, in their order; empty for a factor."""
    seeds_to_decide: int | None = None
    """Where it is open: about how many seeds in all would decide; None where that cannot be said."""
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
    lost: Mapping[str, int] = field(default_factory=dict)
    """By experiment: trainings that were started and gave no value."""
    inactive: tuple[str, ...] = ()
    """Factors in which the two designs do not differ here."""
