"""Make it again: commands, identities, data fingerprints, versions. No time of rendering."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from tinyexp.config.metric import Metric
from tinyexp.files import json_text, sha256_of_bytes
from tinyexp.report.commands import remaking_commands
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.sections.head import first_sentence
from tinyexp.report.sentences import CITATION
from tinyexp.report.values import record_digests, record_names
from tinyexp.report.view import MOST_LINES, Column, Commands, Paragraph, Section, Table
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import Environment
from tinyexp.words import NOTHING, counted, level, listing, plain, typed

_DIGITS = 8
"""Of a digest, as folders are named; report.json has them whole."""
_MOST_RUNS = 2_000
"""A page with more rows than this is no longer read, or opened on a phone."""


def again_section(
    evidence: Evidence, made_with: tuple[tuple[str, str], ...], *, has_baseline: bool = False
) -> Section:
    """What a stranger needs to have the same bits."""
    selection = evidence.selection
    told = remaking_commands(selection, has_baseline=has_baseline)
    train, rest = told[:-2], told[-2:]
    if len(train) > MOST_LINES:
        more = f"# and {len(train) - MOST_LINES:,} commands like these, one for each experiment below"
        train = (*train[:MOST_LINES], more)
    commands = Commands((*train, *rest))
    names: dict[str, tuple[str, RecordedRun]] = {}
    for chosen in selection.everything:
        for run in chosen.runs:
            names.setdefault(run.name, (chosen.name, run))
    metric = headline(evidence)
    ends = evidence.measured.last_values(metric) if metric else {}
    part = f", the first {_MOST_RUNS:,} of them; report.json has all" if len(names) > _MOST_RUNS else ""
    shown = list(names.values())[:_MOST_RUNS]
    told_ends = [ends.get(run.record.identity) for _, run in shown]
    data = {run.record.data.fingerprint[:_DIGITS] for _, run in names.values()}
    on = f", all on the data {data.pop()}" if len(data) == 1 else ""
    index, number = f"{evidence.measured.index}s", metric.label if metric else ""
    columns: tuple[tuple[str, Column], ...] = (
        ("", "text"),
        ("seed", "number"),
        ("state", "text"),
        (index, "number"),
        (number, "number"),
        ("identity", "code"),
        *(() if on else (("data", "code"),)),
    )
    rows = (
        _run(evidence, name, run, "" if end is None or metric is None else level(metric, end))
        for (name, run), end in zip(shown, told_ends, strict=True)
    )
    runs = Table(
        f"{counted(len(selection.runs), 'run')}{part}{on}: identities and fingerprints by their first {_DIGITS} digits",
        tuple(column for column, _ in columns),
        tuple(row[: len(columns)] for row in rows),
        tuple(form for _, form in columns),
        folded=True,
        links=tuple(_records(run) for _, run in shown),
        linked=5,
    )
    tools = listing(f"{name} {version}" for name, version in made_with)
    note = Paragraph(
        f"Written with {tools}. This page was made from the records and definitions beside it and nothing else: "
        f"{typed('tinyexp check')} renders it again from them and compares every byte.",
        "muted",
    )
    cite = Paragraph(_citation(evidence))
    ranked = _ranked(evidence, metric, list(names.values()), ends) if metric else None
    tables = (runs, *([ranked] if ranked else []), _environments(evidence))
    return Section(
        "again", "Reproduce this report", (commands, *tables, cite, note), summary=(commands, cite, note)
    )


def _records(run: RecordedRun) -> str:
    """Where a run's figures lie beside the page; of one without any, what says how it ended."""
    experiment, there = run.record.experiment, record_names(run)
    name = "metrics.csv" if "metrics.csv" in there else "run.json"
    return quote(f"runs/{experiment.profile}/{experiment.name}/{run.folder.path.name}/{name}")


def _ranked(
    evidence: Evidence, metric: Metric, runs: list[tuple[str, RecordedRun]], ends: Mapping[str, float]
) -> Table | None:
    """All finished runs, the best first; None where there is nothing to rank."""
    found = [(ends[run.record.identity], name, run) for name, run in runs if run.record.identity in ends]
    if len(found) < 2:
        return None
    found.sort(key=lambda one: (-metric.sense * one[0], one[1], one[2].record.seed))
    return Table(
        f"The same runs by their {metric.label}, the best first",
        ("", "seed", metric.label),
        tuple(
            (evidence.titles[name], str(run.record.seed), level(metric, value))
            for value, name, run in found[:_MOST_RUNS]
        ),
        ("text", "number", "number"),
        folded=True,
    )


def _citation(evidence: Evidence) -> str:
    """How the report is cited: what it found, from how many runs, and a digest that only these records give."""
    records = {run.name: record_digests(run) for run in evidence.selection.runs}
    digest = sha256_of_bytes(json_text(records).encode())
    return CITATION.format(
        verdict=first_sentence(evidence),
        profile=evidence.selection.profile,
        runs=counted(len(evidence.selection.runs), "run"),
        digest=digest,
        command=typed("tinyexp report"),
    )


def _run(evidence: Evidence, name: str, run: RecordedRun, end: str) -> tuple[str, ...]:
    record = run.record
    return (
        evidence.titles[name],
        str(record.seed),
        run.status.state,
        f"{run.status.epochs_done} of {run.status.epochs}"
        if run.status.epochs
        else str(run.status.epochs_done),
        end or NOTHING,
        record.identity[:_DIGITS],
        record.data.fingerprint[:_DIGITS],
    )


def _environments(evidence: Evidence) -> Table:
    grouped: dict[str, tuple[Environment, list[RecordedRun]]] = {}
    for run in evidence.selection.runs:
        if run.environment:
            key = run.environment.model_dump_json(exclude={"bit_identical"})
            grouped.setdefault(key, (run.environment, []))[1].append(run)
    return Table(
        "What the runs were trained with: machine and packages",
        ("", "runs", "packages"),
        tuple(
            (_machine(environment), str(len(runs)), _packages(environment))
            for environment, runs in grouped.values()
        ),
        ("text", "number", "text"),
        folded=True,
    )


def _machine(environment: Environment) -> str:
    threads = counted(environment.threads, "thread") if environment.threads else ""
    layout = {"contiguous": "plain memory layout", "channels_last": "channels-last layout", None: ""}
    parts = (
        environment.system,
        environment.machine,
        environment.processor,
        environment.cpu_capability,
        environment.device,
        environment.accelerator,
        threads,
        layout[environment.memory_format],
        *(f"{name}={value}" for name, value in sorted(environment.switches.items())),
        f"arithmetic {environment.arithmetic[:_DIGITS]}" if environment.arithmetic else "",
        f"code {environment.code[:_DIGITS]}" if environment.code else "",
    )
    return plain(", ".join(part for part in parts if part), 400)


def _packages(environment: Environment) -> str:
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    return plain(", ".join([f"Python {environment.python}", *packages]), 400)
