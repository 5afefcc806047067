"""A comparison, seed by seed: the picture, its numbers, and what the tests say."""

from __future__ import annotations

from collections import Counter

from tinyexp.analysis.comparison import Comparison
from tinyexp.analysis.exact import mean
from tinyexp.analysis.images import AcrossImages
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.metric import Metric, metric_of
from tinyexp.report.commands import missing_commands, more_seeds_command
from tinyexp.report.content import VerdictKind
from tinyexp.report.drawings import DifferenceRow, DifferencesDrawing, PairRow, PairsDrawing
from tinyexp.report.evidence import RIGHT, Evidence, StudyResult
from tinyexp.report.sentences import (
    ACROSS_IMAGES,
    COMPARISON_HEADINGS,
    CONFIRMED,
    DECIDE,
    DECIDE_UNKNOWN,
    DETAILS,
    ENDED,
    MORE_SEEDS,
    NETWORKS,
    SELECTED_ON_TEST,
    VERDICTS,
)
from tinyexp.report.view import LONG_TABLE, Block, Commands, Figure, Panel, Paragraph, Section, Table
from tinyexp.report.words import (
    NBSP,
    NOTHING,
    axis,
    bare_change,
    change,
    counted,
    first_upper,
    in_units,
    level,
    listing,
    measured_at,
    p_told,
    p_value,
    plain,
    some,
    typed,
)

_RIGHT = metric_of(RIGHT)
MOST_SEEDS = 40
"""Rows that can still be told apart on a page."""


def outcome_kind(result: StudyResult) -> VerdictKind:
    """The key of its sentences."""
    if result.comparison:
        return result.comparison.verdict
    return "not_comparable" if result.problem else "missing"


def verdict_pieces(evidence: Evidence, result: StudyResult) -> tuple[str, str, str]:
    """The verdict of a study: before the number, the number, after it."""
    words = outcome_words(evidence, result)
    before, number, after = (piece.format(**words) for piece in VERDICTS[outcome_kind(result)])
    return before, number, after


def verdict_details(evidence: Evidence, result: StudyResult) -> tuple[str, ...]:
    """How sure a verdict is, from how much, and by which test."""
    words = outcome_words(evidence, result)
    details = [DETAILS[outcome_kind(result)].format(**words)]
    comparison = result.comparison
    if comparison and comparison.verdict == "beats":
        details.append(CONFIRMED[comparison.p_floor < 0.05].format(**words))
    elif comparison and comparison.seeds_to_decide:
        details.append(DECIDE.format(**words))
    elif comparison and comparison.verdict == "too_few_seeds":
        details.append(DECIDE_UNKNOWN.format(**words))
    if comparison and result.study.selected_on_test and comparison.endpoint.chooser is not None:
        details.append(SELECTED_ON_TEST.format(index=comparison.index))
    details += [told for name in result.missing if (told := _what_became(evidence, name))]
    return tuple(details)


def paired_section(evidence: Evidence, result: StudyResult, *, with_figure: bool) -> Section:
    """What a study found; where it found nothing, why, and what would supply it."""
    name, comparison = result.study.name, result.comparison
    details = verdict_details(evidence, result)
    sentence = "".join(verdict_pieces(evidence, result))
    if comparison is None:
        blocks: tuple[Block, ...] = (Paragraph(" ".join(details), "warning"),)
        if result.missing:
            blocks = (*blocks, Commands(missing_commands(evidence, result)))
        return Section(f"{name}-paired", sentence, blocks, summary=blocks)
    words = outcome_words(evidence, result)
    heading = COMPARISON_HEADINGS[comparison.verdict].format(**words)
    table = paired_table(evidence, comparison)
    lead = Paragraph(f"{plain(result.study.question, 400)} {sentence}. {' '.join(details)}")
    notes = tuple(Paragraph(note, "muted") for note in (_tests(comparison), *_left_out(comparison)))
    if result.networks:
        notes = (Paragraph(_networks_sentence(evidence, result)), *notes)
    if result.images:
        notes = (Paragraph(_images_sentence(result.images)), *notes)
    if len(comparison.seeds) < comparison.seeds_to_confirm:
        notes = (*notes, Paragraph(MORE_SEEDS.format(**words)))
    if not with_figure:  # it stands on the first screen, with the sentences and the table
        return Section(f"{name}-paired", heading, notes, summary=(table, *notes))
    return Section(
        f"{name}-paired",
        heading,
        (lead, paired_figure(evidence, result), *notes),
        summary=(lead, table, *notes),
    )


