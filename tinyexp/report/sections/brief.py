"""The report on a few lines, for a comment: designs and their difference, gates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tinyexp.report.content import GateResult
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.gates import gate_line
from tinyexp.report.sections.compared_runs import mean_interval_words, rounding_note
from tinyexp.report.view import Brief, Table
from tinyexp.words import (
    NBSP,
    NOTHING,
    bare_change,
    change,
    counted,
    first_upper,
    level,
    per_cent,
    plain,
)

_NO_NAME = re.compile(r"[^A-Za-z0-9._]+")
_MOST_GATES = 3


def brief_of(evidence: Evidence, gates: tuple[GateResult, ...]) -> Brief:
    """What a comment shows without being unfolded."""
    lead = evidence.lead
    name = lead.study.name if lead else evidence.selection.profile
    compared = lead if lead and lead.comparison else None
    lines = [*_rounding(compared), *_gates(gates)]
    return Brief(
        # A hidden marker is a comment, which must not end before its end.
        marker=f"tinyexp:{_NO_NAME.sub('-', name)}",
        table=_table(evidence, compared) if compared else None,
        lines=tuple(lines),
    )


def _table(evidence: Evidence, result: StudyResult) -> Table:
    """The designs, the first of the difference above, and the difference."""
    found = result.comparison
    assert found is not None  # the caller asked
    metric, titles = found.metric, [evidence.titles[name] for name in found.order]
    samples = found.samples if found.sign > 0 else found.samples[::-1]
    rows = []
    for title, sample in zip(titles, samples, strict=True):
        edges = mean_interval_words(metric, sample)
        rows.append((title, level(metric, sample.mean), edges, f"{len(sample.measured):,}"))
    edges = NOTHING
    if found.interval:
        low, high = found.interval
        edges = f"{bare_change(metric, low, signed=True)} to {change(metric, high, signed=True)}"
        share = 1 - found.look.error
        edges += "" if share == 0.95 else f" ({per_cent(share)})"
    rows.append((" \u2212 ".join(titles), change(metric, found.sign * found.mean, signed=True), edges, ""))
    return Table(
        first_upper(metric.label),
        ("", first_upper(metric.label), f"95{NBSP}% interval", "runs"),
        tuple(rows),
        ("text", "number", "number", "number"),
    )


def _rounding(result: StudyResult | None) -> Iterator[str]:
    if result and result.comparison and (told := rounding_note(result.comparison)):
        yield told


def _gates(gates: tuple[GateResult, ...]) -> Iterator[str]:
    """The gates that failed, or that none did."""
    failed = [gate for gate in gates if not gate.passed]
    if not failed and gates:
        yield f"Gates: {counted(len(gates), 'gate')}, none failed."
    for gate in failed[:_MOST_GATES]:
        yield f"Failed: {plain(gate_line(gate), 300)}"
    if len(failed) > _MOST_GATES:
        yield f"{counted(len(failed) - _MOST_GATES, 'more gate')} failed."
