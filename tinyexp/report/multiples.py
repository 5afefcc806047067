"""Small pictures of one kind side by side: more experiments than lines can be told apart in one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyexp.report.canvas import WIDTH, Canvas, new_canvas, ticks, widest
from tinyexp.report.drawings import Cell, MultiplesDrawing
from tinyexp.report.labels import text_width
from tinyexp.report.lines import chosen_places
from tinyexp.report.palette import DASHES, FINE, GRID, INK

COLUMNS = 2
MAX_POINTS = 60
"""A line of this many points fills a small picture."""
_TEXT = 12.5
_HIGH, _NAME, _GAP = 62.0, 34.0, 12.0
"""Of a cell: the room of its lines and of its two lines of text, and what lies between cells."""
_HEAD, _FOOT = 36.0, 38.0
_TRAINING = 1
"""Dash; a picture is one experiment, so that all are drawn in ink."""


def draw_multiples(drawing: MultiplesDrawing) -> Canvas:
    """A cell an experiment, from left to right and down; axes are labelled at the left and at the bottom."""
    lines = -(-len(drawing.cells) // COLUMNS)
    height = _HEAD + lines * (_NAME + _HIGH + _GAP) + _FOOT
    canvas = new_canvas(drawing.title, height=height, left=0, right=0, top=0, bottom=0)
    # The axes count pixels of the picture: one pair of axes for all cells is drawn in a fraction of the time.
    canvas.axes.set_xlim(0, WIDTH)
    canvas.axes.set_ylim(0, height)
    y_ticks, y_labels = ticks(*drawing.limits, 4)
    left = widest(y_labels, _TEXT) + 8
    width = (WIDTH - left - (COLUMNS - 1) * _GAP - 4) / COLUMNS
    for place, cell in enumerate(drawing.cells):
        x = left + place % COLUMNS * (width + _GAP)
        y = height - _HEAD - (place // COLUMNS + 1) * (_NAME + _HIGH + _GAP) + _GAP
        frame = _Frame(drawing, x, y, width)
        _grid(canvas, frame, y_ticks, y_labels if place % COLUMNS == 0 else [])
        _draw_cell(canvas, frame, cell)
        if place + COLUMNS >= len(drawing.cells):
            _epochs_below(canvas, frame, drawing)
    return canvas


class _Frame:
    """Where a cell lies, and where a value lies in it."""

    def __init__(self, drawing: MultiplesDrawing, left: float, bottom: float, width: float) -> None:
        self.left, self.bottom, self.width = left, bottom, width
        self.first, last = drawing.epochs
        self.span = max(1, last - self.first)
        self.low, self.high = drawing.limits

    def x(self, epochs: Sequence[float], places: NDArray[np.int64]) -> list[float]:
        return [float(self.left + (epochs[place] - self.first) / self.span * self.width) for place in places]

    def y(self, value: float) -> float:
        return float(self.bottom + (value - self.low) / (self.high - self.low) * _HIGH)


def _draw_cell(canvas: Canvas, frame: _Frame, cell: Cell) -> None:
    places = chosen_places(len(cell.epochs), MAX_POINTS)
    x = frame.x(cell.epochs, places)
    low, high, mean, beside = (
        [frame.y(values[place]) for place in places]
        for values in (cell.low, cell.high, cell.mean, cell.beside)
    )
    if cell.low != cell.high:
        canvas.tint([*x, *x[::-1]], [*low, *high[::-1]])
        for edge in (low, high):
            canvas.line(x, edge, color=INK, lw=0.6, alpha=FINE, clip_on=False)
    canvas.line(x, beside, color=INK, lw=1.1, ls=DASHES[_TRAINING], clip_on=False)
    line = canvas.line(x, mean, color=INK, lw=1.8, clip_on=False)
    line.set_gid(canvas.note(cell.hover))
    above = frame.bottom + _HIGH + 8
    canvas.write(frame.left, above + 15, fitted(cell.label, frame.width), size=_TEXT)
    canvas.write(frame.left, above, cell.shown, size=_TEXT, bold=True)


def fitted(label: str, room: float) -> str:
    """A label as it fits on one line; of a longer one the middle is left out, as names of many differ at their end.

    >>> fitted("learning rate of the first layer 0.01", 60)
    'lea…0.01'
    """
    if text_width(label, _TEXT) <= room:
        return label
    for kept in range(len(label) - 1, 2, -1):
        shown = f"{label[: kept // 2].rstrip()}\u2026{label[len(label) - (kept - kept // 2) :].lstrip()}"
        if text_width(shown, _TEXT) <= room:
            return shown
    return "\u2026"


def _grid(canvas: Canvas, frame: _Frame, values: Sequence[float], labels: Sequence[str]) -> None:
    for place, value in enumerate(values):
        y = frame.y(value)
        canvas.line(
            [frame.left, frame.left + frame.width], [y, y], color=INK, lw=0.8, alpha=GRID, clip_on=False
        )
        if labels:
            canvas.write(frame.left - 6, y, labels[place], size=_TEXT, align="right")


def _epochs_below(canvas: Canvas, frame: _Frame, drawing: MultiplesDrawing) -> None:
    first, last = drawing.epochs
    y = frame.bottom - 13
    canvas.write(frame.left, y, f"{drawing.index} {first}", size=_TEXT)
    if last > first:
        canvas.write(frame.left + frame.width, y, str(last), size=_TEXT, align="right")
