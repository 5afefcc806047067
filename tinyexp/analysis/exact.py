"""Sums and logarithms whose bits are the same on every machine, so that a report's bytes are.

A sum by BLAS, or by ``numpy.sum``, is taken in the order that suits the processor, and its last bits are that
order's. ``math.fsum`` rounds once, whatever the order. Additions, multiplications, divisions and square roots of two
numbers are exact to the last bit by IEEE 754, so numpy does those element by element here; its ``log`` and ``exp``
are not, nor are the C library's, which has one version for each kind of processor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Sequence[float] | NDArray[Any]

_LOGARITHM = Context(prec=30).ln


def total(values: Sequence[float]) -> float:
    """The sum, rounded once; infinite where it is beyond every float.

    >>> total([1e16, 1.0, -1e16])
    1.0
    """
    try:
        return math.fsum(values) + 0.0  # no negative zero: not every Python gives one
    except ValueError:  # infinite ones of both signs
        return math.nan
    except OverflowError:  # on the way or in the end
        return _in_fractions(values)


def mean(values: Values) -> float:
    """The sum, rounded once, over the number of values; NaN of none."""
    kept = _list(values)
    return total(kept) / len(kept) if kept else math.nan


def deviation(values: Values) -> float:
    """The sample standard deviation (n - 1) of two values or more."""
    kept = _list(values)
    middle = mean(kept)
    return math.sqrt(total([(value - middle) * (value - middle) for value in kept]) / (len(kept) - 1))


def dot(a: Values, b: Values) -> float:
    """The sum, rounded once, of the products of two lists of equal length, each rounded."""
    return total([x * y for x, y in zip(_list(a), _list(b), strict=True)])


def dots(table: Floats, rows: Floats) -> Floats:
    """:func:`dot` of each row of a table (n, k) with each of some rows (m, k), shape (n, m)."""
    found = np.empty((len(table), len(rows)))
    for place, row in enumerate(rows):
        found[:, place] = [total(products) for products in (table * row).tolist()]
    return found


def column_means(table: Floats) -> tuple[float, ...]:
    """:func:`mean` of each column."""
    return tuple(total(column) / len(table) for column in table.T.tolist())


def folded(table: Floats) -> Floats:
    """The sum of each row of shape (n, k); the table is used up.

    For a hundred thousand rows, where a call for each would take too long: halves are added to each other element by
    element, in an order that only k decides. Not rounded once, as the sums above.
    """
    width = table.shape[1]
    while width > 1:
        half = width // 2
        table[:, :half] += table[:, width - half : width]
        width -= half
    return table[:, 0] if width else np.zeros(len(table))


def logarithms(values: Floats) -> Floats:
    """The natural logarithms of positive numbers, correctly rounded: by decimal arithmetic of thirty digits."""
    return np.array([float(_LOGARITHM(Decimal(value))) for value in values.tolist()], dtype=np.float64)


def _in_fractions(values: Sequence[float]) -> float:
    if not all(map(math.isfinite, values)):
        return sum(values)
    exact = sum(map(Fraction, values))
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _list(values: Values) -> list[float]:
    # Python's floats: fsum takes twice as long over numpy's.
    kept: list[float] = np.asarray(values, dtype=np.float64).tolist()
    return kept
