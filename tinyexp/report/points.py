"""The mixtures that were trained: a dot a factor, filled at the first design's level, and what the runs reached."""

from __future__ import annotations

from tinyexp.report.canvas import (
    LINE_HEIGHT,
    TOP,
    WIDTH,
    Canvas,
    horizontal_axis,
    mark,
    new_canvas,
    seed_mark,
    widest,
)
from tinyexp.report.drawings import PointRow, PointsDrawing
from tinyexp.report.labels import fitted, text_width
from tinyexp.report.palette import INK, SERIES
from tinyexp.report.shares import MOST_DOTS, spread_bar

_COLUMN = 16.0
_PITCH = 20.0
_FOOT = 30.0
_GAP = 16.0
"""Between the columns and the axis."""
_SIZE = 12.5


def draw_points(drawing: PointsDrawing) -> Canvas:
    """A key of dots at the left, the axis beside it; each factor's name stands above, with a line down to its column."""
    rows = drawing.rows
    factors = [_heading(place, name) for place, name in enumerate(drawing.factors)]
    lines = sum(name.count("\n") + 1 for name in factors)
    left = 4 + _COLUMN * len(factors) + _GAP
    head = TOP + LINE_HEIGHT * lines + 8
    right = widest([row.shown for row in rows]) + 14
    height = head + _PITCH * len(rows) + _FOOT
    canvas = new_canvas(drawing.title, height=height, left=left, right=right, top=head, bottom=_FOOT)
    span = [value for row in rows for value in (row.mean, *row.values)]
    low, high = min(span), max(span)
    air = 0.06 * (high - low) or 1.0
    canvas.axes.set_xlim(low - air, high + air)
    canvas.axes.set_ylim(-len(rows) + 0.5, 0.5)
    horizontal_axis(canvas)
    y = height - TOP
    for place, name in enumerate(factors):
        x, high = _column(place), LINE_HEIGHT * (name.count("\n") + 1)
        canvas.write(x + 6, y - high / 2, name)
        canvas.rule([x, x], [y - 10, canvas.top - 2])
        y -= high
    for place, row in enumerate(rows):
        _key(canvas, drawing, row, -float(place))
        _runs(canvas, row, -float(place))
        canvas.write(WIDTH - 2, canvas.y_pixel(-place), row.shown, align="right", bold=bool(row.name))
    return canvas


def _column(place: int) -> float:
    return 6 + _COLUMN * place


def _heading(place: int, name: str) -> str:
    """A factor with its levels, which have a line of their own where one is too short for all."""
    room = WIDTH - _column(place) - 8
    title, _, levels = name.partition(": ")
    if text_width(name, _SIZE) <= room or not levels:
        return fitted(name, room, _SIZE)
    return f"{fitted(title, room, _SIZE)}\n{fitted(levels, room, _SIZE)}"


def _key(canvas: Canvas, drawing: PointsDrawing, row: PointRow, y: float) -> None:
    """Filled and hollow dots, in the colour of the design whose level it is."""
    low, high = canvas.axes.get_xlim()
    unit = (high - low) / (canvas.right - canvas.left)
    first, other = (SERIES[style % len(SERIES)] for style in drawing.styles)
    places = [low + (_column(place) - canvas.left) * unit for place in range(len(row.at_first))]
    filled = [x for x, at_first in zip(places, row.at_first, strict=True) if at_first]
    hollow = [x for x, at_first in zip(places, row.at_first, strict=True) if not at_first]
    dots = {"marker": "o", "ls": "", "clip_on": False}
    if filled:
        canvas.line(filled, [y] * len(filled), color=first, mew=0, ms=10, **dots)
    if hollow:
        canvas.line(hollow, [y] * len(hollow), mfc="none", mec=other, mew=1.6, ms=8, **dots)


def _runs(canvas: Canvas, row: PointRow, y: float) -> None:
    """A mark a run and a stroke at the mean; a design's have its own colour, and its name stands where there is room."""
    many = len(row.values) > MOST_DOTS
    if many:
        spread_bar(canvas, row.values, y)
    for value in () if many else row.values:
        if row.name:
            mark(canvas, value, y, row.style, size=6)
        else:
            seed_mark(canvas, value, y, size=5)
    stroke = canvas.line([row.mean] * 2, [y - 0.36, y + 0.36], color=INK, lw=2.0, clip_on=False)
    stroke.set_gid(canvas.note(row.hover))
    if not row.name:
        return
    edges = [canvas.x_pixel(value) for value in (min((row.mean, *row.values)), max((row.mean, *row.values)))]
    room = (edges[0] - canvas.left - 10, canvas.right - edges[1] - 10)
    to_left = room[0] >= room[1]
    name = fitted(row.name, max(room), _SIZE * 1.1)
    if max(room) > text_width("M…", _SIZE):
        x = edges[0] - 8 if to_left else edges[1] + 8
        canvas.write(x, canvas.y_pixel(y), name, align="right" if to_left else "left", bold=True)
