"""What changed since a baseline: verdicts beside verdicts, accuracies paired by seed."""

from __future__ import annotations

from collections.abc import Iterator

from tinyexp.analysis.change import Change, ChangeReason, change_between
from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.design import DesignPoint
from tinyexp.config.metric import Metric
from tinyexp.files import sha256_of_file
from tinyexp.report.baseline import Baseline, ComparedThen
from tinyexp.report.content import BaselineValues, Changes, ClaimChange, ExperimentChange, StudyChange
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.headline import headline
from tinyexp.report.sections.compared import outcome_kind
from tinyexp.report.values import rounded
from tinyexp.words import plain


def changes_since(evidence: Evidence, baseline: Baseline) -> Changes:
    """Hold a report's evidence against a baseline; of another profile nothing is compared."""
    told = BaselineValues(
        sha256=baseline.sha256,
        schema_version=baseline.told.schema_version,
        made_with={plain(name, 40): plain(version, 40) for name, version in baseline.told.made_with.items()},
        profile=plain(baseline.profile, 80),
        verdict=plain(baseline.told.verdict, 300),
        runs=len(baseline.told.values.runs),
    )
    if baseline.profile != evidence.selection.profile:
        return Changes(
            baseline=told,
            comparable=False,
            problem="other_profile",
            same_runs=0,
            new_runs=0,
            gone_runs=0,
            unequal_runs=(),
            studies=(),
            claims=(),
            experiments=(),
            metric=None,
        )
    metric = headline(evidence)
    before = baseline.metrics_of_runs
    here = {
        run.record.identity: sha256_of_file(run.folder.metrics) if run.folder.metrics.is_file() else ""
        for run in evidence.selection.runs
        if run.status.state == "finished"
    }
    names = {run.record.identity: run.name for run in evidence.selection.runs}
    return Changes(
        baseline=told,
        comparable=True,
        problem="",
        same_runs=len(before.keys() & here.keys()),
        new_runs=len(here.keys() - before.keys()),
        gone_runs=len(before.keys() - here.keys()),
        unequal_runs=tuple(
            sorted(
                names[key] for key in before.keys() & here.keys() if before[key] and before[key] != here[key]
            )
        ),
        studies=tuple(_study(evidence, baseline, result) for result in evidence.results),
        claims=tuple(one for result in evidence.results for one in _claims(baseline, result)),
        experiments=tuple(_experiments(evidence, baseline, metric)),
        metric=metric.name if metric else None,
    )


def _study(evidence: Evidence, baseline: Baseline, result: StudyResult) -> StudyChange:
    before, kind = baseline.study(result.study.name), outcome_kind(result)
    winners = (
        plain(before.comparison.winner, 80)
        if before and before.comparison and before.comparison.winner
        else None,
        result.comparison.winner if result.comparison else None,
    )
    return StudyChange(
        study=result.study.name,
        before=before.kind if before else None,
        winner_before=winners[0],
        here=kind,
        winner_here=winners[1],
        changed=before is not None and (before.kind, winners[0]) != (kind, winners[1]),
        metric=result.study.metric,
        difference=_difference(evidence, baseline, result),
    )


def _difference(evidence: Evidence, baseline: Baseline, result: StudyResult) -> Change:
    before, here = baseline.study(result.study.name), result.comparison
    if before is None:
        return _untold("not_in_baseline")
    if here is None:
        return _untold("not_compared_here")
    if before.comparison is None:
        return _untold("not_compared_then")
    asked = (
        before.definition.baseline,
        before.definition.contender,
        before.comparison.endpoint,
        _meaning(before.comparison.metric),
    )
    if asked != (here.baseline, here.contender, here.endpoint, _meaning(here.metric)):
        return _untold("other_question")
    if any(_other_data(evidence.selection.find(name), baseline, name) for name in result.pair):
        return _untold("other_data")
    return change_between(_by_seed(before.comparison), _by_seed(here))


def _other_data(chosen: DesignPoint | None, baseline: Baseline, name: str) -> bool:
    """Whether an experiment was trained and tested on other images then; a study's variants are not told of."""
    before = baseline.experiment(name)
    return bool(chosen and before and before.data.fingerprint != chosen.data.fingerprint)


def _claims(baseline: Baseline, result: StudyResult) -> Iterator[ClaimChange]:
    """Every claim of then and now, in today's order, then those that are gone."""
    study = baseline.study(result.study.name)
    before = {one.claim: one.verdict for one in study.claims} if study else {}
    here = {one.claim: one.verdict for one in result.judgements}
    for claim in dict.fromkeys([*here, *before]):
        pair = before.get(claim), here.get(claim)
        yield ClaimChange(
            study=result.study.name,
            claim=plain(claim, 80),
            before=pair[0],
            here=pair[1],
            changed=None not in pair and pair[0] != pair[1],
        )


def _experiments(evidence: Evidence, baseline: Baseline, metric: Metric | None) -> Iterator[ExperimentChange]:
    chosen = {one.name: one for one in evidence.selection.chosen}
    for name in dict.fromkeys([*chosen, *(one.name for one in baseline.told.values.experiments)]):
        here, before = chosen.get(name), baseline.experiment(name)
        alike = None
        if here and before:
            alike = here.runs[0].record.configuration == before.configuration
        yield ExperimentChange(
            name=plain(name, 80),
            configured="unknown" if alike is None else "alike" if alike else "otherwise",
            change=_change(evidence, baseline, name, here, metric),
        )


def _change(
    evidence: Evidence, baseline: Baseline, name: str, here: DesignPoint | None, metric: Metric | None
) -> Change:
    before = baseline.experiment(name)
    if before is None or not before.seeds:
        return _untold("not_in_baseline")
    if here is None or not here.finished:
        return _untold("not_here")
    if _other_data(here, baseline, name):
        return _untold("other_data")
    then = baseline.told.values.metrics.get(metric.name) if metric else None
    if metric is None or then is None or metric.name not in before.last:
        return _untold("not_recorded")
    if _meaning(then) != _meaning(metric):
        return _untold("other_question")
    found = evidence.measured.last_values(metric)
    # As the baseline's figures are rounded, so are ours: what is equal stays equal.
    values = {
        run.record.seed: rounded(found[run.record.identity])
        for run in here.finished
        if run.record.identity in found
    }
    return change_between(dict(zip(before.seeds, before.last[metric.name], strict=True)), values)


def _meaning(metric: Metric) -> tuple[str, str, str]:
    """What two metrics must share to be one, however they are called."""
    return metric.name, metric.direction, metric.unit


def _by_seed(told: Comparison | ComparedThen) -> dict[int, float]:
    """The differences of runs that share a seed, made from the values as a report rounds them."""
    contender, baseline = (
        dict(zip(sample.seeds, rounded(sample.measured), strict=True))
        for sample in (told.contender_runs, told.baseline_runs)
    )
    return {seed: contender[seed] - baseline[seed] for seed in sorted(contender.keys() & baseline.keys())}


def _untold(reason: ChangeReason) -> Change:
    return Change("cannot_tell", reason)
