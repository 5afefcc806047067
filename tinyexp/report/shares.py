"""Shares of a gap: a row a factor on one axis, its seeds above its mean, and what the rows make together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyexp.report.canvas import (
    LINE_HEIGHT,
    TOP,
    WIDTH,
    Canvas,
    horizontal_axis,
    mean_mark,
    new_canvas,
    seed_mark,
    widest,
)
from tinyexp.report.drawings import ShareRow, SharesDrawing
from tinyexp.report.labels import wrapped
from tinyexp.report.palette import FINE, INK
from tinyexp.report.rows import names_above, row_canvas, whisker, zero_and_margin, zero_strip

_LABEL = 19
"""Letters a line of a name that stands beside its row."""
_WIDE = 0.36
"""Of the width; names that would take more stand above their rows."""
_LETTERS = 42
"""Letters a line of a name above its row."""
_PITCH, _MARKS = 38.0, 30.0
"""Of a row beside its name, and of the marks below a name."""
_APART = 0.17
"""Between a share and its seeds, in half rows."""
_HIGH = 5.5
"""The same in pixels, below a name."""
MOST_DOTS = 8
"""More seeds than this hide each other."""
_ALL = 20
"""More rows than any study has factors: none closes up, as names take two lines."""
_FOOT = 28.0


def draw_shares(drawing: SharesDrawing) -> Canvas:
    """Small rings are the seeds, the diamond their mean, the bar its interval.

    Names stand beside the rows, or above them where they would take too much of the width.
    """
    span = [0.0, -drawing.margin, drawing.margin]
    for row in drawing.rows:
        span += [row.value, *row.by_seed, *(row.interval or ())]
    if widest([row.label for row in drawing.rows]) > _WIDE * WIDTH:
        return _below_names(drawing, span)
    labels = [wrapped(row.label, _LABEL) for row in drawing.rows]
    right = widest([row.shown for row in drawing.rows]) + 16
    canvas = row_canvas(drawing.title, labels, span, right=right, pitch=_PITCH, few=_ALL)
    horizontal_axis(canvas)
    zero_and_margin(canvas, drawing.margin, drawing.margin_label)
    for place, row in enumerate(drawing.rows):
        y = -float(place)
        if row.is_sum:
            canvas.rule([0, WIDTH], [canvas.y_pixel(y + 0.5)] * 2)
        _share(canvas, row, y, _APART if row.by_seed else 0.0)
        canvas.write(WIDTH - 2, canvas.y_pixel(y), row.shown, align="right", bold=row.is_sum)
    return canvas


def _below_names(drawing: SharesDrawing, span: Sequence[float]) -> Canvas:
    names = [wrapped(row.label, _LETTERS) for row in drawing.rows]
    heights = [LINE_HEIGHT * (name.count("\n") + 1) + _MARKS for name in names]
    height = TOP + LINE_HEIGHT + 4 + sum(heights) + _FOOT
    canvas = new_canvas(
        drawing.title, height=height, left=6, right=6, top=TOP + LINE_HEIGHT + 4, bottom=_FOOT
    )
    low, high = min(span), max(span)
    air = 0.04 * (high - low) or 1.0
    canvas.axes.set_xlim(low - air, high + air)
    canvas.axes.set_ylim(-sum(heights), 0)  # in pixels below the top
    horizontal_axis(canvas)
    names_above(canvas, [(drawing.margin_label, 0.0)], reach=0)
    top = 0.0
    for row, name, own in zip(drawing.rows, names, heights, strict=True):
        if row.is_sum:
            canvas.rule([0, WIDTH], [canvas.y_pixel(top)] * 2)
        middle = top - (own - _MARKS) / 2 - 2
        zero_strip(canvas, drawing.margin, top - own + 1, top - (own - _MARKS) - 4)
        canvas.write(0, canvas.y_pixel(middle), name, bold=row.is_sum)
        canvas.write(WIDTH - 2, canvas.y_pixel(middle), row.shown, align="right", bold=True)
        _share(canvas, row, top - own + _MARKS / 2 - 2, _HIGH if row.by_seed else 0.0)
        top -= own
    return canvas


def _share(canvas: Canvas, row: ShareRow, y: float, apart: float) -> None:
    """The seeds stand above their mean, so that neither hides the other."""
    whisker(canvas, row.interval, y - apart, INK)
    if len(row.by_seed) > MOST_DOTS:
        spread_bar(canvas, row.by_seed, y + apart)
    for value in row.by_seed if len(row.by_seed) <= MOST_DOTS else ():
        seed_mark(canvas, value, y + apart)
    mean_mark(canvas, row.value, y - apart, size=9 if row.is_sum else 8, hover=row.hover)


def spread_bar(canvas: Canvas, values: Sequence[float], y: float) -> None:
    """A thin bar from the lowest to the highest of many seeds, and a thick one over their middle half."""
    low, first, last, high = np.quantile(values, (0, 0.25, 0.75, 1))
    for ends, width in (((low, high), 1.4), ((first, last), 6.0)):
        canvas.line(ends, [y, y], color=INK, lw=width, alpha=FINE, solid_capstyle="butt", clip_on=False)
