"""A comparison: the verdict in words, how sure it is, and every training that it rests on."""

from __future__ import annotations

from collections import Counter

from tinyexp.analysis.compared import Comparison, run_name, runs_words
from tinyexp.analysis.images import AcrossImages
from tinyexp.analysis.verdict_sentences import ENDED, EXACT_TESTS
from tinyexp.config.difference import Difference
from tinyexp.config.explain import shown
from tinyexp.config.metric import metric_of
from tinyexp.report.commands import missing_commands, more_seeds_command
from tinyexp.report.content import VerdictKind
from tinyexp.report.evidence import RIGHT, Evidence, StudyResult
from tinyexp.report.sections.compared_runs import compared_figure, rounding_note, runs_table
from tinyexp.report.sections.stopped import taken_note
from tinyexp.report.sentences import (
    ACROSS_IMAGES,
    CHANGED,
    COMPARISON_HEADINGS,
    DETAILS,
    INTERVALS,
    LATER,
    LEFT_OUT,
    LOOKS,
    MARGIN,
    MORE_RUNS,
    MORE_SEEDS,
    NETWORKS,
    NO_MARGIN,
    SELECTED_ON_TEST,
    TESTS,
    TESTS_ONE_RUN,
    TESTS_TOO_FEW,
    VERDICTS,
)
from tinyexp.report.view import Block, Commands, Paragraph, Section
from tinyexp.words import (
    bare_change,
    change,
    counted,
    first_upper,
    listing,
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
    return result.comparison.sentence_key if result.comparison else outcome_kind(result)


def verdict_pieces(evidence: Evidence, result: StudyResult) -> tuple[str, str, str]:
    """The verdict of a study: before the number, the number, after it."""
    words = outcome_words(evidence, result)
    before, number, after = (piece.format(**words) for piece in VERDICTS[_sentence(result)])
    return before, number, after


def verdict_details(evidence: Evidence, result: StudyResult) -> tuple[str, ...]:
    """How sure a verdict is, from how much, by which test, and which trainings gave nothing."""
    comparison = result.comparison
    if comparison is None:
        details = [DETAILS[outcome_kind(result)].format(**outcome_words(evidence, result))]
    else:
        details = [*comparison.details(evidence.titles), *filter(None, [rounding_note(comparison)])]
        if comparison.endpoint.is_last and (taken := taken_note(evidence, result.pair)):
            details.append(taken)
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
    heading = first_upper(COMPARISON_HEADINGS[_sentence(result)].format(**words))
    table = runs_table(evidence, comparison)
    lead = Paragraph(f"{plain(result.study.question, 400)} {sentence}. {' '.join(details)}")
    notes = tuple(Paragraph(note, "muted") for note in _notes(evidence, comparison))
    if result.images:
        notes = (Paragraph(_images_sentence(result.images, comparison, words)), *notes)
    if result.networks:
        notes = (Paragraph(_networks_sentence(evidence, result)), *notes)
    if comparison.fewest_runs < comparison.runs_to_confirm and comparison.verdict != "within_margin":
        more = MORE_RUNS if evidence.selection.imported else MORE_SEEDS
        notes = (*notes, Paragraph(first_upper(more.format(**words))))
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
    command = typed(more_seeds_command(evidence.selection, _runs_to_go(comparison)))
    first, second = (evidence.titles[name] for name in comparison.order)
    return words | comparison.words(evidence.titles) | {"command": command, "first": first, "second": second}


def _runs_to_go(comparison: Comparison) -> int:
    """The next look where there is one; else what the exact test needs."""
    return comparison.look.next or comparison.runs_to_confirm


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
    for name, sample in zip((comparison.contender, comparison.baseline), comparison.samples, strict=True):
        told = [run_name(comparison, seed) for seed in sample.later]
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
        "margin": MARGIN.format(margin=change(comparison.metric, comparison.margin))
        if comparison.margin
        else NO_MARGIN,
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


def _images_sentence(found: AcrossImages, comparison: Comparison, words: dict[str, str]) -> str:
    low, high = sorted(comparison.sign * edge for edge in (found.low, found.high))
    return ACROSS_IMAGES.format(
        first=words["first"],
        second=words["second"],
        low=bare_change(_RIGHT, low, signed=True),
        high=change(_RIGHT, high, signed=True),
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
        low=bare_change(_RIGHT, found.low, signed=True),
        high=change(_RIGHT, found.high, signed=True),
    )
