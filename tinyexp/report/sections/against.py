"""More than two experiments without a study: each against the first by name, in a table."""

from __future__ import annotations

from tinyexp.analysis.comparison import Comparison, compare
from tinyexp.analysis.exact import mean
from tinyexp.errors import UserError
from tinyexp.report.evidence import Evidence
from tinyexp.report.implied import MARGIN, METRIC
from tinyexp.report.sentences import VERDICT_NAMES
from tinyexp.report.view import LONG_TABLE, Paragraph, Section, Table
from tinyexp.report.words import NOTHING, bare_change, change, counted, level, plain


def against_section(evidence: Evidence) -> Section | None:
    """A row an experiment; None where there is a study, or nothing to compare."""
    chosen = sorted(evidence.selection.chosen, key=lambda one: one.name)
    if evidence.results or len(chosen) < 3:
        return None
    first, *others = (one.name for one in chosen)
    base = evidence.titles[first]
    table = Table(
        f"Test accuracy after the last epoch, each against {base}, seed by seed",
        ("", "mean", f"{base}, same seeds", "difference", "95 % interval", "verdict"),
        tuple(_row(evidence, first, name) for name in others),
        ("text", "number", "number", "number", "number", "text"),
        folded=len(others) > LONG_TABLE,
    )
    text = Paragraph(
        f"No study was given, so each is compared with {base}, the first by name, on test accuracy, with a margin of "
        f"{change(METRIC, MARGIN)}. Each verdict is read off its own 95 % interval: of {counted(len(others), 'comparison')} "
        "one in twenty intervals misses by chance. A study file names what is to be compared, and by which margin."
    )
    heading = f"{counted(len(others), 'experiment')} against {base}"
    return Section("implied-against", heading, (text, table), summary=(text, table))


def _row(evidence: Evidence, first: str, name: str) -> tuple[str, ...]:
    title = evidence.titles[name]
    try:
        found = compare(evidence.measured.rows((name, first)), name, first, metric=METRIC, margin=MARGIN)
    except UserError as error:
        return title, NOTHING, NOTHING, NOTHING, NOTHING, plain(str(error), 200)
    values = (mean(found.contender_values), mean(found.baseline_values))
    difference = bare_change(METRIC, found.mean, signed=True)
    return (
        title,
        *(level(METRIC, value) for value in values),
        difference,
        _interval(found),
        _verdict(evidence, found),
    )


def _interval(found: Comparison) -> str:
    if found.low is None or found.high is None:
        return NOTHING
    return f"{bare_change(METRIC, found.low, signed=True)} to {change(METRIC, found.high, signed=True)}"


def _verdict(evidence: Evidence, found: Comparison) -> str:
    return VERDICT_NAMES[found.verdict].format(winner=evidence.titles[found.winner] if found.winner else "")
