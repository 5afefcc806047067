"""Make it again: commands, identities, data fingerprints, versions. No time of rendering."""

from __future__ import annotations

from tinyexp.report.commands import remaking_commands
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.view import MOST_LINES, Commands, Paragraph, Section, Table
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import Environment
from tinyexp.words import NOTHING, counted, first_upper, level, listing, plain, typed

_DIGITS = 8
"""Of a digest, as folders are named; report.json has them whole."""
_COUNTS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}

_MOST_RUNS = 2_000
"""A page with more rows than this is no longer read, or opened on a phone."""


def again_section(
    evidence: Evidence, made_with: tuple[tuple[str, str], ...], *, has_baseline: bool = False
) -> Section:
    """What a stranger needs to have the same bits."""
    selection = evidence.selection
    told = remaking_commands(selection, has_baseline=has_baseline)
    heading = f"{first_upper(_COUNTS.get(len(told), f'{len(told):,}'))} commands make it again"
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
    runs = Table(
        f"{counted(len(selection.runs), 'run')}{part}: identity and data fingerprint, first {_DIGITS} digits",
        (
            "",
            "seed",
            "state",
            f"{evidence.measured.index}s",
            metric.label if metric else "",
            "identity",
            "data",
        ),
        tuple(
            _run(evidence, name, run, "" if value is None or metric is None else level(metric, value))
            for name, run in list(names.values())[:_MOST_RUNS]
            for value in [ends.get(run.record.identity)]
        ),
        ("text", "number", "text", "number", "number", "code", "code"),
        folded=True,
    )
    tools = listing(f"{name} {version}" for name, version in made_with)
    note = Paragraph(
        f"Written with {tools}. The records beside this page are all it was made from: "
        f"{typed('tinyexp check')} renders it again from them and compares every byte.",
        "muted",
    )
    return Section(
        "again", heading, (commands, runs, _environments(evidence), note), summary=(commands, note)
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
    threads = counted(environment.threads, "thread")
    layout = {"contiguous": "plain memory layout", "channels_last": "channels-last layout", None: ""}
    parts = (
        environment.system,
        environment.machine,
        environment.processor,
        environment.cpu_capability,
        environment.device,
        threads,
        layout[environment.memory_format],
        *(f"{name}={value}" for name, value in sorted(environment.switches.items())),
        f"arithmetic {environment.arithmetic[:_DIGITS]}" if environment.arithmetic else "",
    )
    return plain(", ".join(part for part in parts if part), 400)


def _packages(environment: Environment) -> str:
    packages = [f"{name} {version}" for name, version in sorted(environment.packages.items())]
    return plain(", ".join([f"Python {environment.python}", *packages]), 400)
