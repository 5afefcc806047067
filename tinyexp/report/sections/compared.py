"""A comparison: the verdict in words, how sure it is, and every training that it rests on."""

from __future__ import annotations

from collections import Counter

from tinyexp.analysis.comparison import Comparison, Sample
from tinyexp.analysis.images import AcrossImages
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.difference import Difference
from tinyexp.config.explain import shown
from tinyexp.config.metric import Metric, metric_of
from tinyexp.report.commands import missing_commands, more_seeds_command
from tinyexp.report.content import VerdictKind
from tinyexp.report.evidence import RIGHT, Evidence, StudyResult
from tinyexp.report.sections.compared_runs import compared_figure, runs_table
from tinyexp.report.sentences import (
    ACROSS_IMAGES,
    BEHIND,
    CHANGED,
    COMPARISON_HEADINGS,
    CONFIRMED,
    DECIDE,
    DECIDE_AT,
    DETAILS,
    ENDED,
    EXACT_TESTS,
    INTERVALS,
    LATER,
    LEFT_OUT,
    LOOKS,
    LOST,
    MEDIANS,
    MORE_SEEDS,
    NETWORKS,
    SELECTED_ON_TEST,
    TESTS,
    TESTS_ONE_RUN,
    TESTS_TOO_FEW,
    TOO_FEW,
    VERDICTS,
)
from tinyexp.report.view import Block, Commands, Paragraph, Section
from tinyexp.report.words import (
    NBSP,
    NOTHING,
    bare_change,
    change,
    counted,
    level,
    listing,
    measured_at,
    p_told,
    p_value,
    per_cent,
    plain,
    some,
    typed,
)

_RIGHT = metric_of(RIGHT)


def outcome_kind(result: StudyResult) -> VerdictKind:
    """The key of its sentences."""
    if result.comparison:
        return result.comparison.verdict
    return "not_comparable" if result.problem else "missing"


def _sentence(result: StudyResult) -> str:
    """The key of its sentences: the verdict, or that lost runs leave none."""
    comparison = result.comparison
    return "lost_runs" if comparison and comparison.reason == "lost_runs" else outcome_kind(result)


def verdict_pieces(evidence: Evidence, result: StudyResult) -> tuple[str, str, str]:
    """The verdict of a study: before the number, the number, after it."""
    words = outcome_words(evidence, result)
    before, number, after = (piece.format(**words) for piece in VERDICTS[_sentence(result)])
    return before, number, after


def verdict_details(evidence: Evidence, result: StudyResult) -> tuple[str, ...]:
    """How sure a verdict is, from how much, by which test, and which trainings gave nothing."""
    words, comparison = outcome_words(evidence, result), result.comparison
    if comparison is None:
        details = [DETAILS[outcome_kind(result)].format(**words)]
    elif comparison.verdict == "too_few_seeds":
        details = [DETAILS["too_few_seeds"].format(**words), TOO_FEW[comparison.reason].format(**words)]
    else:
        details = [DETAILS[_sentence(result)].format(**words)]
    if comparison:
        details += _lost_and_behind(evidence, comparison)
        if comparison.verdict == "beats":
            details.append(CONFIRMED[comparison.p_floor < comparison.look.error].format(**words))
        elif comparison.forecast and comparison.reason != "lost_runs":
            details.append(_decides(comparison))
        if result.changed:
            details.append(CHANGED.format(keys=some([_changed(one) for one in result.changed])))
        if result.study.selected_on_test and comparison.endpoint.chooser is not None:
            details.append(SELECTED_ON_TEST.format(index=comparison.index))
    details += [told for name in result.missing if (told := _what_became(evidence, name))]
    return tuple(details)


def _changed(one: Difference) -> str:
    return f"{plain(one.key, 60)}: {plain(shown(one.left), 60)}, now {plain(shown(one.right), 60)}"


