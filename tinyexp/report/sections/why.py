"""What carries a gap: the shares of the factors, from mixtures that were really trained."""

from __future__ import annotations

from typing import Literal

from tinyexp.analysis.attribution import Attribution, Scale, Share, leading_factor
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
from tinyexp.report.sentences import (
    ERRORS,
    LACK_OF_FIT,
    NOT_CAUSES,
    PARTLY,
    PLAN_NAMES,
    SHARE_MEANS,
    TOGETHER,
    UNCONFIRMED_SHARES,
    WHY_HEADINGS,
    WHY_LINES,
    WHY_METHOD,
)
from tinyexp.report.steps import MOST_DOTS
from tinyexp.report.view import Block, Bullets, Commands, Figure, Paragraph, Section
from tinyexp.report.words import (
    bare_change,
    change,
    counted,
    first_upper,
    listing,
    p_value,
)

Finding = Literal["leading", "against", "some", "none", "no_error", "not_measured"]


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
    notes = Bullets(tuple(_notes(result, found)))
    caution = Paragraph(NOT_CAUSES, "warning")
    folded = (pairs_table(result, found), hidden_table(result, found), log_odds_table(result, found))
    blocks: tuple[Block, ...] = (lead, figure, *(table for table in folded if table), notes, caution)
    heading = first_upper(WHY_HEADINGS[finding(result)].format(**_words(result, found)))
    return Section(name, heading, blocks, summary=(lead, table, notes, caution))


def why_line(result: StudyResult) -> str:
    """One sentence for the first screen; empty for a study without factors."""
    if not result.study.factors or result.comparison is None:
        return ""
    found = result.attribution
    words = _words(result, found) if found else {}
    return first_upper(WHY_LINES[finding(result)].format(**words))


def finding(result: StudyResult) -> Finding:
    """What the shares show, from a closed list; nothing is called that Holm's adjustment does not leave."""
    found = result.attribution
    if found is None:
        return "not_measured"
    if found.error == "none":
        return "no_error"
    scale, movers = found.in_metric, _movers(found.in_metric)
    clear = scale.gap.low is not None and scale.gap.high is not None and scale.gap.low * scale.gap.high > 0
    leader = leading_factor(scale)
    if clear and leader in {row.factor for row in movers}:
        return "leading"
    if not movers:
        return "none"
    against = all(row.share.estimate * scale.gap.estimate < 0 for row in movers)
    return "against" if clear and against else "some"


def _movers(scale: Scale) -> list[Share]:
    return [row for row in scale.shares if row.p_holm is not None and row.p_holm < ALPHA]


def _words(result: StudyResult, found: Attribution) -> dict[str, str]:
    """What the sentences about shares have blanks for."""
    scale, titles, metric = found.in_metric, factor_titles(result.study), found.metric
    movers = _movers(scale)
    leader = leading_factor(scale)
    share = next((row.share for row in scale.shares if row.factor == leader), None)
    told = [f"{titles[row.factor]} ({change(metric, row.share.estimate, signed=True)})" for row in movers]
    # Of what is ahead the reader is told how far, whichever of the two it is; the table has the signs.
    edges = [edge for edge in (share.low, share.high) if edge is not None] if share else []
    low, high = (bare_change(metric, edge) for edge in sorted(map(abs, edges))) if edges else ("", "")
    return {
        "metric": metric.label,
        "gap": change(metric, abs(scale.gap.estimate)),
        "leader": titles[leader] if leader else "",
        "share": bare_change(metric, abs(share.estimate)) if share else "",
        "low": low,
        "high": high,
        "movers": listing(told) if told else "",
        "moves": "moves" if len(movers) == 1 else "move",
    }


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
        f"{seeds} shares in the grey strip count as noise.{bars}"
    )


def _notes(result: StudyResult, found: Attribution) -> list[str]:
    scale = found.in_metric
    notes = [ERRORS[found.error].format(degrees=found.degrees, fewest=FEWEST_SEEDS)]
    fit = scale.lack_of_fit
    groups = "; ".join(
        f"{pairs_words(result, group) if group else 'some three or more'} {change(found.metric, effect.estimate, signed=True)}"
        for group, effect, _ in fit.groups
    )
    if LACK_OF_FIT[fit.verdict]:
        notes.append(LACK_OF_FIT[fit.verdict].format(groups=groups))
    if any(len(row.pairs) > 1 for row in scale.interactions):
        notes.append(TOGETHER)
    if FEWEST_SEEDS <= len(found.seeds) < seeds_to_confirm():
        notes.append(
            UNCONFIRMED_SHARES.format(
                bare_seeds=counted(len(found.seeds), "seed"),
                floor=p_value(sign_flip_floor(len(found.seeds))),
                needed=seeds_to_confirm(),
            )
        )
    if found.error == "paired_by_seed" and found.partial_seeds:
        notes.append(PARTLY.format(seeds=listing(str(seed) for seed in found.partial_seeds)))
    inactive = result.design.inactive
    if inactive:
        titles = factor_titles(result.study)
        names = listing(titles[name] for name in inactive)
        notes.append(f"No factor here, as the two do not differ in it under the readings taken: {names}.")
    return notes
