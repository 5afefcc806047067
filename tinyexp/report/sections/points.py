"""The design points that were trained, one row each: at whose level every factor stood, and what the runs reached."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.analysis.attribution import Attribution
from tinyexp.analysis.coding import coded_runs
from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.exact import mean
from tinyexp.config.metric import Metric
from tinyexp.report.drawings import PointRow, PointsDrawing
from tinyexp.report.evidence import Evidence, StudyResult, factor_titles
from tinyexp.report.sections.switches import levels_of
from tinyexp.report.shares import MOST_DOTS
from tinyexp.report.view import Figure, Panel, Table
from tinyexp.words import axis, bare_level, counted, first_upper, in_units, level

MOST_POINTS = 20
"""Rows of the picture; of more design points only the ends of the order are drawn."""


@dataclass(frozen=True)
class _Reached:
    """A design point and its finished runs in a metric."""

    point: DesignPoint
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return mean(self.values)


def points_figure(evidence: Evidence, result: StudyResult, found: Attribution) -> Figure:
    """Every trained point by what it reached, the best first; of many the two designs, the best and the worst."""
    metric = found.metric
    ranked = _ranked(evidence, result, metric)
    drawn = _drawn(result, ranked)
    contender, baseline = (evidence.titles[name] for name in result.pair)
    rows = tuple(_row(evidence, result, found, one) for one in drawn)
    best, worst = ranked[0], ranked[-1]
    panel = Panel(
        name=f"{result.study.name}-points",
        title=f"The design points that were trained, by their {metric.label}",
        description=f"{_told(evidence, metric, best)} is the best of {len(ranked)}, {_told(evidence, metric, worst)} the last.",
        drawing=PointsDrawing(
            axis(f"{first_upper(metric.label)} of what was trained", metric.shown.suffix),
            tuple(_factor(evidence, result, name) for name in found.plan.factors),
            rows,
            (evidence.styles[result.study.contender], evidence.styles[result.study.baseline]),
        ),
    )
    return Figure(
        (panel,), _how_to_read(contender, baseline, ranked, drawn), _table(evidence, metric, ranked)
    )


def _ranked(evidence: Evidence, result: StudyResult, metric: Metric) -> list[_Reached]:
    design = result.design
    assert design.plan is not None, "nothing is attributed without a plan"
    points = (*design.points, *design.confirmations)
    rows = coded_runs(
        evidence.measured.everything, points, design.plan.factors, metric, result.study.endpoint
    ).sort_values("seed", kind="stable")
    values = {name: tuple(own.tolist()) for name, own in rows.groupby("experiment")[metric.name]}
    found = [_Reached(point, values[point.name]) for point in points if point.name in values]
    return sorted(found, key=lambda one: (-metric.sense * one.mean, one.point.name))


def _drawn(result: StudyResult, ranked: list[_Reached]) -> list[_Reached]:
    """All up to twenty; else the designs, and as many of the best as of the worst."""
    if len(ranked) <= MOST_POINTS:
        return ranked
    ends = MOST_POINTS // 2 - 1
    kept = [*ranked[:ends], *ranked[-ends:]]
    return [one for one in ranked if one in kept or one.point.name in result.pair]


def _row(evidence: Evidence, result: StudyResult, found: Attribution, one: _Reached) -> PointRow:
    metric, name = found.metric, one.point.name
    scale, is_design = metric.shown.scale, name in result.pair
    return PointRow(
        at_first=tuple(bool(own) for own in one.point.levels),
        values=tuple(scale * value for value in one.values),
        mean=scale * one.mean,
        shown=bare_level(metric, one.mean),
        hover=f"{_told(evidence, metric, one)}, {counted(len(one.values), 'run')}",
        name=evidence.titles[name] if is_design else "",
        style=evidence.styles[name] if is_design else 0,
    )


def _told(evidence: Evidence, metric: Metric, one: _Reached) -> str:
    return f"{evidence.titles[one.point.name]} ({level(metric, one.mean)})"


def _factor(evidence: Evidence, result: StudyResult, name: str) -> str:
    other, first = levels_of(evidence, result, name, with_origin=False)
    return f"{factor_titles(result.study)[name]}: \u25cf {first}  \u25cb {other}"


def _how_to_read(contender: str, baseline: str, ranked: list[_Reached], drawn: list[_Reached]) -> str:
    read = (
        f"Each row is a combination of settings that was trained, the best first. A filled dot is {contender}'s setting of the "
        f"factor in that column, a hollow one {baseline}'s. "
    )
    most = max(len(one.values) for one in ranked)
    if most > MOST_DOTS:
        read += "The bar reaches from the lowest run to the highest, its thick part over the middle half; the stroke is the mean."
    elif most > 1:
        read += "The marks are the runs, the stroke is their mean."
    else:
        read += "There is one run of each."
    read += " The two designs have their names and colours."
    if len(drawn) < len(ranked):
        read += f" Drawn are the two designs, the best and the worst of {len(ranked)}; the table has all."
    return read


def _table(evidence: Evidence, metric: Metric, ranked: list[_Reached]) -> Table:
    rows = tuple(
        (
            evidence.titles[one.point.name],
            *(bare_level(metric, value) for value in (one.mean, min(one.values), max(one.values))),
            f"{len(one.values):,}",
        )
        for one in ranked
    )
    return Table(
        f"What was trained, and the {metric.label} it reached: {counted(len(rows), 'combination')}",
        ("", in_units("mean", metric.shown.suffix), "lowest", "highest", "runs"),
        rows,
        ("text", "number", "number", "number", "number"),
        folded=True,
    )
