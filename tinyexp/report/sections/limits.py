"""How it was measured, what that cannot show, and which runs gave nothing."""

from __future__ import annotations

from collections.abc import Iterator

from tinyexp.report.commands import run_command
from tinyexp.report.evidence import Evidence
from tinyexp.report.sentences import LIMITS, METHOD, NOT_BIT_IDENTICAL, STATES
from tinyexp.report.view import Bullets, Commands, Paragraph, Section
from tinyexp.report.words import counted, listing, plain
from tinyexp.runs.records import Status


def missing_section(evidence: Evidence) -> Section:
    """Runs that failed, diverged, were interrupted or are not there, by name, and what supplies them."""
    lacking = _lacking(evidence)
    if not lacking:
        runs = counted(len(evidence.selection.runs), "run")
        text = Paragraph(f"{runs}: none failed, diverged, was interrupted or is missing.")
        return Section("missing", "All runs finished", (text,), summary=(text,))
    told = tuple(line for name, seeds in lacking.items() for line in _told(evidence, name, seeds))
    commands = tuple(run_command(evidence.selection, name, seeds) for name, seeds in lacking.items())
    lead = Paragraph(
        "Nothing in this report rests on these. The commands supply what is missing; "
        "a run that was interrupted goes on where it stopped."
    )
    blocks = (Bullets(told), lead, Commands(commands))
    return Section("missing", _missing_heading(evidence, lacking), blocks, summary=blocks)


def _missing_heading(evidence: Evidence, lacking: dict[str, tuple[int, ...]]) -> str:
    unfinished = sum(len(chosen.unfinished) for chosen in evidence.selection.chosen)
    without = sum(evidence.selection.find(name) is None for name in lacking)
    absent = sum(len(_absent(evidence, name, seeds)) for name, seeds in lacking.items())
    parts = [
        (unfinished, counted(unfinished, "run did not finish", "runs did not finish")),
        (absent, counted(absent, "run is missing", "runs are missing")),
        (without, counted(without, "experiment was not trained", "experiments were not trained")),
    ]
    return listing(part for count, part in parts if count)


def _told(evidence: Evidence, name: str, seeds: tuple[int, ...]) -> Iterator[str]:
    title, chosen = evidence.titles[name], evidence.selection.find(name)
    if chosen is None:
        yield f"{title}: no run in this profile."
        return
    for run in chosen.unfinished:
        yield f"{title}, seed {run.record.seed}: {_fate(run.status)}"
    if absent := _absent(evidence, name, seeds):
        yield f"{title}: no run with seed {listing(str(seed) for seed in absent)}."


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
    data = [
        f"{evidence.titles[chosen.name]}: trained on {counted(chosen.data.train_images, 'image')}, tested on {counted(chosen.data.test_images, 'image')}, "
        f"{counted(chosen.data.classes, 'class', 'classes')}, {counted(chosen.data.holdout_images, 'image')} held out."
        for chosen in evidence.selection.chosen
    ]
    marked = [
        f"{evidence.titles[chosen.name]}, seed {run.record.seed}, {NOT_BIT_IDENTICAL}"
        for chosen in evidence.selection.chosen
        for run in chosen.runs
        if run.environment and not run.environment.bit_identical
    ]
    blocks = (
        Bullets(METHOD),
        Paragraph("What this cannot show:"),
        Bullets(LIMITS),
        Paragraph("The data:"),
        Bullets((*data, *marked)),
    )
    return Section("method", "How it was measured, and what that cannot show", blocks)


def _lacking(evidence: Evidence) -> dict[str, tuple[int, ...]]:
    """The experiments that lack a finished run, with the seeds that they lack of those seen anywhere."""
    seeds = evidence.selection.seeds
    lacking = {
        chosen.name: tuple(seed for seed in seeds if seed not in chosen.seeds)
        for chosen in evidence.selection.chosen
    }
    lacking |= dict.fromkeys(evidence.selection.missing, seeds)
    return {name: own for name, own in lacking.items() if own}


def _fate(status: Status) -> str:
    said = f" It said: {plain(status.message)}" if status.message else ""
    return f"{STATES[status.state]} after {status.epochs_done} of {counted(status.epochs, 'epoch')}.{said}"
