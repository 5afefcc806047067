"""An earlier report that a new one is held against, as its ``report.json`` tells it.

Only what is compared is read. The file is anybody's: nothing of it is believed before it was looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tinyexp.analysis.judgement import ClaimVerdict
from tinyexp.config.endpoint import Endpoint
from tinyexp.config.explain import first_fault
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.report.content import SCHEMA_VERSION, VerdictKind
from tinyexp.report.place import REPORT_FORMAT

OLDEST = 5
"""The oldest format that is read: before it reports did not say what their metrics are."""
_READ = f"{OLDEST} to {SCHEMA_VERSION}"
_MAX_BYTES = 50_000_000

_Value = Annotated[float, Field(ge=-1e12, le=1e12)]
"""Of a metric; what lies beyond is damage, and would overflow."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class _Sample(_Told):
    seeds: tuple[int, ...]
    measured: tuple[_Value, ...]

    @model_validator(mode="after")
    def _a_value_for_each_seed(self) -> Self:
        if len({len(self.seeds), len(set(self.seeds)), len(self.measured)}) > 1:
            raise ValueError("seeds and values are not as many, or a seed stands twice")
        return self


class ComparedThen(_Told):
    """A comparison as the baseline tells it."""

    metric: Metric
    endpoint: Endpoint
    winner: str | None
    verdict: VerdictKind
    baseline_runs: _Sample
    contender_runs: _Sample


class _Claim(_Told):
    claim: str
    verdict: ClaimVerdict


class _Definition(_Told):
    baseline: str
    contender: str


class _Study(_Told):
    study: str
    definition: _Definition
    problem: str | None
    comparison: ComparedThen | None
    claims: tuple[_Claim, ...]

    @property
    def kind(self) -> VerdictKind:
        """Its verdict, also where nothing was compared."""
        if self.comparison:
            return self.comparison.verdict
        return "not_comparable" if self.problem else "missing"


class _Data(_Told):
    fingerprint: str


class _Experiment(_Told):
    name: str
    configuration: str
    data: _Data
    seeds: tuple[int, ...]
    last: dict[str, tuple[_Value, ...]]

    @model_validator(mode="after")
    def _a_value_for_each_seed(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed stands twice")
        if any(len(values) != len(self.seeds) for values in self.last.values()):
            raise ValueError("seeds and values are not as many")
        return self


class _Run(_Told):
    name: str
    identity: str
    records: dict[str, str]


class _Values(_Told):
    profile: str
    metrics: dict[str, Metric]
    studies: tuple[_Study, ...]
    experiments: tuple[_Experiment, ...]
    runs: tuple[_Run, ...]


class _Envelope(_Told):
    format: str = ""
    schema_version: int = 0


class _File(_Envelope):
    made_with: Annotated[dict[str, str], Field(max_length=20)]
    verdict: str
    values: _Values


@dataclass(frozen=True)
class Baseline:
    """A report to hold another against."""

    content: bytes
    """Its report.json as it is."""
    told: _File

    @property
    def sha256(self) -> str:
        """Of its report.json."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def profile(self) -> str:
        return self.told.values.profile

    def study(self, name: str) -> _Study | None:
        """A study, if it is there."""
        return next((one for one in self.told.values.studies if one.study == name), None)

    def experiment(self, name: str) -> _Experiment | None:
        """An experiment, if it has a run there."""
        return next((one for one in self.told.values.experiments if one.name == name), None)

    @property
    def metrics_of_runs(self) -> Mapping[str, str]:
        """The digest of ``metrics.csv`` by identity; of runs that have none it is empty."""
        return {run.identity: run.records.get("metrics.csv", "") for run in self.told.values.runs}


def read_baseline(path: Path) -> Baseline:
    """Read a report's folder, or its ``report.json``.

    Raises
    ------
    UserError
        Nothing is there, it is no report, is damaged, or is of a format that this version does not read.
    """
    file = path / "report.json" if path.is_dir() else path
    content = _bytes(path, file)
    try:
        envelope = _Envelope.model_validate_json(content)
    except ValidationError as error:
        raise UserError(f"is damaged or no report of tinyexp: {first_fault(error)}. {_NEXT}", file) from error
    if envelope.format != REPORT_FORMAT:
        raise UserError(f"is no report.json of tinyexp. {_NEXT}", file)
    _refuse_other_formats(file, envelope.schema_version)
    try:
        return Baseline(content, _File.model_validate_json(content))
    except ValidationError as error:
        raise UserError(f"is damaged: {first_fault(error)}. {_NEXT}", file) from error


_NEXT = "Give --baseline the folder that `tinyexp report` wrote, or its report.json."


def _bytes(path: Path, file: Path) -> bytes:
    if not path.exists():
        raise UserError(f"there is no such file or folder. {_NEXT}", path)
    try:
        return read_bounded(file, _MAX_BYTES)
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror}). {_NEXT}", file) from error


def _refuse_other_formats(file: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise UserError(
            f"is of report format {version}, from a newer tinyexp; this one reads "
            f"{_READ}. Update tinyexp, or give a report that this version wrote.",
            file,
        )
    if version < OLDEST:
        raise UserError(
            f"is of report format {version}, which is no longer read; this tinyexp reads "
            f"{_READ}. Make it again from its records: "
            "`tinyexp report --runs OLD/runs --out NEW`, and give NEW.",
            file,
        )
