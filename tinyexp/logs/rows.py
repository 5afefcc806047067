"""Values that a log has in some order, put together: a row for each index, and of several attempts the later one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tinyexp.errors import UserError
from tinyexp.logs.log import Column, Repair, Value

AGAIN = "logged by an attempt that a later one took the place of"
MAX_LOOKED_THROUGH = 5_000_000
"""Rows that are looked through because an index went back: a log of a few attempts takes a few times its length."""
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
    by_epoch: dict[float, _Row] = {}
    by_step: dict[float, _Row] = {}
    rows: list[_Row] = []
    last: dict[str, float] = {}
    dropped, twice, looked_through = 0, set[int](), 0
    for epoch, step, values in entries:
        index = epoch if by == "epoch" else step
        assert index is not None, f"every entry has its {by}"
        if any(last.get(name, index) > index for name in values):
            looked_through += len(rows)
            if looked_through > MAX_LOOKED_THROUGH:
                raise UserError(f"its {by}s go back too often for a log of attempts. Sort it, or split it by runs.")
            kept = [row for row in rows if _index(row, by) < index]
            dropped += len(rows) - len(kept)
            rows = kept
            by_epoch = {row.epoch: row for row in rows if row.epoch is not None}
            by_step = {row.step: row for row in rows if row.step is not None}
            last = {}
            for one in rows:
                last.update(dict.fromkeys(one.values, _index(one, by)))
        row = by_epoch.get(epoch) if epoch is not None else None
        if row is None and step is not None:
            at_step = by_step.get(step)
            if at_step is not None and (at_step.epoch is None or epoch is None):
                row = at_step
        if row is None:
            row = _Row(epoch, step)
            rows.append(row)
        if epoch is not None:
            row.epoch = epoch
            by_epoch[epoch] = row
        if step is not None:
            row.step = step if row.step is None else max(row.step, step)
            by_step[row.step] = row
        for name, value in values.items():
            known = row.values.get(name)
            if known is not None and value is not None and known != value:
                twice.add(id(row))
            if value is not None or name not in row.values:
                row.values[name] = value
            last[name] = index
    rows.sort(key=lambda row: _index(row, by))
    repairs = [Repair(what, count) for what, count in ((TWICE, len(twice)), (AGAIN, dropped)) if count]
    names = dict.fromkeys(name for row in rows for name in row.values)
    return Rows(
        epoch=[row.epoch for row in rows],
        step=[row.step for row in rows],
        metrics={name: [row.values.get(name) for row in rows] for name in names},
        repairs=tuple(repairs),
    )


def _index(row: _Row, by: str) -> float:
    index = row.epoch if by == "epoch" else row.step
    assert index is not None
    return index
