"""What a run cost in time and memory, as its ``timing.csv`` has it: measured on one machine, and no part of any result."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from statistics import median

from tinyexp.errors import DamagedError
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import read_bounded

COST_COLUMNS = ("train_seconds", "peak_memory_mb")
"""What a frame of runs calls them; see :class:`RunCost`."""


@dataclass(frozen=True)
class RunCost:
    """One run; NaN where it is not recorded."""

    train_seconds: float = math.nan
    """Seconds of an epoch's steps: the median over the epochs, as other work on the machine slows some of them."""
    peak_memory_mb: float = math.nan
    """Millions of bytes that an epoch's steps needed beyond what the process held before: the median over the epochs, as the
    first one of a process also loads code."""


def read_cost(folder: RunFolder) -> RunCost:
    """What was measured; nothing where there is no such record, or it is not as ours are."""
    try:
        content = read_bounded(folder.timing).decode()
        rows = list(csv.DictReader(content.splitlines()))
    except (DamagedError, UnicodeDecodeError, csv.Error):
        return RunCost()
    seconds, memory = _numbers(rows, "train_s"), _numbers(rows, "peak_memory_mb")
    return RunCost(*(median(values) if values else math.nan for values in (seconds, memory)))


def _numbers(rows: list[dict[str, str]], column: str) -> list[float]:
    """The numbers of a column that measures can be."""
    found = []
    for row in rows:
        try:
            value = float(row.get(column) or "nan")
        except (TypeError, ValueError):
            continue
        if 0 <= value < math.inf:
            found.append(value)
    return found
