"""Colours, in one place: what the pictures are drawn with, and what the page shows instead.

Pictures are drawn with fixed colours that stand for roles; the pages' style sheets say how a role
looks on a light and on a dark ground. A colour belongs to an experiment and a dash to a split, in all
pictures. What carries meaning reaches a contrast of 3:1 as it is drawn, after its opacity, text 4.5:1;
what is drawn with an opacity of :data:`FAINT` only helps the eye.
"""

from __future__ import annotations

SERIES = ("#0072b2", "#c24e00", "#00805c", "#a8528a", "#7a6a00", "#6a55c2", "#1f7f8c", "#8a5a3c")
"""A colour an experiment, as drawn and as shown on a light ground; the first four after Okabe and Ito (2008), darkened."""
DARK_SERIES = ("#3d9ad6", "#f0803c", "#2ab58c", "#d98cb9", "#c2ae3c", "#9d8cf0", "#46b3c2", "#c2937a")
"""The same on a dark ground."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
SPLITS = ("test", "train", "validation")
DASHES: tuple[tuple[float, tuple[float, ...] | None], ...] = ((0, None), (0, (6, 2)), (0, (2, 1.5)))
"""A dash a split."""

INK = "#000000"
"""Drawn black, shown in the text's colour."""
GROUND = "#ffffff"
"""Drawn white, shown in the page's colour."""

LIGHT = {"ground": "#ffffff", "ink": "#1f2328", "muted": "#59636e", "rule": "#d1d9e0", "link": "#0969da"}
DARK = {"ground": "#0d1117", "ink": "#e6edf3", "muted": "#9198a1", "rule": "#30363d", "link": "#58a6ff"}

GRID, TINT = 0.16, 0.12
FAINT = (GRID, TINT)
"""Opacity of lines of a grid, and of areas whose edges are drawn besides."""
FINE = 0.65
"""Opacity of thin lines in ink that mean something."""


def dash_of(split: str) -> int:
    """The dash of the data that a metric is taken on; solid where it is on none of them."""
    return SPLITS.index(split) if split in SPLITS else 0
