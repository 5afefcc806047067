"""What ``run`` and ``run-all`` do: load, plan, have an executor train, and say how it ended."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.frozen import freeze_study
from tinyexp.analysis.study import Study, load_study
from tinyexp.config.load import experiment_names, load_profile
from tinyexp.errors import UserError, listed
from tinyexp.launch.beside import Beside
from tinyexp.launch.drive import train
from tinyexp.launch.engines import Placement, executor_for, rehearse, require_fitting
from tinyexp.launch.job import Job, Outcome
from tinyexp.launch.placing import placed
from tinyexp.launch.prepare import planned, prepare
from tinyexp.launch.progress import progress_for
from tinyexp.launch.shard import Shard
from tinyexp.launch.study_metrics import StudyMetrics
from tinyexp.launch.wanted import designs, leading_pair, studies_over, wanted
from tinyexp.runs.asked import read_asked, write_asked
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import result


@dataclass(frozen=True)
class Request:
    """What the user asked to have trained."""

    profile: str
    names: Sequence[str] = ()
    """Experiments; all of them where empty."""
    only: Sequence[str] = ()
    """Patterns, one of which a name must match."""
    seeds: Sequence[int] = ()
    """The profile's number of them where empty."""
    overrides: Mapping[str, Any] | None = None
    studies: Sequence[str] = ()
    """The studies to train, and nothing besides; the profile's, where empty."""
    plan: str | None = None
    """The kind of plan that studies are trained by, in place of their own; ``none`` for no study."""
    jobs: int = 0
    """Runs side by side; 0 for the profile's, or else one a processor."""
    placement: Placement = field(default_factory=Placement)
    """Where they are trained; its jobs and folder of runs are those of this request."""
    shard: Shard | None = None
    """The share of the runs that is trained; all of them where None."""
    runs: Path = Path("runs")
    data_folder: Path = Path("data")
    fresh: bool = False
    accept_environment: bool = False
    beside: Beside = field(default_factory=Beside)
    """What goes on meanwhile."""


def run_session(request: Request) -> tuple[list[Outcome], int]:
    """Train what is asked for, the two designs of the leading study before all others; gives the outcomes, and the exit code.

    Raises
    ------
    UserError
        The request cannot be carried out; nothing was trained.
    """
    require_fitting(request.placement)
    points, studies, first = _asked_for(request)
    plans = prepare(points, request.runs, request.data_folder, first)
    if not request.names:
        seeds = len(request.seeds or range(load_profile(request.profile).seeds))
        for study in studies:
            freeze_study(request.runs / request.profile, study, seeds)
        write_asked(request.runs / request.profile, [plan.folder.name for plan in plans])
    return _carried_out(replace(request, beside=StudyMetrics(studies, request.beside)), plans, first)


def rehearse_session(request: Request) -> str:
    """What :func:`run_session` would have submitted; empty where every run is finished. Nothing is written."""
    require_fitting(request.placement)
    points, _, first = _asked_for(request)
    plans = planned(points, request.runs, request.data_folder, first)
    jobs = _jobs(request, plans)
    left = [job for job in jobs if not job.is_done()]
    return rehearse(_placed(request, jobs), left) if left else ""


def _asked_for(request: Request) -> tuple[list[DesignPoint], list[Study], frozenset[str]]:
    """The points that a request is about, the studies over them, and the configurations that come first."""
    names, studies = studies_of(request)
    experiments = designs(names, request.profile, request.overrides)
    seeds = request.seeds or range(load_profile(request.profile).seeds)
    return wanted(experiments, studies, seeds, request.plan), studies, leading_pair(studies, experiments)


def train_points(request: Request, points: Sequence[DesignPoint]) -> tuple[list[Outcome], int]:
    """Train design points that a look at the runs has asked for, and note them beside those that ``run-all`` asked for."""
    plans = prepare(points, request.runs, request.data_folder)
    folder = request.runs / request.profile
    write_asked(folder, list(dict.fromkeys([*read_asked(folder), *(plan.folder.name for plan in plans)])))
    return _carried_out(request, plans)


def _carried_out(
    request: Request, plans: Sequence[RunPlan], first: Collection[str] = ()
) -> tuple[list[Outcome], int]:
    """Have plans trained by the request's executor; gives the outcomes, and the exit code."""
    jobs = _jobs(request, plans)
    placement = _placed(request, jobs)
    executor = executor_for(placement)
    request.beside.begin([plan for plan in plans if plan.record.configuration in first])
    # A cluster knows how many it trains at once; the time left is reckoned by it.
    at_once = max(1, min(executor.side_by_side, len(jobs)))
    outcomes, signal_code = train(jobs, executor, progress_for(at_once), request.beside)
    codes = {outcome.exit_code for outcome in outcomes}
    return outcomes, signal_code or (1 if codes - {0, 2, 130, 143} else max(codes, default=0))


def _placed(request: Request, jobs: Sequence[Job]) -> Placement:
    usual = load_profile(request.profile).jobs or 0
    placement = replace(request.placement, runs=request.runs)
    return placed(placement, jobs, asked=request.jobs, usual=usual, by_name=bool(request.names))


def _jobs(request: Request, plans: Sequence[RunPlan]) -> list[Job]:
    """The jobs of the request's share of the runs."""
    share = request.shard.of(plans) if request.shard else plans
    return [
        Job(plan, request.data_folder, fresh=request.fresh, accept_environment=request.accept_environment)
        for plan in share
    ]


def studies_of(request: Request) -> tuple[list[str], list[Study]]:
    """The experiments that are trained, and the studies over them.

    Raises
    ------
    UserError
        ``only`` matches nothing, or leaves out what a study that was named needs.
    """
    names = _chosen(request)
    # A single experiment is asked for by name; studies are trained with all of theirs.
    studies = (
        [] if request.names else studies_over(names, request.studies or load_profile(request.profile).studies)
    )
    left_out = set(request.studies) - {study.name for study in studies}
    if left_out:
        raise UserError(
            f"--study {min(left_out)}: needs {listed(load_study(min(left_out)).experiments)}, of which --only leaves "
            f"{listed(names)}. Leave --only out."
        )
    return names, studies


def summary(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """A row for each run: what it is, how it ended, the metric that tells most with its last value (or None)."""
    rows = []
    for outcome in outcomes:
        record = outcome.plan.record
        metric, value = result(outcome.plan.folder, record.experiment)
        rows.append(
            {
                "run": outcome.plan.name,
                "experiment": record.experiment.name,
                "seed": record.seed,
                "state": outcome.status.state,
                "trained_now": outcome.trained,
                "epochs": outcome.status.epochs_done,
                "metric": metric,
                "value": value,
                "message": outcome.status.message,
                "folder": str(outcome.plan.folder.path),
            }
        )
    return rows


def _chosen(request: Request) -> list[str]:
    names = list(request.names) or experiment_names()
    if request.studies:
        needed = {name for study in request.studies for name in load_study(study).experiments}
        names = [name for name in names if name in needed]
    if not request.only:
        return names
    chosen = [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in request.only)]
    if not chosen:
        raise UserError(f"--only {' '.join(request.only)}: matches no experiment. Known: {listed(names)}.")
    return chosen
