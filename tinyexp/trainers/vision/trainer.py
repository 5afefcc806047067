"""The exact trainer of the source's networks; see :class:`tinyexp.trainers.base.Trainer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tinyexp.config.experiment import Experiment
from tinyexp.errors import TinyexpError, UserError
from tinyexp.extras import require
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import DataRecord, Status
from tinyexp.trainers.base import CopiedImages, Listener, require_installed
from tinyexp.trainers.vision.data.slices import slice_problem
from tinyexp.trainers.vision.models.geometry import flatten_size
from tinyexp.trainers.vision.models.memory import require_memory
from tinyexp.trainers.vision.settings import Data, vision_settings
from tinyexp.trainers.vision.training.layout import try_layouts
from tinyexp.trainers.vision.training.world import launched, started

if TYPE_CHECKING:
    from tinyexp.trainers.vision.data.sources import Dataset


class VisionTrainer:
    """Trains in this process; torch is loaded by the first run, not before."""

    needs = ("torch", "torchvision", "lightning_fabric", "PIL")

    def inputs(self, experiments: Sequence[Experiment], data_folder: Path) -> list[DataRecord]:
        """Open every data set once, and hold every net against its images, classes and memory."""
        # To plan, and to report what was trained, takes no torch.
        require("train", "PIL", purpose="opening images")
        from tinyexp.trainers.vision.data.build import open_dataset  # noqa: PLC0415

        require_data(experiments, data_folder)
        opened: dict[Data, Dataset] = {}
        for experiment in experiments:
            data = vision_settings(experiment).data
            if data not in opened:
                opened[data] = open_dataset(data, data_folder)
            require_fit(experiment, opened[data])
        from tinyexp.trainers.vision.data.reductions import reduced_in  # noqa: PLC0415 - as above

        records = {
            data: describe(dataset).model_copy(update={"reduced": reduced_in(dataset)})
            for data, dataset in opened.items()
        }
        return [records[vision_settings(experiment).data] for experiment in experiments]

    def try_out(self, experiments: Sequence[Experiment], before: Callable[[int], None]) -> None:
        """Try each net's memory layout on this processor, all in one process; another number of processes is refused."""
        require_installed(experiments[0])
        for experiment in experiments:
            started(vision_settings(experiment))
        try_layouts(map(vision_settings, experiments), before)

    def rank(self, experiment: Experiment) -> int | None:
        """By the variables of torchrun and SLURM, where the run is to have several processes."""
        world = launched() if vision_settings(experiment).world_size > 1 else None
        return world.rank if world else None

    def class_names(self, experiment: Experiment) -> tuple[str, ...]:
        """Those of the data sets whose names are known without opening them."""
        from tinyexp.trainers.vision.data.shown import class_names  # noqa: PLC0415

        return class_names(vision_settings(experiment).data)

    def test_images_problem(self, experiment: Experiment) -> str:
        """By the licence of the data set."""
        from tinyexp.trainers.vision.data.shown import problem  # noqa: PLC0415

        return problem(vision_settings(experiment).data)

    def test_images(self, experiment: Experiment, data_folder: Path, places: Sequence[int]) -> CopiedImages:
        """See :func:`tinyexp.trainers.vision.data.shown.shown_images`."""
        require("train", "PIL", purpose="opening images")
        from tinyexp.trainers.vision.data.shown import shown_images  # noqa: PLC0415

        dataset = _opened(vision_settings(experiment).data, str(data_folder))
        return CopiedImages(dataset.fingerprint, shown_images(dataset.test, places))

    def train(
        self, plan: RunPlan, data_folder: Path, listener: Listener, *, fresh: bool, accept_environment: bool
    ) -> Status:
        """See :func:`tinyexp.trainers.vision.training.run.train_run`."""
        require_installed(plan.experiment)
        # Loading torch takes seconds, so it is done where training begins.
        from tinyexp.trainers.vision.data.processes import lost_ones_told  # noqa: PLC0415
        from tinyexp.trainers.vision.training.run import train_run  # noqa: PLC0415

        dataset = _opened(vision_settings(plan.experiment).data, str(data_folder))
        if dataset.fingerprint != plan.record.data.fingerprint:
            raise TinyexpError("the data changed after the run was planned; start the command again.")
        with lost_ones_told():
            return train_run(
                plan,
                dataset,
                listener,
                fresh=fresh,
                accept_environment=accept_environment,
                data_folder=data_folder,
            )


TRAINER = VisionTrainer()


@lru_cache(maxsize=2)
def _opened(data: Data, data_folder: str) -> Dataset:
    from tinyexp.trainers.vision.data.build import open_dataset  # noqa: PLC0415 - loads Pillow

    return open_dataset(data, Path(data_folder))


def describe(dataset: Dataset) -> DataRecord:
    """What a run's record says of its data."""
    return DataRecord(
        fingerprint=dataset.fingerprint,
        covers=dataset.covers,
        train_images=len(dataset.train),
        holdout_images=len(dataset.holdout),
        test_images=len(dataset.test),
        classes=len(dataset.classes),
    )


def require_data(experiments: Sequence[Experiment], data_folder: Path) -> None:
    """Raise one UserError that names every data set that is not there, and who needs it."""
    from tinyexp.trainers.vision.data.build import missing  # noqa: PLC0415 - loads Pillow

    needed: dict[str, dict[str, None]] = {}
    for experiment in experiments:
        words = missing(vision_settings(experiment).data, data_folder)
        if words:
            needed.setdefault(words, {})[experiment.name] = None
    if needed:
        parts = [f"{words}\n  Needed by {', '.join(names)}." for words, names in needed.items()]
        raise UserError("\n".join(["Data are missing; nothing was trained.", *parts]))


def require_fit(experiment: Experiment, dataset: Dataset) -> None:
    """Raise UserError where the net does not fit the images, the classes, the batches or the memory."""
    spec, name, classes = vision_settings(experiment), experiment.name, len(dataset.classes)
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
    if spec.world_size > 1 and (
        problem := slice_problem(len(dataset.train), spec.training.batch_size, spec.world_size)
    ):
        raise UserError(f"{name}: {problem}")
    require_memory(spec, len(dataset.train), name)