def compared_section(evidence: Evidence, result: StudyResult, *, with_figure: bool) -> Section:
    """What a study found; where it found nothing, why, and what would supply it."""
    name, comparison = result.study.name, result.comparison
    details = verdict_details(evidence, result)
    sentence = "".join(verdict_pieces(evidence, result))
    if comparison is None:
        blocks: tuple[Block, ...] = (Paragraph(" ".join(details), "warning"),)
        if result.missing:
            blocks = (*blocks, Commands(missing_commands(evidence, result)))
        return Section(f"{name}-comparison", sentence, blocks, summary=blocks)
    words = outcome_words(evidence, result)
    heading = COMPARISON_HEADINGS[_sentence(result)].format(**words)
    table = runs_table(evidence, comparison)
    lead = Paragraph(f"{plain(result.study.question, 400)} {sentence}. {' '.join(details)}")
    notes = tuple(Paragraph(note, "muted") for note in _notes(evidence, comparison))
    if result.images:
        notes = (Paragraph(_images_sentence(result.images)), *notes)
    if result.networks:
        notes = (Paragraph(_networks_sentence(evidence, result)), *notes)
    if comparison.fewest_runs < comparison.runs_to_confirm and comparison.verdict != "within_margin":
        notes = (*notes, Paragraph(MORE_SEEDS.format(**words)))
    if not with_figure:  # it stands on the first screen, with the sentences and the table
        return Section(f"{name}-comparison", heading, notes, summary=(table, *notes))
    return Section(
        f"{name}-comparison",
        heading,
        (lead, compared_figure(evidence, result), *notes),
        summary=(lead, table, *notes),
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
    metric = comparison.metric
    winner = comparison.winner or comparison.contender
    loser = comparison.baseline if winner == comparison.contender else comparison.contender
    ahead, _, pairs = comparison.ahead(winner)
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
            "when": measured_at(comparison.index, comparison.at, comparison.endpoint.chooser),
            "runs": runs_words(comparison),
            "ahead": f"{ahead} of {pairs}{NBSP}{'seeds' if comparison.pairing == 'seed' else 'pairs of runs'}",
            "test": EXACT_TESTS[comparison.pairing],
            "p": p_told(comparison.p_exact),
            "floor": p_value(comparison.p_floor),
            "error": p_value(comparison.look.error),
            "needed": f"{comparison.runs_to_confirm:,}",
            "fewest": str(FEWEST_SEEDS),
            "next": f"{comparison.look.next or 0:,}",
            "level": per_cent(1 - comparison.look.error),
            "command": typed(more_seeds_command(evidence.selection, _runs_to_go(comparison))),
        }
    )


def runs_words(comparison: Comparison) -> str:
    """As in ``6 runs of each``, ``6 and 5 runs``, or ``6 paired seeds``."""
    counts = [len(sample.measured) for sample in comparison.samples]
    if comparison.pairing == "seed":
        return counted(counts[0], "paired seed")
    if counts[0] == counts[1]:
        return f"{counted(counts[0], 'run')} of each"
    return f"{counts[0]:,} and {counts[1]:,}{NBSP}runs"


def _runs_to_go(comparison: Comparison) -> int:
    """The next look where there is one; else what the exact test needs."""
    return comparison.look.next or comparison.runs_to_confirm


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


def _directed(metric: Metric) -> str:
    """A metric's name in a sentence; of one that is better lower it is said."""
    return metric.label if metric.direction == "higher" else f"{metric.label} (lower is better)"


