"""Curves over epochs: the mean as a strong line, the seeds' band, the seeds, a label at the end."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyexp.report.canvas import (
    LINE_HEIGHT,
    WIDTH,
    Canvas,
    horizontal_axis,
    mark,
    new_canvas,
    ticks,
    vertical_axis,
    widest,
)
from tinyexp.report.drawings import CurvesDrawing, Series
from tinyexp.report.labels import spread, wrapped
from tinyexp.report.palette import DASHES, INK, SERIES

MAX_POINTS = 150
"""A line of this many points fills the width; more only cost bytes."""
_HEIGHT = 260.0
_NEAR = 5.0
"""Pixels; of marks nearer than that the later one is a ring around the other."""


def draw_curves(drawing: CurvesDrawing) -> Canvas:
    """The picture of a :class:`CurvesDrawing`."""
    labels = [wrapped(series.label) for series in drawing.series]
    names = [*labels, wrapped(drawing.level[0])] if drawing.level else labels
    y_ticks, y_labels = ticks(*drawing.limits, 5)
    canvas = new_canvas(drawing.title, height=_HEIGHT, left=widest(y_labels) + 10, right=widest(names) + 22)
    epochs = [epoch for series in drawing.series for epoch in series.epochs]
    first, last = min(epochs), max(epochs)
    canvas.axes.set_xlim(first, last if last > first else first + 1)
    canvas.axes.set_ylim(*drawing.limits)
    vertical_axis(canvas, y_ticks, y_labels)
    horizontal_axis(canvas, drawing.index, whole=True, grid=False)
    if drawing.level:
        canvas.axes.axhline(drawing.level[1], color=INK, lw=1, ls=(0, (1, 2)), clip_on=False)
    if drawing.shaded:
        _shade(canvas, *drawing.series[:2])
    for series in drawing.series:
        _draw_series(canvas, series)
    _mark_ends(canvas, drawing.series)
    _label_ends(canvas, drawing, names)
    return canvas


def chosen_places(length: int, most: int = MAX_POINTS) -> NDArray[np.int64]:
    """Which points of a curve are drawn: all up to ``most``, else so many evenly spaced, first and last among them."""
    if length <= most:
        return np.arange(length)
    return np.linspace(0, length - 1, most).round().astype(np.int64)


def _shade(canvas: Canvas, one: Series, other: Series) -> None:
    places = chosen_places(len(one.epochs))
    x, first, second = (_at(values, places) for values in (one.epochs, one.mean, other.mean))
    canvas.tint([*x, *x[::-1]], [*first, *second[::-1]], _colour(one))


def _draw_series(canvas: Canvas, series: Series) -> None:
    places = chosen_places(len(series.epochs))
    x, colour = _at(series.epochs, places), _colour(series)
    offset, dashes = DASHES[series.dash]
    thin = list(series.by_seed)
    if series.banded:
        low, high = _at(series.low, places), _at(series.high, places)
        canvas.tint([*x, *x[::-1]], [*low, *high[::-1]], colour)
        # Of a few seeds the lowest and the highest have lines of their own.
        thin = thin or [series.low, series.high]
    for values in thin:
        canvas.line(x, _at(values, places), color=colour, lw=0.8, clip_on=False)
    line = canvas.line(
        x,
        _at(series.mean, places),
        color=colour,
        lw=2.2,
        ls=(offset, dashes) if dashes else "-",
        clip_on=False,
    )
    line.set_gid(canvas.note(series.hover))


def _colour(series: Series) -> str:
    return SERIES[series.style % len(SERIES)]


def _mark_ends(canvas: Canvas, drawn: Sequence[Series]) -> None:
    """A mark at each last point; where two lie at one place the later is a ring around the other."""
    placed: list[tuple[float, float]] = []
    for series in drawn:
        end = canvas.x_pixel(series.epochs[-1]), canvas.y_pixel(series.mean[-1])
        near = sum(max(abs(end[0] - x), abs(end[1] - y)) < _NEAR for x, y in placed)
        placed.append(end)
        size = 7 + 5.0 * near
        mark(canvas, series.epochs[-1], series.mean[-1], series.style, size=size, ring=near > 0)


def _label_ends(canvas: Canvas, drawing: CurvesDrawing, names: Sequence[str]) -> None:
    """Names beside the last points, moved apart where they would overlap, with a thin line to their point."""
    values = [series.mean[-1] for series in drawing.series] + ([drawing.level[1]] if drawing.level else [])
    ends = [canvas.x_pixel(series.epochs[-1]) for series in drawing.series] + [canvas.right]
    wanted = [canvas.y_pixel(value) for value in values]
    sizes = [LINE_HEIGHT * (name.count("\n") + 1) + 2 for name in names]
    centres = spread(wanted, sizes, canvas.bottom - 10, canvas.top + 10)
    label_x = canvas.right + 18
    for name, end, at, centre in zip(names, ends, wanted, centres, strict=False):
        if abs(at - centre) > 3 or end < canvas.right - 1:
            canvas.rule([end + 6, label_x - 3], [at, centre])
        canvas.write(min(label_x, WIDTH - 4), centre, name)


def _at(values: Sequence[float], places: NDArray[np.int64]) -> list[float]:
    return [float(values[place]) for place in places]
