"""Logs of DVCLive (0.8 to 3): a table for each metric in ``plots/metrics``, where the folder is part of the name.

``metrics.json`` has the last value of each metric, and alone those that were logged with ``plot=False``. Steps are
counted by the script, from 0; what they count is not in the log, and an epoch only where a metric of that name says it.
``resume=True`` adds to the tables: where a step goes back, a later attempt begins. Without resume the folder is emptied,
and nothing is left of what was there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.cells import numbers
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.log import Repair, RunLog, Value
from tinyexp.logs.logged_epochs import columns_of
from tinyexp.logs.records import flat
from tinyexp.logs.rows import AGAIN
from tinyexp.logs.separated import Block, separated
from tinyexp.logs.series import Attempt, Series, series_of, table_by_step
from tinyexp.logs.settings import settings_in

MAX_TABLES = 20_000
_MAX_DEPTH = 8
_SUMMARY, _PARAMS = "metrics.json", "params.yaml"
_ENDING = ".tsv"
_SYSTEM = "system/"
SYSTEM = "metrics of system/ are measured several times in a step: the last value of each step is here."


@dataclass
class _Values:
    """What a table has of one attempt."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass
class _Read:
    """What the tables of a run hold."""

    starts: dict[str, list[_Values]] = field(default_factory=dict)
    """Of each metric, the values of one attempt after another."""
    files: list[Path] = field(default_factory=list)
    rows: int = 0
    repairs: list[Repair] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def find(folder: Folder) -> list[Unit]:
    """A folder of DVCLive's, or the folder of plots in one."""
    home, plots, metrics = _places(folder)
    if metrics is None:
        return []
    tables = list(islice(_tables(metrics, 0), MAX_TABLES))
    if not any(_is_table(table) for table in tables[:50]):
        return []
    own = [home.path / name for name in (_SUMMARY, _PARAMS) if name in home.files]
    return [Unit(home.path, tuple(tables), (plots.path, *own))]


def _places(folder: Folder) -> tuple[Folder, Folder, Folder | None]:
    """Where DVCLive's files are, where its plots, and where its tables, if it is DVCLive."""
    path = folder.path
    if "plots" in folder.folders and "metrics" in folder.sub("plots").folders:
        return folder, folder.sub("plots"), folder.sub("plots").sub("metrics")
    if "scalars" in folder.folders:  # before version 1
        return folder, folder.sub("scalars"), folder.sub("scalars")
    if path.name == "plots" and "metrics" in folder.folders:
        return Folder(path.parent), folder, folder.sub("metrics")
    if path.name == "metrics" and path.parent.name == "plots":
        return Folder(path.parent.parent), Folder(path.parent), folder
    return folder, folder, None


def _tables(folder: Folder, depth: int) -> Iterator[Path]:
    for name in folder.files:
        if name.endswith(_ENDING):
            yield folder.path / name
    if depth < _MAX_DEPTH:
        for name in folder.folders:
            if not (folder.path / name).is_symlink():  # which may lead back
                yield from _tables(folder.sub(name), depth + 1)


def _is_table(path: Path) -> bool:
    names = Folder(path.parent).first_line(path.name).split("\t")
    return names[:-1] in (["step"], ["timestamp", "step"])


def read(unit: Unit) -> list[RunLog]:
    """The run in a folder of DVCLive's."""
    notes: list[str] = []
    found = _Read()
    root = _root(unit)
    for path in unit.files:
        _read_table(path, root, found, notes)
    repairs = [*found.repairs, *_without_given_up(found.starts)]
    joined = {name: _joined(parts) for name, parts in found.starts.items()}
    attempt = Attempt(0, 0, {name: series for name, series in joined.items() if len(series.steps)})
    at_end, summary = _summary(unit, attempt, notes)
    rows = table_by_step([attempt], unit.where)
    columns = columns_of(rows, unit.where)
    settings, files = _settings(unit.where, notes)
    if found.unread:
        notes.append(f"left out, as they hold no numbers: {listed(found.unread)}.")
    return [
        RunLog(
            reader="dvclive",
            where=unit.where,
            files=(*found.files, *summary, *files),
            epoch=columns.epoch,
            step=columns.step,
            metrics=columns.metrics,
            rows_read=found.rows + at_end,
            settings=settings,
            repairs=(*repairs, *rows.repairs),
            notes=(*notes, *rows.notes, *columns.notes),
        )
    ]


def _root(unit: Unit) -> Path:
    """The folder that the names of metrics begin below."""
    for root in (unit.where / "plots" / "metrics", unit.where / "scalars"):
        if unit.files[0].is_relative_to(root):
            return root
    return unit.where


