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


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours ``#rrggbb``, from 1 to 21 (WCAG 2.2, contrast ratio).

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
