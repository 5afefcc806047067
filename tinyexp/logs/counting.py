"""Whether epochs count from 0 or from 1, where only a log itself can tell: decided for all logs of one program together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinyexp.logs.log import Column, RunLog

FROM_ZERO = "Its epochs count from 0: 1 was added, so that an epoch is how many were completed."
AS_OTHERS = (
    "Logs with the same columns count epochs from 0, and so this one is taken to: 1 was added to each."
)
AS_TRAINER = "It does not begin at 0, but its trainer counts epochs from 0: 1 was added to each."
ONE_FURTHER = "It begins at epoch 1 and ends one further than logs with the same columns that begin at 0: its epochs are as written."
ELSEWHERE = (
    "It begins at epoch 1, and logs elsewhere with the same columns begin at 0: its epochs are as written."
)
UNKNOWN = "Its first epoch is {first:g}: whether epochs count from 0 cannot be told, and they are as written."
BEFORE = "Its epoch 0 has nothing of training and stands before the first epoch: epochs are as written."


@dataclass(frozen=True)
class TableLog(RunLog):
    """A log whose epochs are as written, until :func:`counted` has seen the others."""

    header: str = ""
    """Logs with the same one were written by one program."""
    from_zero: bool | None = None
    """Whether epochs count from 0; None where the log alone does not say it."""
    trainer_from_zero: bool = False
    """Whether the trainer whose log this seems to be counts from 0."""


def begins_at_zero(epoch: Column, metrics: Mapping[str, Column]) -> bool | None:
    """Whether epochs count from 0, as far as a log alone says it.

    An epoch 0 in which every metric of training is missing is an evaluation before the first epoch; fractions of epochs
    are of epochs completed.

    >>> begins_at_zero([0, 1], {"loss": [3, 2]}), begins_at_zero([0, 1], {"train/loss": [None, 2]})
    (True, False)
    """
    known = [one for one in epoch if one is not None]
    if not known or not all(map(float.is_integer, map(float, known))):
        return False
    if min(known) != 0:
        return None
    training = [
        column for name, column in metrics.items() if "train" in name.lower() or name.lower() == "loss"
    ]
    at_zero = [row for row, one in enumerate(epoch) if one == 0]
    later = [row for row, one in enumerate(epoch) if one != 0]
    if training and later and all(column[row] is None for column in training for row in at_zero):
        return any(all(column[row] is None for row in later) for column in training)
    return True


def counted(logs: Sequence[RunLog]) -> list[RunLog]:
    """All logs with epochs as completed: where one with the same header begins at 0, all of them count from 0."""
    ends: dict[str, Counter[float]] = defaultdict(Counter)
    near: dict[tuple[str, Path], Counter[float]] = defaultdict(Counter)
    for log in logs:
        if isinstance(log, TableLog) and log.from_zero:
            last = max((one for one in log.epoch if one is not None), default=0.0)
            ends[log.header][last] += 1
            near[log.header, _place(log)][last] += 1
    return [_counted(log, ends[log.header], near) if isinstance(log, TableLog) else log for log in logs]


def _place(log: RunLog) -> Path:
    """Where logs of one study lie: in one folder, or in folders beside each other."""
    return log.files[0].parent.parent


def _counted(log: TableLog, ends: Counter[float], near: Mapping[tuple[str, Path], Counter[float]]) -> RunLog:
    known = [one for one in log.epoch if one is not None]
    if log.from_zero is False or not known:
        return log
    note, shift = "" if log.trainer_from_zero else FROM_ZERO, 1
    if not log.from_zero:
        first = min(known)
        beside = near[log.header, _place(log)] if ends else ends
        note, shift = _as_others(log, first, max(known), ends if first > 1 else beside)
        if ends and first == 1 and not beside:
            note = ELSEWHERE
    if not shift and not note:
        return log
    epoch: Column = [None if one is None else one + shift for one in log.epoch]
    return replace(log, epoch=epoch, notes=(*log.notes, note) if note else log.notes)


def _as_others(log: TableLog, first: float, last: float, ends: Counter[float]) -> tuple[str, int]:
    """What is said of a log that does not begin at 0, and what is added to its epochs."""
    if ends:
        usual = max(ends, key=lambda one: (ends[one], one))
        return (ONE_FURTHER, 0) if first == 1 and last == usual + 1 else (AS_OTHERS, 1)
    if first > 1 and log.trainer_from_zero:
        return AS_TRAINER, 1
    return (UNKNOWN.format(first=first), 0) if first > 1 or log.trainer_from_zero else ("", 0)
