"""More than two experiments without a study: each against the first by name, in a table."""

from __future__ import annotations

from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.exact import mean
from tinyexp.errors import UserError
from tinyexp.report.evidence import Evidence
from tinyexp.report.implied import Implied, implied, own_errors
from tinyexp.report.sentences import VERDICT_NAMES
from tinyexp.report.view import LONG_TABLE, Paragraph, Section, Table
from tinyexp.words import NOTHING, bare_change, change, counted, first_upper, level, plain


def against_section(evidence: Evidence) -> Section | None:
    """A row an experiment; None where there is a study, or nothing to compare."""
    chosen = sorted(evidence.selection.chosen, key=lambda one: one.name)
    asked = implied(evidence.measured.metrics.values())
    if evidence.results or len(chosen) < 3 or asked is None:
        return None
    label = asked.metric.label
    first, *others = (one.name for one in chosen)
    base = evidence.titles[first]
    table = Table(
        f"{first_upper(label)} after the last {evidence.measured.index}, each against {base}, seed by seed",
        ("", "mean", f"{base}, same seeds", "difference", "95\u00a0% interval", "verdict"),
        tuple(_row(evidence, asked, first, name) for name in others),
        ("text", "number", "number", "number", "number", "text"),
        folded=len(others) > LONG_TABLE,
    )
    text = Paragraph(
        f"No study was given, so each is compared with {base}, the first by name, on {label}, with a margin of "
        f"{change(asked.metric, asked.margin)}.{f' {plain(asked.chosen, 600)}' if asked.chosen else ''} {own_errors(len(others))} "
        "A study file names what is to be compared, and by which margin."
    )
    heading = f"{counted(len(others), 'experiment')} against {base}"
    return Section("implied-against", heading, (text, table), summary=(text, table))


def _row(evidence: Evidence, asked: Implied, first: str, name: str) -> tuple[str, ...]:
    title, metric = evidence.titles[name], asked.metric
    try:
        found = compare(evidence.measured.rows((name, first)), name, first, metric, asked.margin)
    except UserError as error:
        return title, NOTHING, NOTHING, NOTHING, NOTHING, plain(str(error), 200)
    values = (mean(found.contender_values), mean(found.baseline_values))
    difference = bare_change(metric, found.mean, signed=True)
    return (
        title,
        *(level(metric, value) for value in values),
        difference,
        _interval(found),
        _verdict(evidence, found),
    )


def _interval(found: Comparison) -> str:
    metric = found.metric
    if found.low is None or found.high is None:
        return NOTHING
    return f"{bare_change(metric, found.low, signed=True)} to {change(metric, found.high, signed=True)}"


def _verdict(evidence: Evidence, found: Comparison) -> str:
    return VERDICT_NAMES[found.verdict].format(winner=evidence.titles[found.winner] if found.winner else "")
