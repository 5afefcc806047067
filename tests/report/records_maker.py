"""Run folders with invented curves, written as a training writes them, for tests and for looking at pages."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tinyexp.analysis.design import study_design
from tinyexp.analysis.study import load_study
from tinyexp.config.experiment import Experiment
from tinyexp.config.identity import NUMERICS_VERSION, configuration_of, identity_of
from tinyexp.config.load import load_experiment
from tinyexp.config.trainers import settings_rules
from tinyexp.files import sha256_of_file, write_text
from tinyexp.runs.folder import RunFolder, run_folder
from tinyexp.runs.records import (
    DataRecord,
    Environment,
    Predictions,
    RunRecord,
    Status,
    read_section,
    table_text,
    write_predictions,
    write_section,
)
from tinyexp.runs.taken import result_row
from tinyexp.trainers.vision.columns import METRIC_COLUMNS, TIMING_COLUMNS
from tinyexp.trainers.vision.settings import vision_settings

ENVIRONMENT = Environment(
    python="3.11.7",
    packages={
        "tinyexp": "0.1.0",
        "torch": "2.9.0",
        "torchvision": "0.24.0",
        "numpy": "2.3.0",
        "pillow": "12.0.0",
    },
    system="Linux",
    machine="x86_64",
    cpu_capability="AVX2",
    device="cpu",
    threads=1,
)


@dataclass(frozen=True)
class Shape:
    """Where an invented curve ends, how fast it gets there, and how much seeds differ."""

    test: float
    train: float
    clean: float
    pace: float
    spread: float = 0.012


SHAPES: Mapping[str, Shape] = {
    "tiny-design1": Shape(test=0.62, train=0.55, clean=0.68, pace=0.22),
    "tiny-design2": Shape(test=0.37, train=0.62, clean=0.71, pace=0.3, spread=0.02),
    "imagenet-design1": Shape(test=0.58, train=0.5, clean=0.62, pace=0.2),
    "imagenet-resnet18": Shape(test=0.66, train=0.6, clean=0.74, pace=0.25),
}


def make_runs(
    runs: Path, names: Iterable[str] = tuple(SHAPES), seeds: Iterable[int] = (0, 1, 2), **options: Any
) -> list[RunFolder]:
    """Finished runs of several experiments and seeds in the embedded profile."""
    return [make_run(runs, name, seed, **options) for name in names for seed in seeds]


def make_study(
    runs: Path,
    effects: Mapping[str, float],
    seeds: Iterable[int] = (0, 1, 2),
    *,
    study: str = "why-design1-beat-design2",
    kind: str | None = None,
    base: Shape = SHAPES["tiny-design2"],
    **options: Any,
) -> list[RunFolder]:
    """Finished runs of all that a study asks for; each factor that is switched adds its effect to the accuracy."""
    loaded = load_study(study)
    experiments = {
        name: load_experiment(name, options.get("profile", "embedded")) for name in loaded.experiments
    }
    design = study_design(loaded, experiments, kind)
    assert design.plan is not None
    made = []
    for seed in seeds:
        for point in design.points:
            rise = sum(effects.get(name, 0.0) for name in design.plan.switched(point.levels))
            shape = replace(base, test=base.test + rise, clean=base.clean + rise / 2)
            made.append(
                make_run(
                    runs,
                    point.experiment.name,
                    seed,
                    experiment=point.experiment,
                    shape=shape,
                    key=point.name,
                    **options,
                )
            )
        for name, part in design.members.items():
            if name in experiments:
                continue
            shape = replace(base, test=base.test + sum(effects.values()) + effects.get(name, 0.0))
            made.append(
                make_run(
                    runs,
                    part.experiment.name,
                    seed,
                    experiment=part.experiment,
                    shape=shape,
                    key=name,
                    **options,
                )
            )
    return made


def make_run(
    runs: Path,
    name: str,
    seed: int,
    *,
    profile: str = "embedded",
    overrides: Mapping[str, Any] | None = None,
    state: str = "finished",
    epochs_done: int | None = None,
    message: str = "",
    experiment: Experiment | None = None,
    shape: Shape | None = None,
    key: str = "",
    environment: Environment = ENVIRONMENT,
    fingerprint: str = "",
    edit: Callable[[list[dict[str, float]]], list[dict[str, float]]] = lambda rows: rows,
    cost: tuple[float, float] | None = None,
) -> RunFolder:
    """One run folder; without a state that says otherwise, a finished one. ``key`` draws other noise, ``edit`` makes other rows, and
    ``cost`` are seconds and megabytes of each epoch.
    """
    experiment = experiment or load_experiment(name, profile, overrides)
    epochs = vision_settings(experiment).training.stop_after
    done = epochs if epochs_done is None else epochs_done
    data = DataRecord(
        fingerprint=fingerprint
        or hashlib.sha256(vision_settings(experiment).data.dataset.encode()).hexdigest(),
        train_images=1800,
        holdout_images=200,
        test_images=1000,
        classes=vision_settings(experiment).model.classes,
    )
    record = RunRecord(
        experiment=experiment,
        seed=seed,
        identity=identity_of(experiment, seed, data.fingerprint),
        configuration=configuration_of(experiment),
        numerics_version=NUMERICS_VERSION,
        data=data,
    )
    folder = run_folder(runs, profile, experiment.name, seed, record.identity)
    rows = edit(
        curve_rows(shape or SHAPES.get(name, SHAPES["tiny-design1"]), seed, key or name, epochs)[:done]
    )
    for row in rows:
        row["test_top5_accuracy"] = round(min(1.0, row["test_accuracy"] + 0.3), 3)
    done = len(rows)
    write_section(folder.record, record)
    write_section(folder.environment, environment)
    write_text(folder.metrics, table_text(METRIC_COLUMNS, rows))
    if cost:
        times = {
            "train_s": cost[0],
            "evaluate_s": 0.5,
            "images_per_s": 1800 / cost[0],
            "peak_memory_mb": cost[1],
        }
        write_text(
            folder.timing, table_text(TIMING_COLUMNS, [{"epoch": row["epoch"], **times} for row in rows])
        )
    if state == "finished":
        by = settings_rules(experiment.trainer).taken_by(experiment.settings)
        accuracy = result_row(rows, by)["test_accuracy"]
        write_predictions(folder.predictions, predictions(accuracy, seed, key or name))
    write_status(folder, Status(state=state, epochs_done=done, epochs=epochs, message=message))  # type: ignore[arg-type]
    return folder


def write_status(folder: RunFolder, status: Status) -> None:
    """The status with the digests of the records beside it, as a training leaves it."""
    names = ("run.json", "environment.json", "metrics.csv", "predictions.npz")
    digests = {name: sha256_of_file(folder.path / name) for name in names if (folder.path / name).exists()}
    write_section(folder.status, status.model_copy(update={"digests": digests}))


def with_status(folder: RunFolder, **update: Any) -> None:
    """Another status, with the digests of the records as they are now."""
    write_status(folder, read_section(folder.status, Status).model_copy(update=update))


def on_other_data(folder: RunFolder, fingerprint: str) -> RunFolder:
    """The run as it would be on other data, in the place that it then has."""
    record = read_section(folder.record, RunRecord)
    data = record.data.model_copy(update={"fingerprint": fingerprint})
    identity = identity_of(record.experiment, record.seed, fingerprint)
    write_section(folder.record, record.model_copy(update={"data": data, "identity": identity}))
    with_status(folder)
    return RunFolder(folder.path.rename(folder.path.with_name(f"{record.seed}-{identity[:8]}")))


def curve_rows(shape: Shape, seed: int, name: str, epochs: int) -> list[dict[str, float]]:
    """Metrics that rise as curves do, with noise keyed by experiment and seed."""
    key = int(hashlib.sha256(f"{name} {seed}".encode()).hexdigest()[:12], 16)
    draw = np.random.default_rng(key)
    offset = draw.normal(0, shape.spread)
    rows = []
    for epoch in range(1, epochs + 1):
        risen = 1 - math.exp(-shape.pace * epoch)
        wobble = draw.normal(0, shape.spread / 2, size=4)
        ends = (shape.train, shape.clean, shape.test, shape.test)
        train, clean, test, val = (
            round(float(min(0.999, max(0.05, 0.1 + (end - 0.1) * risen + offset + noise))), 3)
            for end, noise in zip(ends, wobble, strict=True)
        )
        losses = [
            round(float(2.303 * (1 - 0.85 * (value - 0.1)) + 0.01 * abs(noise)), 6)
            for value, noise in zip((train, clean, test, val), wobble, strict=True)
        ]
        rows.append(
            {
                "epoch": epoch,
                "step": 29 * epoch,
                "images_seen": 1800 * epoch,
                "learning_rate": 0.01,
                "weight_decay": 0.0005,
                "train_loss": losses[0],
                "train_accuracy": train,
                "train_clean_loss": losses[1],
                "train_clean_accuracy": clean,
                "val_loss": losses[3],
                "val_accuracy": val,
                "test_loss": losses[2],
                "test_accuracy": test,
                "test_top5_accuracy": round(min(1.0, test + 0.3), 3),
            }
        )
    return rows


def predictions(accuracy: float, seed: int, name: str, images: int = 1000) -> Predictions:
    """Predictions that have the accuracies of the last row."""
    label = (np.arange(images) % 10).astype(np.int32)
    draw = np.random.default_rng(int(hashlib.sha256(f"p {name} {seed}".encode()).hexdigest()[:12], 16))
    wrong = draw.permutation(images)[: round(images * (1 - accuracy))]
    predicted = label.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 10
    in_top5 = predicted == label
    in_top5[wrong[: round(images * min(0.3, 1 - accuracy))]] = True
    return Predictions(label=label, predicted=predicted, in_top5=in_top5)
