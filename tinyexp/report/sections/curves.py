"""A metric and its companions over the epochs: the same on training data, and the losses."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from tinyexp.analysis.curves import Curve, crossings
from tinyexp.config.metric import Metric, Split
from tinyexp.report.drawings import MOST_SEED_LINES, CurvesDrawing, Series
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.palette import dash_of
from tinyexp.report.view import Block, Column, Figure, Panel, Paragraph, Section, Table
from tinyexp.words import (
    NBSP,
    axis,
    bare_level,
    counted,
    first_upper,
    in_units,
    level,
    listing,
)

MOST_ROWS = 30
_LED = 2
"""Epochs; who is ahead in fewer of them at first has not learned faster, but begun higher."""
_SHORT: dict[Split, str] = {"test": "test", "train": "training", "validation": "validation"}
_NO_NAME = re.compile(r"[^A-Za-z0-9]+")
"""What does not stand in the name of a picture's file."""
_SPARKS = "▁▂▃▄▅▆▇█"


def curves_section(evidence: Evidence, group: str, names: tuple[str, ...]) -> Section | None:
    """The curves of up to four experiments; None where none of them has a finished run with the metric."""
    metric = metric_of_group(evidence, group)
    found = [chosen.name for chosen in evidence.finished(names)]
    if metric is None or not evidence.measured.curves(metric, found):
        return None
    curves = {
        one: own
        for one in evidence.measured.companions(metric)
        if (own := evidence.measured.curves(one, found))
    }
    panels = tuple(
        _panel(evidence, group, own, _limits(evidence, curves, one)) for one, own in curves.items()
    )
    test = curves[metric]
    figure = Figure(panels, _how_to_read(evidence, curves, test), _table(evidence, curves, found))
    blocks: tuple[Block, ...] = (Paragraph(" ".join(_end(evidence, group, curve) for curve in test)), figure)
    return Section(
        f"{group}-curves", _heading(evidence, test), blocks, summary=(_sparklines(evidence, test),)
    )


def metric_of_group(evidence: Evidence, group: str) -> Metric | None:
    """The metric of a study, or the report's where the group is none."""
    own = next((one.study.measure for one in evidence.results if one.study.name == group), None)
    return own or headline(evidence)


def in_metric(evidence: Evidence, metric: Metric) -> str:
    """What a lead is in: the metric, or of images the test images, where there is but one thing to be right about."""
    images = any(one.data.test_images for one in evidence.selection.chosen)
    if metric.split == "test" and metric.first_counts and images:
        return "on the test images"
    return f"in {metric.label}"


