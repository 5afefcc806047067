"""The first screen: the verdict, how sure it is, on what data, and what not to conclude."""

from __future__ import annotations

from collections import Counter

from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.verdict_sentences import ENDED
from tinyexp.config.difference import differences
from tinyexp.report.commands import any_diverged, missing_commands, supplying_command
from tinyexp.report.content import VerdictKind
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sections.claims import claims_line
from tinyexp.report.sections.classes import classes_line
from tinyexp.report.sections.compared import outcome_kind, verdict_details, verdict_pieces
from tinyexp.report.sections.compared_runs import compared_figure
from tinyexp.report.sections.designs import deviation_count
from tinyexp.report.sections.source import has_source, source_link
from tinyexp.report.sections.why import why_line
from tinyexp.report.sentences import (
    DETAILS,
    IMPORTED_HEAD,
    SEEDS_UNKNOWN,
    TO_TRAIN,
    UNLIKE_MACHINES,
    VERDICTS,
)
from tinyexp.report.view import Fact, Head, Verdict
from tinyexp.runs.environment import machine_type
from tinyexp.words import counted, first_upper, level, plain, some, typed

_MOST_COMMANDS = 6


def head_of(evidence: Evidence) -> Head:
    """The head, from the study that the report opens with."""
    lead = evidence.lead
    verdict = _verdict(evidence, lead)
    compared = lead if lead and lead.comparison else None
    return Head(
        title=f"{verdict.sentence} \u00b7 tinyexp report",
        question=plain(lead.study.question, 400) if lead else "",
        verdict=verdict,
        why=_why(evidence, compared) if compared else "",
        profile=_profile(evidence),
        facts=_facts(evidence, compared) if compared else (),
        opening=compared_figure(evidence, compared) if compared else None,
        cautions=_cautions(evidence, compared),
        claims=claims_line(evidence),
        unfinished=_unfinished(evidence, compared),
        source=source_link(evidence),
    )


def first_sentence(evidence: Evidence) -> str:
    """The verdict in one line."""
    return _verdict(evidence, evidence.lead).sentence


def verdict_kind(evidence: Evidence) -> VerdictKind:
    """The key of the report's first sentence."""
    if not any(chosen.finished for chosen in evidence.selection.chosen):
        return "nothing_finished"
    lead = evidence.lead
    return outcome_kind(lead) if lead and evidence.touches(lead) else "no_study"


def _verdict(evidence: Evidence, lead: StudyResult | None) -> Verdict:
    kind, selection = verdict_kind(evidence), evidence.selection
    if lead is not None and kind not in ("nothing_finished", "no_study"):
        details = verdict_details(evidence, lead)
        if kind == "missing":
            commands = "; ".join(map(typed, missing_commands(evidence, lead)))
            details = (*details, TO_TRAIN.format(command=commands))
        return Verdict(*verdict_pieces(evidence, lead), details)
    finished = sum(len(chosen.finished) for chosen in selection.chosen)
    commands = "; ".join(
        typed(supplying_command(selection, chosen.name, [r.record.seed for r in chosen.runs]))
        for chosen in selection.chosen[:_MOST_COMMANDS]
    )
    if len(selection.chosen) > _MOST_COMMANDS:
        commands += f"; and so on for {len(selection.chosen) - _MOST_COMMANDS:,} more"
    told = DETAILS[
        "nothing_but_diverged" if kind == "nothing_finished" and any_diverged(selection) else kind
    ].format(
        profile=selection.profile,
        trained=counted(finished, "run"),
        runs=f"{counted(len(selection.runs), 'run')} {'is' if len(selection.runs) == 1 else 'are'}",
        command=commands,
    )
    return Verdict(*VERDICTS[kind], (told,))


def _why(evidence: Evidence, result: StudyResult) -> str:
    """What carries the difference; nothing where there is none and nobody looked."""
    equal = outcome_kind(result) == "within_margin"
    line = "" if equal and not result.attribution else why_line(evidence, result)
    return " ".join(filter(None, (line, classes_line(evidence, result))))


def _profile(evidence: Evidence) -> str:
    experiment = evidence.selection.chosen[0].experiment
    if evidence.selection.imported:
        return IMPORTED_HEAD.format(runs=first_upper(counted(len(evidence.selection.runs), "run")))
    count = deviation_count(evidence)
    if has_source(evidence):
        departs = (
            f"{counted(count, 'setting departs', 'settings depart')} from the source"
            if count
            else "nothing departs from the source"
        )
    else:
        departs = (
            f"{counted(count, 'setting') if count else 'no setting'} changed against the experiment files"
        )
    told = plain(experiment.profile_summary or experiment.profile_title)
    return f"Profile {', '.join(part for part in (experiment.profile, told) if part)}; {departs}.{_images(evidence)}"


def _images(evidence: Evidence) -> str:
    """How much was learned from, where it is the same for all that the first screen compares."""
    pair = evidence.lead.pair if evidence.lead else ()
    chosen = [one.data for one in evidence.selection.chosen if one.name in pair]
    told = {
        f" Trained on {counted(data.train_images, 'image')}, tested on {data.test_images:,}"
        for data in chosen
        if data.train_images
    }
    return f"{told.pop()}." if len(told) == 1 else ""


