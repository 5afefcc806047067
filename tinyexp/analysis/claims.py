"""What becomes of each claim of the source: a verdict from a closed list, with the figures it rests on.

How each kind is decided; every interval is the 95 % one, and the margin is the study's or the claim's own. Which interval
gives which verdict, a table, is told at :func:`tinyexp.analysis.decisions.decide`:

* ``raises``, ``lowers``: by the interval of the factor's share of the gap in the metric; to be supported it stays
  significant after Holm's adjustment over all factors too, as the table of shares has it. Where the runs that switch the
  factor alone contradict its share, the claim is inconclusive whatever the share is.
* ``carries_most``: the contender is ahead, and the factor's share minus half the gap lies wholly above
  zero; refuted when it lies wholly below, or when the share itself does; not tested where the contender is
  behind, as then there is no win to explain.
* ``higher``, ``lower``: by the difference of the second experiment from the first, by Welch's interval over seeds, or
  paired where the study declares ``pairing = "seed"``; at least three runs of each.
* ``rises_along``, ``falls_along``: every step from one experiment to the next lies in the predicted direction, by
  intervals that Holm's procedure makes for all steps together, and the change along a fitted straight line from the
  first to the last is decided as a difference is. Refuted when one step lies wholly on the other side of zero, or the
  whole change does.
* ``static``: a fact about the model, looked up and not measured.

Every training that was started counts: where runs of an experiment gave no value, a comparison or sweep is decided only if
it would be the same with all of them as bad as the metric can be.

The claims of a study share one error of 5 %, see :func:`tinyexp.analysis.decisions.together`. Where their experiments
depart from the source in data, size or length the verdict says what came out *here*, and never ``refuted``.

With ``epochs = "mean"`` a comparison or sweep takes the mean over all epochs: the height of the curve.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import checked_runs, names_of
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.curves import with_gap
from tinyexp.analysis.decisions import (
    RISING,
    ClaimTest,
    Outcome,
    Test,
    decide,
    departs,
    settled,
    threshold_of,
    together,
)
from tinyexp.analysis.endpoints import endpoint_values, run_starts
from tinyexp.analysis.exact import mean
from tinyexp.analysis.judgement import Evidence, Judgement
from tinyexp.analysis.share_claims import share_test
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, seeds_to_decide
from tinyexp.analysis.study import Claim, Study
from tinyexp.analysis.sweeps import Samples, Step, along_each_seed, change_along, steps_along
from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import GAP, Metric
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import unknown


def judge(study: Study, evidence: Evidence) -> tuple[Judgement, ...]:
    """Every claim of a study, in its order, decided together.

    Raises
    ------
    UserError
        Runs that are there cannot be used, or a static claim names a fact that nobody knows.
    """
    return together([claim_test(claim, study, evidence) for claim in study.claims])


def claim_test(claim: Claim, study: Study, evidence: Evidence) -> ClaimTest:
    """One claim, to be decided :func:`~tinyexp.analysis.decisions.together` with the others; raises what judge does."""
    return ClaimTest(
        _TESTS[claim.kind](claim, study, evidence), here=departs(claim, study, evidence.experiments)
    )


def metrics_to_attribute(study: Study) -> tuple[str, ...]:
    """The metrics in which the study and its claims need the gap shared out, the study's first."""
    return tuple(
        dict.fromkeys(
            [study.metric, *(claim.metric or study.metric for claim in study.claims if claim.factor)]
        )
    )


def _test_pair(claim: Claim, study: Study, evidence: Evidence) -> Test:
    names = claim.experiments or (study.baseline, study.contender)
    frame = _prepared(claim, study, evidence, names)
    if frame is None:
        return settled(Judgement(claim.id, "not_tested", "runs_missing"))
    metric, margin = _metric(claim, study), study.margin_of(claim)
    endpoint, chosen = _endpoint(claim, study), study.selected_on_test
    found = compare(
        frame,
        names[1],
        names[0],
        metric,
        margin,
        endpoint,
        pairing=study.pairing,
        selected_on_test=chosen,
    )
    samples = (found.baseline_values, found.contender_values)
    lost = _lost(names, evidence)
    return lambda error: _judge_along(claim, study, names, found.contender_runs.seeds, samples, lost, error)


def _test_sweep(claim: Claim, study: Study, evidence: Evidence) -> Test:
    names = claim.experiments
    frame = _prepared(claim, study, evidence, names)
    if frame is None:
        return settled(Judgement(claim.id, "not_tested", "runs_missing"))
    metric, endpoint = _metric(claim, study), _endpoint(claim, study)
    columns = [endpoint_values(frame, name, metric, endpoint) for name in names]
    every, shared = set[int]().union(*columns), set(columns[0]).intersection(*columns)
    if study.pairing == "seed" and not shared:
        return settled(Judgement(claim.id, "not_tested", "runs_missing"))
    seeds = tuple(sorted(shared if study.pairing == "seed" else every))
    samples = [tuple(column[seed] for seed in seeds if seed in column) for column in columns]
    lost = _lost(names, evidence)
    return lambda error: _judge_along(claim, study, names, seeds, samples, lost, error)