def _read_table(path: Path, root: Path, found: _Read, notes: list[str]) -> None:
    table = separated(read_text(path), str(path))
    found.repairs += table.repairs
    found.files.append(path)
    name = path.relative_to(root).as_posix().removesuffix(_ENDING)
    for block in table.blocks:
        last = block.names[-1]
        # Before version 1 the file's name lacks what stands after a point.
        name = last if last.startswith(f"{name}.") else name
        steps, values = _columns(block, path)
        found.rows += len(steps)
        if values is None:
            found.unread.append(name)
            continue
        starts = found.starts.setdefault(name, [_Values()])
        for step, value in zip(steps, values, strict=True):
            if starts[-1].steps and step < starts[-1].steps[-1]:
                starts.append(_Values())
            if value is not None:
                _add(starts[-1], step, value, name, notes)


def _add(series: _Values, step: int, value: float, name: str, notes: list[str]) -> None:
    if name.startswith(_SYSTEM) and series.steps and series.steps[-1] == step:
        series.values[-1] = value
        if SYSTEM not in notes:
            notes.append(SYSTEM)
    else:
        series.steps.append(step)
        series.values.append(value)


def _columns(block: Block, path: Path) -> tuple[list[int], Sequence[Value] | None]:
    """Steps and values; None for values that are no numbers."""
    if "step" not in block.names or block.names[-1] == "step":
        raise UserError(
            f"{path}: has the names {listed(block.names)}, and no step before its values, as DVCLive writes."
        )
    place = block.names.index("step")
    steps = block.plain[place] if block.plain else _numbers_or_none([row[place] for row in block.rows])
    values = block.plain[-1] if block.plain else _numbers_or_none([row[-1] for row in block.rows])
    if steps is None or not all(
        one is not None and math.isfinite(one) and one == int(one) and abs(one) < 2**62 for one in steps
    ):
        raise UserError(f"{path}: not every step is a whole number.")
    return [int(one) for one in steps if one is not None], values


def _numbers_or_none(cells: Sequence[str]) -> Sequence[Value] | None:
    """Cells as numbers, or None where one is something else."""
    try:
        return numbers(cells)
    except (ValueError, OverflowError):
        return None


def _without_given_up(starts: dict[str, list[_Values]]) -> list[Repair]:
    """Drop what a later attempt took the place of.

    All metrics count the same steps, so that what lies beyond the last step of the last attempt is of an earlier one, in
    tables too in which no step goes back as the later attempt added nothing to them.
    """
    most = max((len(series) for series in starts.values()), default=0)
    if most < 2:
        return []
    ended = max(
        (series[-1].steps[-1] for series in starts.values() if len(series) == most and series[-1].steps),
        default=math.inf,
    )
    dropped: set[int] = set()
    for name, series in starts.items():
        bound = ended + 1
        kept: list[_Values] = []
        for one in reversed(series):
            dropped.update(step for step in one.steps if step >= bound)
            places = [place for place, step in enumerate(one.steps) if step < bound]
            kept.append(
                _Values([one.steps[place] for place in places], [one.values[place] for place in places])
            )
            bound = min([bound, *one.steps])
        starts[name] = kept[::-1]
    return [Repair(AGAIN, len(dropped))] if dropped else []


def _joined(parts: Sequence[_Values]) -> Series:
    steps = [step for one in parts for step in one.steps]
    return series_of(steps, [value for one in parts for value in one.values])


def _summary(unit: Unit, attempt: Attempt, notes: list[str]) -> tuple[int, list[Path]]:
    """Add what ``metrics.json`` alone has, at its step: how many values these are, and the file if it was used."""
    path = unit.where / _SUMMARY
    if path not in unit.claimed:
        return 0, []
    try:
        content: Any = json.loads(read_text(path))
    except (UserError, ValueError, RecursionError) as error:
        notes.append(f"{_SUMMARY} cannot be read: {str(error).removeprefix(f'{path}: ')}")
        return 0, []
    if not isinstance(content, dict):
        return 0, []
    step = content.pop("step", None)
    alone = {
        name: float(value)
        for name, value in flat(content, "/").items()
        if name not in attempt.series
        and (isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**1000))
    }
    last = max((int(one.steps[-1]) for one in attempt.series.values()), default=None)
    if isinstance(step, int) and last is not None and step < last:
        notes.append(
            f"{_SUMMARY} is of an earlier step than the tables, as where a run was killed within a step."
        )
    if not alone:
        return 0, [path]
    if isinstance(step, bool) or not isinstance(step, int) or abs(step) > 2**53:
        notes.append(f"{_SUMMARY} has no step, so that these last values have no place: {listed(alone)}.")
        return 0, [path]
    for name, value in alone.items():
        attempt.series[name] = series_of([step], [value])
    notes.append(f"logged without a table, and here with their last value at the last step: {listed(alone)}.")
    return len(alone), [path]


def _settings(where: Path, notes: list[str]) -> tuple[dict[str, Any], list[Path]]:
    """Settings of DVCLive's own ``params.yaml``; and below them of the project's, where one folder is all it has."""
    settings: dict[str, Any] = {}
    files: list[Path] = []
    beside = [where.parent / _PARAMS] if where.name == "dvclive" else []
    for path in (*beside, where / _PARAMS):
        if path.is_file():
            own = settings_in(path, notes)
            settings.update(own)
            files += [path] if own else []
    return settings, files


READER = Reader(find, read)
