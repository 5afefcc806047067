"""Colours, in one place: what the pictures are drawn with, and what the page shows instead.

Pictures are drawn with fixed colours that stand for roles; the pages' style sheets say how a role
looks on a light and on a dark ground. Every role that carries meaning reaches a contrast of 3:1 on
both grounds, text 4.5:1.
"""

from __future__ import annotations

SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Blue, vermillion, bluish green, reddish purple (Okabe and Ito 2008), told apart by colour-blind readers."""
MARKERS = ("o", "s", "^", "D")
DASHES: tuple[tuple[float, tuple[float, ...] | None], ...] = (
    (0, None),
    (0, (6, 2)),
    (0, (2, 1.5)),
    (0, (7, 2, 1.5, 2)),
)

INK = "#000000"
"""Drawn black, shown in the text's colour."""
GROUND = "#ffffff"
"""Drawn white, shown in the page's colour."""

LIGHT = {"ground": "#ffffff", "ink": "#1f2328", "muted": "#59636e", "rule": "#d1d9e0", "link": "#0969da"}
DARK = {"ground": "#0d1117", "ink": "#e6edf3", "muted": "#9198a1", "rule": "#30363d", "link": "#58a6ff"}
