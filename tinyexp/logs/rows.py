"""Values that a log has in some order, put together: a row for each index, and of several attempts the later one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

from tinyexp.errors import UserError
from tinyexp.logs.log import Column, Repair, Value

AGAIN = "logged by an attempt that a later one took the place of"
MAX_CELLS = 50_000_000
"""Rows times metrics of one run."""
MAX_LOOKED_THROUGH = 5_000_000
"""Rows that are looked through because an index went back: a log of a few attempts takes a few times its length."""
SORTED = "standing out of order, though nothing is logged twice: sorted"
TWICE = "logged twice at one index, where the later value counts"


class Entry(NamedTuple):
    """Some values that were logged at one place."""

    epoch: Value
    """Epochs completed, if that is known."""
    step: Value
    values: Mapping[str, Value]


@dataclass
class Rows:
    """The columns of a run."""

    epoch: Column
    step: Column
    metrics: dict[str, Column]
    repairs: tuple[Repair, ...]


class _Row:
    __slots__ = ("epoch", "step", "values")

    def __init__(self, epoch: Value, step: Value) -> None:
        self.epoch, self.step = epoch, step
        self.values: dict[str, Value] = {}


def gathered(entries: Iterable[Entry], by: Literal["epoch", "step"]) -> Rows:
    """One row for each index, in its order.

    Values of one epoch stand together, and so do those of one step. A metric that is logged again at an earlier index
    than before is the sign of a later attempt: what all metrics had from that index on was of the earlier one, and is
    dropped. Logged again at the same index, the later value counts. Both are told as repairs.

    Parameters
    ----------
    by
        The index that rises while one attempt goes on; every entry must have it.

    Raises
    ------
    UserError
        The index goes back so often that these are no attempts.

    >>> told = [Entry(1, None, {"loss": 0.9}), Entry(2, None, {"loss": 0.7}), Entry(2, None, {"acc": 0.5})]
    >>> rows = gathered([*told, Entry(2, None, {"loss": 0.8}), Entry(1, None, {"loss": 0.6})], "epoch")
    >>> rows.epoch, rows.metrics["loss"], [(one.what.split()[1], one.rows) for one in rows.repairs]
    ([1], [0.6], [('twice', 1), ('by', 2)])
    """
    entries = [*entries]
    out_of_order = _stand_out_of_order(entries, by)
    if out_of_order:
        entries.sort(key=lambda entry: (entry.epoch if by == "epoch" else entry.step) or 0.0)
    found = _Gathering(by)
    for entry in entries:
        found.take(entry)
    rows = found.columns()
    return replace(rows, repairs=(Repair(SORTED, out_of_order), *rows.repairs)) if out_of_order else rows


def _stand_out_of_order(entries: Sequence[Entry], by: str) -> int:
    """How often the index goes back where that is no later attempt: nothing is logged twice, and it goes back again and again."""
    index = [entry.epoch if by == "epoch" else entry.step for entry in entries]
    backs = sum(a is not None and b is not None and b < a for a, b in pairwise(index))
    if not backs or (backs < len(index) - 1 and backs <= max(2, len(index) // 4)):
        return 0
    logged = [(at, name) for at, entry in zip(index, entries, strict=True) for name in entry.values]
    return backs if len(set(logged)) == len(logged) else 0


class _Gathering:
    """Rows as entries come."""

    def __init__(self, by: Literal["epoch", "step"]) -> None:
        self.by = by
        self.rows: list[_Row] = []
        self._by_epoch: dict[float, _Row] = {}
        self._by_step: dict[float, _Row] = {}
        self._last: dict[str, float] = {}
        """Where each metric was last logged."""
        self._dropped = self._looked_through = self._twice = 0

    def take(self, entry: Entry) -> None:
        """Put the values of an entry where they belong."""
        index = entry.epoch if self.by == "epoch" else entry.step
        assert index is not None, f"every entry has its {self.by}"
        if any(self._last.get(name, index) > index for name in entry.values):
            self._begin_again(index)
        row = self._row(entry)
        known = row.values
        self._twice += any(
            value is not None and known.get(name) not in (None, value) for name, value in entry.values.items()
        )
        for name, value in entry.values.items():
            if value is not None or name not in row.values:
                row.values[name] = value
            self._last[name] = index

    def _begin_again(self, index: float) -> None:
        """A later attempt: what was logged from its first index on is dropped."""
        self._looked_through += len(self.rows)
        if self._looked_through > MAX_LOOKED_THROUGH:
            raise UserError(
                f"its {self.by}s go back too often for a log of attempts. Sort it, or split it by runs."
            )
        kept = [row for row in self.rows if _index(row, self.by) < index]
        self._dropped += len(self.rows) - len(kept)
        self.rows = kept
        self._by_epoch = {row.epoch: row for row in kept if row.epoch is not None}
        self._by_step = {row.step: row for row in kept if row.step is not None}
        self._last = {}
        for row in kept:
            self._last.update(dict.fromkeys(row.values, _index(row, self.by)))

    def _row(self, entry: Entry) -> _Row:
        """The row of an entry's epoch, else that of its step, else a new one."""
        row = self._by_epoch.get(entry.epoch) if entry.epoch is not None else None
        if row is None and entry.step is not None:
            at_step = self._by_step.get(entry.step)
            if at_step is not None and (at_step.epoch is None or entry.epoch is None):
                row = at_step
        if row is None:
            row = _Row(entry.epoch, entry.step)
            self.rows.append(row)
        if entry.epoch is not None:
            row.epoch = entry.epoch
            self._by_epoch[entry.epoch] = row
        if entry.step is not None:
            row.step = entry.step if row.step is None else max(row.step, entry.step)
            self._by_step[row.step] = row
        return row

    def columns(self) -> Rows:
        """All rows in the order of the index."""
        names = dict.fromkeys(name for row in self.rows for name in row.values)
        if len(self.rows) * len(names) > MAX_CELLS:
            raise UserError(
                f"it has {len(self.rows):,} rows of {len(names):,} metrics, and at most {MAX_CELLS:,} values are read."
            )
        rows = sorted(self.rows, key=lambda row: _index(row, self.by))
        repairs = ((TWICE, self._twice), (AGAIN, self._dropped))
        return Rows(
            epoch=[row.epoch for row in rows],
            step=[row.step for row in rows],
            metrics={name: [row.values.get(name) for row in rows] for name in names},
            repairs=tuple(Repair(what, count) for what, count in repairs if count),
        )


def _index(row: _Row, by: str) -> float:
    index = row.epoch if by == "epoch" else row.step
    assert index is not None
    return index
