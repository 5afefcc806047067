"""Claims about a factor, decided by its share of the gap: see :mod:`tinyexp.analysis.claims`."""

from __future__ import annotations

from tinyexp.analysis.attribution import Attribution, Share
from tinyexp.analysis.decisions import DECIDED, RISING, Outcome, Test, decide, settled, threshold_of
from tinyexp.analysis.effects import Effect
from tinyexp.analysis.judgement import Evidence, Judgement
from tinyexp.analysis.statistics import ALPHA, Interval, interval_around, seeds_to_decide
from tinyexp.analysis.study import Claim, Study


def share_test(claim: Claim, study: Study, evidence: Evidence) -> Test:
    """``raises``, ``lowers`` and ``carries_most``."""
    if claim.factor in evidence.inactive:
        return settled(Judgement(claim.id, "not_tested", "no_difference"))
    attribution = evidence.attributions.get(claim.metric or study.metric)
    rows = {row.factor: row for row in attribution.in_metric.shares} if attribution else {}
    if attribution is None or claim.factor not in rows:
        return settled(Judgement(claim.id, "not_tested", "attribution_missing"))
    row, margin = rows[claim.factor], study.margin_of(claim)
    return lambda error: _judge_factor(claim, row, attribution, margin, error)


def _judge_factor(
    claim: Claim, row: Share, attribution: Attribution, margin: float, error: float
) -> Judgement:
    gap, of_half = attribution.in_metric.gap, claim.kind == "carries_most"
    effect, threshold = (row.over_half, 0.0) if of_half else (row.share, threshold_of(claim, margin))
    if of_half:
        outcome = _most_of_gap(row, attribution, margin, error)
        if outcome[1] == "works_against":
            effect = row.share  # this is what refutes it, whoever wins
    else:
        interval = _interval(effect, attribution, error)
        outcome = decide(interval, margin, rising=claim.kind in RISING)
    if effect.p is None:
        outcome = "inconclusive", "no_error_estimate"
    elif outcome[0] in {"supported", "below_margin"} and (row.p_holm is None or row.p_holm >= ALPHA):
        outcome = "inconclusive", "only_before_adjustment"
    elif row.confirmation == "contradicted" and outcome[0] in DECIDED:
        # What the fraction gives to the factor is an interaction's: no verdict may rest on it, for or against.
        outcome = "inconclusive", "contradicted_alone"
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


def _interval(effect: Effect, attribution: Attribution, error: float) -> Interval | None:
    """The effect's interval with another error than its own 5 %."""
    if effect.low is None or effect.high is None or effect.standard_error is None:
        return None
    if error == ALPHA:
        return Interval(effect.low, effect.high)
    if effect.low == effect.high:  # no spread: the exact test stands in for t
        return Interval(effect.low, effect.high) if effect.p is not None and effect.p < error else None
    return interval_around(effect.estimate, effect.standard_error, attribution.degrees, 1 - error)


def _seeds_to_decide(
    outcome: Outcome, effect: Effect, gap: Effect, threshold: float, margin: float
) -> int | None:
    """About how many seeds would decide what keeps a claim on a factor open."""
    if outcome[0] != "inconclusive" or outcome[1] == "contradicted_alone":
        return None  # more seeds only make it clearer
    if outcome[1] == "gap_not_clear":
        return seeds_to_decide(gap.by_seed, -margin, margin)
    return seeds_to_decide(effect.by_seed, 0.0, threshold)


def _most_of_gap(row: Share, attribution: Attribution, margin: float, error: float) -> Outcome:
    gap, sense = attribution.in_metric.gap, attribution.metric.sense
    share, whole, half = (
        _turned(_interval(effect, attribution, error), sense) for effect in (row.share, gap, row.over_half)
    )
    if share is None or whole is None or half is None:
        return "inconclusive", "too_few_seeds"
    if share[1] < 0:
        return "refuted", "works_against"
    if whole[1] < 0:
        return "not_tested", "nothing_to_explain"
    if whole[0] <= margin:
        return "inconclusive", "gap_not_clear"
    return decide(half, 0.0, rising=True)


def _turned(interval: Interval | None, sense: float) -> Interval | None:
    """With the better side up; ``sense`` is -1 where the lower value wins."""
    return interval if interval is None or sense > 0 else Interval(-interval.high, -interval.low)