def series_of(evidence: Evidence, curve: Curve, scale: float, hover: str) -> Series:
    """A curve in the units of an axis."""

    def scaled(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(scale * value for value in values)

    return Series(
        label=evidence.titles[curve.experiment],
        style=evidence.styles[curve.experiment],
        epochs=curve.epochs,
        mean=scaled(curve.mean),
        low=scaled(curve.low),
        high=scaled(curve.high),
        by_seed=tuple(scaled(values) for values in curve.by_seed) if len(curve.by_seed) > 1 else (),
        hover=hover,
        banded=len(curve.seeds) > 1,
        dash=dash_of(curve.metric.split),
    )


def padded(
    low: float, high: float, *, floor: float = -np.inf, ceiling: float = np.inf
) -> tuple[float, float]:
    """Limits of an axis with a little air, not beyond what its values can be."""
    air = 0.05 * (high - low) or 0.5
    return max(floor, low - air), min(ceiling, high + air)


def padded_for(metric: Metric, low: float, high: float) -> tuple[float, float]:
    """The same for raw values of a metric; what never was below zero has no room there."""
    shown = metric.shown
    floor = metric.low if metric.low is not None else 0.0 if low >= 0 else -np.inf
    ceiling = np.inf if metric.high is None else metric.high
    return padded(
        shown.scale * low, shown.scale * high, floor=shown.scale * floor, ceiling=shown.scale * ceiling
    )


def _panel(
    evidence: Evidence,
    group: str,
    curves: Sequence[Curve],
    limits: tuple[float, float],
) -> Panel:
    metric = curves[0].metric
    told, index = metric.shown, curves[0].index
    title = axis(first_upper(metric.label), told.suffix)
    ends = [f"{evidence.titles[curve.experiment]}: {level(metric, curve.mean[-1])}" for curve in curves]
    series = tuple(
        series_of(
            evidence,
            curve,
            told.scale,
            f"{end} after {index}{NBSP}{curve.epochs[-1]}, mean of {counted(len(curve.seeds), 'seed')}",
        )
        for curve, end in zip(curves, ends, strict=True)
    )
    chance = _chance(evidence, curves)
    return Panel(
        name=f"{group}-{_NO_NAME.sub('-', metric.name)}",
        title=f"{first_upper(metric.label)} over the {index}s",
        description=f"At the last {index} {'; '.join(ends)}.",
        drawing=CurvesDrawing(
            title, series, limits, ("chance", told.scale * chance) if chance else None, index=index
        ),
    )


def _chance(evidence: Evidence, curves: Sequence[Curve]) -> float | None:
    """The accuracy of guessing, where all have as many classes; None of another metric."""
    metric = curves[0].metric
    if not metric.first_counts:
        return None
    chosen = evidence.finished(tuple(curve.experiment for curve in curves))
    classes = {one.data.classes for one in chosen}
    return (metric.shown.whole or 1.0) / number if len(classes) == 1 and (number := classes.pop()) else None


def _limits(
    evidence: Evidence, curves: dict[Metric, tuple[Curve, ...]], metric: Metric
) -> tuple[float, float]:
    """One range for the test and the training panel of a metric, so that they can be held side by side."""
    alike = [
        curve for one in curves if (one.base, one.unit) == (metric.base, metric.unit) for curve in curves[one]
    ]
    low, high = min(min(curve.low) for curve in alike), max(max(curve.high) for curve in alike)
    chance = _chance(evidence, curves[metric])
    if chance:
        low, high = min(low, chance), max(high, chance)
    return padded_for(metric, low, high)


def _heading(evidence: Evidence, curves: Sequence[Curve]) -> str:
    titles, metric = evidence.titles, curves[0].metric
    told = in_metric(evidence, metric)
    if len(curves) != 2:
        return f"How {listing(titles[curve.experiment] for curve in curves)} learned"
    first, second = curves
    if first.mean[-1] == second.mean[-1]:
        return f"{titles[first.experiment]} and {titles[second.experiment]} end level {told}"
    ahead, behind = (first, second) if metric.gain(first.mean[-1], second.mean[-1]) > 0 else (second, first)
    mean = " (mean over the seeds)" if len(ahead.seeds) > 1 else ""
    return f"{_lead(titles[ahead.experiment], titles[behind.experiment], (ahead, behind), told)}{mean}"


def _lead(leader: str, other: str, curves: tuple[Curve, Curve], told: str) -> str:
    """Who is ahead at the end, since when, and whether the other learned faster before."""
    index, epochs, crossed = curves[0].index, curves[0].epochs, crossings(*curves)
    if not crossed:
        return f"{leader} is ahead {told} at every {index}"
    last = crossed[-1].epoch
    if last == epochs[-1]:
        return f"{leader} is ahead {told} at the last {index}, but not the one before"
    if len(crossed) > 1:
        places = f"{leader} and {other} change places {'twice' if len(crossed) == 2 else counted(len(crossed), 'time')} {told}"
        return f"{places}; {leader} is ahead from {index} {last} to the end"
    if sum(epoch < last for epoch in epochs) < _LED:
        return f"{leader} is ahead {told} from {index} {last} to the end"
    return f"{other} learns faster {told}; {leader} overtakes it at {index} {last} and stays ahead"


def _end(evidence: Evidence, group: str, curve: Curve) -> str:
    title, seeds = evidence.titles[curve.experiment], counted(len(curve.seeds), "seed")
    end = f"{title} ends at {level(curve.metric, curve.mean[-1])} after {curve.index}{NBSP}{curve.epochs[-1]}"
    if len(curve.seeds) == 1:
        return f"{end}, with {seeds}."
    ranged = f"{end}, the mean of {seeds} that range from {level(curve.metric, curve.low[-1])} to {level(curve.metric, curve.high[-1])}"
    counting = _counting(evidence, group, curve.experiment)
    return (
        f"{ranged}; the verdict counts {counting} of them." if counting < len(curve.seeds) else f"{ranged}."
    )


def _counting(evidence: Evidence, group: str, experiment: str) -> float:
    """How many runs of an experiment its study's verdict rests on; without bound where there is none."""
    for result in evidence.results:
        if result.study.name == group and result.comparison is not None:
            names = result.comparison.contender, result.comparison.baseline
            samples = dict(zip(names, result.comparison.samples, strict=True))
            return len(samples[experiment].seeds) or math.inf
    return math.inf


def _how_to_read(evidence: Evidence, shown: dict[Metric, tuple[Curve, ...]], curves: Sequence[Curve]) -> str:
    most = max(len(curve.seeds) for curve in curves)
    if most == 1:
        band = "There is one seed, so there is no band."
    elif most <= MOST_SEED_LINES:
        band = "A strong line is the mean over the seeds, a thin line one seed; the band reaches from the lowest to the highest seed."
    else:
        band = "A line is the mean over the seeds; the band reaches from the lowest to the highest seed."
    splits = {metric.split for metric in shown}
    dashed = " Lines of training data are dashed." if {"train"} < splits else ""
    told = f"{band}{dashed} Nothing is smoothed."
    if evidence.measured.measures_clean and any(metric.split == "train" for metric in shown):
        told += (
            " Training figures are taken on augmented images with dropout on, averaged over the epoch, "
            "so they may lie below the test figures."
        )
    return told


def _table(evidence: Evidence, curves: dict[Metric, tuple[Curve, ...]], names: Sequence[str]) -> Table:
    by_name = {(curve.experiment, curve.metric): curve for own in curves.values() for curve in own}
    lines = [by_name[name, metric] for name in names for metric in curves if (name, metric) in by_name]
    columns = [
        next(iter(lines)).index,
        *(f"{evidence.titles[line.experiment]}: {short_label(line.metric)}" for line in lines),
    ]
    epochs = sorted({epoch for line in lines for epoch in line.epochs})
    shown = (
        epochs
        if len(epochs) <= MOST_ROWS
        else [epochs[place] for place in np.linspace(0, len(epochs) - 1, MOST_ROWS).round().astype(int)]
    )
    rows = tuple((str(epoch), *(_cell(line, epoch) for line in lines)) for epoch in shown)
    part = "" if len(shown) == len(epochs) else f", {len(shown)} of {len(epochs)} {columns[0]}s"
    figure: Column = "number"
    formats: tuple[Column, ...] = ("text", *(figure for _ in columns[1:]))
    return Table(f"Means over the seeds, by {columns[0]}{part}", tuple(columns), rows, formats, folded=True)


def short_label(metric: Metric) -> str:
    """A metric at the head of a column: of shares the data that it is taken on, of others its name."""
    if metric.is_share and metric.split in _SHORT:
        return in_units(_SHORT[metric.split], metric.shown.suffix)
    return metric.label if metric.shown.decimals is not None else in_units(metric.label, metric.shown.suffix)


def _cell(curve: Curve, epoch: int) -> str:
    if epoch not in curve.epochs:
        return ""
    return bare_level(curve.metric, curve.mean[curve.epochs.index(epoch)])


def _sparklines(evidence: Evidence, curves: Sequence[Curve]) -> Table:
    low, high = min(min(curve.mean) for curve in curves), max(max(curve.mean) for curve in curves)
    rows = tuple(
        (
            evidence.titles[curve.experiment],
            sparkline(curve.mean, low, high),
            level(curve.metric, curve.mean[0]),
            level(curve.metric, curve.mean[-1]),
        )
        for curve in curves
    )
    return Table(
        f"{first_upper(curves[0].metric.label)}, mean over the seeds",
        ("", f"over the {curves[0].index}s", "first", "last"),
        rows,
        ("text", "text", "number", "number"),
    )


def sparkline(values: Sequence[float], low: float, high: float, width: int = 24) -> str:
    """Values as a row of blocks between two bounds, at most ``width`` of them.

    >>> sparkline([0, 1, 2], 0, 2)
    '▁▅█'
    """
    places = (
        range(len(values))
        if len(values) <= width
        else np.linspace(0, len(values) - 1, width).round().astype(int)
    )
    span = (high - low) or 1.0
    return "".join(_SPARKS[min(7, int(8 * (values[place] - low) / span))] for place in places)
