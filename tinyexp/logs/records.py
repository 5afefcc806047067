"""JSON lines, and a JSON file that is a list of objects: as columns of values, those of nested objects under joined names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinyexp.errors import UserError
from tinyexp.logs.log import Repair
from tinyexp.logs.separated import CUT, MAX_CELLS

MAX_DEPTH = 16
"""Of nested objects; what lies deeper is a value of its own, which is no number."""


@dataclass
class Records:
    """Objects, column by column."""

    columns: dict[str, list[Any]]
    """None where an object does not have the name; every column has a value for each object."""
    lines: list[int]
    """Where each object stands: its line, or in a list its place, from 1."""
    repairs: list[Repair]
    cells: int = 0
    """Values and gaps so far."""


def records(text: str, where: str, joined: str) -> Records:
    """Read objects, a line each or all in one list.

    Parameters
    ----------
    joined
        What stands between the names of an object and of the one in it.

    Raises
    ------
    UserError
        A line is no JSON or no object, but for a last one that is cut in the middle.
    """
    found = Records({}, [], [])
    for line, value in _listed(text, where) if text.lstrip()[:1] == "[" else _lines(text, where, found):
        if not isinstance(value, dict):
            raise UserError(f"{where}: line {line} is no JSON object. Each is to be one, such as {{...}}.")
        _add(found, flat(value, joined), line)
        _require_few(found, found.cells, where)
    _require_few(found, len(found.columns) * len(found.lines), where)
    for column in found.columns.values():
        column.extend([None] * (len(found.lines) - len(column)))
    return found


def flat(value: Mapping[str, Any], joined: str) -> dict[str, Any]:
    """Nested objects as one.

    >>> flat({"step": 1, "val": {"acc": 0.5}}, "/")
    {'step': 1, 'val/acc': 0.5}
    """
    if not any(isinstance(entry, dict | list) for entry in value.values()):
        return dict(value)
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any, int]] = [(name, entry, 1) for name, entry in reversed([*value.items()])]
    while waiting:
        name, entry, depth = waiting.pop()
        if isinstance(entry, dict) and entry and depth < MAX_DEPTH:
            waiting += [(f"{name}{joined}{key}", own, depth + 1) for key, own in reversed([*entry.items()])]
        else:
            found[name] = _leaf(entry)
    return found


def _leaf(entry: Any) -> Any:
    """A value; of what is nested so deep that comparing it could fail, only that it was there."""
    if isinstance(entry, list):
        return "[...]" if any(isinstance(one, list | dict) for one in entry) else entry
    return "{...}" if isinstance(entry, dict) and entry else entry


def _lines(text: str, where: str, found: Records) -> Any:
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line or line.isspace():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):  # it has no end
                found.repairs.append(Repair(CUT, 1))
                return
            raise UserError(
                f"{where}: line {number} is not JSON ({error}). Correct it, or take the line out."
            ) from error
        yield number, value


def _listed(text: str, where: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: is not JSON ({error}). A list is read only where it is whole.") from error
    return enumerate(value, start=1)


def _add(found: Records, record: Mapping[str, Any], line: int) -> None:
    place = len(found.lines)
    found.lines.append(line)
    found.cells += len(record)
    for name, value in record.items():
        column = found.columns.setdefault(name, [])
        if len(column) < place:
            found.cells += place - len(column)
            column += [None] * (place - len(column))
        column.append(value)


def _require_few(found: Records, cells: int, where: str) -> None:
    if cells > MAX_CELLS:
        raise UserError(
            f"{where}: has {len(found.columns):,} names in {len(found.lines):,} objects, more than are read at once."
        )
