"""The epoch whose values are the result of a run that may stop early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from tinyexp.config.trainers import TakenBy

Row = TypeVar("Row", bound=Mapping[str, object])

TAKEN = "taken_epoch"
"""A frame's column: of a run that may stop early the epoch whose values are its result, by held-out images; NaN of others."""


def best_place(values: Sequence[float], *, highest: bool) -> int:
    """Where the best value stands; of equal ones the first.

    >>> best_place([0.5, 0.7, 0.7, 0.6], highest=True), best_place([1.2, 0.9, 1.0], highest=False)
    (1, 1)
    """
    return values.index((max if highest else min)(values))


def result_row(rows: Sequence[Row], by: TakenBy | None) -> Row:
    """The row of the epoch that a run's result is taken from: the last, or the best by what it watches.

    Raises
    ------
    ValueError, KeyError, TypeError
        A row has no number there.
    """
    if by is None:
        return rows[-1]
    return rows[best_place([float(str(row[by.metric])) for row in rows], highest=by.highest)]
