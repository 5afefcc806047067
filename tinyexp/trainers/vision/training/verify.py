"""Are a run's checkpoints whole and its own, and are the records made from the newest one?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tinyexp.errors import DamagedError
from tinyexp.runs.folder import CHECKPOINT_NAME, RunFolder
from tinyexp.runs.records import (
    Environment,
    RunRecord,
    Status,
    read_bounded,
    read_predictions,
    read_section,
    table_text,
)
from tinyexp.runs.verify import Finding
from tinyexp.trainers.vision.columns import METRIC_COLUMNS, TIMING_COLUMNS
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint
from tinyexp.trainers.vision.training.resumed import Began, kept_records

_UNREADABLE = (KeyError, TypeError, AttributeError, ValueError, RuntimeError)
"""What a content of another form gives."""


def verify_checkpoints(folder: RunFolder) -> list[Finding]:
    """Checkpoints that are not what was written or are another run's, and records that are not the newest one's."""
    found: list[Finding] = []
    newest: dict[str, Any] | None = None
    kept: Began | None = None
    try:
        paths = checkpoints(folder.checkpoints)
    except DamagedError as error:
        return [Finding.of(error, folder.checkpoints)]
    for path in paths:
        newest = kept = None
        try:
            newest = load_checkpoint(path)
            kept = kept_records(newest, path)
        except DamagedError as error:
            found.append(Finding.of(error, path))
            continue
        if other := _other_run(folder, kept, path) or _other_place(newest, path):
            found.append(other)
            newest = None  # its rows are others too
    if newest is None:
        return found
    try:
        return [*found, *_records(folder, newest, paths[-1]), *_environment(folder, kept, paths[-1])]
    except _UNREADABLE:
        return [*found, Finding(paths[-1], "is not a checkpoint of this version: its rows cannot be read.")]


def _other_run(folder: RunFolder, kept: Began | None, path: Path) -> Finding | None:
    if kept is None:
        return None
    try:
        own = read_section(folder.record, RunRecord)
    except DamagedError:  # the records' own check has said so
        return None
    if own.identity == kept.record.identity:
        return None
    other = kept.record
    words = f"is of another run: {other.experiment.name}, seed {other.seed}, {other.identity[:8]}."
    return Finding(path, words)


def _other_place(state: dict[str, Any], path: Path) -> Finding | None:
    """Whether a checkpoint is of another step than its name says; of one of another form that is told elsewhere."""
    named, position = CHECKPOINT_NAME.match(path.name), state.get("position")
    if named is None or not isinstance(position, dict):
        return None
    epoch, step = position.get("epoch"), position.get("step")
    if (epoch, step) == (int(named[1]), int(named[2])):
        return None
    return Finding(path, f"is of epoch {epoch}, step {step}.")


def _records(folder: RunFolder, newest: dict[str, Any], path: Path) -> Iterator[Finding]:
    """Where a record is missing, or is none, its own check has said so."""
    metrics = table_text(METRIC_COLUMNS, newest["rows"]).encode()
    try:
        finished = read_section(folder.status, Status).state == "finished"
        told = read_bounded(folder.metrics)
    except DamagedError:
        return
    # The newest checkpoint of a run that is not finished may be an epoch ahead of the records: it was stopped between them.
    if told != metrics and (finished or not metrics.startswith(told)):
        yield Finding(folder.metrics, f"has other rows than {path.name}.")
    if not finished:
        return
    try:
        if read_bounded(folder.timing) != table_text(TIMING_COLUMNS, newest["timings"]).encode():
            yield Finding(folder.timing, f"has other rows than {path.name}.")
    except DamagedError as error:
        yield Finding.of(error, folder.timing)
    try:
        predictions = read_predictions(folder)
    except DamagedError:
        return
    for name, values in newest["predictions"].items():
        if not np.array_equal(values.numpy(), getattr(predictions, name)):
            yield Finding(folder.predictions, f"is not what {path.name} has.")
            return


def _environment(folder: RunFolder, kept: Began | None, path: Path) -> Iterator[Finding]:
    """The mark of a run that went on elsewhere may be younger than the checkpoint."""
    if kept is None or kept.environment is None:
        return
    try:
        told = read_section(folder.environment, Environment)
    except DamagedError:
        return
    if told.model_copy(update={"bit_identical": kept.environment.bit_identical}) != kept.environment:
        yield Finding(folder.environment, f"is not the one that {path.name} has.")
