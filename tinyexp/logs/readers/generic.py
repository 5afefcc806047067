"""Any CSV, TSV, JSON-lines file or JSON list that has a column epoch or step, as people's own training loops write them.

Traps: some count epochs from 0 and some from 1; a column ``epoch`` beside a column ``step`` says in which epoch a row
was written, not how many were completed; one file may hold many runs, or training and validation in rows of their own;
settings stand in columns that never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tinyexp.config.metric import known_metric
from tinyexp.errors import listed
from tinyexp.logs.columns import Table, index_names, left_out, table_of
from tinyexp.logs.counting import BEFORE, TableLog, begins_at_zero, counted
from tinyexp.logs.ends import NO_END, completed, rows_of
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.heads import names_in
from tinyexp.logs.log import Column, RunLog
from tinyexp.logs.long import by_phase, constants, is_setting, phase_of, split, sweep
from tinyexp.logs.placed import Placed, order_of, placed

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_PERHAPS = (".json", ".txt", ".log", ".dat")


def find(folder: Folder) -> list[Unit]:
    """Every file whose beginning has a column of an index, and tables without any byte, which are told of."""
    found = []
    for name in folder.files:
        stem, _, ending = name.lower().rpartition(".")
        suffix = f".{ending}" if stem else ""
        if suffix not in _TABLES and suffix not in _PERHAPS:
            continue
        head = folder.head(name)
        names = names_in(head)
        is_log = (len(names) > 1 and any(index_names(names))) if head else suffix in _TABLES
        if is_log and (suffix != ".json" or _is_many(head)):
            found.append(Unit(folder.file(name), (folder.file(name),)))
    return found


def _is_many(head: bytes) -> bool:
    """Whether a JSON file holds records: a list, or an object a line. One object alone is a summary."""
    lines = head.strip().split(b"\n", 2)
    return lines[0].startswith(b"[") or (len(lines) > 1 and lines[1].startswith(b"{"))


def read(unit: Unit) -> list[RunLog]:
    """The runs of a table; whether their epochs count from 0 is decided when all logs were read."""
    where = str(unit.files[0])
    text = read_text(unit.files[0])
    table = table_of(text, where, joined=".")
    rows = placed(table, where)
    header = listed(table.names) if text.lstrip()[:1] in ("{", "[") else text.partition("\n")[0].strip()
    order = order_of(rows)
    parts = split(order, {**rows.numbers, **rows.others}, list(rows.others)) or sweep(order, rows.numbers)
    if not parts:
        return [_log(unit, table, rows, {}, header[:2000], table.rows_read)]
    return [
        _log(unit, table, rows.of(part.rows), part.settings, header[:2000], len(part.rows)) for part in parts
    ]


def _log(
    unit: Unit, table: Table, rows: Placed, settings: Mapping[str, Any], header: str, read: int
) -> TableLog:
    every = range(len(rows.epoch))
    own = constants(rows.others, every)
    own |= constants({name: column for name, column in rows.numbers.items() if is_setting(name)}, every)
    own |= {**rows.settings, **settings}
    metrics = {name: column for name, column in rows.numbers.items() if name not in own}
    order, notes = order_of(rows), [*table.notes, *rows.notes]
    phase = phase_of(rows.others, rows.others)
    if phase is not None and phase not in own and len(set(order)) < len(order):
        metrics = by_phase(phase, rows.others[phase], metrics, str(unit.files[0]))
        notes.append(f"Rows are told apart by '{phase}', which stands in the names of metrics.")
        own[phase] = None
    epoch, from_zero = _completed(rows, order, metrics, notes)
    found = rows_of(epoch, rows.step, metrics, str(unit.files[0]), order)
    return TableLog(
        reader="table",
        where=unit.where,
        files=unit.files,
        epoch=found.epoch,
        step=found.step,
        metrics=found.metrics,
        rows_read=read,
        settings={key: value for key, value in own.items() if value is not None},
        repairs=(*table.repairs, *rows.repairs, *found.repairs),
        notes=(*notes, *left_out(table, own)),
        header=header,
        from_zero=from_zero,
    )


def _completed(
    rows: Placed, order: Sequence[float], metrics: Mapping[str, Column], notes: list[str]
) -> tuple[Column, bool | None]:
    """The epochs as written, where they were complete; and whether they count from 0."""
    from_zero = begins_at_zero(rows.epoch, metrics)
    if from_zero is False and 0 in rows.epoch and all(one is None or one % 1 == 0 for one in rows.epoch):
        notes.append(BEFORE)
    if from_zero is False or rows.step.count(None) == len(rows.step):
        return rows.epoch, from_zero
    epoch, from_zero = completed(rows.epoch, order, metrics, from_zero=from_zero)
    # A row without a step, where others have one, is about its epoch as a whole.
    epoch = [
        logged if step is None else one
        for one, logged, step in zip(epoch, rows.epoch, rows.step, strict=True)
    ]
    if all(one is None for one in epoch):
        notes.append(NO_END)
    return epoch, from_zero


def joined(logs: Sequence[RunLog]) -> list[RunLog]:
    """All logs, their epochs as completed, and with the columns among their settings that are one in each."""
    by_header: dict[str, list[RunLog]] = {}
    found = counted(logs)
    for log in found:
        by_header.setdefault(log.header if isinstance(log, TableLog) else "", []).append(log)
    tried = {header: _tried(own) for header, own in by_header.items()}
    return [_with_settings(log, tried[log.header]) if isinstance(log, TableLog) else log for log in found]


def _tried(logs: Sequence[RunLog]) -> list[str]:
    """Columns of numbers that never change within a log, differ between logs of one program, and are called like no result."""
    names = [name for name in logs[0].metrics if known_metric(name) is None]
    found = []
    for name in names:
        values = [set(log.metrics.get(name, ())) - {None} for log in logs]
        often = all(len(log.epoch) > 1 for log in logs)
        if often and all(len(own) == 1 for own in values) and len(set().union(*values)) > 1:
            found.append(name)
    return found


def _with_settings(log: TableLog, names: Sequence[str]) -> RunLog:
    if not names:
        return log
    own = {name: next(one for one in log.metrics[name] if one is not None) for name in names}
    note = f"{listed(names)}: one number throughout each log, and another elsewhere: a setting too."
    return replace(log, settings={**own, **log.settings}, notes=(*log.notes, note))


READER = Reader(find, read, joined)
