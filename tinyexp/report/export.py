"""What other programs take: the metrics of all runs as CSV, the comparisons as a LaTeX table with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tinyexp.analysis.compared import Comparison, Sample
from tinyexp.analysis.statistics import mean_interval
from tinyexp.errors import UserError
from tinyexp.report.evidence import Evidence, gather
from tinyexp.report.select import select_runs
from tinyexp.report.sentences import VERDICT_NAMES
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.recorded import read_runs
from tinyexp.words import MINUS, NBSP, NOTHING, bare_change, bare_fine, in_units, per_cent

_TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "%": r"\%",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "$": r"\$",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        MINUS: "$-$",
        NOTHING: "--",
        NBSP: "~",
    }
)


def as_csv(runs: Path) -> str:
    """The metrics of every run below a folder: a row per run and epoch, as :func:`tinyexp.load_runs` has them."""
    text: str = metrics_frame(read_runs(runs)).to_csv(index=False, lineterminator="\n")
    return text


def as_latex(runs: Path, profile: str | None = None, overrides: Mapping[str, Any] | None = None) -> str:
    r"""A ``tabular`` for each comparison of a folder of runs, for ``\input``; it needs no package.

    Raises
    ------
    UserError
        Nothing can be compared yet.
    """
    evidence = gather(select_runs(read_runs(runs), profile, overrides))
    found = [result.comparison for result in evidence.results if result.comparison]
    if not found:
        raise UserError(f"{runs}: nothing can be compared yet. `tinyexp report` says what is missing.")
    return "\n".join(_tabular(evidence, one) for one in found)


def _tabular(evidence: Evidence, one: Comparison) -> str:
    level = per_cent(1 - one.look.error)
    unit = one.metric.shown.suffix
    heads = (
        "",
        "runs",
        in_units("mean", unit),
        f"{level} interval",
        in_units("difference", one.metric.shown.step),
        "verdict",
    )
    rows = [
        (evidence.titles[one.baseline], *_sample(one, one.baseline_runs), NOTHING, ""),
        (
            evidence.titles[one.contender],
            *_sample(one, one.contender_runs),
            _difference(one),
            VERDICT_NAMES[one.verdict].format(**one.words(evidence.titles)),
        ),
    ]
    lines = [" & ".join(cell.translate(_TEX) for cell in row) + r" \\" for row in (heads, *rows)]
    return "\n".join(_framed(one, lines)) + "\n"


def _framed(one: Comparison, lines: list[str]) -> Iterator[str]:
    yield f"% {one}".replace("\n", " ")
    yield r"\begin{tabular}{lrrrrl}"
    yield r"\hline"
    yield lines[0]
    yield r"\hline"
    yield from lines[1:]
    yield r"\hline"
    yield r"\end{tabular}"


def _sample(one: Comparison, sample: Sample) -> tuple[str, str, str]:
    """Runs, mean, and the interval of the mean."""
    interval = mean_interval(sample.measured, 1 - one.look.error) if len(sample.measured) > 1 else None
    told = NOTHING
    if interval is not None:
        told = f"{bare_fine(one.metric, interval.low)} to {bare_fine(one.metric, interval.high)}"
    return f"{len(sample.measured):,}", bare_fine(one.metric, sample.mean), told


def _difference(one: Comparison) -> str:
    told = bare_change(one.metric, one.mean, signed=True)
    if one.low is None or one.high is None:
        return told
    low, high = (bare_change(one.metric, edge, signed=True) for edge in (one.low, one.high))
    return f"{told} [{low}, {high}]"