def _lost_and_behind(evidence: Evidence, comparison: Comparison) -> list[str]:
    """The trainings that gave no result, and those far behind the others, by name and seed."""
    told = []
    for name, sample in _named(comparison):
        title = evidence.titles[name]
        if sample.lost:
            ends = some([f"seed {one.seed} {ENDED[one.state]}" for one in sample.lost])
            told.append(
                LOST.format(
                    design=title, lost=len(sample.lost), of=len(sample.lost) + len(sample.seeds), ends=ends
                )
            )
        if sample.behind:
            worst = [sample.measured[sample.seeds.index(seed)] for seed in sample.behind]
            told.append(
                BEHIND.format(
                    design=title,
                    runs=some(
                        [
                            f"{_run_name(comparison, seed)} ({level(comparison.metric, value)})"
                            for seed, value in zip(sample.behind, worst, strict=True)
                        ]
                    ),
                    lies="lies" if len(worst) == 1 else "lie",
                    median=level(comparison.metric, sample.median),
                )
            )
    medians = comparison.contender_runs.median - comparison.baseline_runs.median
    if told and comparison.winner and medians * comparison.mean < 0:
        told.append(MEDIANS.format(size=change(comparison.metric, medians, signed=True)))
    return told


def _run_name(comparison: Comparison, seed: int) -> str:
    return f"seed {seed}" if comparison.seeds_known else f"run {seed + 1}"


def _named(comparison: Comparison) -> tuple[tuple[str, Sample], tuple[str, Sample]]:
    return (
        (comparison.contender, comparison.contender_runs),
        (comparison.baseline, comparison.baseline_runs),
    )


def _decides(comparison: Comparison) -> str:
    """How many runs would decide, as a range, and when the study looks next."""
    found = comparison.forecast
    assert found is not None  # asked above
    if found.high is None:
        told = f"{found.low:,} or more runs"
    else:
        told = f"{found.low:,} to {found.high:,} runs" if found.low < found.high else f"{found.low:,} runs"
    key = "none" if not comparison.look.looks else "next" if found.next_look else "last"
    return f"{DECIDE.format(enough=told)} {DECIDE_AT[key].format(next=found.next_look or 0)}".strip()


def _notes(evidence: Evidence, comparison: Comparison) -> list[str]:
    """By which tests, at which look, and which runs are there and do not count."""
    notes = [_tests(comparison)]
    look = comparison.look
    if look.looks:
        key = "before" if not look.number else "next" if look.next else "last"
        notes.append(
            LOOKS[key].format(
                number=look.number,
                of=len(look.looks),
                looks=listing(f"{runs:,}" for runs in look.looks),
                runs=f"{look.runs or 0:,}",
                error=per_cent(look.error),
                level=per_cent(1 - look.error),
                next=f"{look.next or 0:,}",
            )
        )
    for name, sample in _named(comparison):
        told = [_run_name(comparison, seed) for seed in sample.later]
        if told:
            key = "next" if look.next else "last"
            notes.append(LATER[key].format(design=evidence.titles[name], runs=some(told, 20)))
    left_out = sorted({seed for sample in comparison.samples for seed in sample.left_out})
    if left_out:
        notes.append(LEFT_OUT.format(seeds=some([str(seed) for seed in left_out], 20)))
    return notes


def _tests(comparison: Comparison) -> str:
    if comparison.fewest_runs == 1:
        return TESTS_ONE_RUN
    words = {
        "interval": INTERVALS[comparison.pairing].format(level=per_cent(1 - comparison.look.error)),
        "margin": change(comparison.metric, comparison.margin),
        "test": EXACT_TESTS[comparison.pairing],
        "p": p_told(comparison.p_exact),
        "floor": p_value(comparison.p_floor),
        "runs": runs_words(comparison),
    }
    return (TESTS_TOO_FEW if comparison.verdict == "too_few_seeds" else TESTS).format(**words)


def _what_became(evidence: Evidence, name: str) -> str:
    """How the runs of an experiment ended that has no finished one; empty where it has none at all."""
    chosen = evidence.selection.find(name)
    count = Counter(run.status.state for run in chosen.unfinished) if chosen else Counter()
    parts = listing(f"{counted(number, 'run')} {ENDED[state]}" for state, number in sorted(count.items()))
    return f"Of {evidence.titles[name]}, {parts}; each is named below." if count else ""


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
