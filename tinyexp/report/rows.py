"""Dots in rows: both experiments seed by seed, their difference, the reported beside the measured."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.report.canvas import (
    TEXT_SIZE,
    WIDTH,
    Canvas,
    horizontal_axis,
    mark,
    mean_mark,
    new_canvas,
    seed_mark,
    widest,
)
from tinyexp.report.drawings import (
    DifferenceRow,
    DifferencesDrawing,
    PairsDrawing,
    ReportedDrawing,
    ReportedRow,
    SamplesDrawing,
)
from tinyexp.report.labels import fitted, spread, wrapped
from tinyexp.report.palette import FINE, INK, SERIES

_HEAD, _FOOT = 66.0, 28.0
_FEW = 8
"""Up to so many rows stand at their ease."""
_APART = 3.0
"""Pixels; dots nearer than that are one dot to the eye."""
_STEP = 0.11
"""Rows from a dot to the one above it."""


def draw_pairs(drawing: PairsDrawing) -> Canvas:
    """Two marks a seed, joined: the baseline's filled, the contender's a ring, so that both show at one place."""
    values = [value for row in drawing.rows for value in (row.baseline, row.contender)]
    canvas = row_canvas(drawing.title, [row.label for row in drawing.rows], values, right=26)
    horizontal_axis(canvas)
    for place, row in enumerate(drawing.rows):
        y = -float(place)
        canvas.line([row.baseline, row.contender], [y, y], color=INK, lw=1.2, alpha=FINE, clip_on=False)
        mark(canvas, row.baseline, y, drawing.styles[0], size=6.5, hover=row.hover)
        mark(canvas, row.contender, y, drawing.styles[1], size=11, hover=row.hover, ring=True)
    first = drawing.rows[0]
    names_above(canvas, [(drawing.baseline, first.baseline), (drawing.contender, first.contender)])
    return canvas


def draw_samples(drawing: SamplesDrawing) -> Canvas:
    """A row a design, the baseline first: a dot a run, and a stroke at the mean with its value."""
    values = [value for row in drawing.rows for value in row.dots]
    right = widest([row.shown for row in drawing.rows]) + 16
    labels = [wrapped(row.label, 12) for row in drawing.rows]
    canvas = row_canvas(drawing.title, labels, values, right=right, pitch=46)
    horizontal_axis(canvas)
    for place, row in enumerate(drawing.rows):
        y = -float(place)
        for (value, level), hover in zip(stacked(canvas, row.dots), row.hover, strict=True):
            mark(canvas, value, y + _STEP * level, row.style, hover=hover)
        canvas.line([row.mean, row.mean], [y - 0.32, y + 0.32], color=INK, lw=2.0, clip_on=False)
        canvas.write(WIDTH - 2, canvas.y_pixel(y), row.shown, align="right", bold=True)
    return canvas


def draw_differences(drawing: DifferencesDrawing) -> Canvas:
    """One dot a seed, then the mean with its interval; zero and the margin around it."""
    rows = (*drawing.rows, drawing.mean)
    span = [row.value for row in rows] + list(drawing.mean.interval or ())
    span += [0.0, -drawing.margin, drawing.margin]
    right = widest([row.shown for row in rows]) + 16
    canvas = row_canvas(drawing.title, [row.label for row in rows], span, right=right)
    horizontal_axis(canvas)
    zero_and_margin(canvas, drawing.margin, drawing.margin_label)
    for label, x, align in ((drawing.left, 0, "left"), (drawing.right, WIDTH - 2, "right")):
        canvas.write(x, canvas.top + 32, fitted(label, WIDTH / 2 - 8, TEXT_SIZE), align=align)
    for place, row in enumerate(rows):
        _difference(canvas, row, -float(place), is_mean=row is drawing.mean)
    return canvas


def draw_reported(drawing: ReportedDrawing) -> Canvas:
    """A row an experiment: the tolerance as a strip, the reported figure hollow, the measured one filled."""
    span = [edge for row in drawing.rows for edge in _reach(row)]
    canvas = row_canvas(
        drawing.title, [wrapped(row.label, 12) for row in drawing.rows], span, right=26, pitch=46
    )
    horizontal_axis(canvas)
    for place, row in enumerate(drawing.rows):
        y = -float(place)
        low, high = row.reported - row.tolerance, row.reported + row.tolerance
        canvas.tint([low, high, high, low], [y - 0.3, y - 0.3, y + 0.3, y + 0.3])
        for edge in (low, high):
            canvas.line([edge] * 2, [y - 0.3, y + 0.3], color=INK, lw=0.9, alpha=FINE, clip_on=False)
        canvas.line(
            [row.reported], [y], marker="D", ms=13, mfc="none", mec=INK, mew=1.5, ls="", clip_on=False
        )
        whisker(canvas, row.interval, y, SERIES[row.style % len(SERIES)])
        mark(canvas, row.measured, y, row.style, hover=row.hover)
    first = drawing.rows[0]
    names_above(canvas, [("reported", first.reported), ("measured", first.measured)], reach=0.34)
    return canvas


def zero_and_margin(canvas: Canvas, margin: float, label: str) -> None:
    """A line at zero, the strip around it that is too small to matter, and its name above."""
    zero_strip(canvas, margin, *canvas.axes.get_ylim())
    names_above(canvas, [(label, 0.0)], reach=0)


def zero_strip(canvas: Canvas, margin: float, low: float, high: float) -> None:
    """Zero and the margin's two edges between two heights."""
    canvas.tint([-margin, margin, margin, -margin], [low, low, high, high])
    for edge in (-margin, margin) if margin else ():
        canvas.line([edge] * 2, [low, high], color=INK, lw=0.8, alpha=FINE, clip_on=False)
    canvas.line([0, 0], [low, high], color=INK, lw=1.3, clip_on=False)


