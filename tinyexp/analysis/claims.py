"""What becomes of each claim of the source: a verdict from a closed list, with the figures it rests on.

How each kind is decided; every interval is the 95 % one, and the margin is the study's or the claim's own:

* ``raises``, ``lowers``: the factor's share of the gap in the metric lies wholly beyond the margin, on the
  predicted side, and stays significant after Holm's adjustment over all factors; refuted when it lies
  wholly on the other side of that margin.
* ``carries_most``: the contender is ahead, and the factor's share minus half the gap lies wholly above
  zero; refuted when it lies wholly below, or when the share itself does; not tested where the contender is
  behind, as then there is no win to explain.
* ``higher``, ``lower``: the difference of the second experiment from the first, paired by seed as in
  :func:`~tinyexp.analysis.comparison.compare`, lies wholly beyond the margin; at least three seeds.
* ``rises_along``, ``falls_along``: the change along a fitted straight line from the first experiment to
  the last, seed by seed, under the same rule.
* ``static``: a fact about the model, looked up and not measured.
* ``not_run``: told, and not tested.

With ``epochs = "mean"`` a comparison or sweep takes the mean over all epochs: the height of the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from tinyexp.analysis.attribution import Share
from tinyexp.analysis.checked import checked_runs, names_of
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.curves import with_gap
from tinyexp.analysis.effects import Effect
from tinyexp.analysis.endpoints import endpoint_values, index_of
from tinyexp.analysis.exact import dot, mean
from tinyexp.analysis.judgement import ClaimVerdict, Evidence, Judgement, Quantity, Reason
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, decisive_interval, seeds_to_decide
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import GAP, Metric
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import unknown

Outcome = tuple[ClaimVerdict, Reason]


def judge(study: Study, evidence: Evidence) -> tuple[Judgement, ...]:
    """Every claim of a study, in its order.

    Raises
    ------
    UserError
        Runs that are there cannot be used, or a static claim names a fact that nobody knows.
    """
    return tuple(_JUDGES[claim.kind](claim, study, evidence) for claim in study.claims)


def metrics_to_attribute(study: Study) -> tuple[str, ...]:
    """The metrics in which the study and its claims need the gap shared out, the study's first."""
    return tuple(
        dict.fromkeys(
            [study.metric, *(claim.metric or study.metric for claim in study.claims if claim.factor)]
        )
    )


def _judge_factor(claim: Claim, study: Study, evidence: Evidence) -> Judgement:
    if claim.factor in evidence.inactive:
        return Judgement(claim.id, "not_tested", "no_difference")
    attribution = evidence.attributions.get(claim.metric or study.metric)
    margin = study.margin_of(claim)
    rows = {row.factor: row for row in attribution.in_metric.shares} if attribution else {}
    if attribution is None or claim.factor not in rows:
        return Judgement(claim.id, "not_tested", "attribution_missing")
    row, gap = rows[claim.factor], attribution.in_metric.gap
    if claim.kind == "carries_most":
        effect, threshold = row.over_half, 0.0
        outcome = _most_of_gap(row, gap, margin, attribution.metric.sense)
        if outcome[1] == "works_against":
            effect = row.share  # this is what refutes it, whoever wins
    else:
        effect, threshold = row.share, _threshold(claim, study)
        outcome = _decide(effect.low, effect.high, threshold, rising=claim.kind in _RISING)
    if effect.p is None:
        outcome = "inconclusive", "no_error_estimate"
    elif outcome[0] == "supported" and (row.p_holm is None or row.p_holm >= ALPHA):
        outcome = "inconclusive", "only_before_adjustment"
    return Judgement(
        claim=claim.id,
        verdict=outcome[0],
        reason=outcome[1],
        quantity="share" if effect is row.share else "share_minus_half_gap",
        estimate=effect.estimate,
        low=effect.low,
        high=effect.high,
        threshold=threshold,
        p_holm=row.p_holm,
        seeds=attribution.seeds,
        seeds_to_decide=_seeds_to_decide(outcome, effect, gap, threshold, margin),
    )


def _seeds_to_decide(
    outcome: Outcome, effect: Effect, gap: Effect, threshold: float, margin: float
) -> int | None:
    """About how many seeds would decide what keeps a claim on a factor open."""
    if outcome[0] != "inconclusive":
        return None
    if outcome[1] == "gap_not_clear":
        return seeds_to_decide(gap.by_seed, -margin, margin)
    return seeds_to_decide(effect.by_seed, threshold)


def _most_of_gap(row: Share, gap: Effect, margin: float, sense: float) -> Outcome:
    """``sense`` is -1 where the lower value wins."""
    share, whole, half = (_turned(effect, sense) for effect in (row.share, gap, row.over_half))
    if share is None or whole is None or half is None:
        return "inconclusive", "too_few_seeds"
    if share[1] < 0:
        return "refuted", "works_against"
    if whole[1] < 0:
        return "not_tested", "nothing_to_explain"
    if whole[0] <= margin:
        return "inconclusive", "gap_not_clear"
    return _decide(*half, 0.0, rising=True)


