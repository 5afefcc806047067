"""The generalisation gap: how much better a net is on clean training images than on test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinyexp.analysis.curves import Curve
from tinyexp.analysis.exact import mean
from tinyexp.config.metric import GAP, GAP_OF, metric_of
from tinyexp.report.drawings import CurvesDrawing
from tinyexp.report.evidence import Evidence
from tinyexp.report.sections.curves import MOST_ROWS, padded_for, series_of
from tinyexp.report.view import Column, Figure, Panel, Paragraph, Section, Table
from tinyexp.words import axis, bare_change, bare_level, change, counted, in_units, level, listing

_GAP = metric_of(GAP)
"""A difference, told as one."""
_CLEAN, _TEST = map(metric_of, GAP_OF)


def gap_section(evidence: Evidence, group: str, names: tuple[str, ...]) -> Section | None:
    """Training against test accuracy, a panel an experiment; None where no finished run has both."""
    gaps = evidence.measured.curves(_GAP, [chosen.name for chosen in evidence.finished(names)])
    if not gaps:
        return None
    found = [gap.experiment for gap in gaps]
    clean, test = (evidence.measured.curves(metric, found) for metric in (_CLEAN, _TEST))
    limits = _limits((*clean, *test))
    panels = tuple(
        _panel(evidence, f"{group}-gap-{names.index(one.experiment) + 1}", (one, other, gap), limits)
        for one, other, gap in zip(clean, test, gaps, strict=True)
    )
    told = [f"{evidence.titles[gap.experiment]} {change(_GAP, gap.mean[-1], signed=True)}" for gap in gaps]
    text = Paragraph(f"After the last epoch, training minus test accuracy: {listing(told)}.")
    read = (
        "The dashed line is the accuracy on training images, the solid one that on test images, both means over the seeds; "
        "what is shaded between them is the gap. Both are measured after the epoch, without dropout, under the test "
        "transform, so that augmentation hides nothing."
    )
    figure = Figure(panels, read, _table(evidence, gaps), more=(_by_epoch(evidence, clean, gaps),))
    return Section(f"{group}-gap", _heading(evidence, gaps), (text, figure), summary=(text,))


def _panel(
    evidence: Evidence,
    name: str,
    curves: tuple[Curve, Curve, Curve],
    limits: tuple[float, float],
) -> Panel:
    clean, test, gap = curves
    title, end = evidence.titles[gap.experiment], gap.epochs[-1]
    lines = tuple(
        replace(
            series_of(
                evidence,
                curve,
                _GAP.shown.scale,
                f"{label}: {level(curve.metric, curve.mean[-1])} after epoch {end}",
            ),
            label=label,
            by_seed=(),
            banded=False,
        )
        for curve, label in ((clean, "training"), (test, "test"))
    )
    ends = f"{level(_CLEAN, clean.mean[-1])} on training images, {level(_TEST, test.mean[-1])} on test images"
    return Panel(
        name=name,
        title=f"{title}: accuracy on clean training images and on test images, over the epochs",
        description=f"At the last epoch {ends}: a gap of {change(_GAP, gap.mean[-1], signed=True)}.",
        drawing=CurvesDrawing(
            f"{axis('Accuracy', _TEST.shown.suffix)} of {title}", lines, limits, shaded=True
        ),
    )


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    low, high = min(min(curve.mean) for curve in curves), max(max(curve.mean) for curve in curves)
    return padded_for(_TEST, low, high)


def _heading(evidence: Evidence, gaps: Sequence[Curve]) -> str:
    if len(gaps) == 1:
        title, gap = evidence.titles[gaps[0].experiment], gaps[0].mean[-1]
        return f"{title} is {change(_GAP, abs(gap))} {'worse' if gap < 0 else 'better'} on training than on test images"
    widest = max(gaps, key=lambda curve: curve.mean[-1])
    if all(curve.mean[-1] == widest.mean[-1] for curve in gaps):
        return "The gap between training and test images is the same for all"
    return f"{evidence.titles[widest.experiment]} has the wider gap between training and test images"


def _table(evidence: Evidence, gaps: Sequence[Curve]) -> Table:
    rows = []
    for gap in gaps:
        ends = (bare_change(_GAP, values[-1], signed=True) for values in (gap.mean, gap.low, gap.high))
        own = evidence.measured.rows((gap.experiment,))
        last = own[own["epoch"] == gap.epochs[-1]]
        levels = (level(metric, mean(last[metric.name].to_numpy())) for metric in (_CLEAN, _TEST))
        rows.append((evidence.titles[gap.experiment], *levels, *ends))
    seeds = max(len(gap.seeds) for gap in gaps)
    return Table(
        f"After the last epoch, over {counted(seeds, 'seed')}",
        ("", "clean training", "test", in_units("gap", _GAP.shown.step), "lowest seed", "highest seed"),
        tuple(rows),
        ("text", "number", "number", "number", "number", "number"),
    )


def _by_epoch(evidence: Evidence, clean: Sequence[Curve], gaps: Sequence[Curve]) -> Table:
    """What the figure shows beside the test accuracy, which stands in the table of the curves."""
    lines = [line for pair in zip(clean, gaps, strict=True) for line in pair]
    what = {
        _GAP.name: in_units("gap", _GAP.shown.step),
        _CLEAN.name: in_units("clean training", _CLEAN.shown.suffix),
    }
    epochs = sorted({epoch for line in lines for epoch in line.epochs})
    places = np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_ROWS)).round().astype(int)
    rows = tuple((str(epochs[place]), *(_at(line, epochs[place]) for line in lines)) for place in places)
    figure: Column = "number"
    part = "" if len(rows) == len(epochs) else f", {len(rows)} of {len(epochs)} epochs"
    return Table(
        f"Clean training accuracy and gap, means over the seeds, by epoch{part}",
        ("epoch", *(f"{evidence.titles[line.experiment]}: {what[line.metric.name]}" for line in lines)),
        rows,
        ("text", *(figure for _ in lines)),
        folded=True,
    )


def _at(line: Curve, epoch: int) -> str:
    if epoch not in line.epochs:
        return ""
    return bare_level(line.metric, line.mean[line.epochs.index(epoch)])
