"""The log of one run whose place is known, as the command trainer follows it: the same readers as for anybody's logs."""

from __future__ import annotations

from pathlib import Path

from tinyexp.errors import UserError, listed
from tinyexp.logs.folder import Folder
from tinyexp.logs.log import RunLog
from tinyexp.logs.registry import READERS, reader_of
from tinyexp.logs.tables import Log, read_table
from tinyexp.logs.walk import read_paths

_TABLES = "tinyexp.logs.readers.tables"


def read_one(path: Path, *, whole: bool = True) -> Log:
    """The log of one run: a table, or a file or folder of another trainer's, which is recognised by looking.

    A table's epochs stay as they are written; of another log they are how many were completed.

    Parameters
    ----------
    whole
        False while somebody is still writing it: a last line of a table without an end is left for later.

    Raises
    ------
    UserError
        It cannot be read, holds no row, or several runs.
    """
    if path.is_file() and not _is_another_trainers(path):
        return read_table(path, whole=whole)
    found = read_paths([path])
    if len(found.runs) > 1:
        raise UserError(
            f"{path}: holds {len(found.runs)} runs ({listed(found.names[:5])}), and a command's log is of one."
        )
    return _as_table(found.runs[0])


def _is_another_trainers(path: Path) -> bool:
    folder = Folder(path.parent)
    others = [name for name, place in READERS.items() if not place.startswith(_TABLES)]
    return any(path in unit.files for name in others for unit in reader_of(name).find(folder))


def _as_table(run: RunLog) -> Log:
    """A row for each epoch where there are any, else for each step."""
    index = "epoch" if any(value is not None for value in run.epoch) else "step"
    places = run.epoch if index == "epoch" else run.step
    rows = tuple(
        {index: at, **{name: column[place] for name, column in run.metrics.items()}}
        for place, at in enumerate(places)
        if at is not None
    )
    notes = [f"{repair.rows} rows: {repair.what}." for repair in run.repairs]
    between = len(places) - len(rows)
    if between:
        notes.append(f"{between} rows stand between epochs and are not taken.")
    return Log(index, rows, (index, *run.metrics), (*notes, *run.notes))
