"""Rows of trackers that know only steps, where a metric named ``epoch`` says which epoch a row belongs to.

Trainers count epochs from 0 or from 1, and log the number with every batch or with the epoch's end alone. A metric that
is logged once an epoch belongs to its end; one that is logged more often stays where its step is. Where it cannot be
told from what the numbers count, they stay a metric, and the epoch is not known.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tinyexp.logs.log import Column, Value
from tinyexp.logs.series import StepTable, bound_cells, rows_of

Row = Mapping[str, Value]
UNFINISHED = (
    "the last epoch that was logged lacks metrics which every other has: it was not counted as completed, and its rows "
    "have no epoch."
)


@dataclass
class Columns:
    """The columns of a run, and what was decided about its epochs."""

    epoch: Column
    step: Column
    metrics: dict[str, Column]
    notes: tuple[str, ...] = ()


class _Counted(NamedTuple):
    """What the numbers of a metric ``epoch`` count."""

    name: str
    added: int
    """To make epochs completed of them."""
    note: str
    whole: bool = True


def with_epochs(steps: Column, rows: Sequence[Row], where: Path, *, from_zero: bool = False) -> Columns:
    """Columns of rows in their order, with the epochs that a metric named ``epoch`` tells.

    Parameters
    ----------
    from_zero
        Whether it is known that epochs count from 0.

    >>> rows = [{"epoch": 0, "loss": 0.9}, {"epoch": 0, "acc": 0.5}, {"epoch": 1, "loss": 0.7, "acc": 0.6}]
    >>> found = with_epochs([0, 1, 2], rows, Path("run"))
    >>> found.epoch, found.step, found.metrics
    ([1, 2], [1, 2], {'loss': [0.9, 0.7], 'acc': [0.5, 0.6]})
    """
    bound_cells(len(rows), len({name for row in rows for name in row}), where)
    index = epoch_name(name for row in rows for name in row)
    if index is None:
        return columns([None] * len(rows), steps, rows)
    logged = [row.get(index) for row in rows]
    counted = _counted(index, [one for one in logged if one is not None], from_zero=from_zero)
    if isinstance(counted, str):
        return columns([None] * len(rows), steps, rows, counted)
    often = _often(logged, rows) | {index}
    ends = _ends(logged, rows, often)
    notes = [counted.note]
    if counted.whole and _is_unfinished(list(ends.values())):
        ends.popitem()
        notes.append(UNFINISHED)
    epochs: Column = []
    kept_steps: Column = []
    kept: list[Row] = []
    for place, (one, step, row) in enumerate(zip(logged, steps, rows, strict=True)):
        end = ends.get(one)
        own = {name: value for name, value in row.items() if name in often or end is None}
        own.pop(index, None)
        is_end = end is not None and end.place == place
        if own or is_end:
            epochs.append(one + counted.added if is_end and one is not None else None)
            kept_steps.append(step)
            kept.append({**own, **end.values} if end is not None and is_end else own)
    return columns(epochs, kept_steps, kept, *notes)


def columns_of(table: StepTable, where: Path, *, from_zero: bool = False) -> Columns:
    """Columns of a table by step, with the epochs that a metric named ``epoch`` tells."""
    if epoch_name(table.metrics) is None:
        return Columns([None] * len(table.steps), table.steps, table.metrics)
    return with_epochs(table.steps, rows_of(table.metrics, len(table.steps)), where, from_zero=from_zero)


def epoch_name(names: Iterable[str]) -> str | None:
    """The metric that says the epoch: ``epoch`` itself, else the only one whose name ends so, as ``train/epoch``."""
    known = dict.fromkeys(names)
    if "epoch" in known:
        return "epoch"
    ending = [name for name in known if name.replace(".", "/").rsplit("/", 1)[-1].lower() == "epoch"]
    return ending[0] if len(ending) == 1 else None


def columns(epochs: Column, steps: Column, rows: Sequence[Row], *notes: str) -> Columns:
    """Rows as columns, each as long as the others."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    metrics = {name: [row.get(name) for row in rows] for name in names}
    return Columns(list(epochs), list(steps), metrics, notes)


def _counted(name: str, logged: Sequence[float], *, from_zero: bool) -> _Counted | str:
    """From what the numbers count; a sentence where that cannot be told."""
    distinct = sorted(set(logged))
    strides = {later - one for one, later in pairwise(distinct)}
    if not all(math.isfinite(one) and one >= 0 for one in logged) or not logged:
        why = "not all of its values are numbers of epochs."
    elif any(later < one for one, later in pairwise(logged)):
        why = "its values go back without a resume."
    elif any(one != int(one) for one in logged):
        return _Counted(name, 0, f"'{name}' is the epoch of each row, as a fraction.", whole=False)
    elif distinct[0] == 0 or from_zero:
        return _Counted(name, 1, f"'{name}' counts from 0: 1 was added, which makes epochs completed of it.")
    elif distinct == [1] or strides == {distinct[0]}:
        return _Counted(name, 0, f"'{name}' counts from 1, and is the number of epochs completed.")
    else:
        why = f"it begins at {distinct[0]:g}, and whether it counts from 0 or from 1 cannot be told."
    return f"'{name}' stays a metric, and the epoch of a row is not known: {why}"


def _often(logged: Sequence[Value], rows: Sequence[Row]) -> set[str]:
    """Metrics that are logged more than once an epoch, or may be, as Lightning says with ``_step``."""
    seen = Counter(
        (one, name) for one, row in zip(logged, rows, strict=True) if one is not None for name in row
    )
    often = {name for (_, name), count in seen.items() if count > 1}
    return often | {name for row in rows for name in row if name.endswith("_step")}


@dataclass
class _End:
    """The end of an epoch: its last row that has a metric which is logged once an epoch, and all of those."""

    place: int
    values: dict[str, Value]


def _ends(logged: Sequence[Value], rows: Sequence[Row], often: set[str]) -> dict[Value, _End]:
    found: dict[Value, _End] = {}
    for place, (one, row) in enumerate(zip(logged, rows, strict=True)):
        once = {name: value for name, value in row.items() if name not in often}
        if one is not None and once:
            end = found.setdefault(one, _End(place, {}))
            end.place = place
            end.values.update(once)
    return found


def _is_unfinished(ends: Sequence[_End]) -> bool:
    if len(ends) < 2:
        return False
    always = set.intersection(*(set(end.values) for end in ends[:-1]))
    return not always <= set(ends[-1].values)