def paired_figure(evidence: Evidence, result: StudyResult) -> Figure:
    """Both experiments seed by seed, and their difference."""
    comparison = result.comparison
    assert comparison is not None  # callers ask only where there is one
    contender, baseline = (evidence.titles[name] for name in result.pair)
    table, pairs = (
        paired_table(evidence, comparison, folded=True),
        _pairs_panel(evidence, result, comparison),
    )
    if len(comparison.seeds) == 1:
        return Figure(
            (pairs,), f"The ends of the line are {baseline} and {contender} with the one seed.", table
        )
    bar = "The bar through the mean is its 95 % interval. " if comparison.low is not None else ""
    read = (
        f"Each row is a seed. In the first picture the two ends of a line are {baseline} and {contender} with that seed. "
        f"In the second is what lies between them: {contender} minus {baseline}. {bar}"
        "Differences in the grey strip count as noise."
    )
    if len(comparison.seeds) > MOST_SEEDS:
        read += (
            f" Drawn are {MOST_SEEDS} of the {len(comparison.seeds):,} seeds, evenly spaced in the order of their difference, "
            "the smallest and the largest among them; mean and interval are of all, and the table has all."
        )
    return Figure((pairs, _differences_panel(evidence, result, comparison)), read, table)


def drawn_seeds(comparison: Comparison) -> list[int]:
    """Places of the seeds that are drawn: all in their order, or of very many some in the order of their difference."""
    count = len(comparison.seeds)
    if count <= MOST_SEEDS:
        return list(range(count))
    order = sorted(range(count), key=lambda place: (comparison.differences[place], comparison.seeds[place]))
    return [order[round(step * (count - 1) / (MOST_SEEDS - 1))] for step in range(MOST_SEEDS)]


def paired_table(evidence: Evidence, comparison: Comparison, *, folded: bool = False) -> Table:
    """The numbers of the figure."""
    metric = comparison.metric
    columns = (comparison.baseline_values, comparison.contender_values)
    rows: list[tuple[str, ...]] = [
        (f"seed {seed}", level(metric, b), level(metric, a), bare_change(metric, d, signed=True))
        for seed, b, a, d in zip(comparison.seeds, *columns, comparison.differences, strict=True)
    ]
    if len(rows) > 1:
        means = [level(metric, mean(values)) for values in columns]
        rows.append(("mean", *means, bare_change(metric, comparison.mean, signed=True)))
    if comparison.low is not None and comparison.high is not None:
        edges = [bare_change(metric, edge, signed=True) for edge in (comparison.low, comparison.high)]
        rows.append((f"95{NBSP}% interval", NOTHING, NOTHING, " to ".join(edges)))
    names = (evidence.titles[comparison.baseline], evidence.titles[comparison.contender])
    return Table(
        f"{first_upper(metric.label)} {_when(comparison)}, by seed",
        ("", *names, in_units("difference", metric.shown.step)),
        tuple(rows),
        ("text", "number", "number", "number"),
        folded=folded or len(rows) > LONG_TABLE,
    )


def outcome_words(evidence: Evidence, result: StudyResult) -> dict[str, str]:
    """What the sentences about a study have blanks for."""
    contender, baseline = (evidence.titles[name] for name in result.pair)
    words = {"contender": contender, "baseline": baseline, "problem": result.problem}
    comparison = result.comparison
    if comparison is None:
        return words | {
            "missing": listing(evidence.titles[name] for name in result.missing),
            "has": "has" if len(result.missing) == 1 else "have",
            "profile": evidence.selection.profile,
        }
    metric, needed = comparison.metric, comparison.seeds_to_confirm
    winner = comparison.winner or comparison.contender
    loser = comparison.baseline if winner == comparison.contender else comparison.contender
    return (
        words
        | _interval_words(comparison)
        | {
            "winner": evidence.titles[winner],
            "loser": evidence.titles[loser],
            "size": change(metric, abs(comparison.mean)),
            "mean": change(metric, comparison.mean, signed=True),
            "margin": change(metric, comparison.margin),
            "metric": _directed(metric),
            "when": _when(comparison),
            "seeds": counted(len(comparison.seeds), "paired seed"),
            "bare_seeds": counted(len(comparison.seeds), "seed"),
            "ahead": str(comparison.seeds_ahead(winner)),
            "p": p_told(comparison.p_sign_flip),
            "floor": p_value(comparison.p_floor),
            "needed": str(needed),
            "fewest": str(FEWEST_SEEDS),
            "enough": f"{comparison.seeds_to_decide or 0:,}",
            "command": typed(more_seeds_command(evidence.selection, needed)),
        }
    )


def _interval_words(comparison: Comparison) -> dict[str, str]:
    """The interval as the sentence reads: of a win, how far the winner is ahead."""
    if comparison.low is None or comparison.high is None:
        return {"low": NOTHING, "high": NOTHING}
    if comparison.verdict == "beats":
        low, high = sorted((abs(comparison.low), abs(comparison.high)))
        return {"low": bare_change(comparison.metric, low), "high": change(comparison.metric, high)}
    return {
        "low": bare_change(comparison.metric, comparison.low, signed=True),
        "high": change(comparison.metric, comparison.high, signed=True),
    }


def _when(comparison: Comparison) -> str:
    return measured_at(comparison.index, comparison.at, comparison.endpoint.chooser)


def _directed(metric: Metric) -> str:
    """A metric's name in a sentence; of one that is better lower it is said."""
    return metric.label if metric.direction == "higher" else f"{metric.label} (lower is better)"


