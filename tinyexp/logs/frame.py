"""Anybody's logs as one table: a row for each run and index, and beside it what was read, put right and not known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tinyexp.files import sha256_of_file
from tinyexp.logs.grouping import Grouping, Placed, grouped
from tinyexp.logs.log import Value
from tinyexp.logs.walk import Reading, read_paths

KEYS = ("run", "experiment", "seed", "epoch", "step")
"""The first columns; every other is a metric under the name as logged."""


def read_logs(path: str | Path | Sequence[str | Path], *, by: str | None = None) -> pd.DataFrame:
    """The metrics of every run in somebody's logs: a folder, a file, a pattern with ``*``, or a list of them.

    A row for each run and index, in order: ``run`` (the log relative to what was asked for), ``experiment`` (runs that
    agree in everything but the seed), ``seed`` (missing where nothing says it), ``epoch`` (how many were completed when
    the values were taken: 1 after the first, whatever the trainer counts from; missing where only steps are known),
    ``step`` (as logged), then every metric as logged. Of several values at one index after a resume the later attempt's.

    ``frame.attrs["log"]`` has for each run which trainer's log it is, the files with their digests, the rows read, what
    was put right in how many rows, and what is not known; ``frame.attrs["left_out"]`` what could not be used, and why.

    Parameters
    ----------
    by
        A pattern that says which part of a run's name is the design and which the seed: ``{design}/seed{seed}``.

    Raises
    ------
    UserError
        Nothing is there, or no log among it can be read; the pattern fits no run.
    """
    paths = [path] if isinstance(path, str | Path) else list(path)
    reading = read_paths(paths)
    return frame_of(grouped(reading, by), reading)


def frame_of(grouping: Grouping, reading: Reading) -> pd.DataFrame:
    """The table of runs that were read and placed."""
    placed = grouping.placed
    lengths = [len(one.run.epoch) for one in placed]
    names = list(dict.fromkeys(name for one in placed for name in one.run.metrics))
    rows = np.repeat(np.arange(len(placed)), lengths)
    columns: dict[str, Any] = {
        "run": pd.Series([one.name for one in placed], dtype="str").array.take(rows),
        "experiment": pd.Series([one.design for one in placed], dtype="str").array.take(rows),
        "seed": pd.array([one.seed for one in placed], dtype="Int64").take(rows),
        "epoch": _column([one.run.epoch for one in placed]),
        "step": _column([one.run.step for one in placed]),
    }
    for name in names:
        own = name if name not in KEYS else f"{name} (logged)"
        columns[own] = _column(
            [one.run.metrics.get(name, [None] * length) for one, length in zip(placed, lengths, strict=True)]
        )
    frame = pd.DataFrame(columns)
    frame.attrs["log"] = {one.name: provenance(one) for one in placed}
    frame.attrs["left_out"] = {str(one.where): one.why for one in reading.left_out}
    frame.attrs["grouping"] = list(grouping.notes)
    return frame


def _column(parts: Sequence[Sequence[Value]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    # numpy makes nan of None, which is what a frame has where there is no value.
    return np.concatenate([np.array(part, dtype=np.float64) for part in parts])


def provenance(one: Placed) -> dict[str, Any]:
    """Where a run's numbers come from, for programs."""
    run = one.run
    return {
        "trainer": run.reader,
        "files": {str(path): sha256_of_file(path) for path in dict.fromkeys(run.files)},
        "rows_read": run.rows_read,
        "rows": len(run.epoch),
        "repairs": [{"what": repair.what, "rows": repair.rows} for repair in run.repairs],
        "notes": list(run.notes),
        "unknown": list(unknown_of(one)),
        "design_by": one.by,
        "seed_by": one.seed_by,
        "fold": one.fold,
        "settings": dict(one.settings),
    }


def unknown_of(one: Placed) -> tuple[str, ...]:
    """What the log does not say."""
    run = one.run
    missing = {
        "seed": one.seed is None,
        "settings": not one.settings,
        "epochs": all(value is None for value in run.epoch),
        "code": True,
        "whether the run came to its end": run.ended is None,
    }
    return tuple(name for name, absent in missing.items() if absent)
