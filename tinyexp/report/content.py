"""What ``report.json`` holds: its types, from which its JSON Schema is made.

Values stand as the runs have them, and ``metrics`` says what each name means; what is unknown is null. A change of anything here raises
:data:`SCHEMA_VERSION`, so that whoever reads the file knows what to expect.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from tinyexp.analysis.attribution import Scale
from tinyexp.analysis.change import Change
from tinyexp.analysis.comparison import Comparison, TwoNetworks
from tinyexp.analysis.effects import ErrorSource
from tinyexp.analysis.judgement import ClaimVerdict, Quantity, Reason
from tinyexp.analysis.plan import PlanKind
from tinyexp.analysis.reproduction import Reproduction
from tinyexp.analysis.study import ClaimKind
from tinyexp.config.endpoint import Endpoint
from tinyexp.config.metric import Metric

SCHEMA_VERSION = 4

VerdictKind = Literal[
    "beats",
    "within_margin",
    "no_difference_detected",
    "too_few_seeds",
    "not_comparable",
    "missing",
    "no_study",
    "nothing_finished",
]
GateKind = Literal["claim_refuted", "verdict_changed", "accuracy_below", "worse_than", "run_missing"]

_CONFIG = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class FirstVerdict:
    """What the report opens with."""

    kind: VerdictKind
    study: str | None


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class AttributionTold:
    """The gap of a study shared out, in one metric."""

    plan: PlanKind
    factors: tuple[str, ...]
    mixtures: tuple[tuple[int, ...], ...]
    """For each mixture whether each factor is switched."""
    seeds: tuple[int, ...]
    partial_seeds: tuple[int, ...]
    runs: int
    error: ErrorSource
    degrees: int
    in_metric: Scale
    in_log_odds: Scale | None


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ClaimTold:
    """A claim of the source and its verdict."""

    claim: str
    verdict: ClaimVerdict
    reason: Reason
    quantity: Quantity
    estimate: float | None
    low: float | None
    high: float | None
    threshold: float | None
    p_holm: float | None
    seeds: tuple[int, ...]
    seeds_to_decide: int | None
    fact: str
    problem: str
    says: str
    predicts: str
    kind: ClaimKind


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class GateTold:
    """A condition of a study's ``fail_on``, and what was found."""

    study: str
    gate: GateKind
    subject: str
    """The claim or experiment that it is about; empty where it is about the whole study."""
    passed: bool
    found: str
    required: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class StudyTold:
    """What became of a study."""

    study: str
    baseline: str
    contender: str
    metric: str
    endpoint: Endpoint
    """Which value of each run is compared; all null for the last."""
    missing: tuple[str, ...]
    problem: str | None
    comparison: Comparison | None
    two_networks: TwoNetworks | None
    attributions: dict[str, AttributionTold]
    """By metric."""
    unattributed: str | None
    claims: tuple[ClaimTold, ...]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Unheld:
    """A reported figure that could not be held against the runs."""

    experiment: str
    problem: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class CurveTold:
    """A metric over the epochs: mean, lowest and highest seed."""

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class DataTold:
    """What was trained on."""

    fingerprint: str
    train_images: int
    holdout_images: int
    test_images: int
    classes: int
    files: dict[str, str]
    """Of a command: the files that were pinned, with their SHA-256."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class DeviationTold:
    """A key in which an experiment departs from the source."""

    key: str
    source: Any
    here: Any


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ExperimentTold:
    """An experiment in the configuration that the report is about."""

    name: str
    title: str
    configuration: str
    overrides: dict[str, Any]
    deviations: tuple[DeviationTold, ...]
    readings: dict[str, str]
    data: DataTold
    seeds: tuple[int, ...]
    """Those of the finished runs."""
    last: dict[str, tuple[float, ...]]
    """By metric, of the report's and the studies': what each run ends at, in the order of ``seeds``. A metric that some
    of the runs do not have is left out."""
    curves: dict[str, CurveTold]
    """By metric, of all that the runs have throughout and somebody says the meaning of."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class RunTold:
    """A run, and digests of the records that travel with the report."""

    name: str
    seed: int
    identity: str
    state: Literal["running", "finished", "interrupted", "failed", "diverged"]
    epochs_done: int
    epochs: int
    bit_identical: bool | None
    records: dict[str, str]
    """SHA-256 by file name."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class BaselineTold:
    """The report that this one is held against; the whole of it lies beside this file as ``baseline.json``."""

    sha256: str
    schema_version: int
    made_with: dict[str, str]
    profile: str
    verdict: str
    runs: int


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class StudyChange:
    """The verdict of a comparison then and now, and how far the difference moved."""

    study: str
    before: VerdictKind | None
    """None where the baseline does not have the study."""
    winner_before: str | None
    here: VerdictKind
    winner_here: str | None
    changed: bool
    """Whether another verdict, or another winner, was given."""
    metric: str
    difference: Change
    """Of contender minus baseline."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ClaimChange:
    """The verdict of a claim then and now; None where it was or is no claim of the study."""

    study: str
    claim: str
    before: ClaimVerdict | None
    here: ClaimVerdict | None
    changed: bool
    """Whether both are there and differ."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ExperimentChange:
    """The report's metric of an experiment then and now, at the end of its runs."""

    name: str
    configured: Literal["alike", "otherwise", "unknown"]
    """Whether its settings are those of the baseline; unknown where only one has it."""
    change: Change


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ChangesTold:
    """What changed since a baseline."""

    baseline: BaselineTold
    comparable: bool
    problem: Literal["", "other_profile"]
    """Why nothing is compared."""
    same_runs: int
    """Runs of this report that are the very trainings of the baseline, by identity."""
    new_runs: int
    gone_runs: int
    """Runs of the baseline that this report does not have."""
    unequal_runs: tuple[str, ...]
    """Runs with the identity of one of the baseline's and other metrics: they did not repeat."""
    studies: tuple[StudyChange, ...]
    claims: tuple[ClaimChange, ...]
    experiments: tuple[ExperimentChange, ...]
    metric: str | None
    """That of ``experiments``; None where the runs have none."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ReportValues:
    """The report's values."""

    profile: str
    metric: str | None
    """The leading study's; without a study the first that the runs have, those on test data before others."""
    metrics: dict[str, Metric]
    """What the names of metrics mean."""
    untyped: tuple[str, ...]
    """Numeric columns of the runs that are left out, as nobody says which direction is the better one."""
    verdict: FirstVerdict
    changes: ChangesTold | None
    """None where no baseline was given."""
    gates: tuple[GateTold, ...]
    studies: tuple[StudyTold, ...]
    reported: tuple[Reproduction | Unheld, ...]
    experiments: tuple[ExperimentTold, ...]
    missing: tuple[str, ...]
    """Experiments that have a file and no run."""
    runs: tuple[RunTold, ...]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ReportFile:
    """The file ``report.json``."""

    format: Literal["tinyexp-report"]
    schema_version: Literal[4]
    made_with: dict[str, str]
    """Package and version of what decides the pages' bytes."""
    verdict: str
    """The report's first sentence."""
    values: ReportValues
