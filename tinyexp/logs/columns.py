"""Tables as logs have them, column by column: CSV, TSV, JSON lines and JSON lists.

Nothing is guessed in silence: what was left out or put right, and why, is said with the table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.cells import (
    decimal_points,
    first_pointed,
    first_with_commas,
    first_word,
    number,
    numbers,
    shortly,
)
from tinyexp.logs.log import Column, Repair
from tinyexp.logs.records import records
from tinyexp.logs.separated import MAX_CELLS, Ignored, Separated, Unended, separated

INDICES: Mapping[str, str] = {
    "epoch": "epoch",
    "epochs": "epoch",
    "epoch_num": "epoch",
    "epoch_number": "epoch",
    "epoch_idx": "epoch",
    "round": "epoch",
    "rounds": "epoch",
    "global_step": "step",
    "global_steps": "step",
    "step": "step",
    "steps": "step",
    "_step": "step",
    "train_step": "step",
    "iter": "step",
    "iters": "step",
    "iteration": "step",
    "iterations": "step",
    "global_iter": "step",
    "global_iteration": "step",
    "update": "step",
    "updates": "step",
    "num_updates": "step",
    "it": "step",
    "iter_num": "step",
    "n_iter": "step",
    "num_steps": "step",
    "total_steps": "step",
    "timestep": "step",
    "timesteps": "step",
    "total_timesteps": "step",
    "env_step": "step",
    "env_steps": "step",
    "trainer/global_step": "step",
    "train/global_step": "step",
    "time/total_timesteps": "step",
}
"""Names that a column may have that says where a row stands, and which of the two it is. Of several the first here counts."""
_COUNT = re.compile(r"\s*(?:#|[(\[]\s*(?:#|-|no\.?|nr\.?|count)?\s*[)\]])\s*$", re.IGNORECASE)
"""What tables put behind a name for a count: ``Epoch #``, ``epoch [-]``."""
_SIGNED = re.compile(r"[-+]?\d[\d.,' ]*\s?%?")
"""Numbers with a sign for percent, or between thousands."""
_LOOKED_AT = 10
"""Cells at either end of a column of words, to see whether it has numbers."""


@dataclass(frozen=True)
class Table:
    """A table as it was read."""

    names: tuple[str, ...]
    """Of all columns, in the order in which they first stand."""
    lines: Sequence[int]
    """The line of each row, or its place in a list, from 1."""
    numbers: Mapping[str, Column]
    """The columns that hold numbers, and perhaps gaps."""
    others: Mapping[str, list[Any]]
    """The columns that hold something else: text, truth values, lists."""
    empty: tuple[str, ...] = ()
    """The columns in which nothing stands."""
    begins: tuple[int, ...] = ()
    """The rows before which a header stands again."""
    repairs: tuple[Repair, ...] = ()
    notes: tuple[str, ...] = ()
    passed_over: int = 0
    """Rows of the file that are not here."""

    @property
    def rows_read(self) -> int:
        """All rows of the file."""
        return len(self.lines) + self.passed_over


def table_of(
    text: str,
    where: str,
    *,
    joined: str = "/",
    unended: Unended = "dropped",
    ignored: Ignored | None = None,
) -> Table:
    r"""Read a table of either kind; which it is, its first sign says.

    Parameters
    ----------
    joined
        What stands between the names of nested JSON objects.
    unended
        What becomes of a whole last line without a line end, which may be cut in its last number.
    ignored
        Which rows of another length the trainer is known to write.

    Raises
    ------
    UserError
        It is no table, values would stand under wrong names, or it holds no row.

    >>> table = table_of("epoch,loss,by\n1,0.5,me\n2,,me\n", "metrics.csv")
    >>> table.numbers, table.others
    ({'epoch': [1.0, 2.0], 'loss': [0.5, None]}, {'by': ['me', 'me']})
    """
    if text.lstrip()[:1] in ("{", "["):
        found = records(text, where, joined)
        table = _sorted_out(found.columns, found.lines, tuple(found.repairs))
        passed_over = sum(one.rows for one in found.repairs)
    else:
        cut = separated(text, where, unended=unended, ignored=ignored)
        table = _of_blocks(cut, where)
        passed_over = sum(one.rows for one in cut.repairs)
    if not table.lines:
        raise UserError(
            f"{where}: holds no row. A log has a line of column names, and a row an epoch or step."
        )
    return replace(table, passed_over=passed_over) if passed_over else table


@lru_cache(maxsize=256)  # logs of one program have the same
def index_names(names: tuple[str, ...]) -> tuple[str | None, str | None]:
    """The columns that have the epoch and the step, if there are such.

    >>> index_names(("Iteration", "loss", "global-step")), index_names(("train/epoch", "x"))
    ((None, 'global-step'), (None, None))
    """
    by_key = {_key(name): name for name in reversed(names)}
    found: dict[str, str] = {}
    for key in filter(by_key.__contains__, INDICES):
        found.setdefault(INDICES[key], by_key[key])
    return found.get("epoch"), found.get("step")


def require_index(name: str, table: Table, where: str) -> Column:
    """The column of an index, without gaps. Raises UserError where a cell says no place."""
    if name in table.others:
        row = first_word(table.others[name])
        cell = str(table.others[name][row])[:80]
        raise UserError(
            f"{where}: row {row + 1}: {name} is no number ('{cell}', line {table.lines[row]}). Correct it, or take the line out."
        )
    column = table.numbers.get(name, [None] * len(table.lines))
    for row, place in enumerate(column):
        if place is None or not math.isfinite(place):
            raise UserError(
                f"{where}: row {row + 1}: {name} is empty (line {table.lines[row]}). Every row says where it stands."
            )
    return column


