"""The gates of the studies: what must hold, and what was found."""

from __future__ import annotations

from collections.abc import Iterator

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.endpoints import endpoint_values
from tinyexp.analysis.exact import mean
from tinyexp.analysis.judgement import AGAINST
from tinyexp.analysis.statistics import mean_interval
from tinyexp.analysis.study import ANY
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError
from tinyexp.report.content import Changes, GateKind, GateResult
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sentences import CLAIM_VERDICTS, GATES, VERDICT_NAMES
from tinyexp.words import bare_fine, counted, fine, listing, plain

_MAX_NAMED = 5
"""Runs or claims in one line."""


def gates_of(evidence: Evidence, changes: Changes | None) -> tuple[GateResult, ...]:
    """Every gate that a study sets, in the order of studies and keys; one that cannot be decided has failed."""
    return tuple(gate for result in evidence.results for gate in _gates(evidence, result, changes))


def gate_line(gate: GateResult) -> str:
    """A gate that failed, as a line for a terminal."""
    subject = f" {gate.subject}" if gate.subject else ""
    line = f"gate failed: {gate.study}: {gate.gate}{subject}: found {gate.found}; required {gate.required}"
    return line.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def _gates(evidence: Evidence, result: StudyResult, changes: Changes | None) -> Iterator[GateResult]:
    fail_on = result.study.fail_on
    for name in fail_on.claim_refuted:
        yield _claim_refuted(result, name)
    if fail_on.verdict_changed:
        yield _verdict_changed(evidence, result, changes)
    for name, bound in fail_on.accuracy_below.items():
        yield _beyond(evidence, result, "accuracy_below", name, bound)
    for name, bound in fail_on.worse_than.items():
        yield _beyond(evidence, result, "worse_than", name, bound)
    if fail_on.run_missing:
        yield _run_missing(evidence, result)


def _claim_refuted(result: StudyResult, name: str) -> GateResult:
    asked = [one for one in result.judgements if name in (ANY, one.claim)]
    against = {verdict: [one.claim for one in asked if one.verdict == verdict] for verdict in AGAINST}
    told = [
        f"{_named(claims)} {CLAIM_VERDICTS[verdict].lower()}" for verdict, claims in against.items() if claims
    ]
    if name != ANY:
        found = CLAIM_VERDICTS[asked[0].verdict].lower()
    else:
        found = "; ".join(told) if told else "none refuted"
    return GateResult(
        study=result.study.name,
        gate="claim_refuted",
        subject=name,
        passed=not told,
        found=found,
        required=GATES["claim_refuted"],
    )


def _verdict_changed(evidence: Evidence, result: StudyResult, changes: Changes | None) -> GateResult:
    passed, found = _same_verdicts(evidence, result, changes)
    return GateResult(
        study=result.study.name,
        gate="verdict_changed",
        subject="",
        passed=passed,
        found=found,
        required=GATES["verdict_changed"],
    )


def _same_verdicts(evidence: Evidence, result: StudyResult, changes: Changes | None) -> tuple[bool, str]:
    if changes is None:
        return False, "no baseline; give one with --baseline REPORT"
    if not changes.comparable:
        return False, f"a baseline of profile {changes.baseline.profile}, which is not compared"
    name, told = result.study.name, []
    study = next(one for one in changes.studies if one.study == name)
    if study.before is None:
        return True, "a study that the baseline does not have"
    if study.changed:
        told.append(
            f"comparison {_verdict(evidence, study.before, study.winner_before)}, now {_verdict(evidence, study.here, study.winner_here)}"
        )
    told += [
        f"claim {one.claim} {one.before and CLAIM_VERDICTS[one.before].lower()}, now {one.here and CLAIM_VERDICTS[one.here].lower()}"
        for one in changes.claims
        if one.study == name and one.changed
    ]
    return not told, _named(told) if told else "the same verdicts"


def _verdict(evidence: Evidence, kind: str, winner: str | None) -> str:
    return VERDICT_NAMES[kind].format(winner=evidence.titles.get(winner or "", plain(winner or "", 80)))


def _beyond(evidence: Evidence, result: StudyResult, gate: GateKind, name: str, bound: float) -> GateResult:
    """Whether an experiment's mean in the study's metric is at its bound or on the better side of it."""
    metric, values = result.study.measure, _values(evidence, result, name)
    found = mean(values) if values else None
    required = GATES["accuracy_below"] if metric.direction == "higher" else GATES["worse_than"]
    return GateResult(
        study=result.study.name,
        gate=gate,
        subject=name,
        passed=found is not None and metric.gain(found, bound) >= 0,
        found="no finished run" if found is None else _measured(metric, found, values),
        required=required.format(bound=fine(metric, bound)),
    )


def _values(evidence: Evidence, result: StudyResult, name: str) -> list[float]:
    """What the study compares of each finished run of an experiment; nothing where that cannot be used."""
    study, chosen = result.study, evidence.selection.find(name)
    if chosen is None or not chosen.finished:
        return []
    try:
        rows = checked_runs(evidence.measured.rows((name,)), (name,), study.measure, study.endpoint)
    except UserError:
        return []
    return list(endpoint_values(rows, name, study.measure, study.endpoint).values())


def _measured(metric: Metric, average: float, values: list[float]) -> str:
    interval = mean_interval(values)
    told = [f"mean of {counted(len(values), 'seed')}"]
    if interval:
        told.append(f"95 % interval {bare_fine(metric, interval.low)} to {fine(metric, interval.high)}")
    return f"{fine(metric, average)} ({'; '.join(told)})"


def _run_missing(evidence: Evidence, result: StudyResult) -> GateResult:
    missing = list(_missing(evidence, result))
    problem = plain(result.design.problem, 300)
    found = f"{counted(len(missing), 'run')} missing or not finished: {_named(missing)}"
    return GateResult(
        study=result.study.name,
        gate="run_missing",
        subject="",
        passed=not missing and not problem,
        found=problem or (found if missing else "every run finished"),
        required=GATES["run_missing"],
    )


def _missing(evidence: Evidence, result: StudyResult) -> Iterator[str]:
    """Every experiment, variant and mixture of a study with each seed that it has no finished run of."""
    study, design = result.study, result.design
    seeds = range(study.seeds) if study.seeds else evidence.selection.seeds
    asked: list[tuple[str, DesignPoint | None]] = [
        (name, evidence.selection.find(name)) for name in study.members
    ]
    asked += [(point.name, point) for point in design.mixtures]
    for name, chosen in asked:
        for seed in seeds:
            if chosen is None or seed not in chosen.seeds:
                yield f"{name} seed {seed}"


def _named(names: list[str]) -> str:
    more = len(names) - _MAX_NAMED
    return listing([*names[:_MAX_NAMED], f"{more:,} more"] if more > 0 else names)
