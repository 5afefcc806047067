"""Cells of a table as numbers: what counts as a number, what as missing, and what as neither."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from tinyexp.errors import listed
from tinyexp.logs.log import Column, Value

MISSING = frozenset({"", "na", "n/a", "#n/a", "none", "null", "-", "--"})
"""Words, in small letters, for a value that there is not."""
_NUMBERS = {float, int, type(None)}
_LONG, _MANY = 60, 11
_COMMA = re.compile(
    r"[-+]?(?:(?:\d{1,3}(?:\.\d{3})+|\d*),\d+|[1-9]\d{0,2}(?:\.\d{3}){2,})(?:[eE][-+]?\d+)?", re.ASCII
)
"""A number with a decimal comma, or with points that can only divide thousands."""
_THOUSANDS = re.compile(r"\d\.\d{3}\.\d{3}", re.ASCII)
_POINT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def number(value: object) -> Value:
    """A number, or None where there is none. Raises ValueError or OverflowError where it is something else.

    >>> number(" 0.5"), number("NA"), number("1e-3"), number(2)
    (0.5, None, 0.001, 2.0)
    """
    if value is None:
        return None
    if isinstance(value, str):
        word = value.strip()
        if word.lower() in MISSING:
            return None
        # float() takes 1_000 and the digits of every script, which no trainer writes.
        if "_" in word or not word.isascii():
            raise ValueError(value)
        return float(word)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(str(value)[:80])  # noqa: TRY004 - caught as what is no number
    return float(value)


def numbers(cells: Sequence[Any]) -> Column:
    """A column of numbers. Raises ValueError or OverflowError where a cell is something else."""
    if not is_plain(cells):
        if {*map(type, cells)} <= _NUMBERS:
            return [None if cell is None else float(cell) for cell in cells]
        return [number(cell) for cell in cells]
    try:
        return [float(cell) if cell else None for cell in cells]
    except ValueError:
        return [number(cell) for cell in cells]


def is_plain(cells: Sequence[Any]) -> bool:
    """Whether cells are text in which float() sees no number that a reader would not."""
    try:
        joined = "".join(cells)
    except TypeError:
        return False
    return joined.isascii() and "_" not in joined


def decimal_points(cells: Sequence[str]) -> list[str]:
    """Cells with points where they have decimal commas, and without the points that divide thousands before one.

    >>> decimal_points(["0,25", "1.234,5", "1.234.567", "12.500", "NA"])
    ['0.25', '1234.5', '1234567', '12.500', 'NA']
    """
    return [
        cell.replace(".", "").replace(",", ".") if _COMMA.fullmatch(cell.strip()) else cell for cell in cells
    ]


def first_with_commas(cells: Sequence[str]) -> int | None:
    """The place of the first cell that is a number with a decimal comma, or with points that can only divide thousands.

    >>> first_with_commas(["0.5", "1,5"]), first_with_commas(["0.5", "1.234.567"]), first_with_commas(["0.5", "12.500"])
    (1, 1, None)
    """
    joined = "\n".join(cells)
    if "," not in joined and not _THOUSANDS.search(joined):
        return None
    return next((place for place, cell in enumerate(cells) if _COMMA.fullmatch(cell.strip())), None)


def first_pointed(cells: Sequence[str]) -> int | None:
    """The place of the first cell that is a number with one point, decimal or of thousands, and without a comma."""
    return next(
        (place for place, cell in enumerate(cells) if "." in cell and _POINT.fullmatch(cell.strip())), None
    )


def shortly(names: Collection[str]) -> str:
    """Names for a message, cut where they are very long or many.

    >>> shortly(["epoch", *"abcdefghijklm"])
    'epoch, a, b, c, d, e, f, g, h, i, j and 3 more'
    """
    first = listed(name if len(name) <= _LONG else f"{name[: _LONG - 3]}..." for name in [*names][:_MANY])
    return f"{first} and {len(names) - _MANY} more" if len(names) > _MANY else first


def first_word(cells: Sequence[Any]) -> int:
    """The place of the first cell that is no number."""
    for place, cell in enumerate(cells):
        try:
            number(cell)
        except (ValueError, OverflowError):
            return place
    return 0
