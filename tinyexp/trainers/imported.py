"""Runs that somebody else trained and that were imported: their settings are known as far as their logs say them.

Nothing here trains. What such runs measured is read from run folders like everybody's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment, ExperimentFile
from tinyexp.config.trainers import AsRun, CourseUnsaid, Fact, NetworkSize
from tinyexp.errors import UserError
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import DataRecord, Status
from tinyexp.trainers.base import Listener, WithoutImages

NAME = "imported"


class ImportedFile(ExperimentFile):
    """An experiment file that describes imported runs."""

    settings: dict[str, Any] = Field(default_factory=dict)


class ImportedRules(CourseUnsaid):
    """See :class:`tinyexp.config.trainers.SettingsRules`."""

    file = ImportedFile
    circumstances: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    facts: Mapping[str, Callable[..., Fact | None]] = {}
    columns = None
    finished_records = ("run.json", "metrics.csv")

    def require(self, settings: Mapping[str, Any]) -> None:
        """Whatever JSON can hold, finite."""
        for key, value in flatten(settings).items():
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"the setting '{key}' is {value}")

    def settings_in(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the log."""
        return dict(file["settings"])

    def file_key(self, key: str) -> str:
        """Where a dotted key of the settings stands in a file."""
        return key if key.startswith("settings.") else f"settings.{key}"

    def numerical(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All that is known."""
        return dict(settings)

    def epoch_work(self, experiment: Experiment, images: Mapping[str, int]) -> float | None:
        """Nobody knows."""
        del experiment, images
        return None

    def as_run(self, settings: Mapping[str, Any], key: str, value: Any) -> AsRun | None:
        """All are taken as they stand."""
        del settings, key, value
        return None

    def network_size(self, experiment: Experiment) -> NetworkSize | None:
        """Nobody says what the network is."""
        del experiment
        return None


class ImportedTrainer(WithoutImages):
    """See :class:`tinyexp.trainers.base.Trainer`; it refuses."""

    needs: tuple[str, ...] = ()

    def inputs(self, experiments: Sequence[Experiment], data_folder: Path) -> list[DataRecord]:
        """Raises UserError: what was trained elsewhere cannot be trained here."""
        del data_folder
        raise UserError(
            f"{experiments[0].name}: its runs were imported, and nothing here trains them. Train it where it was trained, and "
            "import its logs: tinyexp import PATH."
        )

    def try_out(self, experiments: Sequence[Experiment], before: Callable[[int], None]) -> None:
        """Nothing to find out."""

    def train(
        self, plan: RunPlan, data_folder: Path, listener: Listener, *, fresh: bool, accept_environment: bool
    ) -> Status:
        """Raises UserError, as :meth:`inputs`."""
        del listener, fresh, accept_environment
        self.inputs([plan.experiment], data_folder)
        raise AssertionError


RULES = ImportedRules()
TRAINER = ImportedTrainer()
