"""A log that is a table, as the trainer of commands wants it: a row for each index, which is as written.

Nothing is guessed in silence: what was left out or put right, and why, is said with the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyexp.errors import UserError
from tinyexp.logs.cells import shortly
from tinyexp.logs.columns import index_names, require_index, table_of
from tinyexp.logs.ends import MAX_WORK
from tinyexp.logs.folder import read_text

Row = dict[str, float | None]


@dataclass(frozen=True)
class Log:
    """A log as it was read."""

    index: str
    """``epoch`` or ``step``: the first key of every row."""
    rows: tuple[Row, ...]
    """In the order of the index; every row has every column, None where the log has no value."""
    columns: tuple[str, ...]
    """The index, then the metrics under the names that the log gives them."""
    notes: tuple[str, ...] = ()
    """What was left out or put right, a sentence each."""


def read_table(path: Path, *, whole: bool = True) -> Log:
    """Read a log that a command writes.

    Parameters
    ----------
    whole
        False while somebody is still writing it: a last line without an end is left for later.

    Raises
    ------
    UserError
        It cannot be read, is no such table, has no column that says where a row stands, or stands in no order.
    """
    text = read_text(path)
    if not whole:
        text = text[: text.rfind("\n") + 1]
    return parsed(text, str(path))


def parsed(text: str, where: str) -> Log:
    r"""As :func:`read_table`, from the text.

    >>> log = parsed("epoch,loss\n1,0.5\n2,0.25\n", "metrics.csv")
    >>> log.columns, log.rows[1]
    (('epoch', 'loss'), {'epoch': 2.0, 'loss': 0.25})
    """
    table = table_of(text, where, unended="kept")
    epoch, step = index_names(table.names)
    index, kind = epoch or step, "epoch" if epoch else "step"
    if index is None:
        raise UserError(
            f"{where}: no column says where a row stands. Its columns: {shortly(table.names)}. Name one of them epoch or step."
        )
    places = require_index(index, table, where)
    metrics = {name: column for name, column in table.numbers.items() if name != index}
    rows = [
        {kind: place, **dict(zip(metrics, values, strict=True))}
        for place, *values in zip(places, *metrics.values(), strict=True)
    ]
    dropped = [name or "a column without a name" for name in table.names if name not in table.numbers]
    notes = [f"left out, as they hold no numbers: {shortly(dropped)}."] if dropped else []
    notes += [*table.notes, *(f"{one.rows} rows: {one.what}." for one in table.repairs)]
    return Log(kind, tuple(_merged(rows, kind, where, notes)), (kind, *metrics), tuple(notes))


def _merged(rows: Sequence[Row], kind: str, where: str, notes: list[str]) -> list[Row]:
    """One row for each place: values of one place that stand in several rows, as training and validation do, together."""
    found: dict[float, Row] = {}
    last, over, looked = -math.inf, 0, 0
    for row in rows:
        place = row[kind]
        assert place is not None, "the index has no gaps"
        if place < last:
            looked += len(found)
            if looked > MAX_WORK:
                raise UserError(f"{where}: its {kind}s go back again and again. Write a file for each run.")
            # A run that was resumed from before its end logs some places again: the later attempt counts.
            for later in [other for other in found if other >= place]:
                del found[later]
                over += 1
        last = place
        known = found.setdefault(place, dict.fromkeys(row))
        known.update({name: value for name, value in row.items() if value is not None})
    if over:
        notes.append(f"{over} rows were logged again by a later attempt, which counts.")
    return list(found.values())
