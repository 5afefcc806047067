"""Records of a great many runs: every study whole, and experiments that belong to none, each with many seeds.

python tests/report/many_runs.py FOLDER --seeds 20 --others 18 --epochs 200     (1,000 runs)
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from records_maker import SHAPES, Shape, make_run, make_runs

from tinyexp.analysis.design import DesignPoint, study_design
from tinyexp.analysis.study import load_study, study_names
from tinyexp.config.experiment import Experiment
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.runs.folder import RunFolder

STUDIES_RUNS = 37
"""Of one seed: what the four studies ask for together."""

EFFECTS = {
    "augmentation": 0.16,
    "hidden-activation": 0.05,
    "conv1-width": -0.02,
    "conv4-kernel": 0.04,
    "fc-width": 0.015,
}
"""What each switched factor adds to the accuracy."""


def make_many_runs(
    runs: Path, *, seeds: int = 20, others: int = 13, epochs: int = 200, studies: bool = True
) -> list[RunFolder]:
    """Finished runs of ``others`` experiments with ``seeds`` seeds each, and of all 32 that the studies ask for."""
    length = {"training.epochs": epochs, "training.stop_after": epochs}
    wanted = [_another(number, others, length, 4 / epochs) for number in range(others)]
    if studies:
        wanted += _study_parts(length, 4 / epochs)
    with _unflushed():
        return [
            make_run(runs, experiment.name, seed, experiment=experiment, shape=shape, key=key)
            for experiment, shape, key in wanted
            for seed in range(seeds)
        ]


def make_pair(runs: Path, *, seeds: int, epochs: int) -> list[RunFolder]:
    """Finished runs of the two designs alone."""
    length = {"training.epochs": epochs, "training.stop_after": epochs}
    with _unflushed():
        return make_runs(runs, ("tiny-design1", "tiny-design2"), range(seeds), overrides=length)


def _study_parts(length: dict[str, int], pace: float) -> list[tuple[Experiment, Shape, str]]:
    """What all studies ask for: experiments, variants and mixtures, each training once."""
    experiments = {name: load_experiment(name, "embedded", length) for name in experiment_names()}
    points: dict[str, DesignPoint] = {}
    for study in study_names():
        for point in study_design(load_study(study), experiments).everything:
            points.setdefault(point.configuration, point)
    return [(point.experiment, _shape(point, pace), point.name) for point in points.values()]


def _shape(part: DesignPoint, pace: float) -> Shape:
    """Of a mixture what its factors add; of a variant a little more or less than its experiment."""
    base, *switched = part.name.split(" + ")
    shape = replace(SHAPES[part.experiment.name if not switched else base], pace=pace)
    if part.name in SHAPES:
        return shape
    rise = sum(EFFECTS[name] for name in switched) if switched else (len(part.name) % 7 - 3) / 50
    return replace(shape, test=shape.test + rise, clean=shape.clean + rise / 2)


def _another(number: int, among: int, length: dict[str, int], pace: float) -> tuple[Experiment, Shape, str]:
    """An experiment that no study asks for."""
    rate = round(0.0005 + 0.001 * number, 6)  # never the 0.01 of the others, which would be their training
    base = load_experiment("tiny-design1", "embedded", {**length, "optimizer.learning_rate": rate})
    name, end = f"rate-{number:04}", 0.3 + 0.4 * number / max(1, among - 1)
    shape = Shape(test=end, train=0.6, clean=0.75, pace=pace, spread=0.02)
    return base.model_copy(update={"name": name, "title": f"Learning rate {rate:g}"}), shape, name


@contextmanager
def _unflushed() -> Iterator[None]:
    """Without waiting for the disk at each of some thousand files."""
    with mock.patch("os.fsync"):
        yield


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--others", type=int, default=18)
    options.add_argument("--epochs", type=int, default=200)
    options.add_argument("--no-studies", action="store_true")
    asked = options.parse_args()
    done = make_many_runs(
        asked.folder,
        seeds=asked.seeds,
        others=asked.others,
        epochs=asked.epochs,
        studies=not asked.no_studies,
    )
    print(f"{len(done):,} runs in {asked.folder}")  # noqa: T201 - for whoever made them by hand
