"""Logs that are tables: CSV, TSV and JSON lines, with a column that says where each row stands.

Nothing is guessed in silence: what was left out, and why, is said with the table.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyexp.errors import UserError, listed
from tinyexp.files import read_bounded

INDICES: Mapping[str, str] = {
    "epoch": "epoch",
    "epochs": "epoch",
    "round": "epoch",
    "step": "step",
    "steps": "step",
    "global_step": "step",
    "iter": "step",
    "iteration": "step",
    "iterations": "step",
}
"""Names that a column may have that says where a row stands, and which of the two it is."""
MAX_LOG_BYTES = 200_000_000
_MISSING = frozenset({"", "na", "n/a", "none", "null"})
_ODD = frozenset({"nan", "inf", "-inf", "+inf", "infinity", "-infinity"})

Row = dict[str, float | None]


@dataclass(frozen=True)
class Log:
    """A log as it was read."""

    index: str
    """``epoch`` or ``step``: the first key of every row."""
    rows: tuple[Row, ...]
    """In the order of the index; every row has every column, None where the log has no value."""
    columns: tuple[str, ...]
    """The index, then the metrics under the names that the log gives them."""
    notes: tuple[str, ...] = ()
    """What was left out or put right, a sentence each."""


def read_table(path: Path, *, whole: bool = True) -> Log:
    """Read a CSV, TSV or JSON-lines log; which it is, its first line says.

    Parameters
    ----------
    whole
        False while somebody is still writing it: a last line without an end is left for later.

    Raises
    ------
    UserError
        It cannot be read, is no such table, has no column that says where a row stands, or stands in no order.
    """
    try:
        content = read_bounded(path, MAX_LOG_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8 (byte {error.start}).") from error
    if not whole:
        text = text[: text.rfind("\n") + 1]
    return parsed(text, str(path))


def parsed(text: str, where: str) -> Log:
    r"""As :func:`read_table`, from the text.

    >>> log = parsed("epoch,loss\n1,0.5\n2,0.25\n", "metrics.csv")
    >>> log.columns, log.rows[1]
    (('epoch', 'loss'), {'epoch': 2.0, 'loss': 0.25})
    """
    notes: list[str] = []
    first = text.lstrip()[:1]
    records = _json_lines(text, where) if first == "{" else _separated(text, where)
    if not records:
        raise UserError(
            f"{where}: holds no row. A log has a line of column names, and a row an epoch or step."
        )
    names = list(dict.fromkeys(name for record in records for name in record))
    index = next(
        (name for known in ("epoch", "step") for name in names if INDICES.get(_key(name)) == known), None
    )
    if index is None:
        raise UserError(
            f"{where}: no column says where a row stands. Its columns: {listed(names)}. Name one of them epoch or step."
        )
    kind = INDICES[_key(index)]
    metrics = _numeric([name for name in names if name != index], records, notes)
    rows = [
        _row(kind, index, metrics, record, f"{where}: row {place}") for place, record in enumerate(records, 1)
    ]
    merged = _merged(rows, kind, where, notes)
    return Log(kind, tuple(merged), (kind, *metrics), tuple(notes))


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")


def _json_lines(text: str, where: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: line {number} is not JSON ({error}).") from error
        if not isinstance(value, dict):
            raise UserError(f"{where}: line {number} is no JSON object.")
        found.append(dict(_flat(value)))
    return found


def _flat(value: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{prefix}{name}/")
        else:
            yield f"{prefix}{name}", entry


def _separated(text: str, where: str) -> list[dict[str, object]]:
    head = text.split("\n", 1)[0]
    separator = max(",\t;", key=head.count)
    try:
        lines = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if row]
    except csv.Error as error:
        raise UserError(f"{where}: is no table ({error}).") from error
    if not lines:
        return []
    names = [name.strip() for name in lines[0]]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UserError(f"{where}: the column '{twice}' stands twice in its first line.")
    found: list[dict[str, object]] = []
    for number, cells in enumerate(lines[1:], start=2):
        if [cell.strip() for cell in cells] == names:
            continue  # a header written again, as by a run that was resumed into the same file
        if len(cells) != len(names):
            raise UserError(
                f"{where}: line {number} has {len(cells)} values, and the first line {len(names)} names."
            )
        found.append(dict(zip(names, cells, strict=True)))
    return found


def _number(value: object) -> float | None:
    """A number; None where there is none. Raises ValueError where it is something else."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(str(value))  # noqa: TRY004 - it is caught as what is no number
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _MISSING:
            return None
        return float(word) if word not in _ODD else float(word.lstrip("+"))
    return float(value)


def _numeric(
    names: Sequence[str], records: Sequence[Mapping[str, object]], notes: list[str]
) -> tuple[str, ...]:
    """The columns whose values are numbers; the others are left out and named."""
    kept, dropped = [], []
    for name in names:
        try:
            values = [_number(record.get(name)) for record in records]
        except (ValueError, OverflowError):
            dropped.append(name)
            continue
        if any(value is not None for value in values):
            kept.append(name)
        else:
            dropped.append(name)
    if dropped:
        notes.append(f"left out, as they hold no numbers: {listed(dropped)}.")
    return tuple(kept)


def _row(kind: str, index: str, metrics: Sequence[str], record: Mapping[str, object], where: str) -> Row:
    try:
        place = _number(record.get(index))
    except (ValueError, OverflowError) as error:
        raise UserError(f"{where}: {index} is no number ({error}).") from error
    if place is None or not math.isfinite(place):
        raise UserError(f"{where}: {index} is empty. Every row says where it stands.")
    return {kind: place, **{name: _number(record.get(name)) for name in metrics}}


def _merged(rows: Sequence[Row], kind: str, where: str, notes: list[str]) -> list[Row]:
    """One row for each place: values of one place that stand in several rows, as training and validation do, together."""
    found: dict[float, Row] = {}
    last, over = -math.inf, 0
    for row in rows:
        place = row[kind]
        assert place is not None, "the row was read"
        if place < last:
            # A run that was resumed from before its end logs some places again: the later attempt counts.
            for later in [other for other in found if other >= place]:
                del found[later]
                over += 1
        last = place
        known = found.setdefault(place, dict.fromkeys(row))
        known.update({name: value for name, value in row.items() if value is not None})
    if over:
        notes.append(f"{over} rows were logged again by a later attempt, which counts.")
    if not found:
        raise UserError(f"{where}: holds no row.")
    return list(found.values())
