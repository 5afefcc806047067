"""What the studies take under the profile ``paper``, by arithmetic: runs, operations, hours at stated speeds, memory. Trains nothing.

It needs no data and no torch: ``tinyexp plan STUDY --profile paper`` says the same of runs, where the data are there, and a time once
a run was measured. Operations are two for each multiply-add, three passes for an image in training (forward, and a backward pass
that costs twice as much) and one in the evaluations after each epoch; runs that may stop early are counted to their last epoch.
``memory_gb`` is of the largest training step: what the backward pass keeps of a batch (``kept_maps.py``), and each weight with its
gradient and momentum.

    python benchmarks/paper_budget.py           a line of JSON a study, then all of them with each configuration once
    python benchmarks/paper_budget.py --table   the same as tables
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from kept_maps import FLOAT, kept_bytes

from tinyexp.analysis.design import DesignPoint, confirmation_points, study_design
from tinyexp.analysis.study import load_study, study_names
from tinyexp.config.experiment import Experiment
from tinyexp.config.load import experiment_names, load_experiment, load_profile
from tinyexp.config.trainers import settings_rules
from tinyexp.launch.wanted import designs, wanted
from tinyexp.trainers.vision.data.catalogue import CATALOGUE
from tinyexp.trainers.vision.models.cost import parameters
from tinyexp.trainers.vision.settings import vision_settings

PROFILE = "paper"
TFLOP_PER_S = (10, 30, 100)
"""Sustained, not what a data sheet promises."""
DECODED_PER_S = 1_000
"""Photos a second that one core decodes: a round number, near what ``decoding.py`` prints for 400 x 300 pixels."""
_COPIES = 3


def operations(experiment: Experiment) -> float:
    """Of a whole run, on the data set as it is published."""
    spec = vision_settings(experiment)
    known, held_out = CATALOGUE[spec.data.dataset], spec.data.holdout
    images = {
        "train_images": known.train_images - held_out,
        "holdout_images": held_out,
        "test_images": known.test_images,
    }
    work = settings_rules(experiment.trainer).epoch_work(experiment, images)
    assert work is not None, "a net's settings say what it costs"
    return 2 * work * spec.training.stop_after


def step_bytes(experiment: Experiment) -> int:
    """What a training step keeps at once, and the weights with all that goes with them."""
    spec = vision_settings(experiment)
    return spec.training.batch_size * kept_bytes(spec) + _COPIES * FLOAT * parameters(spec)


def images_read(experiment: Experiment) -> int:
    """Images of the training set that a run reads, over all its epochs."""
    spec = vision_settings(experiment)
    return (CATALOGUE[spec.data.dataset].train_images - spec.data.holdout) * spec.training.stop_after


def budget(name: str, points: Sequence[DesignPoint], seeds: int) -> dict:
    """What training all of these takes under so many seeds."""
    experiments = [point.experiment for point in points]
    total = seeds * sum(operations(one) for one in experiments)
    read = seeds * sum(images_read(one) for one in experiments)
    return {
        "benchmark": "paper-budget",
        "study": name,
        "configurations": len(points),
        "seeds": seeds,
        "runs": seeds * len(points),
        "pflop": round(total / 1e15),
        "hours_at_tflop_per_s": {speed: round(total / (speed * 1e12) / 3600, 2) for speed in TFLOP_PER_S},
        "memory_gb": round(max((step_bytes(one) for one in experiments), default=0) / 1e9, 1),
        "training_images_read_millions": round(read / 1e6),
        "core_hours_at_1000_decoded_per_s": round(read / DECODED_PER_S / 3600, 1),
    }


def studies() -> list[dict]:
    """A budget for each study, for what confirms its factors at most, and for all of them together."""
    seeds = load_profile(PROFILE).seeds
    found = []
    loaded = [load_study(name) for name in study_names()]
    for study in loaded:
        design = study_design(study, designs(study.experiments, PROFILE))
        points = {point.configuration: point for point in design.everything}
        found.append(budget(study.name, list(points.values()), seeds))
        if design.plan:
            alone = confirmation_points(design, design.plan.factors)
            found.append(budget(f"{study.name}, factors alone at most", alone, seeds))
    together = wanted(designs(experiment_names(), PROFILE), loaded, range(seeds), None)
    found.append(budget("all four, each configuration once", together, seeds))
    return found


def runs() -> list[dict]:
    """One run of each experiment."""
    points = [load_experiment(name, PROFILE) for name in experiment_names()]
    return [budget(one.name, [DesignPoint(one.name, one.title, one)], 1) for one in points]


def table(rows: Sequence[dict], first: str) -> str:
    """Rows as Markdown."""
    speeds = [f"hours at {speed} TFLOP/s" for speed in TFLOP_PER_S]
    head = [first, "runs", "PFLOP", *speeds, "memory, GB", "training images read, millions"]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        hours = [
            f"{value:.1f}" if value >= 1 else f"{value:.2f}" for value in row["hours_at_tflop_per_s"].values()
        ]
        counts = [f"{row['runs']:,}", f"{row['pflop']:,}", *hours, f"{row['memory_gb']:.1f}"]
        lines.append([row["study"], *counts, f"{row['training_images_read_millions']:,}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    if "--table" in sys.argv[1:]:
        print(table(runs(), "one run of"), table(studies(), "study"), sep="\n\n")
    else:
        for row in [*runs(), *studies()]:
            print(json.dumps(row))
