"""What the rest of the house may ask of this trainer's settings without training, and without torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import AsRun, Fact, NetworkSize, TakenBy
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.facts import FACTS
from tinyexp.trainers.vision.labels import LABELS
from tinyexp.trainers.vision.models.cost import multiply_adds, parameters
from tinyexp.trainers.vision.models.geometry import scaled
from tinyexp.trainers.vision.settings import PLATEAU, VisionFile, parsed, vision_settings

_BACKWARD = 2
"""A backward pass costs about twice the forward one: gradients of weights and of inputs."""

_WIDTHS = ("model.channels", "model.fc_width")
"""What ``model.width`` multiplies."""


def _alone(tables: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Without the number of processes: the key is younger than runs of one process, and is told of no other."""
    training = {key: value for key, value in tables["training"].items() if key != "processes"}
    return tables | {"training": training}


def _watched(settings: Mapping[str, Any]) -> TakenBy:
    watch = settings["training"]["watch"]
    return TakenBy(watch, highest=watch == "val_accuracy")


class VisionRules:
    """See :class:`tinyexp.config.trainers.SettingsRules`."""

    file = VisionFile
    circumstances = ("execution.", "data.root")
    labels: Mapping[str, str] = LABELS
    columns = METRIC_COLUMNS
    finished_records = ("run.json", "environment.json", "metrics.csv", "predictions.npz")
    facts: Mapping[str, Callable[..., Fact | None]] = FACTS

    def require(self, settings: Mapping[str, Any]) -> None:
        """Every table and key as :class:`~tinyexp.trainers.vision.settings.VisionSettings` has them."""
        parsed(json.dumps(settings, sort_keys=True))

    def settings_in(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """The file's tables, and how many processes share a run where that is more than one: a circumstance that decides bits."""
        tables = {name: dict(table) for name, table in file.items()}
        processes = self.processes(tables) * tables["execution"]["nodes"]
        tables["training"]["processes"] = processes
        return tables if processes > 1 else _alone(tables)

    def file_key(self, key: str) -> str:
        """As it is called."""
        return key

    def numerical(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Everything but where a run is carried out."""
        part = {name: dict(table) for name, table in settings.items() if name != "execution"}
        part["data"].pop("root", None)
        # The key is younger than some runs, whose identities it leaves as they were.
        if not part["data"].get("packed_side"):
            part["data"].pop("packed_side", None)
        if part["training"].get("processes") == 1:
            part = _alone(part)
        early, plateau = part["training"].get("patience"), part["optimizer"]["schedule"] == "plateau"
        if not early:
            part["training"].pop("patience", None)
        if not (early or plateau):
            part["training"].pop("watch", None)
        if not plateau:
            for name in PLATEAU:
                part["optimizer"].pop(name, None)
        return part

    def taken_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """The best held-out value, where a run may stop early."""
        return _watched(settings) if settings["training"].get("patience") else None

    def moved_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """The same value, under the plateau schedule."""
        return _watched(settings) if settings["optimizer"]["schedule"] == "plateau" else None

    def calmer(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """A tenth of the learning rate."""
        return {"optimizer.learning_rate": float(f"{settings['optimizer']['learning_rate'] / 10:.3g}")}

    def epochs(self, settings: Mapping[str, Any]) -> int:
        """The epochs that a run has."""
        return int(settings["training"]["stop_after"])

    def epoch_work(self, experiment: Experiment, images: Mapping[str, int]) -> float | None:
        """Multiply-adds of an epoch: training, and the evaluations on clean training, held-out and test images."""
        train, test = images["train_images"], images["test_images"]
        forward = train * (1 + _BACKWARD) + min(train, test) + images["holdout_images"] + test
        return float(multiply_adds(vision_settings(experiment))) * forward

    def processes(self, settings: Mapping[str, Any]) -> int:
        """One for each device of this machine."""
        return int(settings.get("execution", {}).get("devices", 1))

    def as_run(self, settings: Mapping[str, Any], key: str, value: Any) -> AsRun | None:
        """The channels and the hidden units under a width multiplier other than 1."""
        width = settings["model"]["width"]
        if key not in _WIDTHS or width == 1:
            return None
        taken = [scaled(size, width) for size in value] if isinstance(value, list | tuple) else None
        return AsRun(scaled(value, width) if taken is None else taken, width)

    def network_size(self, experiment: Experiment) -> NetworkSize | None:
        """Weights that are trained, and multiply-adds of convolutions and dense layers."""
        spec = vision_settings(experiment)
        return NetworkSize(parameters(spec), multiply_adds(spec))


RULES = VisionRules()
