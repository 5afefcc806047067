"""Pictures by matplotlib, each from a :mod:`tinyexp.report.drawings` value and nothing else.

A picture is drawn for a phone's column, at its own size; on a wide page two stand side by side, a
little enlarged: its text stays readable on both. Nothing here looks at the user's
matplotlib settings, a display, or the clock.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl

from tinyexp.report.canvas import Canvas
from tinyexp.report.drawings import (
    CurvesDrawing,
    DifferencesDrawing,
    MultiplesDrawing,
    PairsDrawing,
    PointsDrawing,
    ReportedDrawing,
    SamplesDrawing,
    SharesDrawing,
)
from tinyexp.report.lines import draw_curves
from tinyexp.report.multiples import draw_multiples
from tinyexp.report.points import draw_points
from tinyexp.report.rows import draw_differences, draw_pairs, draw_reported, draw_samples
from tinyexp.report.shares import draw_shares
from tinyexp.report.svg import Picture, clean
from tinyexp.report.view import Panel

_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tinyexp",
    "path.simplify": False,
    "text.parse_math": False,  # a title with a dollar sign is a title
    "text.usetex": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12.5,
    "axes.unicode_minus": True,
    "savefig.dpi": 72,
    "figure.dpi": 72,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))

_PAINTERS: Mapping[type, Callable[[Any], Canvas]] = {
    CurvesDrawing: draw_curves,
    PairsDrawing: draw_pairs,
    SamplesDrawing: draw_samples,
    DifferencesDrawing: draw_differences,
    ReportedDrawing: draw_reported,
    SharesDrawing: draw_shares,
    PointsDrawing: draw_points,
    MultiplesDrawing: draw_multiples,
}


def draw_panels(panels: Sequence[Panel]) -> dict[str, Picture]:
    """Every panel's picture by the panel's name."""
    with _own_settings():
        return {panel.name: _draw(panel) for panel in panels}


@contextmanager
def _own_settings() -> Iterator[None]:
    """matplotlib's own defaults and ours, whatever a matplotlibrc in reach says."""
    with mpl.rc_context(), warnings.catch_warnings():
        # Text stays text: the reader's fonts draw the letters that the carried one lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def _draw(panel: Panel) -> Picture:
    canvas = _PAINTERS[type(panel.drawing)](panel.drawing)
    buffer = io.BytesIO()
    canvas.figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    return clean(
        buffer.getvalue(),
        name=panel.name,
        title=panel.title,
        description=panel.description,
        hover=canvas.hover,
    )
