"""The report for programs: raw values under fixed names, and digests that bind it to its records."""

from __future__ import annotations

import math
import os
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel

from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.reproduction import Reproduction
from tinyexp.config.metric import Metric
from tinyexp.files import sha256_of_file
from tinyexp.report.content import (
    Changes,
    ClaimName,
    CurveValues,
    ExperimentValues,
    FirstVerdict,
    GateResult,
    ReportValues,
    RunValues,
    StudyValues,
    Unheld,
)
from tinyexp.report.evidence import Evidence, Held, StudyResult
from tinyexp.report.headline import headline
from tinyexp.report.sections.all_claims import ordered_claims
from tinyexp.report.sections.head import verdict_kind
from tinyexp.runs.folder import RECORD_NAMES, TIMING
from tinyexp.runs.recorded import RecordedRun
from tinyexp.words import plain

DIGITS = 10
"""Significant digits of a stored number."""


def values_of(
    evidence: Evidence, changes: Changes | None = None, gates: tuple[GateResult, ...] = ()
) -> dict[str, Any]:
    """The values of a report as JSON has them; :mod:`tinyexp.report.content` says what they are."""
    selection, lead = evidence.selection, evidence.lead
    metric, types = headline(evidence), types_of(evidence)
    values = ReportValues(
        profile=selection.profile,
        metric=metric.name if metric else None,
        metrics=types,
        untyped=tuple(evidence.measured.untyped),
        verdict=FirstVerdict(kind=verdict_kind(evidence), study=lead.study.name if lead else None),
        changes=changes,
        gates=gates,
        studies=tuple(_study(result) for result in evidence.results),
        claims=tuple(
            ClaimName(study=study.name, claim=claim.id) for study, claim in ordered_claims(evidence)
        ),
        reported=tuple(_held(held) for held in evidence.held),
        experiments=tuple(_experiment(evidence, chosen) for chosen in selection.chosen),
        missing=selection.missing,
        runs=tuple(_run(evidence, run) for run in selection.runs),
    )
    told: dict[str, Any] = rounded(values)
    return told


def types_of(evidence: Evidence) -> dict[str, Metric]:
    """What the metrics of a report mean: those of the runs, and those that the studies ask for."""
    asked = {
        name: result.study.type_of(name)
        for result in evidence.results
        for name in (result.study.metric, *(claim.metric for claim in result.study.claims if claim.metric))
    }
    return {**asked, **evidence.measured.metrics}


def record_names(run: RecordedRun) -> list[str]:
    """The files that a report takes along of a run: of one that did not finish, only what says so."""
    finished = run.status.state == "finished"
    wanted = (*RECORD_NAMES, TIMING) if finished else ("run.json", "environment.json", "status.json")
    try:
        with os.scandir(run.folder.path) as entries:
            there = {entry.name for entry in entries if entry.is_file()}
    except FileNotFoundError:  # removed since it was chosen: what needs the files says so
        there = set()
    return [name for name in wanted if name in there]


def record_digests(run: RecordedRun) -> dict[str, str]:
    """SHA-256 of each file that a report takes along of a run."""
    return {name: _digest(run, name) for name in record_names(run)}


def _study(result: StudyResult) -> StudyValues:
    return StudyValues(
        study=result.study.name,
        definition=result.study,
        changed=result.changed,
        missing=result.missing,
        problem=result.problem or None,
        comparison=result.comparison,
        two_networks=result.networks,
        across_images=result.images,
        by_class=result.predicted.found if result.predicted else None,
        class_names=result.predicted.classes if result.predicted else (),
        attributions=dict(result.attributions),
        unattributed=result.unattributed or None,
        claims=result.judgements,
    )


def _held(held: Held) -> Reproduction | Unheld:
    if held.reproduction is None:
        return Unheld(experiment=held.chosen.name, problem=held.problem)
    return held.reproduction


def _experiment(evidence: Evidence, chosen: DesignPoint) -> ExperimentValues:
    curves = {}
    if chosen.finished:
        for metric in evidence.measured.curve_metrics:
            for curve in evidence.measured.curves(metric, (chosen.name,)):
                curves[metric.name] = CurveValues(
                    epochs=curve.epochs, mean=curve.mean, low=curve.low, high=curve.high
                )
    return ExperimentValues(
        name=chosen.name,
        title=plain(chosen.experiment.title),
        configuration=chosen.runs[0].record.configuration,
        overrides=chosen.experiment.overrides,
        deviations=chosen.experiment.deviations,
        readings=chosen.experiment.readings,
        data=chosen.data.facts,
        seeds=chosen.seeds,
        last=_last(evidence, chosen),
        curves=curves,
    )


def _last(evidence: Evidence, chosen: DesignPoint) -> dict[str, tuple[float, ...]]:
    """What the runs of an experiment end at, in the metrics that anything is told in."""
    first = headline(evidence)
    metrics = [*([first] if first else []), *(result.study.measure for result in evidence.results)]
    found = {}
    for metric in {metric.name: metric for metric in metrics}.values():
        values = evidence.measured.last_values(metric)
        own = tuple(values.get(run.record.identity) for run in chosen.finished)
        known = tuple(value for value in own if value is not None)
        if own and len(known) == len(own):
            found[metric.name] = known
    return found


def _run(evidence: Evidence, run: RecordedRun) -> RunValues:
    identity = run.record.identity
    cost = evidence.measured.cost(identity)
    return RunValues(
        name=run.name,
        seed=run.record.seed,
        identity=run.record.identity,
        state=run.status.state,
        epochs_done=run.status.epochs_done,
        epochs=run.status.epochs,
        bit_identical=run.environment.bit_identical if run.environment else None,
        taken_epoch=evidence.measured.taken_epoch(identity),
        train_seconds=_known(cost.train_seconds),
        peak_memory_mb=_known(cost.peak_memory_mb),
        records=record_digests(run),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _digest(run: RecordedRun, name: str) -> str:
    """Taken when the record was read or copied; where neither, from the file."""
    return run.digests.get(name) or sha256_of_file(run.folder.path / name)


def rounded(value: Any) -> Any:
    """A value as JSON has it, to :data:`DIGITS` significant digits.

    Sums, logarithms, quantiles and p have the same bits on every machine (:mod:`tinyexp.analysis.exact`,
    :mod:`tinyexp.analysis.distributions`); the digits cut off are those that mean nothing.

    As ``dataclasses.asdict``, without its copy of every number: a report of many runs has millions.
    """
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, BaseModel):
        return rounded(value.model_dump(mode="json"))
    if is_dataclass(value):
        return {field.name: rounded(getattr(value, field.name)) for field in fields(value)}
    return value