def _pairs_panel(evidence: Evidence, result: StudyResult, comparison: Comparison) -> Panel:
    metric, told = comparison.metric, comparison.metric.shown
    contender, baseline = (evidence.titles[name] for name in result.pair)
    rows, ends = [], []
    for place in drawn_seeds(comparison):
        seed = comparison.seeds[place]
        b, a = comparison.baseline_values[place], comparison.contender_values[place]
        ends.append(f"seed {seed}: {baseline} {level(metric, b)}, {contender} {level(metric, a)}")
        rows.append(PairRow(f"seed {seed}", told.scale * b, told.scale * a, ends[-1]))
    title = axis(f"{first_upper(metric.label)}, seed by seed", told.suffix)
    return Panel(
        name=f"{result.study.name}-pairs",
        title=f"{first_upper(metric.label)} of {baseline} and {contender}, seed by seed",
        description=f"{first_upper('; '.join(ends))}.",
        drawing=PairsDrawing(title, baseline, contender, tuple(rows)),
    )


def _differences_panel(evidence: Evidence, result: StudyResult, comparison: Comparison) -> Panel:
    metric, told = comparison.metric, comparison.metric.shown
    contender, baseline = (evidence.titles[name] for name in result.pair)
    rows = []
    for place in drawn_seeds(comparison):
        seed, value = comparison.seeds[place], comparison.differences[place]
        shown = bare_change(metric, value, signed=True)
        rows.append(
            DifferenceRow(
                f"seed {seed}", told.scale * value, shown, f"seed {seed}: {shown} {told.step}".rstrip()
            )
        )
    mean = change(metric, comparison.mean, signed=True)
    interval, described = None, f"The mean difference is {mean}"
    if comparison.low is not None and comparison.high is not None:
        interval = (told.scale * comparison.low, told.scale * comparison.high)
        edges = [bare_change(metric, edge, signed=True) for edge in (comparison.low, comparison.high)]
        described += f", 95 % interval {edges[0]} to {edges[1]}"
    last = DifferenceRow(
        "mean",
        told.scale * comparison.mean,
        bare_change(metric, comparison.mean, signed=True),
        described,
        interval,
    )
    margin = f"within \u00b1{bare_change(metric, comparison.margin)}: noise"
    return Panel(
        name=f"{result.study.name}-differences",
        title=f"{contender} minus {baseline}, seed by seed",
        description=f"{described}.",
        drawing=DifferencesDrawing(
            axis("The difference", told.step), tuple(rows), last, told.scale * comparison.margin, margin
        ),
    )


def _what_became(evidence: Evidence, name: str) -> str:
    """How the runs of an experiment ended that has no finished one; empty where it has none at all."""
    chosen = evidence.selection.find(name)
    count = Counter(run.status.state for run in chosen.unfinished) if chosen else Counter()
    parts = listing(f"{counted(number, 'run')} {ENDED[state]}" for state, number in sorted(count.items()))
    return f"Of {evidence.titles[name]}, {parts}; each is named below." if count else ""


def _tests(comparison: Comparison) -> str:
    if len(comparison.seeds) == 1:
        return "One seed gives no interval over seeds and no test over seeds."
    margin, seeds = change(comparison.metric, comparison.margin), counted(len(comparison.seeds), "seed")
    verdict = f"Verdict by the paired 95 % t interval against a margin of {margin}"
    if comparison.verdict == "too_few_seeds":
        verdict = "No verdict is given on so few seeds, whatever they show"
    flips = f"{p_told(comparison.p_sign_flip)}, at best {p_value(comparison.p_floor)} with {seeds}"
    return f"{verdict}; beside it the paired sign-flip test: {flips}."


def _left_out(comparison: Comparison) -> list[str]:
    if not comparison.unpaired_seeds:
        return []
    seeds = some([str(seed) for seed in comparison.unpaired_seeds], 20)
    return [f"Left out, because only one of the two finished with it: seed {seeds}."]


def _images_sentence(found: AcrossImages) -> str:
    return ACROSS_IMAGES.format(
        low=change(_RIGHT, found.low, signed=True),
        high=change(_RIGHT, found.high, signed=True),
        images=counted(found.images, "test image"),
        seeds=change(_RIGHT, found.over_seeds),
        drawn=change(_RIGHT, found.over_images),
    )


def _networks_sentence(evidence: Evidence, result: StudyResult) -> str:
    found = result.networks
    assert found is not None  # asked above
    contender, baseline = (evidence.titles[name] for name in result.pair)
    return NETWORKS.format(
        images=counted(found.images, "test image"),
        contender=contender,
        baseline=baseline,
        only_contender=counted(found.only_a_right, "image"),
        only_baseline=f"{found.only_b_right:,}",
        p=p_told(found.p_mcnemar),
        low=change(_RIGHT, found.low, signed=True),
        high=change(_RIGHT, found.high, signed=True),
    )