def stacked(canvas: Canvas, values: Sequence[float]) -> list[tuple[float, int]]:
    """Each value with how many steps it stands above its row, so that dots at one place all show."""
    placed: list[tuple[float, int]] = []
    for value in values:
        x = canvas.x_pixel(value)
        near = {level for other, level in placed if abs(canvas.x_pixel(other) - x) < _APART}
        placed.append((value, next(level for level in range(len(near) + 1) if level not in near)))
    return placed


def row_canvas(
    title: str,
    labels: Sequence[str],
    span: Sequence[float],
    *,
    right: float,
    pitch: float = 30,
    few: int = _FEW,
) -> Canvas:
    """Axes with a row a label, first at the top, and some air around the values; above ``few`` rows they close up."""
    pitch = pitch if len(labels) <= few else max(15.0, pitch * few / len(labels))
    height = _HEAD + pitch * len(labels) + _FOOT
    canvas = new_canvas(title, height=height, left=widest(labels) + 18, right=right, top=_HEAD, bottom=_FOOT)
    low, high = min(span), max(span)
    air = 0.06 * (high - low) or 1.0
    canvas.axes.set_xlim(low - air, high + air)
    canvas.axes.set_ylim(-len(labels) + 0.5, 0.5)
    for place, label in enumerate(labels):
        canvas.write(0, canvas.y_pixel(-place), label)
    return canvas


def _difference(canvas: Canvas, row: DifferenceRow, y: float, *, is_mean: bool) -> None:
    if is_mean:
        whisker(canvas, row.interval, y, INK)
        mean_mark(canvas, row.value, y, size=9, hover=row.hover)
    else:
        seed_mark(canvas, row.value, y, size=7, hover=row.hover)
    canvas.write(WIDTH - 2, canvas.y_pixel(y), row.shown, align="right", bold=is_mean)


def whisker(canvas: Canvas, interval: tuple[float, float] | None, y: float, colour: str) -> None:
    """An interval as a bar along a row; nothing where there is none."""
    if interval:
        canvas.line(interval, [y, y], color=colour, lw=2.2, solid_capstyle="butt", clip_on=False)


def names_above(canvas: Canvas, names: Sequence[tuple[str, float]], *, reach: float = 0.2) -> None:
    """Names over the first row, kept apart from each other, each with a thin line down to its value."""
    room = WIDTH / len(names) - 14
    shown = [fitted(name, room, TEXT_SIZE) for name, _ in names]
    wanted = [canvas.x_pixel(value) for _, value in names]
    centres = spread(wanted, [widest([name]) + 12 for name in shown], 0, WIDTH)
    y = canvas.top + 14
    for name, at, centre in zip(shown, wanted, centres, strict=True):
        canvas.write(centre, y, name, align="center")
        if reach:
            canvas.rule([centre, at], [y - 9, canvas.y_pixel(reach)])


def _reach(row: ReportedRow) -> tuple[float, ...]:
    return (row.reported - row.tolerance, row.reported + row.tolerance, row.measured, *(row.interval or ()))
