"""What carries a gap: the shares of the factors, from mixtures that were really trained."""

from __future__ import annotations

from typing import Literal

from tinyexp.analysis.attribution import Attribution, leading_factor
from tinyexp.analysis.plan import AS_RUN
from tinyexp.analysis.shares import Share
from tinyexp.analysis.statistics import ALPHA, FEWEST_SEEDS, seeds_to_confirm, sign_flip_floor
from tinyexp.report.commands import study_command
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.shares import (
    by_seed_table,
    hidden_table,
    log_odds_table,
    pairs_table,
    pairs_words,
    shares_panel,
    shares_table,
    waterfall_panel,
)
from tinyexp.report.sections.switches import clear_gap, moved_words, movers, placebos, switch_words
from tinyexp.report.steps import MOST_DOTS
from tinyexp.report.view import Block, Bullets, Commands, Figure, Paragraph, Section
from tinyexp.report.why_sentences import (
    AS_RUN_LACKS,
    BUDGET,
    CONFIRMATIONS,
    CONFIRMED_LINE,
    ERRORS,
    INACTIVE,
    INSEPARABLE,
    LACK_OF_FIT,
    NOT_CAUSES,
    PARTLY,
    PLACEBO,
    PLACEBO_MOVES,
    PLAN_NAMES,
    SHARE_MEANS,
    STANDS_IN,
    TOGETHER,
    UNCONFIRMED_SHARES,
    UNLIKE,
    WHY_HEADINGS,
    WHY_LINES,
    WHY_METHOD,
)
from tinyexp.report.words import (
    bare_change,
    change,
    counted,
    first_upper,
    listing,
    p_told,
    p_value,
    some,
)

Finding = Literal[
    "leading", "against", "some", "none", "too_small", "contradicted", "no_error", "not_measured"
]
_MOST_MOVERS = 3
"""Factors in one sentence; the table has all."""
_MOST_MISSING = 6


def why_section(evidence: Evidence, result: StudyResult) -> Section | None:
    """Shares, pairs and what they do not say; None for a study that has no factors, or no comparison."""
    if not result.study.factors or result.comparison is None:
        return None
    found, name = result.attribution, f"{result.study.name}-why"
    if found is None:
        return Section(name, WHY_HEADINGS["not_measured"], *_not_measured(evidence, result))
    table = shares_table(result, found)
    lead = Paragraph(_method(evidence, result, found))
    figure = Figure(
        (waterfall_panel(evidence, result, found), shares_panel(result, found)),
        _how_to_read(evidence, result, found),
        table,
        more=tuple(extra for extra in (by_seed_table(result, found),) if extra),
    )
    warnings = tuple(Paragraph(text, "warning") for text in _warnings(evidence, result, found))
    more = _to_train(evidence, result, found)
    notes = Bullets(tuple(_notes(evidence, result, found)))
    caution = Paragraph(NOT_CAUSES, "warning")
    folded = (pairs_table(result, found), hidden_table(result, found), log_odds_table(result, found))
    tables = (table for table in folded if table)
    blocks: tuple[Block, ...] = (lead, *warnings, figure, *tables, *more, notes, caution)
    heading = first_upper(WHY_HEADINGS[finding(result)].format(**_words(evidence, result, found)))
    return Section(name, heading, blocks, summary=(lead, *warnings, table, *more, notes, caution))


def why_line(evidence: Evidence, result: StudyResult) -> str:
    """What the first screen says; empty for a study without factors."""
    if not result.study.factors or result.comparison is None:
        return ""
    found = result.attribution
    words = _words(evidence, result, found) if found else {}
    lines = [first_upper(WHY_LINES[finding(result)].format(**words))]
    if found:
        open_ones = _titles(result, [row for row in movers(result) if row.confirmation == "not_trained"])
        if open_ones:
            lines.append(CONFIRMED_LINE.format(factors=listing(open_ones), of_three=_of_three(found)))
        lines += _wrong_placebos(result, found)
    return " ".join(lines)


def finding(result: StudyResult) -> Finding:
    """What the shares show, from a closed list; nothing is named that Holm, the margin and its own runs do not leave."""
    found = result.attribution
    if found is None:
        return "not_measured"
    if found.error == "none":
        return "no_error"
    named, gap = movers(result), clear_gap(result)
    if gap is not None and leading_factor(found.in_metric) in {row.factor for row in named}:
        return "leading"
    if named:
        against = gap is not None and all(row.share.estimate * gap < 0 for row in named)
        return "against" if against else "some"
    verdicts = {row.verdict for row in found.in_metric.shares}
    if "contradicted" in verdicts:
        return "contradicted"
    return "too_small" if verdicts == {"too_small"} and not found.in_metric.inseparable else "none"


def _words(evidence: Evidence, result: StudyResult, found: Attribution) -> dict[str, str]:
    """What the sentences about shares have blanks for."""
    scale, metric, gap = found.in_metric, found.metric, clear_gap(result)
    named = movers(result)
    told = [
        f"{switch_words(evidence, result, row.factor)} {moved_words(metric, row.share.estimate, gap)}"
        for row in named
    ]
    leader = leading_factor(scale)
    place = next((place for place, row in enumerate(named) if row.factor == leader), None)
    # Of what is ahead the reader is told how far, whichever of the two it is; the table has the signs.
    share = None if place is None else named[place].share
    edges = [edge for edge in (share.low, share.high) if edge is not None] if share else []
    low, high = (bare_change(metric, edge) for edge in sorted(map(abs, edges))) if edges else ("", "")
    more = [f"{counted(len(told) - _MOST_MOVERS, 'more factor')} with it"] if len(told) > _MOST_MOVERS else []
    return {
        "leader": "" if place is None else told[place],
        "low": low,
        "high": high,
        "movers": listing([*told[:_MOST_MOVERS], *more]) if told else "",
        "margin": change(metric, found.margin),
    }


