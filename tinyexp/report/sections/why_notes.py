"""What stands below the shares of a gap: warnings, how sure they are, and what is to be said of single factors."""

from __future__ import annotations

import math

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.plan import AS_RUN
from tinyexp.analysis.shares import Share
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, seeds_to_confirm, sign_flip_floor
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.shares import pairs_words
from tinyexp.report.sections.switches import placebos
from tinyexp.report.why_sentences import (
    BUDGET,
    CONFIRMATIONS,
    ERRORS,
    INACTIVE,
    INSEPARABLE,
    LACK_OF_FIT,
    PARTLY,
    PLACEBO,
    PLACEBO_MOVES,
    ROUNDED_SHARES,
    STANDS_IN,
    TOGETHER,
    UNCONFIRMED_SHARES,
    UNLIKE,
)
from tinyexp.words import change, counted, first_upper, listing, p_told, p_value


def warnings(evidence: Evidence, result: StudyResult, found: Attribution) -> list[str]:
    """What stands out and is not what it seems."""
    rows = [row for row in found.in_metric.shares if row.confirmation == "contradicted"]
    return [*wrong_placebos(result, found), *(_confirmed(evidence, result, found, row) for row in rows)]


def wrong_placebos(result: StudyResult, found: Attribution) -> list[str]:
    titles = factor_titles(result.study)
    return [
        PLACEBO_MOVES.format(
            factor=titles[row.factor], moved=change(found.metric, row.share.estimate, signed=True)
        )
        for row in found.in_metric.shares
        if row.verdict == "moves" and row.factor in placebos(result)
    ]


def notes(evidence: Evidence, result: StudyResult, found: Attribution) -> list[str]:
    told = [_error(found), *_of_factors(evidence, result, found)]
    fit = found.in_metric.lack_of_fit
    groups = "; ".join(
        f"{pairs_words(result, group) if group else 'some three or more'} {change(found.metric, effect.estimate, signed=True)}"
        for group, effect, _ in fit.groups
    )
    if LACK_OF_FIT[fit.verdict]:
        told.append(LACK_OF_FIT[fit.verdict].format(groups=groups))
    if any(len(row.pairs) > 1 for row in found.in_metric.interactions):
        told.append(TOGETHER)
    factors = len(found.in_metric.shares)
    needed = seeds_to_confirm(ALPHA / max(factors, 1))
    if FEWEST_SEEDS <= len(found.seeds) < needed:
        told.append(
            UNCONFIRMED_SHARES.format(
                bare_seeds=counted(len(found.seeds), "seed"),
                factors=counted(factors, "factor"),
                floor=p_value(min(1.0, factors * sign_flip_floor(len(found.seeds)))),
                needed=needed,
            )
        )
    if found.seeds and found.partial_seeds and found.error in {"pooled_by_seed", "own_by_seed"}:
        told.append(PARTLY.format(seeds=listing(str(seed) for seed in found.partial_seeds)))
    if not _adds_up(found):
        told.append(ROUNDED_SHARES)
    inactive = result.design.inactive
    if inactive:
        titles = factor_titles(result.study)
        told.append(INACTIVE.format(names=listing(titles[name] for name in inactive)))
    return [*told, BUDGET]


def _adds_up(found: Attribution) -> bool:
    """Whether the shares and what they leave over, as they are shown, add up to the gap."""
    told, scale = found.metric.shown, found.in_metric
    if told.decimals is None:
        return True
    parts = [row.share for row in scale.shares]
    parts += [group.effect for group in scale.inseparable if group.effect]
    shown = [
        round(told.scale * one.estimate, told.decimals) for one in (*parts, scale.not_explained, scale.gap)
    ]
    return not round(math.fsum(shown[:-1]) - shown[-1], told.decimals)


def titles_of(result: StudyResult, rows: list[Share]) -> list[str]:
    titles = factor_titles(result.study)
    return [titles[row.factor] for row in rows]


def of_three(found: Attribution) -> str:
    return "" if found.plan.kind == AS_RUN else " of three"


def _confirmed(evidence: Evidence, result: StudyResult, found: Attribution, row: Share) -> str:
    """What a factor did when it alone was switched, beside its share."""
    contender, baseline = (evidence.titles[name] for name in result.pair)
    near, far = (
        change(found.metric, effect.estimate, signed=True) if effect else ""
        for effect in (row.from_baseline, row.from_contender)
    )
    return CONFIRMATIONS[row.confirmation].format(
        factor=first_upper(factor_titles(result.study)[row.factor]),
        share=change(found.metric, row.share.estimate, signed=True),
        near=near,
        far=far,
        baseline=baseline,
        contender=contender,
        p="" if row.p_apart is None else f"{p_told(row.p_apart)} of a difference",
        hidden=STANDS_IN.format(groups=pairs_words(result, row.hidden)) if row.hidden else "",
    )


def _error(found: Attribution) -> str:
    scale = found.in_metric
    equal = "" if scale.p_equal_spread is None else p_told(scale.p_equal_spread)
    return ERRORS[scale.error].format(
        degrees=scale.degrees,
        fewest=FEWEST_SEEDS,
        equal=equal,
        unlike=UNLIKE.format(equal=equal) if equal else "",
    )


def _of_factors(evidence: Evidence, result: StudyResult, found: Attribution) -> list[str]:
    """What is to be said of single factors: those confirmed alone, placebos, and those that the runs do not separate."""
    titles, metric = factor_titles(result.study), found.metric
    notes = []
    for row in found.in_metric.shares:
        if row.confirmation == "confirmed":
            notes.append(_confirmed(evidence, result, found, row))
        if row.factor in placebos(result) and row.verdict != "moves":
            moved = change(metric, row.share.estimate, signed=True)
            notes.append(PLACEBO.format(factor=first_upper(titles[row.factor]), moved=moved))
    notes += [
        INSEPARABLE[group.effect is not None].format(
            factors=first_upper(listing(titles[name] for name in group.factors)),
            moved=change(metric, group.effect.estimate, signed=True) if group.effect else "",
        )
        for group in found.in_metric.inseparable
    ]
    return notes
