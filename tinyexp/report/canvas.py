"""What all pictures share: a bare pair of axes measured in pixels, ticks with honest labels, hover texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from tinyexp.report.labels import fitted, text_width
from tinyexp.report.palette import FINE, GRID, GROUND, INK, MARKERS, SERIES, TINT

WIDTH = 350
"""What a phone of 390 pixels has room for."""
TITLE_SIZE, TEXT_SIZE = 13.5, 12.5
"""Not below 12 pixels where a picture is shown at its own size."""
LINE_HEIGHT = 15.5
TOP, BOTTOM = 36.0, 42.0
_BOLD = 1.15
"""How much wider bold letters are."""


@dataclass
class Canvas:
    """A picture in the making; positions on the figure are pixels from its lower left corner."""

    figure: Figure
    axes: Axes
    height: float
    left: float
    right: float
    """Where the axes begin and end."""
    bottom: float
    top: float
    hover: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> str:
        """An id for a group that shows this text when pointed at."""
        key = f"hover-{len(self.hover)}"
        self.hover[key] = text
        return key

    def write(
        self,
        x: float,
        y: float,
        text: str,
        *,
        align: str = "left",
        size: float = TEXT_SIZE,
        bold: bool = False,
    ) -> None:
        """Text on the figure, its middle at height ``y``; lines stand around it."""
        lines = text.split("\n")
        for place, line in enumerate(lines):
            self.figure.text(
                x / WIDTH,
                (y + LINE_HEIGHT * ((len(lines) - 1) / 2 - place) - 0.36 * size) / self.height,
                line,
                ha=align,
                va="baseline",
                size=size,
                color=INK,
                weight="bold" if bold else "normal",
            )

    def rule(
        self, xs: Sequence[float], ys: Sequence[float], *, width: float = 0.8, opacity: float = FINE
    ) -> None:
        """A thin line on the figure."""
        self.figure.add_artist(
            Line2D(
                [x / WIDTH for x in xs],
                [y / self.height for y in ys],
                color=INK,
                lw=width,
                alpha=opacity,
                transform=self.figure.transFigure,
            )
        )

    def line(self, xs: Sequence[float], ys: Sequence[float], **style: Any) -> Line2D:
        """A line, or markers, on the axes.

        As ``axes.plot``, which also works out limits and colours, though both are given here.
        """
        line = Line2D(xs, ys, **style)
        self.axes.add_artist(line)
        return line

    def area(self, xs: Sequence[float], ys: Sequence[float], **style: Any) -> Polygon:
        """A filled outline on the axes, as ``axes.fill``."""
        area = Polygon(np.column_stack((xs, ys)), closed=True, **style)
        self.axes.add_artist(area)
        return area

    def tint(self, xs: Sequence[float], ys: Sequence[float], colour: str = INK) -> None:
        """A pale area that helps the eye; what its edges mean is drawn besides."""
        self.area(xs, ys, color=colour, alpha=TINT, lw=0, clip_on=False)

    def x_pixel(self, value: float) -> float:
        """Where a value of the horizontal axis lies on the figure."""
        low, high = self.axes.get_xlim()
        return self.left + (value - low) / (high - low) * (self.right - self.left)

    def y_pixel(self, value: float) -> float:
        """Where a value of the vertical axis lies on the figure."""
        low, high = self.axes.get_ylim()
        return self.bottom + (value - low) / (high - low) * (self.top - self.bottom)


def new_canvas(
    title: str, *, height: float, left: float, right: float, top: float = TOP, bottom: float = BOTTOM
) -> Canvas:
    """An empty picture: no frame, no ticks, a title in words at the left edge.

    Parameters
    ----------
    left, right, top, bottom
        Room around the axes in pixels.
    """
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, labelsize=TEXT_SIZE, colors=INK, pad=6)
    axes.set_xticks([])
    axes.set_yticks([])
    canvas = Canvas(figure, axes, height, left, WIDTH - right, bottom, height - top)
    canvas.write(0, height - 12, fitted(title, WIDTH, TITLE_SIZE * _BOLD), size=TITLE_SIZE, bold=True)
    return canvas


def ticks(low: float, high: float, most: int, *, whole: bool = False) -> tuple[list[float], list[str]]:
    """Round values between two bounds, and labels with as many decimals as tell all of them exactly.

    >>> ticks(0, 0.012, 4)[1]
    ['0.000', '0.004', '0.008', '0.012']
    """
    locator = MaxNLocator(most, steps=[1, 2, 4, 5, 10], integer=whole, min_n_ticks=1)
    values = [float(value) for value in locator.tick_values(low, high) if low - 1e-9 <= value <= high + 1e-9]
    decimals = next((d for d in range(7) if all(abs(round(v, d) - v) < 1e-9 for v in values)), 7)
    return values, [f"{value:.{decimals}f}".replace("-", "\u2212") for value in values]


def ticks_between(first: int, last: int, room: float) -> list[int]:
    """The first and the last of some counts, and round ones between them that have room in so many pixels.

    >>> ticks_between(1, 15, 250), ticks_between(1, 1, 250)
    ([1, 4, 8, 12, 15], [1])
    """
    if last <= first:
        return [first]
    values, _ = ticks(first, last, 5, whole=True)
    wide = widest([f"{last}"]) + 8
    apart = wide * (last - first) / room
    return [first, *(round(v) for v in values if first + apart <= v <= last - apart), last]


def horizontal_axis(canvas: Canvas, label: str = "", *, whole: bool = False, grid: bool = True) -> None:
    """Ticks below; what they count at the right end beneath them, where the title does not say it."""
    axes = canvas.axes
    low, high = axes.get_xlim()
    if whole:
        values: list[float] = [*ticks_between(round(low), round(high), canvas.right - canvas.left)]
        labels = [f"{round(value)}" for value in values]
    else:
        values, labels = ticks(low, high, max(2, min(6, int((canvas.right - canvas.left) / 38))))
    axes.set_xticks(values, labels)
    if grid:
        axes.grid(visible=True, axis="x", color=INK, alpha=GRID, lw=0.8)
        axes.set_axisbelow(True)
    if label:
        canvas.write(canvas.right, canvas.bottom - 31, label, align="right")


def vertical_axis(canvas: Canvas, values: Sequence[float], labels: Sequence[str]) -> None:
    """Ticks at the left with lines across; the unit stands in the title."""
    canvas.axes.set_yticks(list(values), list(labels))
    canvas.axes.grid(visible=True, axis="y", color=INK, alpha=GRID, lw=0.8)
    canvas.axes.set_axisbelow(True)


def mark(
    canvas: Canvas, x: float, y: float, style: int, *, size: float = 7.0, hover: str = "", ring: bool = False
) -> None:
    """An experiment's marker at a point of the axes; as a ring it leaves what lies under it in sight."""
    colour = SERIES[style % len(SERIES)]
    looks = {"mfc": "none", "mec": colour, "mew": 2.0} if ring else {"color": colour, "mew": 0}
    line = canvas.line([x], [y], marker=MARKERS[style % len(MARKERS)], ms=size, ls="", clip_on=False, **looks)
    if hover:
        line.set_gid(canvas.note(hover))


def seed_mark(canvas: Canvas, x: float, y: float, *, size: float = 6.0, hover: str = "") -> None:
    """A difference of one seed, which is no experiment's: a small ring in ink."""
    line = canvas.line([x], [y], marker="o", ms=size, mfc=GROUND, mec=INK, mew=1.4, ls="", clip_on=False)
    if hover:
        line.set_gid(canvas.note(hover))


def mean_mark(canvas: Canvas, x: float, y: float, *, size: float = 8.0, hover: str = "") -> None:
    """A mean or a total: a diamond in ink."""
    line = canvas.line([x], [y], marker="D", ms=size, color=INK, mew=0, ls="", clip_on=False)
    if hover:
        line.set_gid(canvas.note(hover))


def widest(labels: Sequence[str], size: float = TEXT_SIZE) -> float:
    """The width in pixels of the widest label."""
    return max((text_width(label, size) for label in labels), default=0.0)
