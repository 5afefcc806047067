"""The records of many runs as one table."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinyexp.config.experiment import Experiment
from tinyexp.errors import DamagedError, UserError
from tinyexp.files import sha256_of_bytes
from tinyexp.runs.folder import RunFolder, find_runs
from tinyexp.runs.records import (
    INTEGER_COLUMNS,
    METRIC_COLUMNS,
    Environment,
    RunRecord,
    Status,
    parsed_section,
    read_bounded,
)

RUN_COLUMNS = (
    "profile",
    "experiment",
    "configuration",
    "seed",
    "identity",
    "state",
    "data_fingerprint",
    "numerics_version",
)
_TYPES: Mapping[Hashable, Any] = {
    name: np.int64 if name in INTEGER_COLUMNS else np.float64 for name in METRIC_COLUMNS
}
_AT_ONCE = 1_000
"""Files in one parse: more would gain nothing and hold their text in memory beside their numbers."""


@dataclass(frozen=True)
class RecordedRun:
    """A run as its records tell it."""

    folder: RunFolder
    record: RunRecord
    status: Status
    environment: Environment | None
    """None where the run never came to training."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of those records whose bytes were looked at, as they were then, by name."""

    @property
    def name(self) -> str:
        return self.folder.name


def read_runs(runs: Path) -> list[RecordedRun]:
    """Every run below a folder, in the order of profile, experiment, seed and identity.

    Raises
    ------
    UserError
        The folder does not exist.
    DamagedError
        A record cannot be read.
    """
    if not runs.is_dir():
        raise UserError(f"{runs}: there is no such folder. Train first: `tinyexp run-all --runs {runs}`.")
    kept: dict[str, list[Experiment]] = {}
    return [_sharing(read_run(folder), kept) for folder in find_runs(runs)]


def metrics_frame(runs: Sequence[RecordedRun]) -> pd.DataFrame:
    """A row per run and epoch: :data:`RUN_COLUMNS` and the columns of ``metrics.csv``.

    One parse over all files together; one ``read_csv`` a file costs far more in calls than in reading.

    Raises
    ------
    DamagedError
        A file has other columns, or an epoch is missing or stands twice.
    """
    parts, lengths = [], []
    for start in range(0, max(1, len(runs)), _AT_ONCE):
        part, own = _parsed(runs[start : start + _AT_ONCE])
        parts.append(part)
        lengths += own
    frame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    del parts, part  # what was concatenated is there twice
    rows = np.repeat(np.arange(len(runs)), lengths)
    for place, name in enumerate(RUN_COLUMNS):
        values = [_run_value(run, name) for run in runs]
        if name in ("seed", "numerics_version"):
            frame.insert(place, name, np.array(values, dtype=np.int64)[rows])
        else:
            frame.insert(place, name, pd.Series(values, dtype="str").array.take(rows))
    _check_epochs(frame, runs, lengths)
    return frame


def _parsed(runs: Sequence[RecordedRun]) -> tuple[pd.DataFrame, list[int]]:
    """The metrics of some runs in one parse, and how many epochs each has."""
    header = ",".join(METRIC_COLUMNS).encode()
    bodies, lengths = [], []
    for run in runs:
        first, _, body = _metrics_bytes(run).partition(b"\n")
        if first != header:
            raise DamagedError(
                f"{run.folder.metrics}: the first line is not the columns that tinyexp writes."
            )
        if body and not body.endswith(b"\n"):
            raise DamagedError(f"{run.folder.metrics}: the last line is torn.")
        if body.startswith(b"\n") or b"\n\n" in body:
            raise DamagedError(f"{run.folder.metrics}: a line is empty.")
        bodies.append(body)
        lengths.append(body.count(b"\n"))
    try:
        with np.errstate(invalid="raise"):  # a fraction where a count belongs, in a row of too many cells
            frame = pd.read_csv(io.BytesIO(header + b"\n" + b"".join(bodies)), dtype=_TYPES)
    except (ValueError, ArithmeticError, pd.errors.ParserError) as error:
        raise DamagedError(f"metrics.csv: a value is not a number ({error}); {_which(runs)}") from error
    if len(frame) != sum(lengths):
        raise DamagedError(f"metrics.csv: a line is broken; {_which(runs)}")
    return frame, lengths


def load_runs(path: str | Path) -> pd.DataFrame:
    """The metrics of every run below a folder: a row per run and epoch.

    Accuracies are fractions, losses mean cross-entropies in nats; see
    :data:`tinyexp.runs.records.METRIC_COLUMNS`. ``state`` says which runs are ``finished``.
    """
    return metrics_frame(read_runs(Path(path)))


def _sharing(run: RecordedRun, kept: dict[str, list[Experiment]]) -> RecordedRun:
    """The run with one experiment for all whose experiments are equal: thousands of them would fill the memory."""
    own = run.record.experiment
    alike = kept.setdefault(run.record.configuration, [])
    shared = next((one for one in alike if one == own), None)
    if shared is None:
        alike.append(own)
        return run
    return replace(run, record=run.record.model_copy(update={"experiment": shared}))


def read_run(folder: RunFolder) -> RecordedRun:
    """One run; raises DamagedError where a record cannot be read."""
    there = [folder.record, folder.status]
    if folder.environment.exists():
        there.append(folder.environment)
    content = {path: read_bounded(path) for path in there}
    return RecordedRun(
        folder=folder,
        record=parsed_section(folder.record, content[folder.record], RunRecord),
        status=parsed_section(folder.status, content[folder.status], Status),
        environment=parsed_section(folder.environment, content[folder.environment], Environment)
        if folder.environment in content
        else None,
        digests={path.name: sha256_of_bytes(read) for path, read in content.items()},
    )


def _metrics_bytes(run: RecordedRun) -> bytes:
    if run.status.epochs_done == 0 and not run.folder.metrics.exists():
        return ",".join(METRIC_COLUMNS).encode() + b"\n"
    return read_bounded(run.folder.metrics)


def _run_value(run: RecordedRun, name: str) -> object:
    experiment = run.record.experiment
    return {
        "profile": experiment.profile,
        "experiment": experiment.name,
        "configuration": run.record.configuration,
        "seed": run.record.seed,
        "identity": run.record.identity,
        "state": run.status.state,
        "data_fingerprint": run.record.data.fingerprint,
        "numerics_version": run.record.numerics_version,
    }[name]


def _check_epochs(frame: pd.DataFrame, runs: Sequence[RecordedRun], lengths: Sequence[int]) -> None:
    expected = np.concatenate([np.arange(1, length + 1) for length in lengths]) if lengths else np.empty(0)
    wrong = np.flatnonzero(frame["epoch"].to_numpy() != expected)
    if wrong.size:
        run = runs[int(np.searchsorted(np.cumsum(lengths), wrong[0], side="right"))]
        raise DamagedError(f"{run.folder.metrics}: an epoch is missing, stands twice or is out of order.")
    for run, length in zip(runs, lengths, strict=True):
        if length != run.status.epochs_done:
            raise DamagedError(
                f"{run.folder.metrics}: has {length} epochs where status.json has {run.status.epochs_done}."
            )


def _which(runs: Sequence[RecordedRun]) -> str:
    """The first file that cannot be read by itself, found only once something is wrong."""
    for run in runs:
        try:
            table = pd.read_csv(run.folder.metrics, dtype=np.float64)
            if len(table) == run.status.epochs_done:
                continue
        except (ValueError, OverflowError, OSError, pd.errors.ParserError):
            pass
        return f"in {run.folder.metrics}."
    return "in one of the files."
