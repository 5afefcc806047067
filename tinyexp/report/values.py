"""The report for programs: raw values under fixed names, and digests that bind it to its records."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.judgement import Judgement
from tinyexp.files import sha256_of_file
from tinyexp.report.evidence import Evidence, Held, Outcome
from tinyexp.report.sections.head import verdict_kind
from tinyexp.report.select import Chosen
from tinyexp.report.words import plain
from tinyexp.runs.folder import RECORD_NAMES
from tinyexp.runs.frame import RecordedRun
from tinyexp.spec.difference import Difference

SCHEMA_VERSION = 2
_CURVES = ("train_loss", "train_accuracy", "train_clean_accuracy", "test_loss", "test_accuracy")


def values_of(evidence: Evidence) -> dict[str, Any]:
    """Accuracies as fractions, losses in nats; what is unknown is null."""
    selection, lead = evidence.selection, evidence.lead
    values = {
        "profile": selection.profile,
        "verdict": {"kind": verdict_kind(evidence), "study": lead.study.name if lead else None},
        "studies": [_study(outcome) for outcome in evidence.outcomes],
        "reported": [_held(held) for held in evidence.held],
        "experiments": [_experiment(evidence, chosen) for chosen in selection.chosen],
        "missing": list(selection.missing),
        "runs": [_run(run) for run in selection.runs],
    }
    rounded: dict[str, Any] = _rounded(values)
    return rounded


def record_names(run: RecordedRun) -> list[str]:
    """The files that a report takes along of a run: of one that did not finish, only what says so."""
    finished = run.status.state == "finished"
    wanted = RECORD_NAMES if finished else ("spec.json", "environment.json", "status.json")
    return [name for name in wanted if (run.folder.path / name).is_file()]


def _study(outcome: Outcome) -> dict[str, Any]:
    return {
        "study": outcome.study.name,
        "baseline": outcome.study.baseline,
        "contender": outcome.study.contender,
        "missing": list(outcome.missing),
        "problem": outcome.problem or None,
        "comparison": asdict(outcome.comparison) if outcome.comparison else None,
        "two_networks": asdict(outcome.networks) if outcome.networks else None,
        "attributions": {metric: _attribution(found) for metric, found in outcome.attributions.items()},
        "unattributed": outcome.unattributed or None,
        "claims": [_claim(outcome, found) for found in outcome.judgements],
    }


def _attribution(found: Attribution) -> dict[str, Any]:
    return {
        "plan": found.plan.kind,
        "factors": list(found.plan.factors),
        "mixtures": [list(levels) for levels in found.plan.levels],
        "seeds": list(found.seeds),
        "partial_seeds": list(found.partial_seeds),
        "runs": found.runs,
        "error": found.error,
        "degrees": found.degrees,
        "in_metric": asdict(found.in_metric),
        "in_log_odds": asdict(found.in_log_odds) if found.in_log_odds else None,
    }


def _claim(outcome: Outcome, found: Judgement) -> dict[str, Any]:
    claim = next(one for one in outcome.study.claims if one.id == found.claim)
    return {**asdict(found), "says": claim.says, "predicts": claim.predicts, "kind": claim.kind}


def _held(held: Held) -> dict[str, Any]:
    if held.reproduction is None:
        return {"experiment": held.chosen.name, "problem": held.problem}
    return asdict(held.reproduction)


def _experiment(evidence: Evidence, chosen: Chosen) -> dict[str, Any]:
    curves = {}
    if chosen.finished:
        for metric in _CURVES:
            (curve,) = evidence.measured.curves(metric, (chosen.name,))
            curves[metric] = {
                "epochs": curve.epochs,
                "mean": curve.mean,
                "low": curve.low,
                "high": curve.high,
            }
    return {
        "name": chosen.name,
        "title": plain(chosen.experiment.spec.title),
        "configuration": chosen.runs[0].record.configuration,
        "overrides": chosen.experiment.overrides,
        "deviations": [_difference(one) for one in chosen.experiment.deviations],
        "readings": chosen.experiment.spec.readings,
        "data": chosen.data.model_dump(mode="json"),
        "seeds": chosen.seeds,
        "curves": curves,
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {"key": one.key, "source": one.left, "here": one.right}


def _run(run: RecordedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "seed": run.record.seed,
        "identity": run.record.identity,
        "state": run.status.state,
        "epochs_done": run.status.epochs_done,
        "epochs": run.status.epochs,
        "bit_identical": run.environment.bit_identical if run.environment else None,
        "records": {name: _digest(run, name) for name in record_names(run)},
    }


def _digest(run: RecordedRun, name: str) -> str:
    """Taken when the record was read or copied; where neither, from the file."""
    return run.digests.get(name) or sha256_of_file(run.folder.path / name)


def _rounded(value: Any) -> Any:
    """Twelve significant digits: sums in another order, as by another numpy, differ behind them."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
