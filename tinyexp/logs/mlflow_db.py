"""MLflow's SQLite store: many runs in one file, which is opened for reading alone and never locked or changed."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.log import Repair
from tinyexp.logs.mlflow_runs import Logged, MlflowRun

MAGIC = b"SQLite format 3\0"
MAX_DATABASE_BYTES = 2_000_000_000
MAX_VALUES = 10_000_000
"""Values of one run."""
INFINITE = "stored as the largest number there is, which is how MLflow's database has infinity: infinite"
_TABLES = ("experiments", "runs", "metrics", "params", "tags")
_LARGEST = 1.7976931348623157e308
_AT_ONCE, _MAX_TURNS = 1_000_000, 2_000
"""Instructions of SQLite's between two looks at their number, and how many looks a file may take."""


def is_mlflow(path: Path) -> bool:
    """Whether a SQLite file has MLflow's tables."""
    try:
        with _opened(path) as database:
            return _has_tables(database)
    except (sqlite3.Error, OSError, ValueError):  # text that is none is a ValueError
        return False


def runs_in(path: Path) -> tuple[list[MlflowRun], list[str]]:
    """Every run that was not deleted, and the names of those that were.

    Raises
    ------
    UserError
        It is no such database, is damaged, or somebody's changes to it are not in the file yet.
    """
    for ending in ("-wal", "-journal"):
        beside = path.with_name(path.name + ending)
        if beside.is_file() and beside.stat().st_size:
            raise UserError(
                f"{path}: has changes in {beside.name} that are not in it yet: a program writes to it, or was killed. End "
                "that program, or open the file once with sqlite3 or MLflow."
            )
    try:
        if path.stat().st_size > MAX_DATABASE_BYTES:
            raise UserError(
                f"{path}: is larger than {MAX_DATABASE_BYTES:,} bytes. Export the runs that are needed."
            )
        with _opened(path) as database:
            if not _has_tables(database):
                raise UserError(
                    f"{path}: is no MLflow database: it lacks one of the tables {listed(_TABLES)}."
                )
            # SQLite keeps no checksums, and finds rows by an index that may lack some.
            (state,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if state != "ok":
                raise UserError(f"{path}: is damaged ({state}). Copy it again.")
            return _runs(database, path)
    except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{path}: cannot be read as MLflow's database ({error}).") from error


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as database:
        turns = iter(range(_MAX_TURNS))
        # A file may hold a view that never ends: what returns true stops SQLite.
        database.set_progress_handler(lambda: next(turns, None) is None, _AT_ONCE)
        yield database


def _has_tables(database: sqlite3.Connection) -> bool:
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {(name,) for name in _TABLES} <= set(found)


def _runs(database: sqlite3.Connection, path: Path) -> tuple[list[MlflowRun], list[str]]:
    experiments = {
        key: (str(name), stage)
        for key, name, stage in database.execute(
            "SELECT experiment_id, name, lifecycle_stage FROM experiments"
        )
    }
    rows = database.execute(
        "SELECT run_uuid, name, status, lifecycle_stage, experiment_id FROM runs ORDER BY start_time, rowid"
    ).fetchall()
    found, deleted = [], []
    for key, name, status, stage, experiment in rows:
        title, experiment_stage = experiments.get(experiment, ("", "active"))
        if "deleted" in (stage, experiment_stage):
            deleted.append(str(name or key))
            continue
        # What a file says is no path until it has nothing in it but letters and digits.
        own = path / re.sub(r"[^0-9A-Za-z_-]", "_", str(key))
        run = MlflowRun(own, (path,), str(name or ""), title, str(status or ""))
        run.params = _texts(database, "params", key)
        run.tags = _texts(database, "tags", key)
        _take_metrics(database, key, run)
        found.append(run)
    return found, deleted


def _texts(database: sqlite3.Connection, table: str, key: Any) -> dict[str, str]:
    rows = database.execute(f"SELECT key, value FROM {table} WHERE run_uuid = ?", (key,))  # noqa: S608 - one of two names
    return {str(name): str(value) for name, value in rows}


def _take_metrics(database: sqlite3.Connection, key: Any, run: MlflowRun) -> None:
    rows = database.execute(
        "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? ORDER BY timestamp, rowid",
        (key,),
    )
    infinite = 0
    for count, (name, value, time, step, is_nan) in enumerate(rows):
        if count == MAX_VALUES:
            raise ValueError(f"run {key} has more than {MAX_VALUES:,} values")
        number = math.nan if is_nan else float(value)
        if abs(number) == _LARGEST:
            number = math.copysign(math.inf, number)
            infinite += 1
        if not (isinstance(time, int) and isinstance(step, int)):
            raise TypeError(f"the time or step of {name} is no whole number")
        run.metrics.setdefault(str(name), []).append(Logged(time, number, step))
    if infinite:
        run.repairs.append(Repair(INFINITE, infinite))
