"""Rows of a table that say where they stand, by an epoch, a step or both; and what stands in rows that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.cells import shortly
from tinyexp.logs.columns import Table, index_names, require_index
from tinyexp.logs.log import Column, Repair
from tinyexp.logs.long import constants, last_part

WITHIN = "'{name}' counts within an epoch: it stands as the step, and begins again in each epoch."
_BATCHES = frozenset(
    {"batch", "batches", "batch_idx", "batch_index", "batch_id", "batch_num", "minibatch", "mini_batch", "i"}
)
"""Columns that count inside an epoch, where they rise in it."""
UNPLACED = "without an epoch or step, and left out: {names}"


@dataclass
class Placed:
    """The rows, column by column."""

    epoch: Column
    """As written; None where a row has none."""
    step: Column
    numbers: dict[str, Column]
    others: dict[str, list[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """From rows before the first that has an index, as of a line that only has settings."""
    repairs: tuple[Repair, ...] = ()
    """About rows without an index."""
    notes: tuple[str, ...] = ()

    def of(self, rows: Sequence[int]) -> Placed:
        """Some of the rows."""
        if len(rows) == len(self.epoch):
            return self
        return Placed(
            [self.epoch[row] for row in rows],
            [self.step[row] for row in rows],
            {name: [column[row] for row in rows] for name, column in self.numbers.items()},
            {name: [column[row] for row in rows] for name, column in self.others.items()},
            self.settings,
            notes=self.notes,
        )


def placed(table: Table, where: str) -> Placed:
    """The rows with an index. Raises UserError where there is none, or an index that is no number."""
    epoch, step = index_names(table.names)
    if epoch is None and step is None:
        raise UserError(
            f"{where}: no column says where a row stands. Its columns: {shortly(table.names)}. Name one of them epoch or step."
        )
    for name in (epoch, step):
        if name is not None and name in table.others:
            require_index(name, table, where)  # which names the line
    notes: tuple[str, ...] = ()
    if epoch is not None:
        within = step or next((name for name in table.numbers if last_part(name) in _BATCHES), None)
        if within is not None and _rises_within(table.numbers.get(epoch), table.numbers.get(within)):
            step, notes = within, (WITHIN.format(name=within),)
    every = Placed(
        _finite(table, epoch),
        _finite(table, step),
        {name: column for name, column in table.numbers.items() if name not in ("", epoch, step)},
        {name: column for name, column in table.others.items() if name},
        notes=notes,
    )
    if None not in every.epoch or None not in every.step:
        return every
    kept = [
        row
        for row, (one, other) in enumerate(zip(every.epoch, every.step, strict=True))
        if one is not None or other is not None
    ]
    if not kept:
        raise UserError(f"{where}: holds no row: none has an epoch or a step.")
    return _without_others(every, kept) if len(kept) < len(every.epoch) else every


def _rises_within(epochs: Column | None, column: Column | None) -> bool:
    """Whether a column rises from row to row of an epoch, and begins again with the next."""
    rows = [
        (epoch, one)
        for epoch, one in zip(epochs or (), column or (), strict=False)
        if epoch is not None and one is not None
    ]
    inside = [a[1] < b[1] for a, b in pairwise(rows) if a[0] == b[0]]
    between = [a[1] >= b[1] for a, b in pairwise(rows) if a[0] != b[0]]
    return 2 * sum(inside) > len(inside) and 2 * sum(between) > len(between) > 0


def _finite(table: Table, name: str | None) -> Column:
    column = table.numbers.get(name) if name else None
    if column is None:
        return [None] * len(table.lines)
    if None not in column and all(map(isfinite, column)):  # type: ignore[arg-type]
        return column
    return [one if one is not None and isfinite(one) else None for one in column]


def _without_others(every: Placed, kept: Sequence[int]) -> Placed:
    found = every.of(kept)
    gone = sorted({*range(len(every.epoch))}.difference(kept))
    before = {
        name: column for name, column in {**every.numbers, **every.others}.items() if not _has(column, kept)
    }
    found.settings = constants(before, range(kept[0]))
    found.numbers = {name: column for name, column in found.numbers.items() if name not in before}
    found.others = {name: column for name, column in found.others.items() if name not in before}
    lost = {
        name: [row for row in gone if column[row] not in (None, "")]
        for name, column in {**every.numbers, **every.others}.items()
        if name not in found.settings
    }
    rows = {row for own in lost.values() for row in own}
    if rows:
        names = shortly([name for name, own in lost.items() if own])
        found.repairs = (Repair(UNPLACED.format(names=names), len(rows)),)
    return found


def _has(column: Sequence[Any], rows: Sequence[int]) -> bool:
    return any(column[row] not in (None, "") for row in rows)


def order_of(rows: Placed) -> list[float]:
    """What rises in each run: the epoch or the step, or where steps begin again in each epoch both."""
    for alone, other in ((rows.epoch, rows.step), (rows.step, rows.epoch)):
        if other.count(None) == len(other):
            return [place for place in alone if place is not None]
    spans: dict[float, tuple[float, float]] = {}
    for epoch, step in zip(rows.epoch, rows.step, strict=True):
        if epoch is not None and step is not None:
            low, high = spans.get(epoch, (step, step))
            spans[epoch] = min(low, step), max(high, step)
    pairs = list(pairwise(sorted(spans)))
    again = sum(spans[b][0] <= spans[a][1] for a, b in pairs)
    filled: list[tuple[float, float]] = []
    at = (0.0, 0.0)
    for epoch, step in zip(rows.epoch, rows.step, strict=True):
        at = (at[0] if epoch is None else epoch, at[1] if step is None else step)
        filled.append(at)
    if 2 * again <= len(pairs):
        return [step for _, step in filled]
    ranks = {place: float(rank) for rank, place in enumerate(sorted(set(filled)))}
    return [ranks[place] for place in filled]
