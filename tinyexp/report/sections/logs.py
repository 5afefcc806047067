"""Where imported runs come from: whose logs, what was put right in them, and what they do not say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tinyexp.logs.registry import TRAINERS
from tinyexp.report.evidence import Evidence
from tinyexp.report.sentences import LOG_SAYS_NOTHING, LOGS_LEAD
from tinyexp.report.view import MOST_LINES, Bullets, Paragraph, Section, Table
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import Provenance
from tinyexp.words import counted, first_upper, listing, plain, some


def logs_section(evidence: Evidence) -> Section | None:
    """What was read; None where every run was trained by tinyexp."""
    found = [
        (chosen.name, run, run.record.provenance)
        for chosen in evidence.selection.everything
        for run in chosen.runs
        if run.record.provenance
    ]
    if not found:
        return None
    told = [one for _, _, one in found]
    kinds = Counter(one.log for one in told)
    lead = Paragraph(
        LOGS_LEAD.format(
            logs=listing(
                f"{counted(many, 'run')} of {TRAINERS.get(kind, kind)}" for kind, many in kinds.items()
            )
        )
    )
    bullets = Bullets((*_unknown(told), *_put_right(told), *_remarks(told)))
    table = Table(
        "Each run: its log, the files read, the rows in them",
        ("", "seed", "run", "log", "files", "rows"),
        tuple(_row(evidence, *one) for one in found),
        ("text", "number", "text", "text", "number", "number"),
        folded=True,
    )
    heading = f"{first_upper(counted(len(found), 'run'))} read from logs that others wrote"
    return Section("logs", heading, (lead, bullets, table), summary=(lead, bullets))


def _row(evidence: Evidence, name: str, run: RecordedRun, told: Provenance) -> tuple[str, ...]:
    return (
        evidence.titles[name],
        str(run.record.seed) if told.seed_known else "not known",
        plain(told.name, 80),
        told.log,
        f"{len(told.files):,}",
        f"{told.rows_read:,}",
    )


def _unknown(told: list[Provenance]) -> Iterator[str]:
    """What the logs do not say, each with how many runs it is missing of."""
    counts = Counter(name for one in told for name in one.unknown)
    for name, sentence in LOG_SAYS_NOTHING.items():
        if counts[name]:
            yield sentence.format(runs=counted(counts[name], "run"))


def _put_right(told: list[Provenance]) -> Iterator[str]:
    rows: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    for one in told:
        for repair in one.repairs:
            rows[repair.what] += repair.rows
            runs[repair.what] += 1
    for what, many in rows.items():
        yield f"{counted(many, 'row')} in {counted(runs[what], 'run')}: {plain(what, 300)}."


def _remarks(told: list[Provenance]) -> Iterator[str]:
    """What readers of the logs said of them, each once."""
    said = Counter(note for one in told for note in dict.fromkeys(one.notes))
    lines = [f"{plain(note, 400)} ({counted(many, 'run')})" for note, many in said.items()]
    yield from lines[:MOST_LINES]
    if len(lines) > MOST_LINES:
        yield f"And {some([counted(len(lines) - MOST_LINES, 'remark')])} like these."
