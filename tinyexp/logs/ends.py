"""Which epochs a log's rows stand at, where it has steps too: in the middle of an epoch, or at its end.

A column ``epoch`` beside a column ``step`` says in which epoch a row was written, which is not how many were completed.
Completed is an epoch at the last of its steps, and which one that is follows from the lengths of the epochs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import ge, gt, lt

from tinyexp.errors import UserError
from tinyexp.logs.log import Column, Value
from tinyexp.logs.rows import Entry, Rows, gathered

MAX_WORK = 50_000_000
"""Rows times how often their index goes back: more is no log."""
NO_END = "No row of it surely stands at the end of an epoch: how many epochs were completed is not known."
_ONCE = frozenset({"val", "valid", "validation", "dev", "eval", "evaluation", "test", "epoch"})
"""Parts of the names of metrics that are taken when an epoch has been completed."""


@dataclass(frozen=True)
class Ends:
    """Where epochs end."""

    complete: Collection[float]
    """The epochs, as logged, whose last row stands at their end."""
    from_zero: bool | None
    """Whether epochs count from 0; None where nothing says it."""
    is_regular: bool = False
    """Whether the lengths of the epochs say so."""


def is_once(name: str) -> bool:
    """Whether a metric is by its name one of whole epochs.

    >>> [name for name in ("val_loss", "train_loss_epoch", "train_loss", "Test/acc") if is_once(name)]
    ['val_loss', 'train_loss_epoch', 'Test/acc']
    """
    return not _ONCE.isdisjoint(re.split(r"[^a-z]+", name.lower()))


def ends_of(
    logged: Sequence[Value],
    steps: Sequence[Value],
    metrics: Mapping[str, Column],
    *,
    from_zero: bool | None = None,
) -> Ends:
    """Find the epochs whose end is logged.

    The end of epoch e, counted from 0, is at the step L (e + 1) - 1, or L (e + 1) where steps count from 1, for one length
    L; two epochs must agree in it. Where none fits, epochs differ in length, and then a validation after the last step of
    an epoch shows its end.

    Parameters
    ----------
    logged, steps
        Of each row as in the log; rows that lack either say nothing.
    from_zero
        Whether epochs count from 0, if that is known.
    """
    last: dict[float, float] = {}
    for epoch, step in zip(logged, steps, strict=True):
        if epoch is not None and step is not None:
            last[epoch] = max(step, last.get(epoch, step))
    if not last:
        return Ends((), from_zero)
    if from_zero is None and min(last) < 1:
        from_zero = True
    for base in (1, 0) if from_zero is None else (1,) if from_zero else (0,):
        complete, length = _regular(last, base)
        # One step an epoch fits either way, where both count from 1.
        if complete and (from_zero is not None or base == 0 or length > 1):
            return Ends(complete, base == 1, is_regular=True)
    return Ends(_shown(last, logged, steps, metrics), from_zero)


def _regular(last: Mapping[float, float], base: int) -> tuple[set[float], float]:
    """The complete epochs and their length, where all but the last one, and at least two, agree in it; else none."""
    epochs = sorted(last)
    for offset in (1, 0):
        lengths = [(last[epoch] + offset) / (epoch + base) for epoch in epochs if epoch + base > 0]
        length = lengths[0] if lengths else 0.5
        alike = sum(one == length for one in lengths)
        if alike >= max(2, len(epochs) - 1) and lengths[-2] == length and length.is_integer():
            return {epoch for epoch in epochs if last[epoch] + offset == length * (epoch + base)}, length
    return set(), 0


def _shown(
    last: Mapping[float, float],
    logged: Sequence[Value],
    steps: Sequence[Value],
    metrics: Mapping[str, Column],
) -> set[float]:
    """The epochs at whose last step a metric of whole epochs stands; none where that is at equal distances in mid-epoch."""
    epochs = sorted(last)
    each = {(last[b] - last[a]) / (b - a) for a, b in pairwise(epochs)}
    between = {last[b] - last[a] for a, b in pairwise(epochs)}
    if len(epochs) > 2 and 1 in (len(each), len(between)):
        return set()
    complete, only_once = set[float](), set[float]()
    for name, column in metrics.items():
        if not is_once(name):
            continue
        seen: dict[float, set[float]] = defaultdict(set)
        for epoch, step, value in zip(logged, steps, column, strict=True):
            if value is not None and epoch is not None and step is not None:
                seen[epoch].add(step)
        at_end = {epoch for epoch, own in seen.items() if last[epoch] in own}
        complete |= at_end
        if all(len(own) == 1 for own in seen.values()):
            only_once |= at_end
    # The last epoch may be cut: with two epochs nothing says how long it is, and what stands in it several times is no end.
    if len(epochs) == 2 or epochs[-1] not in only_once:
        complete.discard(epochs[-1])
    return complete


def completed(
    epoch: Column,
    order: Sequence[float],
    metrics: Mapping[str, Column],
    *,
    from_zero: bool | None = None,
    strict: bool = False,
    also: Collection[float] = (),
) -> tuple[Column, bool | None]:
    """Of each row the epoch, as logged, if it was complete there; and whether epochs count from 0, as :class:`Ends`.

    Parameters
    ----------
    order
        The steps, or what else rises.
    strict
        False where a log with one step an epoch has it at the end of each.
    also
        Epochs that are complete at their last step unless their lengths say something else.
    """
    places: dict[float, set[float]] = defaultdict(set)
    for one, place in zip(epoch, order, strict=True):
        if one is not None:
            places[one].add(place)
    ends = ends_of(epoch, order, metrics, from_zero=from_zero)
    if not strict and all(len(own) == 1 for own in places.values()):
        return epoch, ends.from_zero
    complete = {*ends.complete, *(() if ends.is_regular else also)}
    last = {one: max(own) for one, own in places.items() if one in complete}
    return [
        one if one is not None and last.get(one) == place else None
        for one, place in zip(epoch, order, strict=True)
    ], ends.from_zero


def rows_of(
    epoch: Column, step: Column, metrics: Mapping[str, Column], where: str, order: Sequence[float] = ()
) -> Rows:
    """One row for each index: as they stand where the index rises, else gathered.

    Parameters
    ----------
    epoch, step
        Of each row; every row has an epoch, or every row a step or ``order``.
    order
        What rises while an attempt goes on, where that is neither.

    Raises
    ------
    UserError
        The index goes back so often that this is no log of a run.
    """
    by_epoch = not order and None not in epoch
    index = [one for one in order or (epoch if by_epoch else step) if one is not None]
    assert len(index) == len(epoch), "every row has an index"
    if (rows := _in_order(index, epoch, step, metrics)) is not None:
        return rows
    backs = sum(b < a for a, b in pairwise(index))
    if backs * len(index) > MAX_WORK:
        raise UserError(
            f"{where}: its epochs or steps go back {backs:,} times. Write a file for each run, or a column run that tells them apart."
        )
    entries = [
        Entry(epoch[row], step[row] if by_epoch else index[row], _values(metrics, row))
        for row in range(len(index))
    ]
    rows = gathered(entries, "epoch" if by_epoch else "step")
    if order:
        as_logged = dict(zip(order, step, strict=True))
        rows.step = [None if place is None else as_logged[place] for place in rows.step]
    rows.metrics = {name: rows.metrics[name] for name in metrics if name in rows.metrics}
    return rows


def _in_order(
    index: Sequence[float], epoch: Column, step: Column, metrics: Mapping[str, Column]
) -> Rows | None:
    """Rows put together where the index never goes back and no value stands twice at one; else None."""
    places: Sequence[int] = range(len(index))
    if not all(map(lt, index, index[1:])):
        if any(map(gt, index, index[1:])):
            return None
        places = list(accumulate(map(lt, index, index[1:]), initial=0))
    epochs, steps = _at_places(places, epoch), _at_places(places, step, last_counts=True)
    found = {name: _at_places(places, column) for name, column in metrics.items()}
    if epochs is None or steps is None:
        return None
    known = [one for one in epochs if one is not None]
    if any(map(ge, known, known[1:])):
        return None
    columns = {name: column for name, column in found.items() if column is not None}
    return Rows(epochs, steps, columns, ()) if len(columns) == len(found) else None


def _at_places(places: Sequence[int], column: Column, *, last_counts: bool = False) -> Column | None:
    """A column's values at the places of its rows; None where two differ at one place."""
    if len(places) == places[-1] + 1:
        return column
    found: Column = [None] * (places[-1] + 1)
    for place, value in zip(places, column, strict=True):
        if value is not None:
            if not last_counts and found[place] is not None and found[place] != value:
                return None
            found[place] = value
    return found


def _values(metrics: Mapping[str, Column], row: int) -> dict[str, Value]:
    return {name: column[row] for name, column in metrics.items() if column[row] is not None}