def _judge_pair(claim: Claim, study: Study, evidence: Evidence) -> Judgement:
    baseline, contender = claim.experiments or (study.baseline, study.contender)
    frame = _prepared(claim, study, evidence, (baseline, contender))
    if frame is None:
        return Judgement(claim.id, "not_tested", "runs_missing")
    metric, margin = _metric(claim, study), study.margin_of(claim)
    found = compare(
        frame,
        contender,
        baseline,
        metric,
        margin,
        _endpoint(claim, study),
        selected_on_test=study.selected_on_test,
    )
    return _judged_by_seed(claim, study, "difference", found.seeds, found.differences)


def _judge_sweep(claim: Claim, study: Study, evidence: Evidence) -> Judgement:
    frame = _prepared(claim, study, evidence, claim.experiments)
    if frame is None:
        return Judgement(claim.id, "not_tested", "runs_missing")
    metric, endpoint = _metric(claim, study), _endpoint(claim, study)
    columns = [endpoint_values(frame, name, metric, endpoint) for name in claim.experiments]
    seeds = tuple(sorted(set.intersection(*(set(column) for column in columns))))
    if not seeds:
        return Judgement(claim.id, "not_tested", "runs_missing")
    # Least-squares slope over equally spaced places times the number of steps: the change over the sweep.
    place = np.arange(len(columns)) - (len(columns) - 1) / 2
    weights = place * (len(columns) - 1) / dot(place, place)
    values = tuple(dot([column[seed] for column in columns], weights) for seed in seeds)
    return _judged_by_seed(claim, study, "change_along", seeds, values)


def _judged_by_seed(
    claim: Claim, study: Study, quantity: Quantity, seeds: tuple[int, ...], values: Sequence[float]
) -> Judgement:
    """By the rule of a comparison: a t interval over seeds, at least three of them."""
    threshold, margin = _threshold(claim, study), study.margin_of(claim)
    interval = decisive_interval(values, -margin, margin)
    outcome: Outcome = "inconclusive", "too_few_seeds"
    if interval is not None and len(seeds) >= FEWEST_SEEDS:
        outcome = _decide(*interval, threshold, rising=claim.kind in _RISING)
    return Judgement(
        claim=claim.id,
        verdict=outcome[0],
        reason=outcome[1],
        quantity=quantity,
        estimate=mean(values),
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        threshold=threshold,
        seeds=seeds,
        seeds_to_decide=seeds_to_decide(values, threshold) if outcome[0] == "inconclusive" else None,
    )


def _judge_fact(claim: Claim, _study: Study, evidence: Evidence) -> Judgement:
    found = evidence.facts.get(claim.id)
    if found is None:
        own = [evidence.experiments[name] for name in claim.experiments if name in evidence.experiments]
        if own and len(own) == len(claim.experiments):
            known = settings_rules(own[0].trainer).facts
            if claim.fact not in known:
                raise unknown(f"claim '{claim.id}'", "fact", claim.fact, known)
            found = known[claim.fact](*own)
    if found is None:
        return Judgement(claim.id, "not_tested", "fact_missing", "fact")
    verdict, reason = _HOLDS if found.holds else _FAILS
    return Judgement(claim.id, verdict, reason, "fact", fact=found.detail)


def _judge_nothing(claim: Claim, _study: Study, _evidence: Evidence) -> Judgement:
    return Judgement(claim.id, "not_tested", "not_planned")


_JUDGES: Mapping[str, Callable[[Claim, Study, Evidence], Judgement]] = {
    "raises": _judge_factor,
    "lowers": _judge_factor,
    "carries_most": _judge_factor,
    "higher": _judge_pair,
    "lower": _judge_pair,
    "rises_along": _judge_sweep,
    "falls_along": _judge_sweep,
    "static": _judge_fact,
    "not_run": _judge_nothing,
}
_RISING = ("raises", "higher", "rises_along")
_HOLDS: Outcome = ("supported", "prediction_holds")
_FAILS: Outcome = ("refuted", "prediction_fails")


def _decide(low: float | None, high: float | None, threshold: float, *, rising: bool) -> Outcome:
    """Whether an interval lies wholly beyond a threshold, wholly short of it, or across."""
    if low is None or high is None:
        return "inconclusive", "too_few_seeds"
    if low > threshold if rising else high < threshold:
        return _HOLDS
    if high <= threshold if rising else low >= threshold:
        return _FAILS
    return "inconclusive", "interval_too_wide"


def _threshold(claim: Claim, study: Study) -> float:
    margin = study.margin_of(claim)
    return margin if claim.kind in _RISING else -margin


def _metric(claim: Claim, study: Study) -> Metric:
    return study.type_of(claim.metric or study.metric)


def _endpoint(claim: Claim, study: Study) -> Endpoint:
    """The study's; a mean over all epochs is the same at each."""
    return LAST if claim.epochs == "mean" else study.endpoint


def _turned(effect: Effect, sense: float) -> tuple[float, float] | None:
    if effect.low is None or effect.high is None:
        return None
    return (effect.low, effect.high) if sense > 0 else (-effect.high, -effect.low)


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
        # Checked rows are whole runs of the same epochs, one after the other.
        epochs = len(rows[index_of(rows)].unique())
        runs = rows[metric.name].to_numpy(dtype=np.float64).reshape(-1, epochs)
        rows[metric.name] = np.repeat([mean(run) for run in runs], epochs)
    return rows
