"""Where the time of a real run goes: two embedded trainings under cProfile, in shares of their processor time."""

from __future__ import annotations

from fair import one_thread

one_thread()

import cProfile
import json
import pstats
import tempfile
from pathlib import Path

import torch

from tinyexp.config.load import load_experiment
from tinyexp.runs.plan import plan_run
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.makers import kernel_problem
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.trainer import describe
from tinyexp.trainers.vision.training.run import train_run

GROUPS = {
    "backward": ("run_backward",),
    "convolutions, forward": ("conv2d",),
    "pooling, batch norm, activations, dense": (
        "max_pool2d",
        "batch_norm",
        "relu",
        "linear",
        "softmax",
        "dropout",
    ),
    "optimizer": ("add_", "mul_", "sgd.py"),
    "preparing batches": (
        "resample.py",
        "kernel.py",
        "views.py",
        "philox.py",
        "loader.py",
        "makers.py",
        "transforms.py",
    ),
    "commits and records": ("fsync", "files.py", "checkpoint.py", "project.py", "sha256", "_save"),
}


def group_of(place: tuple[str, int, str]) -> str:
    """The group of a profiled function, by its file and name."""
    text = f"{Path(place[0]).name} {place[2]}"
    return next((name for name, parts in GROUPS.items() if any(part in text for part in parts)), "the rest")


if __name__ == "__main__":
    torch.set_num_threads(1)
    assert not kernel_problem()
    for name in ("tiny-design1", "tiny-design2"):
        experiment = load_experiment(name, "embedded", {"training.stop_after": 4})
        dataset = open_dataset(vision_settings(experiment).data, Path("data"))
        with tempfile.TemporaryDirectory() as place:
            plan = plan_run(experiment, 0, describe(dataset), Path(place))
            profile = cProfile.Profile()
            profile.runcall(train_run, plan, dataset)
        shares: dict[str, float] = {}
        stats = pstats.Stats(profile)
        for function, (_, _, own, *_) in stats.stats.items():
            shares[group_of(function)] = shares.get(group_of(function), 0.0) + own / stats.total_tt
        ordered = sorted(shares.items(), key=lambda item: -item[1])
        print(
            json.dumps({"run": name, "epochs": 4, "shares": {key: round(value, 3) for key, value in ordered}})
        )
