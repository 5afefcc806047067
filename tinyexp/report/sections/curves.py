"""Accuracy and loss over the epochs, on test and on training images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyexp.analysis.curves import Curve, crossings
from tinyexp.report.drawings import MOST_SEED_LINES, CurvesDrawing, Series
from tinyexp.report.evidence import Evidence
from tinyexp.report.view import Block, Column, Figure, Panel, Paragraph, Section, Table
from tinyexp.report.words import NBSP, QUANTITIES, counted, first_upper, level, listing, number

MOST_ROWS = 30
_METRICS = ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
_SPARKS = "▁▂▃▄▅▆▇█"


def curves_section(evidence: Evidence, group: str, names: tuple[str, ...]) -> Section | None:
    """The curves of up to four experiments; None where none of them has a finished run."""
    found = [chosen.name for chosen in evidence.finished(names)]
    if not found:
        return None
    styles = {name: place for place, name in enumerate(names)}
    curves = {metric: evidence.measured.curves(metric, found) for metric in _METRICS}
    panels = tuple(
        _panel(evidence, group, curves[metric], _limits(evidence, curves, metric), styles)
        for metric in _METRICS
    )
    test = curves["test_accuracy"]
    figure = Figure(panels, _how_to_read(test), _table(evidence, curves, found))
    blocks: tuple[Block, ...] = (Paragraph(" ".join(_end(evidence, curve) for curve in test)), figure)
    return Section(
        f"{group}-curves", _heading(evidence, test), blocks, summary=(_sparklines(evidence, test),)
    )


def series_of(evidence: Evidence, curve: Curve, style: int, scale: float, hover: str) -> Series:
    """A curve in the units of an axis."""

    def scaled(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(scale * value for value in values)

    return Series(
        label=evidence.titles[curve.experiment],
        style=style,
        epochs=curve.epochs,
        mean=scaled(curve.mean),
        low=scaled(curve.low),
        high=scaled(curve.high),
        by_seed=tuple(scaled(values) for values in curve.by_seed) if len(curve.by_seed) > 1 else (),
        hover=hover,
        banded=len(curve.seeds) > 1,
    )


def padded(
    low: float, high: float, *, floor: float = -np.inf, ceiling: float = np.inf
) -> tuple[float, float]:
    """Limits of an axis with a little air, not beyond what its values can be."""
    air = 0.05 * (high - low) or 0.5
    return max(floor, low - air), min(ceiling, high + air)


def _panel(
    evidence: Evidence,
    group: str,
    curves: Sequence[Curve],
    limits: tuple[float, float],
    styles: dict[str, int],
) -> Panel:
    metric = curves[0].metric
    told = QUANTITIES[metric]
    title = f"{first_upper(told.name)} ({told.unit})"
    ends = [f"{evidence.titles[curve.experiment]}: {level(metric, curve.mean[-1])}" for curve in curves]
    series = tuple(
        series_of(
            evidence,
            curve,
            styles[curve.experiment],
            told.scale,
            f"{end} after epoch{NBSP}{curve.epochs[-1]}, mean of {counted(len(curve.seeds), 'seed')}",
        )
        for curve, end in zip(curves, ends, strict=True)
    )
    chance = _chance(evidence, curves) if told.unit == "%" else None
    return Panel(
        name=f"{group}-{metric.replace('_', '-')}",
        title=f"{first_upper(told.name)} over the epochs",
        description=f"At the last epoch {'; '.join(ends)}.",
        drawing=CurvesDrawing(title, series, limits, ("chance", 100 * chance) if chance else None),
    )


def _chance(evidence: Evidence, curves: Sequence[Curve]) -> float | None:
    """The accuracy of guessing, where all have as many classes."""
    chosen = evidence.finished(tuple(curve.experiment for curve in curves))
    classes = {one.data.classes for one in chosen}
    return 1 / classes.pop() if len(classes) == 1 else None


def _limits(evidence: Evidence, curves: dict[str, tuple[Curve, ...]], metric: str) -> tuple[float, float]:
    """One range for the test and the training panel of a metric, so that they can be held side by side."""
    told = QUANTITIES[metric]
    alike = [curve for name in _METRICS if QUANTITIES[name].unit == told.unit for curve in curves[name]]
    low = told.scale * min(min(curve.low) for curve in alike)
    high = told.scale * max(max(curve.high) for curve in alike)
    chance = _chance(evidence, curves[metric]) if told.unit == "%" else None
    if chance:
        low, high = min(low, 100 * chance), max(high, 100 * chance)
    return padded(low, high, floor=0.0, ceiling=100.0 if told.unit == "%" else np.inf)


def _heading(evidence: Evidence, curves: Sequence[Curve]) -> str:
    titles = evidence.titles
    if len(curves) != 2:
        return f"How {listing(titles[curve.experiment] for curve in curves)} learned"
    first, second = curves
    if first.mean[-1] == second.mean[-1]:
        return f"{titles[first.experiment]} and {titles[second.experiment]} end level on the test images"
    ahead = first if first.mean[-1] > second.mean[-1] else second
    crossed = crossings(first, second)
    since = f"from epoch {crossed[-1].epoch} to the end" if crossed else "at every epoch"
    if crossed and crossed[-1].epoch == ahead.epochs[-1]:
        since = "at the last epoch, not at the one before"
    mean = ", in the mean over the seeds" if len(ahead.seeds) > 1 else ""
    return f"{titles[ahead.experiment]} is ahead on the test images {since}{mean}"


def _end(evidence: Evidence, curve: Curve) -> str:
    title, seeds = evidence.titles[curve.experiment], counted(len(curve.seeds), "seed")
    end = f"{title} ends at {level(curve.metric, curve.mean[-1])} after epoch{NBSP}{curve.epochs[-1]}"
    if len(curve.seeds) == 1:
        return f"{end}, with {seeds}."
    return f"{end}, the mean of {seeds} that range from {level(curve.metric, curve.low[-1])} to {level(curve.metric, curve.high[-1])}."


def _how_to_read(curves: Sequence[Curve]) -> str:
    most = max(len(curve.seeds) for curve in curves)
    if most == 1:
        band = "There is one seed, so there is no band."
    elif most <= MOST_SEED_LINES:
        band = "A strong line is the mean over the seeds, a thin line one seed; the band reaches from the lowest to the highest seed."
    else:
        band = "A line is the mean over the seeds; the band reaches from the lowest to the highest seed."
    return (
        f"{band} Nothing is smoothed. Training figures are taken on augmented images with dropout on, averaged over the epoch, "
        "so they may lie below the test figures."
    )


def _table(evidence: Evidence, curves: dict[str, tuple[Curve, ...]], names: Sequence[str]) -> Table:
    short = {
        "test_accuracy": "test, %",
        "train_accuracy": "training, %",
        "test_loss": "test loss",
        "train_loss": "training loss",
    }
    columns = [
        "epoch",
        *(f"{evidence.titles[name]}: {short[metric]}" for name in names for metric in _METRICS),
    ]
    epochs = sorted({epoch for curve in curves["test_loss"] for epoch in curve.epochs})
    shown = (
        epochs
        if len(epochs) <= MOST_ROWS
        else [epochs[place] for place in np.linspace(0, len(epochs) - 1, MOST_ROWS).round().astype(int)]
    )
    by_name = {(curve.experiment, metric): curve for metric in _METRICS for curve in curves[metric]}
    rows = tuple(
        (str(epoch), *(_cell(by_name[name, metric], epoch) for name in names for metric in _METRICS))
        for epoch in shown
    )
    part = "" if len(shown) == len(epochs) else f", {len(shown)} of {len(epochs)} epochs"
    figure: Column = "number"
    formats: tuple[Column, ...] = ("text", *(figure for _ in columns[1:]))
    return Table(f"Means over the seeds, by epoch{part}", tuple(columns), rows, formats, folded=True)


def _cell(curve: Curve, epoch: int) -> str:
    told = QUANTITIES[curve.metric]
    if epoch not in curve.epochs:
        return ""
    return number(told.scale * curve.mean[curve.epochs.index(epoch)], told.decimals)


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
        "Test accuracy, mean over the seeds",
        ("", "over the epochs", "first", "last"),
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