def _judge_along(
    claim: Claim,
    study: Study,
    names: Sequence[str],
    seeds: tuple[int, ...],
    samples: Samples,
    lost: Sequence[int],
    error: float,
) -> Judgement:
    """A comparison is a sweep of one step, which is the whole change; at least three runs of each experiment."""
    margin, paired, rising = study.margin_of(claim), study.pairing == "seed", claim.kind in RISING
    estimate, interval = change_along(samples, margin, error, paired=paired)
    own = interval if error == ALPHA else change_along(samples, margin, paired=paired)[1]
    swept = claim.kind in _SWEEPS
    steps = steps_along(names, samples, error, paired=paired) if swept else ()
    outcome: Outcome = "inconclusive", "too_few_seeds"
    if min(map(len, samples)) >= FEWEST_SEEDS:
        outcome = _with_steps(decide(interval, margin, rising=rising), steps, rising=rising)
        metric = _metric(claim, study)
        if len(samples) == 2 and outcome[0] in ("supported", "refuted"):
            # Only the better one's lost runs can turn it.
            lost = (0, lost[1]) if metric.sense * estimate > 0 else (lost[0], 0)
        for worst in _at_worst(samples, lost, metric) if outcome[0] != "inconclusive" else ():
            # A run that is not there has no counterpart: with it they are compared without pairs.
            again = decide(change_along(worst, margin, error)[1], margin, rising=rising) if worst else None
            if again is None or again[0] != outcome[0]:
                outcome = "inconclusive", "lost_runs"
    return Judgement(
        claim=claim.id,
        verdict=outcome[0],
        reason=outcome[1],
        quantity="change_along" if swept else "difference",
        estimate=estimate,
        low=own.low if own else None,
        high=own.high if own else None,
        threshold=threshold_of(claim, margin),
        steps=steps,
        seeds=seeds,
        runs=tuple(map(len, samples)),
        seeds_to_decide=_seeds_for(outcome, steps, samples, threshold_of(claim, margin)),
    )


def _lost(names: Sequence[str], evidence: Evidence) -> tuple[int, ...]:
    return tuple(evidence.lost.get(name, 0) for name in names)


def _at_worst(samples: Samples, lost: Sequence[int], metric: Metric) -> Iterator[Samples | None]:
    """The samples with the lost runs of one experiment after the other as bad as can be; None where there is no bound."""
    worst = metric.low if metric.sense > 0 else metric.high
    for place, count in enumerate(lost):
        if count and worst is None:
            yield None
        elif count and worst is not None:
            yield [[*own, *[worst] * (count if at == place else 0)] for at, own in enumerate(samples)]


def _with_steps(outcome: Outcome, steps: Sequence[Step], *, rising: bool) -> Outcome:
    """What the steps leave of what the whole change says: each must lie in the predicted direction."""
    ways = [_way(step) if rising else -_way(step) for step in steps]
    if -1 in ways:
        return "refuted", "step_against"
    if outcome[0] != "refuted" and 0 in ways:
        return "inconclusive", "step_open"
    return outcome


def _way(step: Step) -> int:
    """1 where it is clear that a step rises, -1 where that it falls, else 0."""
    if step.low is None or step.high is None:
        return 0
    return int(step.low > 0) - int(step.high < 0)


def _seeds_for(outcome: Outcome, steps: Sequence[Step], samples: Samples, threshold: float) -> int | None:
    """About how many seeds would decide what keeps it open, were each experiment to have as many."""
    if outcome[0] != "inconclusive" or len(set(map(len, samples))) > 1:
        return None
    if outcome[1] != "step_open":
        return seeds_to_decide(along_each_seed(samples), 0.0, threshold)
    needed = [
        seeds_to_decide(along_each_seed([first, second]), 0.0)
        for (first, second), step in zip(itertools.pairwise(samples), steps, strict=True)
        if not _way(step)
    ]
    told = [one for one in needed if one is not None]
    return max(told) if told and len(told) == len(needed) else None


def _test_fact(claim: Claim, _study: Study, evidence: Evidence) -> Test:
    found = evidence.facts.get(claim.id)
    if found is None:
        own = [evidence.experiments[name] for name in claim.experiments if name in evidence.experiments]
        if own and len(own) == len(claim.experiments):
            known = settings_rules(own[0].trainer).facts
            if claim.fact not in known:
                raise unknown(f"claim '{claim.id}'", "fact", claim.fact, known)
            found = known[claim.fact](*own)
    if found is None:
        return settled(Judgement(claim.id, "not_tested", "fact_missing", "fact"))
    if found.holds:
        return settled(Judgement(claim.id, "supported", "prediction_holds", "fact", fact=found.detail))
    return settled(Judgement(claim.id, "refuted", "prediction_fails", "fact", fact=found.detail))


_TESTS: Mapping[str, Callable[[Claim, Study, Evidence], Test]] = {
    "raises": share_test,
    "lowers": share_test,
    "carries_most": share_test,
    "higher": _test_pair,
    "lower": _test_pair,
    "rises_along": _test_sweep,
    "falls_along": _test_sweep,
    "static": _test_fact,
}
_SWEEPS = ("rises_along", "falls_along")


def _metric(claim: Claim, study: Study) -> Metric:
    return study.type_of(claim.metric or study.metric)


def _endpoint(claim: Claim, study: Study) -> Endpoint:
    """The study's; a mean over all epochs is the same at each."""
    return LAST if claim.epochs == "mean" else study.endpoint


def _prepared(claim: Claim, study: Study, evidence: Evidence, names: Sequence[str]) -> pd.DataFrame | None:
    """The checked rows of some experiments; None where one of them has no finished run."""
    frame, metric = evidence.frame, _metric(claim, study)
    finished = frame[frame["state"] == "finished"] if "state" in frame else frame
    if "experiment" in frame and not set(names) <= set(names_of(finished)):
        return None
    rows = checked_runs(
        with_gap(frame) if metric.name == GAP else frame, names, metric, _endpoint(claim, study)
    )
    if claim.epochs == "mean":
        # The rows of a run stand together; all runs have as many, but for those that stop early.
        runs = np.split(rows[metric.name].to_numpy(dtype=np.float64), run_starts(rows)[1:])
        rows[metric.name] = np.concatenate([np.full(len(run), mean(run)) for run in runs])
    return rows
