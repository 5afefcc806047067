"""What must be said of a reading before anything is made of it, in lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tinyexp.logs.grouping import Grouping
from tinyexp.logs.log import LeftOut

_MOST = 20


def log_remarks(grouping: Grouping, left_out: Sequence[LeftOut], others: int) -> list[str]:
    """What was put right, by what and in how many rows; what a reader must know; what was left out, and why.

    Parameters
    ----------
    others
        Files of other kinds.
    """
    repairs: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for one in grouping.placed:
        for repair in one.run.repairs:
            repairs[repair.what] += repair.rows
            runs[repair.what] += 1
        said.update(dict.fromkeys(one.run.notes, 1))
    told = [
        f"{_counted(rows, 'row')} in {_counted(runs[what], 'run')}: {what}." for what, rows in repairs.items()
    ]
    told += [f"{note} ({_counted(count, 'run')})" for note, count in said.items()]
    told += list(grouping.notes)
    told += what_was_left_out(left_out)
    if others:
        told.append(f"{_counted(others, 'file')} of other kinds not looked into.")
    return told


def what_was_left_out(left_out: Sequence[LeftOut]) -> list[str]:
    """A line for each of the first, and how many more there are."""
    told = [f"left out: {one.where}: {one.why}" for one in left_out[:_MOST]]
    if len(left_out) > _MOST:
        told.append(f"left out besides: {len(left_out) - _MOST:,} more.")
    return told


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
