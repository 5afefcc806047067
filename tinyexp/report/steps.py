"""Where a gap comes from: a waterfall from one design to the other, and each factor's share seed by seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyexp.report.canvas import WIDTH, Canvas, horizontal_axis, mark, widest
from tinyexp.report.drawings import ShareRow, SharesDrawing, StepRow, WaterfallDrawing
from tinyexp.report.labels import wrapped
from tinyexp.report.palette import GROUND, INK, SERIES
from tinyexp.report.rows import BASELINE, CONTENDER, row_canvas, whisker, zero_and_margin

_UP, _DOWN = 2, 3
"""Styles of a step towards more and towards less; the sign beside it says the same."""
_BAR = 0.3
"""Half the height of a step, in rows."""
_LABEL = 19
"""Letters a line of a row's name."""
_PITCH = 38.0
_APART = 0.17
"""Between a share and its seeds, in half rows."""
MOST_DOTS = 8
"""More seeds than this hide each other."""
_ALL = 20
"""More rows than any study has factors: none closes up, as names take two lines."""


def draw_waterfall(drawing: WaterfallDrawing) -> Canvas:
    """Steps that begin where the one before ended; the two levels at either end are points."""
    names = [drawing.first[0], *(step.label for step in drawing.steps), drawing.last[0]]
    shown = [drawing.first[2], *(step.shown for step in drawing.steps), drawing.last[2]]
    span = [drawing.first[1], drawing.last[1]]
    for step in drawing.steps:
        span += [step.start, step.end, *(step.interval or ())]
    labels = [wrapped(name, _LABEL) for name in names]
    canvas = row_canvas(drawing.title, labels, span, right=widest(shown) + 16, pitch=_PITCH, few=_ALL)
    horizontal_axis(canvas)
    last = len(names) - 1
    for place, step in enumerate(drawing.steps, start=1):
        _step(canvas, step, -float(place), is_last=place == last - 1)
    levels = ((drawing.first, 0, BASELINE), (drawing.last, last, CONTENDER))
    for (name, value, told), place, style in levels:
        mark(canvas, value, -float(place), style, size=10, hover=f"{name}: {told}")
    canvas.line([drawing.first[1]] * 2, [0, -1 + _BAR], color=INK, lw=0.8, alpha=0.5)
    for place, text in enumerate(shown):
        canvas.write(WIDTH - 2, canvas.y_pixel(-place), text, align="right", bold=place in (0, last))
    return canvas


def draw_shares(drawing: SharesDrawing) -> Canvas:
    """Small hollow dots are the seeds, the diamond their mean, the bar its interval."""
    span = [0.0, -drawing.margin, drawing.margin]
    for row in drawing.rows:
        span += [row.value, *row.by_seed, *(row.interval or ())]
    labels = [wrapped(row.label, _LABEL) for row in drawing.rows]
    right = widest([row.shown for row in drawing.rows]) + 16
    canvas = row_canvas(drawing.title, labels, span, right=right, pitch=_PITCH, few=_ALL)
    horizontal_axis(canvas)
    zero_and_margin(canvas, drawing.margin, drawing.margin_label)
    for place, row in enumerate(drawing.rows):
        _share(canvas, row, -float(place))
    return canvas


def _step(canvas: Canvas, step: StepRow, y: float, *, is_last: bool) -> None:
    colour = SERIES[_UP if step.end >= step.start else _DOWN]
    low, high = y - _BAR, y + _BAR
    bar = canvas.area(
        [step.start, step.end, step.end, step.start],
        [low, low, high, high],
        color=colour,
        alpha=0.85,
        lw=1.5,
        clip_on=False,
    )
    bar.set_gid(canvas.note(step.hover))
    whisker(canvas, step.interval, y, INK)
    # A thin line leads from where this step ends to where the next begins.
    reach = y - 1 if is_last else y - 1 + _BAR
    canvas.line([step.end] * 2, [low, reach], color=INK, lw=0.8, alpha=0.5)


def _spread_of(canvas: Canvas, values: Sequence[float], y: float) -> None:
    """A thin bar from the lowest to the highest of many seeds, and a thick one over their middle half."""
    low, first, last, high = np.quantile(values, (0, 0.25, 0.75, 1))
    for ends, width in (((low, high), 2.0), ((first, last), 8.0)):
        canvas.line(
            ends, [y, y], color=SERIES[CONTENDER], lw=width, alpha=0.6, solid_capstyle="butt", clip_on=False
        )


def _share(canvas: Canvas, row: ShareRow, y: float) -> None:
    """The seeds stand above their mean, so that neither hides the other."""
    mean = y - _APART if row.by_seed else y
    whisker(canvas, row.interval, mean, INK)
    if len(row.by_seed) > MOST_DOTS:
        _spread_of(canvas, row.by_seed, y + _APART)
    for value in row.by_seed if len(row.by_seed) <= MOST_DOTS else ():
        canvas.line(
            [value],
            [y + _APART],
            marker="o",
            ms=6,
            mfc=GROUND,
            mec=SERIES[CONTENDER],
            mew=1.5,
            ls="",
            clip_on=False,
        )
    line = canvas.line([row.value], [mean], marker="D", ms=8, color=INK, mew=0, ls="", clip_on=False)
    line.set_gid(canvas.note(row.hover))
    canvas.write(WIDTH - 2, canvas.y_pixel(y), row.shown, align="right")
