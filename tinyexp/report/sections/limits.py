"""How it was measured, what that cannot show, and which runs gave nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinyexp.analysis.design import DesignPoint, StudyDesign
from tinyexp.report.commands import any_diverged, study_command, supplying_command
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sentences import (
    CHOSEN,
    IMPORTED,
    LIMITS,
    METHOD,
    METHOD_CLEAN,
    METHOD_ELSEWHERE,
    METHOD_HEADING,
    METHOD_LAST,
    METHOD_TAKEN,
    METHOD_UNTYPED,
    NOT_BIT_IDENTICAL,
    NOT_PINNED,
    PINNED,
    SEVERAL_MACHINES,
    STATES,
)
from tinyexp.report.view import MOST_LINES, Bullets, Commands, Paragraph, Section
from tinyexp.runs.environment import machine_type
from tinyexp.runs.frame import columns_of
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.reduced import LOOKED_AT, reduced_lines
from tinyexp.runs.taken import TAKEN
from tinyexp.words import counted, listing, measured_at, plain, some

_DIVERGED = " A run that diverged would do so again under the same settings: its experiment is trained with a smaller learning rate."


def missing_section(evidence: Evidence) -> Section:
    """Runs that failed, diverged, were interrupted or are not there, by name, and what supplies them."""
    lacking, parts = _lacking(evidence), _lacking_parts(evidence)
    if not lacking and not parts:
        count = len(evidence.selection.runs)
        text = Paragraph(f"All {count:,} finished." if count > 1 else "The one run finished.")
        return Section("missing", "All runs finished", (text,), summary=(text,))
    told = [line for name, seeds in lacking.items() for line in _told(evidence, name, seeds)]
    told += [line for one in parts for line in _part_told(evidence, one)]
    commands = [supplying_command(evidence.selection, name, seeds) for name, seeds in lacking.items()]
    commands += [study_command(evidence.selection, one.study) for one in _studies_of(evidence, parts)]
    if evidence.selection.imported:
        alone = (Bullets(_first(told, "lines like these")),)
        return Section("missing", _missing_heading(evidence, lacking, parts), alone, summary=alone)
    lead = Paragraph(
        "No figure in this report uses them. These commands supply what is missing; "
        "an interrupted run continues where it stopped."
        + (_DIVERGED if any_diverged(evidence.selection) else "")
    )
    blocks = (
        Bullets(_first(told, "lines like these")),
        lead,
        Commands(_first(commands, "commands like these", "# ")),
    )
    return Section("missing", _missing_heading(evidence, lacking, parts), blocks, summary=blocks)


def _missing_heading(
    evidence: Evidence, lacking: dict[str, tuple[int, ...]], extra: tuple[DesignPoint, ...]
) -> str:
    own = (*evidence.selection.chosen, *extra)
    unfinished = sum(len(chosen.unfinished) for chosen in own)
    without = sum(evidence.selection.find(name) is None for name in lacking)
    absent = sum(len(_absent(evidence, name, seeds)) for name, seeds in lacking.items())
    absent += sum(len(_absent_seeds(evidence, chosen)) for chosen in extra)
    parts = [
        (unfinished, counted(unfinished, "run did not finish", "runs did not finish")),
        (absent, counted(absent, "run is missing", "runs are missing")),
        (without, counted(without, "experiment was not trained", "experiments were not trained")),
    ]
    return listing(part for count, part in parts if count)


def _lacking_parts(evidence: Evidence) -> tuple[DesignPoint, ...]:
    """Variants and mixtures, of those that have a run, that lack a finished one with some seed."""
    own = evidence.selection.everything[len(evidence.selection.chosen) :]
    return tuple(one for one in own if one.unfinished or _absent_seeds(evidence, one))


def _absent_seeds(evidence: Evidence, chosen: DesignPoint) -> list[int]:
    there = {run.record.seed for run in chosen.runs}
    return [seed for seed in evidence.selection.seeds if seed not in there]


def _part_told(evidence: Evidence, chosen: DesignPoint) -> Iterator[str]:
    title = evidence.titles[chosen.name]
    for run in chosen.unfinished:
        yield f"{title}, seed {run.record.seed}: {_fate(run)}"
    if absent := _absent_seeds(evidence, chosen):
        yield f"{title}: no run with seed {some([str(seed) for seed in absent], 20)}."


def _studies_of(evidence: Evidence, parts: tuple[DesignPoint, ...]) -> list[StudyDesign]:
    names = {one.name for one in parts}
    return [
        study
        for study in evidence.selection.studies
        if names & {one.name for one in (*study.variants, *study.mixtures, *study.confirmations)}
    ]


def _told(evidence: Evidence, name: str, seeds: tuple[int, ...]) -> Iterator[str]:
    title, chosen = evidence.titles[name], evidence.selection.find(name)
    if chosen is None:
        yield f"{title}: no run in this profile."
        return
    for run in chosen.unfinished:
        yield f"{title}, seed {run.record.seed}: {_fate(run)}"
    if absent := _absent(evidence, name, seeds):
        yield f"{title}: no run with seed {some([str(seed) for seed in absent], 20)}."


def _absent(evidence: Evidence, name: str, seeds: tuple[int, ...]) -> list[int]:
    """The seeds, of those that are lacking, that an experiment with runs has no run of."""
    chosen = evidence.selection.find(name)
    return (
        []
        if chosen is None
        else [seed for seed in seeds if seed not in {run.record.seed for run in chosen.runs}]
    )


def method_section(evidence: Evidence) -> Section:
    """How figures, intervals and verdicts came about, and where they end."""
    data = _data(evidence)
    marked = [
        f"{evidence.titles[chosen.name]}, seed {run.record.seed}, {NOT_BIT_IDENTICAL}"
        for chosen in evidence.selection.chosen
        for run in chosen.runs
        if run.environment and not run.environment.bit_identical
    ]
    blocks = (
        Bullets(tuple(_method(evidence))),
        Paragraph("What this cannot show:"),
        Bullets(LIMITS),
        Paragraph("The data:"),
        Bullets((*data, *_machines(evidence), *_first(marked, "runs like these"))),
    )
    lead = evidence.lead
    last = f"after the last {evidence.measured.index}"
    where = _where(evidence, lead) if lead else last
    return Section("method", METHOD_HEADING.format(where=where), blocks)


def _method(evidence: Evidence) -> Iterator[str]:
    """How figures came about, as far as the runs at hand have such figures."""
    yield from METHOD
    elsewhere = [
        result
        for result in evidence.results
        if not result.study.endpoint.is_last and evidence.touches(result)
    ]
    if not elsewhere:
        chosen = TAKEN in evidence.measured.everything
        yield (METHOD_TAKEN if chosen else METHOD_LAST).format(index=evidence.measured.index)
    for result in elsewhere:
        study = result.study
        on_test = study.selected_on_test and study.endpoint.best is not None
        yield METHOD_ELSEWHERE.format(
            study=plain(study.title, 80), where=_where(evidence, result), chosen=CHOSEN[on_test]
        )
    if evidence.measured.measures_clean:
        yield from METHOD_CLEAN
    if evidence.measured.untyped:
        yield METHOD_UNTYPED.format(names=some([plain(name, 40) for name in evidence.measured.untyped], 20))


def _where(evidence: Evidence, result: StudyResult) -> str:
    """At which point of its curves a study compares."""
    endpoint, compared = result.study.endpoint, result.comparison
    if endpoint.is_last:
        return f"after the last {compared.index if compared else evidence.measured.index}"
    if endpoint.step is not None:
        return measured_at("step", endpoint.step, None)
    return measured_at(compared.index if compared else "epoch", endpoint.epoch, endpoint.chooser)


def _machines(evidence: Evidence) -> list[str]:
    """That runs of several types of machine stand beside each other, where they do."""
    types = {machine_type(run.environment) for run in evidence.selection.runs if run.environment}
    return [SEVERAL_MACHINES.format(types=counted(len(types), "type"))] if len(types) > 1 else []


def _data(evidence: Evidence) -> list[str]:
    """What the experiments were trained on, a line for those of which the same is to be said."""
    used: dict[str, list[str]] = {}
    for chosen in evidence.selection.chosen:
        used.setdefault(_trained_on(chosen), []).append(evidence.titles[chosen.name])
    return [f"{some(titles)}: {told}" for told, titles in used.items()]


def _trained_on(chosen: DesignPoint) -> str:
    """Images with their counts; of a command the files that were pinned, or that none was."""
    data = chosen.data
    if data.train_images:
        less = reduced_lines(data.reduced)
        looked_at = counted(data.reduced.get(LOOKED_AT, 0), "image")
        return (
            f"trained on {counted(data.train_images, 'image')}, tested on {counted(data.test_images, 'image')}, "
            f"{counted(data.classes, 'class', 'classes')}, {counted(data.holdout_images, 'image')} held out."
            + (f" Of {looked_at} looked at, {listing(less)}." if less else "")
        )
    if chosen.experiment.trainer == "imported":
        return IMPORTED
    if not data.files:
        return NOT_PINNED
    return PINNED.format(files=some([plain(name) for name in data.files]))


def _first(lines: Sequence[str], what: str, before: str = "") -> tuple[str, ...]:
    """All lines, or of very many the first and how many more there are."""
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    return (*lines[:MOST_LINES], f"{before}and {len(lines) - MOST_LINES:,} {what}")


def _lacking(evidence: Evidence) -> dict[str, tuple[int, ...]]:
    """The experiments that lack a finished run, with the seeds that they lack of those seen anywhere."""
    if evidence.selection.imported:  # nobody said which seeds there should be
        return {
            chosen.name: tuple(run.record.seed for run in chosen.unfinished)
            for chosen in evidence.selection.chosen
            if chosen.unfinished
        }
    seeds = evidence.selection.seeds
    lacking = {
        chosen.name: tuple(seed for seed in seeds if seed not in chosen.seeds)
        for chosen in evidence.selection.chosen
    }
    lacking |= dict.fromkeys(evidence.selection.missing, seeds)
    return {name: own for name, own in lacking.items() if own}


def _fate(run: RecordedRun) -> str:
    status = run.status
    by_step = next(iter(columns_of(run)), "") == "step"  # then each row counts as one, whatever its step
    done = (
        counted(status.epochs, "epoch")
        if status.epochs
        else counted(status.epochs_done, "row" if by_step else "epoch")
    )
    of = f"{status.epochs_done} of {done}" if status.epochs else done
    said = f" It said: {plain(status.message)}" if status.message else ""
    return f"{STATES[status.state]} after {of}.{said}"
