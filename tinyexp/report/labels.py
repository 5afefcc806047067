"""Labels that stand beside lines: kept apart, broken into short lines, cut where endless."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from functools import cache

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Centres as near to ``wanted`` as they can be without overlapping or leaving ``low`` to ``high``.

    Neighbours that would overlap are joined into a block whose centre is the mean of what its members
    want (pool adjacent violators). Blocks that do not fit between the bounds are stacked from ``low``.

    >>> spread([10, 11], [4, 4], 0, 100)
    [8.5, 12.5]
    """
    order = sorted(range(len(wanted)), key=lambda place: (wanted[place], place))
    blocks: list[list[int]] = []
    for place in order:
        blocks.append([place])
        while len(blocks) > 1 and _overlap(blocks[-2], blocks[-1], wanted, sizes, low, high):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    centres = [0.0] * len(wanted)
    for block in blocks:
        edge = _start(block, wanted, sizes, low, high)
        for place in block:
            centres[place] = edge + sizes[place] / 2
            edge += sizes[place]
    return centres


def wrapped(text: str, width: int = 15, lines: int = 2) -> str:
    """A label in at most so many short lines, with an ellipsis where it was longer."""
    return "\n".join(
        textwrap.wrap(text, width, max_lines=lines, placeholder="\u2026", break_on_hyphens=False) or [""]
    )


def fitted(text: str, width: float, size: float) -> str:
    """A line that takes at most so many points, with an ellipsis where it was longer.

    >>> fitted("Test accuracy (%)", 200, 13), fitted("Test accuracy (%)", 60, 13)
    ('Test accuracy (%)', 'Test ac…')
    """
    if text_width(text, size) <= width:
        return text
    kept = text
    while kept and text_width(f"{kept}…", size) > width:
        kept = kept[:-1].rstrip()
    return f"{kept}…"


def text_width(text: str, size: float) -> float:
    """The width in points of the widest line, in the font that matplotlib carries with it."""
    widths = [_line_width(line, size) for line in text.split("\n")]
    return max(widths, default=0.0)


@cache
def _line_width(line: str, size: float) -> float:
    # The carried font is wider than the fonts that pages are shown in, so this errs on the safe side.
    # Letters that it lacks would warn and measure as a box; an em each is as good a guess.
    known = "".join(sign if sign.isascii() else "m" for sign in line).replace("$", "S")
    if not known.strip():
        return 0.0
    return _extent(TextPath((0, 0), known, size=size, prop=FontProperties("DejaVu Sans")))


def _extent(path: Path) -> float:
    """From the leftmost to the rightmost point of letters; ``get_extents`` gives the same, a hundred times as slowly.

    A TrueType font draws straight lines and quadratic curves; of a curve its farthest point counts.
    """
    x, codes = np.asarray(path.vertices, dtype=np.float64)[:, 0], path.codes
    assert codes is not None, "letters have outlines"
    middle = np.flatnonzero(codes == Path.CURVE3)[::2]
    start, control, end = x[middle - 1], x[middle], x[middle + 1]
    bend = start - 2 * control + end
    place = np.divide(start - control, bend, out=np.zeros_like(bend), where=bend != 0).clip(0, 1)
    farthest = (1 - place) ** 2 * start + 2 * place * (1 - place) * control + place**2 * end
    on_it = np.isin(codes, (Path.MOVETO, Path.LINETO))
    reached = np.concatenate([x[on_it], end, farthest])
    return float(reached.max() - reached.min())


def _start(
    block: Sequence[int], wanted: Sequence[float], sizes: Sequence[float], low: float, high: float
) -> float:
    """The lower edge of a block: the mean of what its members want, moved between the bounds."""
    total, edge, asked = math.fsum(sizes[place] for place in block), 0.0, 0.0
    for place in block:
        asked += wanted[place] - edge - sizes[place] / 2
        edge += sizes[place]
    return max(low, min(asked / len(block), high - total))


def _overlap(
    below: Sequence[int],
    above: Sequence[int],
    wanted: Sequence[float],
    sizes: Sequence[float],
    low: float,
    high: float,
) -> bool:
    top = _start(below, wanted, sizes, low, high) + math.fsum(sizes[place] for place in below)
    return top > _start(above, wanted, sizes, low, high) + 1e-9
