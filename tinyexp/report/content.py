"""What ``report.json`` holds: its types, from which its JSON Schema is made.

Values stand as the runs have them, and ``metrics`` says what each name means; what is unknown is null. A change of anything here raises
:data:`SCHEMA_VERSION`, so that whoever reads the file knows what to expect.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.change import Change
from tinyexp.analysis.classes import ByClass
from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.comparison import TwoNetworks
from tinyexp.analysis.images import AcrossImages
from tinyexp.analysis.judgement import ClaimVerdict, Judgement
from tinyexp.analysis.reproduction import Reproduction
from tinyexp.analysis.study import Study
from tinyexp.config.difference import Difference
from tinyexp.config.metric import Metric
from tinyexp.runs.records import DataFacts

SCHEMA_VERSION = 8

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
class GateResult:
    """A condition of a study's ``fail_on``, and what was found."""

    study: str
    gate: GateKind
    subject: str
    """The claim or experiment that it is about; empty where it is about the whole study."""
    passed: bool
    found: str
    required: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class StudyValues:
    """What became of a study."""

    study: str
    definition: Study
    """The question as its file says it: what is compared, what too little to matter, factors and claims."""
    changed: tuple[Difference, ...]
    """What was decided otherwise when the study's first run started: then left, now right."""
    missing: tuple[str, ...]
    problem: str | None
    comparison: Comparison | None
    two_networks: TwoNetworks | None
    across_images: AcrossImages | None
    """The comparison for new test images as well as new seeds, contender minus baseline; None where not every run of the
    two left predictions of the same images, or something else than their accuracy is compared."""
    by_class: ByClass | None
    """Where the two differ in accuracy, by class and by image; a is the contender. None where the predictions do not tell it."""
    class_names: tuple[str, ...]
    """In the order of the class numbers in ``by_class``."""
    attributions: dict[str, Attribution]
    """By metric."""
    unattributed: str | None
    claims: tuple[Judgement, ...]
    """In the order of the definition's."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ClaimName:
    """A claim, by its study and its id there."""

    study: str
    claim: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class Unheld:
    """A reported figure that could not be held against the runs."""

    experiment: str
    problem: str


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class CurveValues:
    """A metric over the epochs: mean, lowest and highest seed."""

    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ExperimentValues:
    """An experiment in the configuration that the report is about."""

    name: str
    title: str
    configuration: str
    overrides: dict[str, Any]
    deviations: tuple[Difference, ...]
    """Keys in which it departs from the source: the source's value left, its own right."""
    readings: dict[str, str]
    data: DataFacts
    seeds: tuple[int, ...]
    """Those of the finished runs."""
    last: dict[str, tuple[float, ...]]
    """By metric, of the report's and the studies': what each run ends at, in the order of ``seeds``. A metric that some
    of the runs do not have is left out."""
    curves: dict[str, CurveValues]
    """By metric, of all that the runs have throughout and somebody says the meaning of."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class RunValues:
    """A run, and digests of the records that travel with the report."""

    name: str
    seed: int
    identity: str
    state: Literal["running", "finished", "interrupted", "failed", "diverged"]
    epochs_done: int
    epochs: int
    bit_identical: bool | None
    taken_epoch: int | None
    """Of a finished run that may stop early: the epoch whose values are its result, chosen on held-out images; else null."""
    train_seconds: float | None
    """Seconds of an epoch's training steps on the machine that it was trained on, the median over its epochs; null where not recorded."""
    peak_memory_mb: float | None
    """Millions of bytes that an epoch's steps needed beyond what the process held before them, the median over its epochs."""
    records: dict[str, str]
    """SHA-256 by file name."""


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class BaselineValues:
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
class Changes:
    """What changed since a baseline."""

    baseline: BaselineValues
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
    changes: Changes | None
    """None where no baseline was given."""
    gates: tuple[GateResult, ...]
    studies: tuple[StudyValues, ...]
    claims: tuple[ClaimName, ...]
    """Every claim of ``studies`` in the order in which the source states them; without such an order, of the studies."""
    reported: tuple[Reproduction | Unheld, ...]
    experiments: tuple[ExperimentValues, ...]
    missing: tuple[str, ...]
    """Experiments that have a file and no run."""
    runs: tuple[RunValues, ...]


@dataclass(frozen=True, kw_only=True, config=_CONFIG)
class ReportFile:
    """The file ``report.json``."""

    format: Literal["tinyexp-report"]
    schema_version: Literal[8]
    made_with: dict[str, str]
    """Package and version of what decides the pages' bytes."""
    beside: dict[str, str]
    """SHA-256 by path of what the report is made from beside its runs' records: definitions, notes of studies, images, baseline."""
    verdict: str
    """The report's first sentence."""
    values: ReportValues