def left_out(table: Table, used: Collection[str] = ()) -> list[str]:
    """A sentence about the columns that hold no numbers and are not used, and one about those that are empty."""
    signed = {
        name: cell
        for name in table.others
        if name and name not in used and (cell := _signed(table.others[name]))
    }
    words = [name or "one without a name" for name in table.others if name not in used and name not in signed]
    words += ["one without a name"] if "" in table.numbers else []  # such as pandas' own index
    nothing = [name for name in table.empty if name]
    notes = [f"Left out, as they hold no numbers: {shortly(words)}."] if words else []
    if signed:
        first = next(iter(signed))
        notes.append(
            f"Left out, as numbers are written with other signs, such as '{signed[first]}' in {shortly([first])}: {shortly(signed)}. Write "
            "them plainly, as 1250.5."
        )
    return notes + ([f"Without any value: {shortly(nothing)}."] if nothing else [])


def _signed(cells: Sequence[Any]) -> str:
    """The first cell of a column whose first cells are numbers with other signs; empty where they are not."""
    known = [cell.strip() for cell in cells if isinstance(cell, str) and cell.strip()][:_LOOKED_AT]
    return known[0][:40] if known and all(_SIGNED.fullmatch(cell) for cell in known) else ""


def _key(name: str) -> str:
    name = _COUNT.sub("", name)
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _of_blocks(found: Separated, where: str) -> Table:
    blocks, repairs = found.blocks, tuple(found.repairs)
    if len(blocks) == 1 and (plain := blocks[0].plain) is not None:
        columns = dict(zip(blocks[0].names, plain, strict=True))
        return Table(tuple(columns), blocks[0].lines, columns, {}, repairs=repairs)
    lines: list[int] = []
    begins: list[int] = []
    names = dict.fromkeys(name for block in blocks for name in block.names)
    if len(names) * sum(len(block.rows) for block in blocks) > MAX_CELLS:
        raise UserError(f"{where}: has more than {MAX_CELLS:,} values, more than are read at once.")
    cells: dict[str, list[str]] = {name: [] for name in names}
    for block in blocks:
        begins.append(len(lines))
        lines += block.lines
        own = dict(zip(block.names, zip(*block.rows, strict=True), strict=False))
        for name, column in cells.items():
            column.extend(own.get(name) or [""] * len(block.rows))
    with_commas = {} if found.separator == "," else _with_points(cells, lines, where)
    return _sorted_out(
        {**cells, **with_commas}, lines, repairs, tuple(begins[1:]), _told_points(cells, with_commas)
    )


def _with_points(cells: Mapping[str, list[str]], lines: Sequence[int], where: str) -> dict[str, list[str]]:
    """The columns with decimal commas, with points. Raises UserError where a number has a point that may divide thousands."""
    commas = {name: row for name, column in cells.items() if (row := first_with_commas(column)) is not None}
    for name, column in cells.items() if commas else ():
        if (row := first_pointed(column)) is not None:
            other, place = next(iter(commas.items()))
            raise UserError(
                f"{where}: line {lines[row]}: {shortly([name])} is '{column[row].strip()[:40]}', and {shortly([other])} is "
                f"'{cells[other][place].strip()[:40]}' in line {lines[place]}: whether that point divides thousands or is a decimal one "
                "cannot be known. Write all numbers with decimal points, and nothing between thousands."
            )
    return {name: decimal_points(cells[name]) for name in commas}


def _told_points(cells: Mapping[str, list[str]], changed: Collection[str]) -> tuple[str, ...]:
    """What must be said of the columns in which commas and points were changed."""
    commas = [name for name in changed if any("," in cell for cell in cells[name])]
    thousands = [name for name in changed if any("." in cell for cell in cells[name])]
    return (
        *([f"decimal commas are read as points: {shortly(commas)}."] if commas else []),
        *([f"points that divide thousands are left out: {shortly(thousands)}."] if thousands else []),
    )


def _are_numbers(cells: Sequence[Any]) -> bool:
    try:
        numbers(cells)
    except (ValueError, OverflowError):
        return False
    return True


def _sorted_out(
    cells: Mapping[str, list[Any]],
    lines: Sequence[int],
    repairs: tuple[Repair, ...],
    begins: tuple[int, ...] = (),
    notes: tuple[str, ...] = (),
) -> Table:
    """Columns of numbers, of something else, and of nothing."""
    found: dict[str, Column] = {}
    others: dict[str, list[Any]] = {}
    empty: list[str] = []
    indices = index_names((*cells,))
    for name, column in cells.items():
        try:
            values = numbers(column)
        except (ValueError, OverflowError):
            mended = None if name in indices else _mended(column)
            if mended is None:
                others[name] = column
                continue
            values, row, gaps = mended
            told = f"{shortly([name])}: '{str(column[row])[:40]}' in line {lines[row]}"
            repairs += (
                Repair(f"without a number where others have one, and left empty there ({told})", gaps),
            )
        if any(value is not None for value in values):
            found[name] = values
        else:
            empty.append(name)
    return Table(tuple(cells), lines, found, others, tuple(empty), begins, repairs, notes)


def _mended(cells: Sequence[Any]) -> tuple[Column, int, int] | None:
    """A column of numbers with a few words among them: without those, the place of the first, and their number."""
    if not any(_are_numbers([cell]) for cell in (*cells[:_LOOKED_AT], *cells[-_LOOKED_AT:]) if cell):
        return None
    values: Column = []
    words: list[int] = []
    for row, cell in enumerate(cells):
        try:
            values.append(number(cell))
        except (ValueError, OverflowError):
            words.append(row)
            values.append(None)
    known = sum(value is not None for value in values)
    return (values, words[0], len(words)) if known > len(words) else None
