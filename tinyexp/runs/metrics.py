"""The rows of one ``metrics.csv``, held to what a trainer may write; without pandas, which a launcher does not load."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from tinyexp.errors import DamagedError
from tinyexp.runs.records import INTEGER_COLUMNS, header_problem, read_bounded

Row = dict[str, float | None]


def read_metrics(path: Path, columns: tuple[str, ...] | None = None) -> list[Row]:
    """The rows of a metrics.csv; None for an empty cell.

    Parameters
    ----------
    columns
        Those that a trainer of ours writes, an epoch a row; None for a log's own.

    Raises
    ------
    DamagedError
        It cannot be read, or is not what this project writes.
    """
    try:
        lines = list(csv.reader(read_bounded(path).decode().split("\n")))
    except UnicodeDecodeError as error:
        raise DamagedError("is not text.", path) from error
    except csv.Error as error:
        raise DamagedError(f"is no table ({error}).", path) from error
    if not lines or (columns is not None and tuple(lines[0]) != columns):
        raise DamagedError("has other columns than tinyexp writes.", path)
    problem = header_problem(lines[0]) or ("ends inside a line" if lines[-1] else "")
    if problem:
        raise DamagedError(f"{problem}.", path)
    index, before = lines[0][0], -math.inf
    rows = []
    for number, cells in enumerate(lines[1:-1], start=1):
        try:
            row = _row(lines[0], number, cells, planned=columns is not None)
        except ValueError as error:
            raise DamagedError(f"{error}.", path) from error
        value = row[index]
        if value is None or value <= before or (columns is not None and value != number):
            raise DamagedError(f"has {index} {value} in row {number}.", path)
        before = value
        rows.append(row)
    return rows


def _row(columns: list[str], number: int, cells: list[str], *, planned: bool) -> Row:
    """A line's values by column; a ValueError says what is wrong with it."""
    if len(cells) != len(columns):
        raise ValueError(f"has {len(cells)} values in row {number} and not {len(columns)}")
    row: Row = {}
    for name, cell in zip(columns, cells, strict=True):
        may_be_empty = name.startswith("val_") or not planned
        try:
            value = None if not cell and may_be_empty else float(cell)
        except ValueError as error:
            raise ValueError(f"has no number in row {number}, column {name}") from error
        # A log may say that a loss is no number; of our own trainer's rows none can be.
        odd = value is not None and (not math.isfinite(value) or (name in INTEGER_COLUMNS and value % 1 != 0))
        if odd and (planned or name == columns[0]):
            raise ValueError(f"has {value} in row {number}, column {name}")
        row[name] = value
    return row
