"""From experiments to plans: everything that can be known to be wrong is said before anything is trained."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tinyexp.config.load import Experiment
from tinyexp.config.schema import Data
from tinyexp.errors import UserError
from tinyexp.launch.wanted import Wanted
from tinyexp.runs.plan import RunPlan, plan_run
from tinyexp.runs.records import DataRecord
from tinyexp.trainers.vision.data.build import missing, open_dataset
from tinyexp.trainers.vision.data.sources import Dataset
from tinyexp.trainers.vision.models.geometry import flatten_size
from tinyexp.trainers.vision.models.memory import require_memory


def prepare(wanted: Sequence[Wanted], runs: Path, data_folder: Path) -> list[RunPlan]:
    """The plans of everything wanted, seeds outermost, so that early results are comparable ones.

    Raises
    ------
    UserError
        Data are missing (all that are, with where they come from), a net does not fit its images or
        classes, or ``runs`` cannot be written to. Nothing was trained.
    """
    plans = planned(wanted, runs, data_folder)
    require_writable(runs)
    return plans


def planned(wanted: Sequence[Wanted], runs: Path, data_folder: Path) -> list[RunPlan]:
    """As :func:`prepare`, and nothing is written."""
    require_data([one.experiment for one in wanted], data_folder)
    opened: dict[Data, Dataset] = {}
    for one in wanted:
        data = one.experiment.spec.data
        if data not in opened:
            opened[data] = open_dataset(data, data_folder)
        require_fit(one.experiment, opened[data])
    records = {data: describe(dataset) for data, dataset in opened.items()}
    seeds = dict.fromkeys(seed for one in wanted for seed in one.seeds)
    return [
        plan_run(one.experiment, seed, records[one.experiment.spec.data], runs, one.label)
        for seed in seeds
        for one in wanted
        if seed in one.seeds
    ]


def describe(dataset: Dataset) -> DataRecord:
    """What a run's record says of its data."""
    return DataRecord(
        fingerprint=dataset.fingerprint,
        train_images=len(dataset.train),
        holdout_images=len(dataset.holdout),
        test_images=len(dataset.test),
        classes=len(dataset.classes),
    )


def require_data(experiments: Sequence[Experiment], data_folder: Path) -> None:
    """Raise one UserError that names every data set that is not there, and who needs it."""
    needed: dict[str, dict[str, None]] = {}
    for experiment in experiments:
        words = missing(experiment.spec.data, data_folder)
        if words:
            needed.setdefault(words, {})[experiment.name] = None
    if needed:
        parts = [f"{words}\n  Needed by {', '.join(names)}." for words, names in needed.items()]
        raise UserError("\n".join(["Data are missing; nothing was trained.", *parts]))


def require_fit(experiment: Experiment, dataset: Dataset) -> None:
    """Raise UserError where the net does not fit the images, the classes, the batches or the memory."""
    spec, name, classes = experiment.spec, experiment.name, len(dataset.classes)
    flatten_size(spec)
    if spec.model.classes != classes:
        raise UserError(
            f"{name}: model.classes = {spec.model.classes}, but the data have {classes} classes."
            f" Use --set model.classes={classes}."
        )
    if len(dataset.train) % spec.training.batch_size == 1:
        raise UserError(
            f"{name}: {len(dataset.train)} training images in batches of {spec.training.batch_size} leave a last"
            " batch of one image, on which batch normalization cannot train."
            " Change training.batch_size or data.train_limit by one."
        )
    require_memory(spec, len(dataset.train), name)


def require_writable(runs: Path) -> None:
    """Raise UserError where nothing can be written below ``runs``."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        # A file without a name: whoever lists the folder meanwhile does not come across it.
        with tempfile.TemporaryFile(dir=runs):
            pass
    except OSError as error:
        raise UserError(
            f"{runs}: cannot be written to ({error.strerror}). Choose another folder with --runs."
        ) from error
