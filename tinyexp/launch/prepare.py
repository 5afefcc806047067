"""From experiments to plans: everything that can be known to be wrong is said before anything is trained."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from tinyexp.analysis.design import DesignPoint
from tinyexp.errors import UserError
from tinyexp.extras import absent
from tinyexp.runs.plan import RunPlan, plan_run
from tinyexp.runs.records import DataRecord
from tinyexp.trainers.base import TRAINERS, require_installed, trainer_of


def prepare(
    points: Sequence[DesignPoint], runs: Path, data_folder: Path, first: Collection[str] = ()
) -> list[RunPlan]:
    """The plans of all points under their planned seeds, seeds outermost, so that early results are comparable ones.

    Parameters
    ----------
    first
        Configurations that come before all others, with all of their seeds: those of the designs that are compared.

    Raises
    ------
    UserError
        Something is not installed, data are missing (all that are, with where they come from), a net does not fit
        its images or classes, or ``runs`` cannot be written to. Nothing was trained or written.
    """
    lacking = {name for name in TRAINERS if absent(*trainer_of(name).needs)}
    unable = [one.experiment for one in points if one.experiment.trainer in lacking]
    for experiment in unable:
        # Where there is no folder no run can be finished, so it is said before data are opened.
        if not (runs / experiment.profile / experiment.name).is_dir():
            require_installed(experiment)
    plans = planned(points, runs, data_folder, first)
    for plan in plans:
        if plan.experiment.trainer in lacking and not plan.is_finished():
            require_installed(plan.experiment)
    require_writable(runs)
    return plans


def planned(
    points: Sequence[DesignPoint], runs: Path, data_folder: Path, first: Collection[str] = ()
) -> list[RunPlan]:
    """As :func:`prepare`, and nothing is written."""
    by_trainer: dict[str, list[DesignPoint]] = {}
    for one in points:
        by_trainer.setdefault(one.experiment.trainer, []).append(one)
    inputs: dict[int, DataRecord] = {}
    for name, own in by_trainer.items():
        records = trainer_of(name).inputs([one.experiment for one in own], data_folder)
        inputs |= {id(one): record for one, record in zip(own, records, strict=True)}
    seeds = dict.fromkeys(seed for one in points for seed in one.planned_seeds)
    plans = [
        plan_run(one.experiment, seed, inputs[id(one)], runs, one.name)
        for seed in seeds
        for one in points
        if seed in one.planned_seeds
    ]
    return sorted(plans, key=lambda plan: plan.record.configuration not in first)


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
