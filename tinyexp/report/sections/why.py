"""What carries a gap: the shares of the factors, from mixtures that were really trained."""

from __future__ import annotations

from typing import Literal

from tinyexp.analysis.attribution import Attribution, leading_factor
from tinyexp.analysis.plan import AS_RUN
from tinyexp.report.commands import study_command
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sections.points import points_figure
from tinyexp.report.sections.shares import (
    by_seed_table,
    hidden_table,
    log_odds_table,
    pairs_table,
    shares_panel,
    shares_table,
)
from tinyexp.report.sections.switches import clear_gap, moved_words, movers, switch_words
from tinyexp.report.sections.why_notes import notes, of_three, titles_of, warnings, wrong_placebos
from tinyexp.report.shares import MOST_DOTS
from tinyexp.report.view import Block, Bullets, Commands, Figure, Paragraph, Section
from tinyexp.report.why_sentences import (
    AS_RUN_LACKS,
    CONFIRMATIONS,
    CONFIRMED_LINE,
    NOT_CAUSES,
    PLAN_NAMES,
    SHARE_MEANS,
    WHY_HEADINGS,
    WHY_LINES,
    WHY_METHOD,
)
from tinyexp.words import (
    bare_change,
    change,
    counted,
    first_upper,
    listing,
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
    table = shares_table(evidence, result, found)
    lead = Paragraph(_method(evidence, result, found))
    figure = Figure(
        (shares_panel(evidence, result, found),),
        _how_to_read(evidence, result, found),
        table,
        more=tuple(extra for extra in (by_seed_table(result, found),) if extra),
    )
    cautions = tuple(Paragraph(text, "warning") for text in warnings(evidence, result, found))
    more = _to_train(evidence, result, found)
    remarks = Bullets(tuple(notes(evidence, result, found)))
    caution = Paragraph(NOT_CAUSES, "warning")
    folded = (pairs_table(result, found), hidden_table(result, found), log_odds_table(result, found))
    tables = (table for table in folded if table)
    points = points_figure(evidence, result, found)
    blocks: tuple[Block, ...] = (lead, *cautions, figure, points, *tables, *more, remarks, caution)
    heading = first_upper(WHY_HEADINGS[finding(result)].format(**_words(evidence, result, found)))
    return Section(name, heading, blocks, summary=(lead, *cautions, table, *more, remarks, caution))


def why_line(evidence: Evidence, result: StudyResult) -> str:
    """What the first screen says; empty for a study without factors."""
    if not result.study.factors or result.comparison is None:
        return ""
    found = result.attribution
    words = _words(evidence, result, found) if found else {}
    lines = [first_upper(WHY_LINES[finding(result)].format(**words))]
    if found:
        open_ones = titles_of(result, [row for row in movers(result) if row.confirmation == "not_trained"])
        if open_ones:
            lines.append(CONFIRMED_LINE.format(factors=listing(open_ones), of_three=of_three(found)))
        lines += wrong_placebos(result, found)
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


def _not_measured(evidence: Evidence, result: StudyResult) -> tuple[tuple[Block, ...], tuple[Block, ...]]:
    """Why there are no shares, and what supplies them."""
    plan = result.design.plan
    if result.unattributed:
        blocks: tuple[Block, ...] = (Paragraph(result.unattributed, "warning"),)
    else:
        count = counted(len(plan.levels) - 2, "mixture") if plan else "mixtures"
        text = f"The two differ in several factors at once. {first_upper(count)} of them would show what each changes; none has a finished run."
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
    bars = " The bars are 95\u00a0% intervals." if found.error != "none" else ""
    seeds = " the diamond is the share;"
    if found.seeds:
        seeds = " rings are the seeds, the diamond is their mean;"
    if len(found.seeds) > MOST_DOTS:
        seeds = (
            " the bar above reaches from the lowest to the highest seed, its thick part over their middle half, "
            "the diamond is their mean;"
        )
    strip = " shares in the grey strip are too small to matter." if result.study.margin else ""
    if not strip:
        seeds = f"{seeds.removesuffix(';')}."
    return (
        f"Each row is a factor, from {baseline}'s setting to {contender}'s, sorted by size:{seeds}{strip}"
        f"{bars} The last two rows are what the shares leave over and the measured gap, "
        "which is the sum of all rows above it."
    )


def _to_train(evidence: Evidence, result: StudyResult, found: Attribution) -> tuple[Block, ...]:
    """What would confirm the factors that are named, or complete the plan, and its command."""
    open_ones = [row for row in found.in_metric.shares if row.confirmation == "not_trained"]
    text = []
    if found.plan.kind == AS_RUN:
        lacking = [evidence.titles[point.name] for point in result.design.mixtures if not point.finished]
        text.append(AS_RUN_LACKS.format(names=some(lacking, _MOST_MISSING)))
    if open_ones:
        names = first_upper(listing(titles_of(result, open_ones)))
        text.append(CONFIRMATIONS["not_trained"].format(factors=names, of_three=of_three(found)))
    command = Commands((study_command(evidence.selection, result.study),))
    return (Paragraph(" ".join(text), "muted"), command) if text else ()
