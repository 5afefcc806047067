"""Runs that train in a second, for tests of training, launching and the command line."""

import sys
from pathlib import Path

import spared

from tinyexp.config.load import load_experiment
from tinyexp.config.section import Section
from tinyexp.runs.plan import RunPlan, plan_run
from tinyexp.runs.records import write_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.trainer import describe
from tinyexp.trainers.vision.training.run import Listener, train_run

spared.unpack_images_once()

SMALL = {
    "model.width": 0.03,
    "data.train_limit": 60,
    "data.test_limit": 30,
    "data.holdout": 20,
    "training.batch_size": 16,
    "training.epochs": 12,
    "training.stop_after": 3,
}
"""Four steps an epoch, the last of 12 images."""

WATCHED = {
    "data__dataset": "patterns",
    "optimizer__learning_rate": 0.1,
    "optimizer__schedule": "plateau",
    "optimizer__plateau_patience": 0,
    "training__epochs": 30,
    "training__patience": 2,
    "training__stop_after": 30,
}
"""A small run that stops early and whose rates move; after which epochs is the processor's, as the last bits are."""

SET = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
"""The same as options of the command line."""


def run_command(runs: Path, *options: str) -> list[str]:
    """The command that trains a small run in processes of its own."""
    return [sys.executable, "-m", "tinyexp", "run", "tiny-design1", *SET, "--runs", str(runs), *options]


def small_plan(runs: Path, name: str = "tiny-design1", seed: int = 0, **overrides: object) -> RunPlan:
    """A plan of a small run; overrides are given with ``__`` for the dot."""
    settings = SMALL | {key.replace("__", "."): value for key, value in overrides.items()}
    experiment = load_experiment(name, "embedded", settings)
    dataset = open_dataset(vision_settings(experiment).data, Path("data"))
    return plan_run(experiment, seed, describe(dataset), runs)


def trained(
    runs: Path,
    name: str = "tiny-design1",
    seed: int = 0,
    listener: Listener | None = None,
    **overrides: object,
) -> RunPlan:
    """Train a small run in this process; gives its plan."""
    plan = small_plan(runs, name, seed, **overrides)
    train_run(plan, open_dataset(vision_settings(plan.experiment).data, Path("data")), listener)
    return plan


def results(plan: RunPlan) -> dict[str, bytes]:
    """What must not differ by a bit between two ways to the same run: metrics, predictions, weights."""
    import hashlib

    from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint

    state = load_checkpoint(checkpoints(plan.folder.checkpoints)[-1])
    digest = hashlib.sha256()
    for name, value in sorted(state["model"].items()):
        digest.update(name.encode() + value.numpy().tobytes())
    for _, entry in sorted(state["optimizer"]["state"].items()):
        digest.update(entry["momentum_buffer"].numpy().tobytes())
    files = ("metrics.csv", "predictions.npz", "run.json", "environment.json", "status.json")
    return {name: (plan.folder.path / name).read_bytes() for name in files} | {"weights": digest.digest()}


def began_as(plan: RunPlan, *, keep: bool = True, **records: Section) -> None:
    """Have a run say that it is another one (``record``), or began elsewhere (``environment``), in its checkpoints and beside them.

    With ``keep=False`` the checkpoints say nothing of it, as those of earlier versions.
    """
    from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint

    names = {"record": "run.json", "environment": "environment.json"}
    for name, value in records.items():
        write_section(getattr(plan.folder, name), value)
    for path in checkpoints(plan.folder.checkpoints):
        state = load_checkpoint(path)
        for name, value in records.items():
            state["records"][names[name]] = value.model_dump_json()
        if not keep:
            del state["records"]
        epoch, step = map(int, path.stem.split("-")[1::2])
        save_checkpoint(plan.folder.checkpoints, state, epoch=epoch, step=step)
