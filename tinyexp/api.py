"""The functions of the public Python interface that need more than one layer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyexp.config.experiment import Experiment
from tinyexp.errors import UserError, listed
from tinyexp.extras import require

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from tinyexp.analysis.attribution import Attribution
    from tinyexp.analysis.compared import Comparison
    from tinyexp.analysis.study import Study
    from tinyexp.config.metric import Metric
    from tinyexp.report.render import ReportResult
    from tinyexp.runs.records import Status


def build_model(experiment: Experiment) -> nn.Module:
    """The net of an experiment, untrained; see :func:`tinyexp.trainers.vision.models.build.build_model`.

    Raises
    ------
    UserError
        torch is not installed.
    """
    require("train", "torch", "torchvision", purpose="tinyexp.build_model")
    from tinyexp.trainers.vision.models.build import build_model as build  # noqa: PLC0415 - loads torch

    return build(experiment)


def train(experiment: Experiment, seed: int, runs: str | Path = "runs") -> Status:
    """Train one run in this process, or what is left of it; a finished one is used again.

    Data sets are looked for in ``$TINYEXP_DATA``, or else in ``./data``.

    Raises
    ------
    UserError
        What the trainer needs is not installed, or the data are missing or do not fit; nothing was trained.
    DivergedError
        A loss was no longer finite; the run is marked so.
    """
    from tinyexp.analysis.design import experiment_point  # noqa: PLC0415
    from tinyexp.launch.prepare import prepare  # noqa: PLC0415 - torch is loaded only here
    from tinyexp.runs.heartbeat import beating  # noqa: PLC0415
    from tinyexp.runs.records import Status, read_section  # noqa: PLC0415
    from tinyexp.trainers.base import Listener, trainer_of  # noqa: PLC0415

    folder = Path(os.environ.get("TINYEXP_DATA") or "data")
    [plan] = prepare([experiment_point(experiment, (seed,))], Path(runs), folder)
    if plan.is_finished():
        return read_section(plan.folder.status, Status)
    listener = Listener(stop_code=beating(plan.folder.status))
    return trainer_of(experiment.trainer).train(plan, folder, listener, fresh=False, accept_environment=False)


def write_report(
    runs: str | Path,
    out: str | Path,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    baseline: str | Path | None = None,
    data_folder: str | Path | None = None,
) -> ReportResult:
    """Write the report of the runs below ``runs`` into the folder ``out``, which is replaced whole.

    Parameters
    ----------
    baseline
        An earlier report, or its ``report.json``: adds what changed since.
    data_folder
        Where data sets are, for the few test images that a report shows; None to show those that are kept with the runs.

    The result has the gates that studies set in it, those that failed among them, and the faults: metrics with values
    that they cannot have, which were not compared. None of them raises.

    Raises
    ------
    UserError
        There are no runs, several profiles and none named, ``out`` holds something else, or the baseline
        cannot be read.
    """
    from tinyexp.report.render import write_report as write  # noqa: PLC0415 - matplotlib is loaded only here

    return write(
        Path(runs),
        Path(out),
        profile=profile,
        overrides=dict(overrides or {}),
        baseline=Path(baseline) if baseline else None,
        data_folder=Path(data_folder) if data_folder else None,
    )


def compare_study(
    frame: pd.DataFrame, study: Study, overrides: Mapping[str, Any] | None = None
) -> Comparison:
    """Compare the two designs of a study as its report does: by its metric, margin, endpoint, pairing and looks.

    Parameters
    ----------
    frame
        What :func:`tinyexp.load_runs` gives, of one profile. The runs of the two are found by their configuration, so
        that those of mixtures and variants may stand in it too. A training that left no row is in no frame: the report,
        which reads the folders, counts it as lost.
    overrides
        Those that the runs were trained with.

    Raises
    ------
    UserError
        The frame is not of one profile, or cannot be used, as :func:`tinyexp.compare` says.
    """
    from tinyexp.analysis.coding import labelled  # noqa: PLC0415 - pandas
    from tinyexp.analysis.comparison import compare  # noqa: PLC0415
    from tinyexp.analysis.curves import with_gap  # noqa: PLC0415
    from tinyexp.analysis.design import study_design  # noqa: PLC0415
    from tinyexp.config.load import load_experiment, load_profile  # noqa: PLC0415
    from tinyexp.config.metric import GAP  # noqa: PLC0415

    profiles = sorted(set(frame["profile"])) if "profile" in frame else []
    if len(profiles) != 1:
        raise UserError(
            f"compare_study: the frame is not of one profile (profiles: {listed(profiles)}). Give what tinyexp.load_runs"
            " reads, the rows of one profile; of numbers from anywhere, tinyexp.compare takes the names of two designs."
        )
    experiments = {name: load_experiment(name, profiles[0], overrides or {}) for name in study.experiments}
    members = study_design(study, experiments, "none").members
    pair = study.contender, study.baseline
    return compare(
        labelled(
            with_gap(frame) if study.metric == GAP else frame,
            {members[name].configuration: name for name in pair},
        ),
        *pair,
        study.measure,
        study.margin,
        study.endpoint,
        pairing=study.pairing,
        looks=study.looks_at(load_profile(profiles[0]).seeds),
        selected_on_test=study.selected_on_test,
    )


def attribute(
    frame: pd.DataFrame,
    study: Study | Sequence[str],
    metric: str | None = None,
    plan: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    margin: float | None = None,
) -> Attribution:
    """Share a gap between two designs out among the factors in which they differ; no torch is needed.

    Parameters
    ----------
    frame
        Either a row per run with a column of 0 (baseline) and 1 (contender) for each factor, ``seed`` and the
        metric: numbers from anywhere. Or what :func:`tinyexp.load_runs` gives, of one profile: then the runs of
        the study's mixtures are found in it by their configuration.
    study
        A study, or the names of the factors' columns.
    metric
        The study's own if none is given, or ``test_accuracy``.
    plan
        ``one-at-a-time``, ``fraction`` or ``full``; ``as-run`` for least squares over whatever was trained. None for the
        dearest plan whose runs are all there, and ``as-run`` where none is whole.
    overrides
        Those that the runs of a frame from :func:`tinyexp.load_runs` were trained with.
    margin
        What is too small to matter, in the metric's units; the study's own if none is given and the metric is its own.

    Raises
    ------
    UserError
        A frame that cannot be used, a confounded study, or runs of the plan that are missing, by name.
    """
    from tinyexp.analysis.attribution import attribute as share_out  # noqa: PLC0415 - pandas
    from tinyexp.analysis.study import Study  # noqa: PLC0415

    if not isinstance(study, Study):
        return share_out(frame, list(study), metric or "test_accuracy", plan, margin or 0.0)
    meant = study.type_of(metric or study.metric)
    small = margin if margin is not None else study.margin if meant.name == study.metric else 0.0
    names = [factor.name for factor in study.factors]
    there = [name for name in names if name in frame]
    if there:
        if len(there) < len(names):
            lacking = listed(name for name in names if name not in there)
            raise UserError(
                f"attribute: the frame has no column for {lacking}. Add them, or give the factors that it has: "
                f"{listed(there)}."
            )
        return share_out(frame, there, meant, plan, small)
    rows, factors = _coded(frame, study, meant, overrides or {})
    return share_out(rows, factors, meant, plan, small)


def _coded(
    frame: pd.DataFrame, study: Study, metric: Metric, overrides: Mapping[str, Any]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The runs of a study's mixtures among those of one profile, and the factors that take part."""
    from tinyexp.analysis.coding import coded_runs  # noqa: PLC0415
    from tinyexp.analysis.curves import with_gap  # noqa: PLC0415
    from tinyexp.analysis.design import study_design  # noqa: PLC0415
    from tinyexp.config.load import load_experiment  # noqa: PLC0415
    from tinyexp.config.metric import GAP  # noqa: PLC0415

    profiles = sorted(set(frame["profile"])) if "profile" in frame else []
    if len(profiles) != 1:
        raise UserError(
            f"attribute: the frame has no column for a factor of '{study.name}', and is not of one profile either "
            f"(profiles: {listed(profiles)}). Give a column of 0 and 1 for each factor, or the runs of one profile."
        )
    experiments = {name: load_experiment(name, profiles[0], overrides) for name in study.experiments}
    # Every plan is part of the full one, so runs of any plan are found.
    design = study_design(study, experiments, "full")
    assert design.plan is not None, "both ends were loaded"
    rows = with_gap(frame) if metric.name == GAP else frame
    return coded_runs(rows, design.points, design.plan.factors, metric, study.endpoint), design.plan.factors