def _titles(result: StudyResult, rows: list[Share]) -> list[str]:
    titles = factor_titles(result.study)
    return [titles[row.factor] for row in rows]


def _of_three(found: Attribution) -> str:
    return "" if found.plan.kind == AS_RUN else " of three"


def _not_measured(evidence: Evidence, result: StudyResult) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Why there are no shares, and what supplies them."""
    plan = result.design.plan
    if result.unattributed:
        blocks: tuple[Block, ...] = (Paragraph(result.unattributed, "warning"),)
    else:
        count = counted(len(plan.levels) - 2, "mixture") if plan else "mixtures"
        text = f"The two differ in several factors at once. {first_upper(count)} of them would tell what each moves; none has a finished run."
        blocks = (Paragraph(text),)
    blocks = (*blocks, Commands((study_command(evidence.selection, result.study),)))
    return blocks, blocks


def _method(evidence: Evidence, result: StudyResult, found: Attribution) -> str:
    contender, baseline = (evidence.titles[name] for name in result.pair)
    seeds = found.seeds or found.partial_seeds
    return WHY_METHOD.format(
        count=counted(len(found.plan.levels), "mixture"),
        baseline=baseline,
        contender=contender,
        plan=PLAN_NAMES[found.plan.kind],
        runs=counted(found.runs, "run"),
        seeds=counted(len(seeds), "seed"),
        mean=SHARE_MEANS[found.plan.kind],
    )


def _how_to_read(evidence: Evidence, result: StudyResult, found: Attribution) -> str:
    contender, baseline = (evidence.titles[name] for name in result.pair)
    bars = " The thin bars are 95 % intervals." if found.error != "none" else ""
    seeds = " the diamond is the share;"
    if found.seeds:
        seeds = " hollow dots are the seeds, the diamond is their mean;"
    if len(found.seeds) > MOST_DOTS:
        seeds = (
            " the pale bar above reaches from the lowest to the highest seed, its thick part over their middle half, "
            "the diamond is their mean;"
        )
    return (
        f"The first picture leads from {baseline} down to {contender}: each step is one factor's share, to the right where it "
        f"raises the {found.metric.label}, and the last step is what the shares leave over. In the second each row is a factor:"
        f"{seeds} shares in the grey strip are too small to matter.{bars}"
    )


def _warnings(evidence: Evidence, result: StudyResult, found: Attribution) -> list[str]:
    """What stands out and is not what it seems."""
    rows = [row for row in found.in_metric.shares if row.confirmation == "contradicted"]
    return [*_wrong_placebos(result, found), *(_confirmed(evidence, result, found, row) for row in rows)]


def _wrong_placebos(result: StudyResult, found: Attribution) -> list[str]:
    titles = factor_titles(result.study)
    return [
        PLACEBO_MOVES.format(
            factor=titles[row.factor], moved=change(found.metric, row.share.estimate, signed=True)
        )
        for row in found.in_metric.shares
        if row.verdict == "moves" and row.factor in placebos(result)
    ]


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


def _to_train(evidence: Evidence, result: StudyResult, found: Attribution) -> tuple[Block, ...]:
    """What would confirm the factors that are named, or complete the plan, and its command."""
    open_ones = [row for row in found.in_metric.shares if row.confirmation == "not_trained"]
    text = []
    if found.plan.kind == AS_RUN:
        lacking = [evidence.titles[point.name] for point in result.design.mixtures if not point.finished]
        text.append(AS_RUN_LACKS.format(names=some(lacking, _MOST_MISSING)))
    if open_ones:
        names = first_upper(listing(_titles(result, open_ones)))
        text.append(CONFIRMATIONS["not_trained"].format(factors=names, of_three=_of_three(found)))
    command = Commands((study_command(evidence.selection, result.study),))
    return (Paragraph(" ".join(text), "muted"), command) if text else ()


def _notes(evidence: Evidence, result: StudyResult, found: Attribution) -> list[str]:
    notes = [_error(found), *_of_factors(evidence, result, found)]
    fit = found.in_metric.lack_of_fit
    groups = "; ".join(
        f"{pairs_words(result, group) if group else 'some three or more'} {change(found.metric, effect.estimate, signed=True)}"
        for group, effect, _ in fit.groups
    )
    if LACK_OF_FIT[fit.verdict]:
        notes.append(LACK_OF_FIT[fit.verdict].format(groups=groups))
    if any(len(row.pairs) > 1 for row in found.in_metric.interactions):
        notes.append(TOGETHER)
    factors = len(found.in_metric.shares)
    needed = seeds_to_confirm(ALPHA / max(factors, 1))
    if FEWEST_SEEDS <= len(found.seeds) < needed:
        notes.append(
            UNCONFIRMED_SHARES.format(
                bare_seeds=counted(len(found.seeds), "seed"),
                factors=counted(factors, "factor"),
                floor=p_value(min(1.0, factors * sign_flip_floor(len(found.seeds)))),
                needed=needed,
            )
        )
    if found.seeds and found.partial_seeds and found.error in {"pooled_by_seed", "own_by_seed"}:
        notes.append(PARTLY.format(seeds=listing(str(seed) for seed in found.partial_seeds)))
    inactive = result.design.inactive
    if inactive:
        titles = factor_titles(result.study)
        notes.append(INACTIVE.format(names=listing(titles[name] for name in inactive)))
    return [*notes, BUDGET]


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
