"""What a trainer does: it says what it cannot train before anything is trained, and turns a planned run into its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinyexp.config.experiment import Experiment
from tinyexp.errors import UserError, unknown
from tinyexp.extras import require
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import DataRecord, Status

TRAINERS: Mapping[str, str] = {
    "vision": "tinyexp.trainers.vision.trainer:TRAINER",
    "command": "tinyexp.trainers.command.trainer:TRAINER",
    "imported": "tinyexp.trainers.imported:TRAINER",
}
"""Where each trainer stands. Loading one loads nothing heavy; what it needs to train it imports when it trains."""


Row = dict[str, int | float | None]


def _ignore(*_: Any) -> None:
    """Nobody wants to hear it."""


@dataclass(frozen=True)
class Listener:
    """Who is told how a run goes, and who may ask it to stop."""

    epoch_done: Callable[[Row, Row], None] = _ignore
    """The epoch's row of metrics, and that of timings."""
    warn: Callable[[str], None] = _ignore
    stop_code: Callable[[], int] = field(default=lambda: 0)
    """0 to go on; otherwise the exit code to stop with: 130 or 143."""


@dataclass(frozen=True)
class CopiedImages:
    """Some of the images that a net was tested on, small enough for a page."""

    fingerprint: str
    """Of the data that they are of; see :class:`tinyexp.runs.records.DataRecord`."""
    pixels: NDArray[np.uint8]
    """Shape (images, height, width) for grey ones, else (images, height, width, 3)."""


class Trainer(Protocol):
    """A way to train."""

    needs: tuple[str, ...]
    """Modules of the extra ``train`` without which it trains nothing."""

    def inputs(self, experiments: Sequence[Experiment], data_folder: Path) -> list[DataRecord]:
        """What each experiment is trained on, and everything that can be known to be wrong with it.

        Raises
        ------
        UserError
            Something is missing or does not fit; nothing was trained.
        """

    def try_out(self, experiments: Sequence[Experiment], before: Callable[[int], None]) -> None:
        """Find out, before runs are started, what each of them would find out for itself; ``before`` hears how much, if any."""

    def rank(self, experiment: Experiment) -> int | None:
        """Which of the processes of a run this is, where a launcher such as torchrun started them all; None where it did not."""

    def class_names(self, experiment: Experiment) -> tuple[str, ...]:
        """What the classes are called, for runs whose records do not say it; empty where that is not known."""

    def test_images_problem(self, experiment: Experiment) -> str:
        """Why its test images may not be copied into a report: a clause; empty where they may."""

    def test_images(self, experiment: Experiment, data_folder: Path, places: Sequence[int]) -> CopiedImages:
        """The test images at these places, which may be copied.

        Raises
        ------
        UserError
            The data are not there, or cannot be read.
        """

    def train(
        self, plan: RunPlan, data_folder: Path, listener: Listener, *, fresh: bool, accept_environment: bool
    ) -> Status:
        """Train a run, or what is left of it; afterwards its records are complete.

        Raises
        ------
        UserError, DivergedError, InterruptedRunError, TinyexpError
            As they say; the folder is in a state from which the same command goes on.
        """


class WithoutImages:
    """Of a trainer that knows nothing of images, and whose runs are of one process: four of :class:`Trainer`'s methods."""

    def rank(self, experiment: Experiment) -> int | None:
        """None."""
        del experiment
        return None

    def class_names(self, experiment: Experiment) -> tuple[str, ...]:
        """Only the records may say them."""
        del experiment
        return ()

    def test_images_problem(self, experiment: Experiment) -> str:
        """Where the images are nobody says."""
        del experiment
        return "only the command that trained the nets knows where they are"

    def test_images(self, experiment: Experiment, data_folder: Path, places: Sequence[int]) -> CopiedImages:
        """Raises UserError."""
        del data_folder, places
        raise UserError(f"{experiment.name}: {self.test_images_problem(experiment)}.")


def trainer_of(name: str) -> Trainer:
    """The trainer of that name; raises UserError with the choices where there is none."""
    if name not in TRAINERS:
        raise unknown("trainer", "trainer", name, TRAINERS)
    module, _, attribute = TRAINERS[name].partition(":")
    trainer: Trainer = getattr(import_module(module), attribute)
    return trainer


def require_installed(experiment: Experiment) -> None:
    """Raise UserError where what the experiment's trainer needs is not installed."""
    require("train", *trainer_of(experiment.trainer).needs, purpose=f"training {experiment.name}")