def _facts(evidence: Evidence, result: StudyResult) -> tuple[Fact, ...]:
    comparison = result.comparison
    assert comparison is not None  # the caller asked
    pair = (
        (comparison.contender, comparison.contender_runs),
        (comparison.baseline, comparison.baseline_runs),
    )
    facts = [
        Fact(
            level(comparison.metric, sample.mean),
            f"{evidence.titles[name]}, {'mean of ' if len(sample.measured) > 1 else ''}{counted(len(sample.measured), 'run')}",
        )
        for name, sample in pair
    ]
    if comparison.fewest_runs > 1:
        first = comparison.winner or comparison.contender
        ahead, level_ones, total = comparison.ahead(first)
        what = "seeds" if comparison.pairing == "seed" else "pairs of runs"
        if ahead == total:
            facts.append(Fact(f"{ahead:,} of {total:,}", f"{what} with {evidence.titles[first]} ahead"))
        else:
            told = [
                (ahead, counted(ahead, "win")),
                (level_ones, counted(level_ones, "tie")),
                (total - ahead - level_ones, counted(total - ahead - level_ones, "loss", "losses")),
            ]
            score = ", ".join(words for count, words in told if count)
            facts.append(Fact(score, f"of {evidence.titles[first]}, in {total:,} {what}"))
    chosen = evidence.selection.find(comparison.contender)
    if chosen and chosen.data.classes and comparison.metric.first_counts:
        guess = (comparison.metric.shown.whole or 1.0) / chosen.data.classes
        classes = counted(chosen.data.classes, "class", "classes")
        facts.append(Fact(level(comparison.metric, guess), f"by guessing, with {classes}"))
    return tuple(facts)


def _unfinished(evidence: Evidence, result: StudyResult | None) -> str:
    """The runs that gave no result, by name; those that the verdict counts stand beside it."""
    compared = result.comparison if result else None
    told = set[tuple[str, int]]()
    if compared:
        own = ((compared.contender, compared.contender_runs), (compared.baseline, compared.baseline_runs))
        told = {(name, lost.seed) for name, sample in own for lost in sample.lost}
    names = [
        f"{evidence.titles[chosen.name]}, seed {run.record.seed} ({ENDED[run.status.state]})"
        for chosen in evidence.selection.everything
        for run in chosen.unfinished
        if (chosen.name, run.record.seed) not in told
    ]
    if not names or not any(chosen.finished for chosen in evidence.selection.chosen):
        return ""  # of none that finished the verdict says it
    return f"{counted(len(names), 'other run' if result else 'run')} did not finish: {some(names)}."


def _cautions(evidence: Evidence, result: StudyResult | None) -> tuple[str, ...]:
    cautions = []
    told = evidence.selection.chosen[0].experiment.profile_evidence
    if told:
        what = "Whether the source is right" if has_source(evidence) else "Anything beyond this profile"
        cautions.append(f"{what}. {plain(told, 400)}")
    comparison = result.comparison if result else None
    if result and comparison:
        if comparison.fewest_runs == 1:
            cautions.append("That one design is better: with one run, chance may be the whole difference.")
        if not comparison.seeds_known:
            cautions.append(SEEDS_UNKNOWN)
        if _on_unlike_machines(evidence, comparison):
            cautions.append(UNLIKE_MACHINES)
        if result.attribution:
            cautions.append(
                "That a factor is the cause: a share says what changed when it was switched, here and at this scale."
            )
        elif comparison.verdict == "beats" and _differ_in_several(result):
            cautions.append(
                "That any one difference between the two is the cause: they were switched together."
            )
        if comparison.verdict == "no_difference_detected":
            cautions.append(
                "That the two are equally good: there may be a difference that these runs are too few to show."
            )
    return tuple(cautions)


def _differ_in_several(result: StudyResult) -> bool:
    """Whether more than one setting was switched; taken to be so where nobody knows the settings."""
    points = [result.design.members.get(name) for name in result.pair]
    if points[0] is None or points[1] is None:
        return True
    left, right = (point.experiment.settings for point in points if point)
    return len(differences(left, right, ignore=("execution.",))) != 1


def _on_unlike_machines(evidence: Evidence, comparison: Comparison) -> bool:
    """Whether the runs of the two that count were trained on other types of machine, or on the same in another mix."""
    types = []
    for name, sample in (
        (comparison.contender, comparison.contender_runs),
        (comparison.baseline, comparison.baseline_runs),
    ):
        chosen = evidence.selection.find(name)
        runs = [run for run in (chosen.finished if chosen else ()) if run.record.seed in sample.seeds]
        types.append({run.record.seed: machine_type(run.environment) for run in runs if run.environment})
    if comparison.pairing == "seed":
        return any(types[0].get(seed) != types[1].get(seed) for seed in comparison.contender_runs.seeds)
    counts = [Counter(own.values()) for own in types]
    # One type alone is the same for both, however many runs each has; of several types each must have as many.
    return len({*counts[0], *counts[1]}) > 1 and counts[0] != counts[1]
