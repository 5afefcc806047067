"""How many runs are trained side by side, where the user does not say it, and where several processes are one run's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinyexp.config.trainers import settings_rules
from tinyexp.errors import UserError
from tinyexp.launch.engines import Placement
from tinyexp.launch.job import Job
from tinyexp.processor import processors
from tinyexp.trainers.base import trainer_of


def placed(placement: Placement, jobs: Sequence[Job], *, asked: int, usual: int, by_name: bool) -> Placement:
    """The placement of these jobs.

    Parameters
    ----------
    asked, usual
        Runs side by side as the user, and as the profile says; 0 where they do not.
    by_name
        Whether the user named what is to be trained, rather than have all trained.

    Raises
    ------
    UserError
        A launcher started several processes for one run, and there are many.
    """
    if led := _is_led(jobs):
        if not by_name:
            raise UserError(
                "torchrun or srun started several processes for one run, and run-all has many. Train each by `tinyexp run` under"
                " it; or without it run-all, which starts the processes of one run after the other."
            )
        asked = 1  # the other processes take its runs one after the other
    # A cluster's queue bounds how many there are at a time.
    room = _processors_allow(jobs) if placement.on == "local" else len(jobs)
    side_by_side = max(1, min(asked or usual or room, len(jobs)))
    return replace(placement, jobs=side_by_side, jobs_asked=0 if led else asked)


def _is_led(jobs: Sequence[Job]) -> bool:
    """Whether a launcher started this process as one of several that train a run together."""
    experiments = (job.plan.experiment for job in jobs)
    return any(trainer_of(one.trainer).rank(one) is not None for one in experiments)


def _processors_allow(jobs: Sequence[Job]) -> int:
    """Runs for which this machine has processors, if each of their processes takes one."""
    experiments = (job.plan.experiment for job in jobs)
    most = max((settings_rules(one.trainer).processes(one.settings) for one in experiments), default=1)
    return max(1, processors() // most)
