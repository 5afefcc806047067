"""Runs as their records tell them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tinyexp.config.experiment import Experiment
from tinyexp.files import sha256_of_bytes
from tinyexp.runs.folder import RunFolder, find_runs, no_folder
from tinyexp.runs.records import Environment, RunRecord, Status, parsed_section, read_bounded


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
        raise no_folder(runs)
    kept: dict[str, list[Experiment]] = {}
    return [_sharing(read_run(folder), kept) for folder in find_runs(runs)]


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
    if os.path.lexists(folder.environment):
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
