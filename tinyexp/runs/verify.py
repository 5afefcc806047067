"""Are the records of a run what the run wrote, and do they agree with each other? Nothing is trained or written."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tinyexp.config.identity import configuration_of, identity_of
from tinyexp.config.section import Section
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError
from tinyexp.files import sha256_of_file
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import (
    INTEGER_COLUMNS,
    Environment,
    RunRecord,
    Status,
    header_problem,
    read_bounded,
    read_predictions,
    read_section,
)

T = TypeVar("T", bound=Section)

_ALWAYS = ("run.json", "environment.json")


@dataclass(frozen=True)
class Finding:
    """A file that is not as it should be."""

    path: Path
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}."


def verify_records(folder: RunFolder) -> list[Finding]:
    """Everything that is wrong with the records of a run; the checkpoints are not looked at."""
    found: list[Finding] = []
    record = _read(folder.record, RunRecord, found)
    status = _read(folder.status, Status, found)
    if folder.environment.exists() or (status and "environment.json" in status.digests):
        _read(folder.environment, Environment, found)
    if record:
        found += _identity(folder, record)
    if status is None:
        return found
    there = {one.path for one in found}
    found += [one for one in _digests(folder, status, record) if one.path not in there]
    there = {one.path for one in found}
    if folder.metrics.is_file() and folder.metrics not in there:
        found += _contents(folder, status, record)
    return found


def read_metrics(path: Path, columns: tuple[str, ...] | None = None) -> list[dict[str, float | None]]:
    """The rows of a metrics.csv, without pandas; None for an empty cell.

    Parameters
    ----------
    columns
        Those that a trainer of ours writes, an epoch a row; None for a log's own.

    Raises
    ------
    DamagedError
        It cannot be read, or is not what this project writes; the message does not name the file again.
    """
    try:
        rows = list(csv.reader(read_bounded(path).decode().split("\n")))
    except UnicodeDecodeError as error:
        raise DamagedError("is not text") from error
    except csv.Error as error:
        raise DamagedError(f"is no table ({error})") from error
    if not rows or (columns is not None and tuple(rows[0]) != columns):
        raise DamagedError("has other columns than tinyexp writes")
    if problem := header_problem(rows[0]):
        raise DamagedError(problem)
    if rows[-1]:
        raise DamagedError("ends inside a line")
    found = [
        _row(rows[0], number, cells, planned=columns is not None)
        for number, cells in enumerate(rows[1:-1], start=1)
    ]
    index, before = rows[0][0], -math.inf
    for number, row in enumerate(found, start=1):
        value = row[index]
        if value is None or value <= before or (columns is not None and value != number):
            raise DamagedError(f"has {index} {value} in row {number}")
        before = value
    return found


def _row(columns: list[str], number: int, cells: list[str], *, planned: bool) -> dict[str, float | None]:
    if len(cells) != len(columns):
        raise DamagedError(f"has {len(cells)} values in row {number} and not {len(columns)}")
    row: dict[str, float | None] = {}
    for name, cell in zip(columns, cells, strict=True):
        may_be_empty = name.startswith("val_") or not planned
        try:
            row[name] = None if not cell and may_be_empty else float(cell)
        except ValueError as error:
            raise DamagedError(f"has no number in row {number}, column {name}") from error
        value = row[name]
        # A log may say that a loss is no number; of our own trainer's rows none can be.
        odd = value is not None and (not math.isfinite(value) or (name in INTEGER_COLUMNS and value % 1 != 0))
        if odd and (planned or name == columns[0]):
            raise DamagedError(f"has {value} in row {number}, column {name}")
    return row


def _read(path: Path, schema: type[T], found: list[Finding]) -> T | None:
    try:
        return read_section(path, schema)
    except DamagedError as error:
        found.append(Finding(path, _without(path, error)))
        return None


def _without(path: Path, error: DamagedError) -> str:
    """An error's words without the file that it begins with, and without its full stop."""
    return str(error).removeprefix(f"{path}: ").removesuffix(".")


def _identity(folder: RunFolder, record: RunRecord) -> Iterator[Finding]:
    """Identity and configuration, computed again from what the record says, and the folder that they stand for."""
    experiment, version = record.experiment, record.numerics_version
    identity = identity_of(experiment, record.seed, record.data.fingerprint, version)
    if identity != record.identity:
        yield Finding(
            folder.record, f"says the identity {record.identity[:8]}, and its content gives {identity[:8]}"
        )
    if configuration_of(experiment, version) != record.configuration:
        yield Finding(folder.record, "says another configuration than its content gives")
    name = f"{record.experiment.profile}/{record.experiment.name}/{record.seed}-{record.identity[:8]}"
    if name != "/".join(folder.path.resolve().parts[-3:]):
        yield Finding(folder.path, f"holds the run {name}")


def _digests(folder: RunFolder, status: Status, record: RunRecord | None) -> Iterator[Finding]:
    """Files that are missing, or are not those that the status has the digest of."""
    # Of a run that did not finish a report takes along only what says so.
    only_told = status.state != "finished" and not folder.metrics.exists() and not folder.checkpoints.exists()
    finished = settings_rules(record.experiment.trainer).finished_records if record else _ALWAYS
    wanted = finished if status.state == "finished" else _ALWAYS if status.epochs_done else ()
    for name in sorted({*wanted, *status.digests}):
        path, digest = folder.path / name, status.digests.get(name)
        if only_told and name not in _ALWAYS:
            continue
        if not path.is_file():
            yield Finding(path, "is missing" if not path.exists() else "is no ordinary file")
        elif digest is None:
            yield Finding(folder.status, f"has no SHA-256 of {name}")
        elif sha256_of_file(path) != digest:
            yield Finding(path, "is not what the run wrote: its SHA-256 is not the one in status.json")


def _contents(folder: RunFolder, status: Status, record: RunRecord | None) -> Iterator[Finding]:
    """Rows against the status, predictions against the rows."""
    try:
        rows = read_metrics(
            folder.metrics, settings_rules(record.experiment.trainer).columns if record else None
        )
    except DamagedError as error:
        yield Finding(folder.metrics, _without(folder.metrics, error))
        return
    if len(rows) != status.epochs_done:
        yield Finding(
            folder.metrics, f"has {len(rows)} rows, and status.json says {status.epochs_done} epochs"
        )
    elif status.state == "finished" and folder.predictions.is_file() and rows:
        yield from _predictions(folder, rows[-1], record)


def _predictions(
    folder: RunFolder, row: dict[str, float | None], record: RunRecord | None
) -> Iterator[Finding]:
    try:
        told = read_predictions(folder)
    except DamagedError as error:
        yield Finding(folder.predictions, _without(folder.predictions, error))
        return
    images = len(told.label)
    if record and record.data.test_images and images != record.data.test_images:
        yield Finding(
            folder.predictions, f"is of {images:,} images, and run.json says {record.data.test_images:,}"
        )
    right = {"test_accuracy": told.label == told.predicted, "test_top5_accuracy": told.in_top5}
    for name, values in right.items():
        if name not in row:
            continue
        found, wanted = float(values.sum()) / max(1, images), row[name]
        if wanted is None or not math.isclose(found, wanted, rel_tol=1e-12, abs_tol=0):
            yield Finding(
                folder.predictions, f"gives {name} {found}, and the last row of metrics.csv says {wanted}"
            )
