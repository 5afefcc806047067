"""Any CSV, TSV, JSON-lines file or JSON list that has a column epoch or step, as people's own training loops write them.

Traps: some count epochs from 0 and some from 1; a column ``epoch`` beside a column ``step`` says in which epoch a row
was written, not how many were completed; one file may hold many runs, or training and validation in rows of their own;
settings stand in columns that never change.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.cells import shortly
from tinyexp.logs.columns import Table, index_names, left_out, require_index, table_of
from tinyexp.logs.counting import TableLog, begins_at_zero, counted
from tinyexp.logs.ends import NO_END, completed, rows_of
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.heads import names_in
from tinyexp.logs.log import Column, Repair, RunLog, Value
from tinyexp.logs.long import by_phase, constants, is_setting, phase_of, split

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_PERHAPS = (".json", ".txt", ".log", ".dat")
_UNPLACED = "without an epoch or step, and left out"


def find(folder: Folder) -> list[Unit]:
    """Every file whose beginning has a column of an index, and tables without any byte, which are told of."""
    found = []
    for name in folder.files:
        suffix = Path(name.lower()).suffix
        if suffix not in _TABLES and suffix not in _PERHAPS:
            continue
        head = folder.head(name)
        names = names_in(head)
        is_log = (len(names) > 1 and any(index_names(names))) if head else suffix in _TABLES
        if is_log and (suffix != ".json" or _is_many(head)):
            found.append(Unit(folder.path / name, (folder.path / name,)))
    return found


def _is_many(head: bytes) -> bool:
    """Whether a JSON file holds records: a list, or an object a line. One object alone is a summary."""
    lines = head.strip().split(b"\n", 2)
    return lines[0].startswith(b"[") or (len(lines) > 1 and lines[1].startswith(b"{"))


def read(unit: Unit) -> list[RunLog]:
    """The runs of a table; whether their epochs count from 0 is decided when all logs were read."""
    path = unit.files[0]
    text = read_text(path)
    table = table_of(text, str(path), joined=".")
    rows = _placed(table, path)
    header = listed(table.names) if text.lstrip()[:1] in ("{", "[") else text.partition("\n")[0].strip()
    parts = split(_order(rows), {**rows.numbers, **rows.others}, list(rows.others))
    return [
        _log(unit, table, rows.of(part.rows), part.settings, header[:2000], alone=len(parts) == 1)
        for part in parts
    ]


@dataclass
class _Rows:
    """Rows of a table that have an index."""

    epoch: Column
    step: Column
    numbers: dict[str, Column]
    others: dict[str, list[Any]]
    settings: dict[str, Any]
    """From rows before the first that has an index."""

    def of(self, rows: Sequence[int]) -> _Rows:
        """Some of them."""
        if len(rows) == len(self.epoch):
            return self
        return _Rows(
            [self.epoch[row] for row in rows],
            [self.step[row] for row in rows],
            {name: [column[row] for row in rows] for name, column in self.numbers.items()},
            {name: [column[row] for row in rows] for name, column in self.others.items()},
            self.settings,
        )


def _placed(table: Table, path: Path) -> _Rows:
    epoch, step = index_names(table.names)
    if epoch is None and step is None:
        raise UserError(
            f"{path}: no column says where a row stands. Its columns: {shortly(table.names)}. Name one of them epoch or step."
        )
    for name in (epoch, step):
        if name is not None and name in table.others:
            require_index(name, table, str(path))  # which names the line
    nothing: Column = [None] * len(table.lines)
    rows = _Rows(
        [one if _is_place(one) else None for one in table.numbers.get(epoch or "", nothing)],
        [one if _is_place(one) else None for one in table.numbers.get(step or "", nothing)],
        {name: column for name, column in table.numbers.items() if name not in ("", epoch, step)},
        {name: column for name, column in table.others.items() if name},
        {},
    )
    kept = [
        row
        for row, (one, other) in enumerate(zip(rows.epoch, rows.step, strict=True))
        if one is not None or other is not None
    ]
    if not kept:
        raise UserError(f"{path}: holds no row: none has an epoch or a step.")
    before = rows.of(range(kept[0]))
    found = rows.of(kept)
    if kept[0]:
        found.settings = constants({**before.numbers, **before.others}, range(kept[0]))
    return found


def _is_place(value: Value) -> bool:
    return value is not None and math.isfinite(value)


def _order(rows: _Rows) -> list[float]:
    """What rises in each run: the epoch or the step, or where steps begin again in each epoch both."""
    for alone, other in ((rows.epoch, rows.step), (rows.step, rows.epoch)):
        if all(place is None for place in other):
            return [place for place in alone if place is not None]
    spans: dict[float, tuple[float, float]] = {}
    for epoch, step in zip(rows.epoch, rows.step, strict=True):
        if epoch is not None and step is not None:
            low, high = spans.get(epoch, (step, step))
            spans[epoch] = min(low, step), max(high, step)
    epochs = sorted(spans)
    pairs = list(pairwise(epochs))
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


def _log(
    unit: Unit, table: Table, rows: _Rows, settings: Mapping[str, Any], header: str, *, alone: bool
) -> TableLog:
    every = range(len(rows.epoch))
    own = constants(rows.others, every)
    own |= constants({name: column for name, column in rows.numbers.items() if is_setting(name)}, every)
    own |= {**rows.settings, **settings}
    metrics = {name: column for name, column in rows.numbers.items() if name not in own}
    order, notes = _order(rows), [*table.notes]
    name = phase_of(rows.others, rows.others)
    if name is not None and name not in own and len(set(order)) < len(order):
        metrics = by_phase(name, rows.others[name], metrics, str(unit.files[0]))
        notes.append(f"Rows are told apart by '{name}', which stands in the names of metrics.")
        own[name] = None
    epoch, from_zero = _completed(rows, order, metrics)
    if any(one is not None for one in rows.epoch) and all(one is None for one in epoch):
        notes.append(NO_END)
    found = rows_of(epoch, rows.step, metrics, str(unit.files[0]), order)
    unplaced = len(table.lines) - len(rows.epoch) if alone else 0
    return TableLog(
        reader="table",
        where=unit.where,
        files=unit.files,
        epoch=found.epoch,
        step=found.step,
        metrics=found.metrics,
        rows_read=table.rows_read if alone else len(every),
        settings={key: value for key, value in own.items() if value is not None},
        repairs=(*table.repairs, *([Repair(_UNPLACED, unplaced)] if unplaced else []), *found.repairs),
        notes=(*notes, *left_out(table, own)),
        header=header,
        from_zero=from_zero,
    )


def _completed(
    rows: _Rows, order: Sequence[float], metrics: Mapping[str, Column]
) -> tuple[Column, bool | None]:
    """The epochs as written, where they were complete; and whether they count from 0."""
    from_zero = begins_at_zero(rows.epoch, metrics)
    if from_zero is False or not any(one is not None for one in rows.step):
        return rows.epoch, from_zero
    return completed(rows.epoch, order, metrics, from_zero=from_zero)


READER = Reader(find, read, counted)
