"""The records of many runs as one table."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError
from tinyexp.runs.cost import COST_COLUMNS, read_cost
from tinyexp.runs.metrics import read_metrics
from tinyexp.runs.recorded import RecordedRun, read_runs
from tinyexp.runs.records import (
    INDEX_COLUMNS,
    INTEGER_COLUMNS,
    header_problem,
    read_bounded,
)
from tinyexp.runs.taken import TAKEN, best_place

RUN_COLUMNS = (
    "profile",
    "experiment",
    "configuration",
    "seed",
    "identity",
    "state",
    "data_fingerprint",
    "numerics_version",
)
_EXACT: dict[str, Any] = (
    {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
)
"""What has numbers read back to the last bit: since 3.1 pandas does so by itself, and warns where it is asked to."""
_AT_ONCE = 1_000
"""Files in one parse: more would gain nothing and hold their text in memory beside their numbers."""


def metrics_frame(runs: Sequence[RecordedRun]) -> pd.DataFrame:
    """A row per run and epoch: :data:`RUN_COLUMNS`, the columns of all ``metrics.csv``, empty where a run lacks one, and of whole runs
    what they cost (:data:`~tinyexp.runs.cost.COST_COLUMNS`) and :data:`~tinyexp.runs.taken.TAKEN`, where any run has these.

    One parse over all files together; one ``read_csv`` a file costs far more in calls than in reading.

    Raises
    ------
    DamagedError
        A file has other columns, or an epoch is missing or stands twice.
    """
    parts: list[pd.DataFrame] = []
    lengths: list[int] = []
    # Files of one header are parsed together as far as they stand together; most often all of them have one.
    for header, own in groupby(map(_Table.read, runs), key=lambda table: table.header):
        tables = list(own)
        for start in range(0, len(tables), _AT_ONCE):
            parts.append(_parsed(header, tables[start : start + _AT_ONCE]))
            lengths += [table.rows for table in tables[start : start + _AT_ONCE]]
    frame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True) if parts else _nothing()
    del parts  # what was concatenated is there twice
    rows = np.repeat(np.arange(len(runs)), lengths)
    for place, name in enumerate(RUN_COLUMNS):
        values = [_run_value(run, name) for run in runs]
        if name in ("seed", "numerics_version"):
            frame.insert(place, name, np.array(values, dtype=np.int64)[rows])
        else:
            frame.insert(place, name, pd.Series(values, dtype="str").array.take(rows))
    if any(run.record.provenance and not run.record.provenance.seed_known for run in runs):
        said = [run.record.provenance is None or run.record.provenance.seed_known for run in runs]
        frame.insert(len(RUN_COLUMNS), "seed_known", np.array(said)[rows])
    _check_epochs(frame, runs, lengths)
    costs = [read_cost(run.folder) for run in runs]
    for name in COST_COLUMNS:
        known = np.array([getattr(cost, name) for cost in costs], dtype=np.float64)
        if name not in frame and not np.isnan(known).all():
            frame[name] = known[rows]
    taken = _taken_epochs(frame, runs, lengths)
    if not np.isnan(taken).all():
        frame[TAKEN] = taken[rows]
    return frame


def _taken_epochs(
    frame: pd.DataFrame, runs: Sequence[RecordedRun], lengths: Sequence[int]
) -> NDArray[np.float64]:
    """Of each run that may stop early the epoch that its result is taken from; NaN of others."""
    taken = np.full(len(runs), np.nan)
    start = 0
    for place, (run, length) in enumerate(zip(runs, lengths, strict=True)):
        experiment = run.record.experiment
        by = settings_rules(experiment.trainer).taken_by(experiment.settings) if length else None
        if by:
            values = frame[by.metric].iloc[start : start + length].tolist()
            taken[place] = frame["epoch"].iloc[start + best_place(values, highest=by.highest)]
        start += length
    return taken


def columns_of(run: RecordedRun) -> tuple[str, ...]:
    """The columns of a run's ``metrics.csv``; none where it cannot be read, which :func:`metrics_frame` tells."""
    columns = settings_rules(run.record.experiment.trainer).columns
    if columns is not None:
        return columns
    try:
        header = read_bounded(run.folder.metrics).partition(b"\n")[0]
    except DamagedError:
        return ()
    return tuple(header.decode(errors="replace").split(","))


@dataclass(frozen=True)
class _Table:
    """A metrics.csv as it was read."""

    run: RecordedRun
    header: bytes
    body: bytes
    rows: int

    @classmethod
    def read(cls, run: RecordedRun) -> _Table:
        """Raises DamagedError where its form is not that of a table of ours."""
        path, columns = run.folder.metrics, settings_rules(run.record.experiment.trainer).columns
        if run.status.epochs_done == 0 and not path.exists():
            return cls(run, ",".join(columns or INDEX_COLUMNS[:1]).encode(), b"", 0)
        header, _, body = read_bounded(path).partition(b"\n")
        other = columns is not None and header != ",".join(columns).encode()
        torn = body and not body.endswith(b"\n")
        empty = body.startswith(b"\n") or b"\n\n" in body
        if other or torn or empty or header_problem(header.decode(errors="replace").split(",")):
            raise _refusal([run])
        return cls(run, header, body, body.count(b"\n"))


def _parsed(header: bytes, tables: Sequence[_Table]) -> pd.DataFrame:
    """The metrics of some files of one header in one parse."""
    names = header.decode().split(",")
    types: dict[Hashable, Any] = {name: np.int64 if name in INTEGER_COLUMNS else np.float64 for name in names}
    text = header + b"\n" + b"".join(table.body for table in tables)
    try:
        with np.errstate(invalid="raise"):  # a fraction where a count belongs, in a row of too many cells
            frame = _csv(text, types, names[0], tables)
    except (ValueError, ArithmeticError, pd.errors.ParserError) as error:
        raise _refusal([table.run for table in tables]) from error
    if len(frame) != sum(table.rows for table in tables):
        raise _refusal([table.run for table in tables])
    return frame


def _csv(text: bytes, types: Mapping[Hashable, Any], index: str, tables: Sequence[_Table]) -> pd.DataFrame:
    """Counts as whole numbers; of somebody's log they may be fractions, or missing but in the first column."""
    try:
        frame: pd.DataFrame = pd.read_csv(io.BytesIO(text), dtype=dict(types), **_EXACT)
    except ValueError:
        if settings_rules(tables[0].run.record.experiment.trainer).columns is not None:
            raise
        frame = pd.read_csv(io.BytesIO(text), dtype=dict.fromkeys(types, np.float64), **_EXACT)
    if not np.isfinite(frame[index]).all():
        raise ValueError(f"column {index}")
    return frame


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"epoch": np.empty(0, dtype=np.int64)})


def load_runs(path: str | Path) -> pd.DataFrame:
    """The metrics of every run below a folder: a row per run and epoch.

    Accuracies are fractions, losses mean cross-entropies in nats; see
    :data:`tinyexp.trainers.vision.columns.METRIC_COLUMNS`. ``state`` says which runs are ``finished``.
    """
    return metrics_frame(read_runs(Path(path)))


def _run_value(run: RecordedRun, name: str) -> object:
    experiment = run.record.experiment
    return {
        "profile": experiment.profile,
        "experiment": experiment.name,
        "configuration": run.record.configuration,
        "seed": run.record.seed,
        "identity": run.record.identity,
        "state": run.status.state,
        "data_fingerprint": run.record.data.fingerprint,
        "numerics_version": run.record.numerics_version,
    }[name]


def _check_epochs(frame: pd.DataFrame, runs: Sequence[RecordedRun], lengths: Sequence[int]) -> None:
    """A planned run has its epochs from 1 on; a log's index rises."""
    planned = [settings_rules(run.record.experiment.trainer).columns is not None for run in runs]
    if all(planned):
        expected = np.concatenate([np.arange(1, length + 1) for length in lengths]) if runs else np.empty(0)
        wrong = np.flatnonzero(frame["epoch"].to_numpy() != expected)
    else:
        first, *second = [frame[name].to_numpy() for name in INDEX_COLUMNS if name in frame]
        index = np.where(np.isnan(first), second[0], first) if second else first
        starts = np.cumsum([0, *lengths[:-1]])
        falls = np.flatnonzero(np.diff(index) <= 0) + 1
        wrong = np.setdiff1d(falls, starts)
    if wrong.size:
        raise _refusal([runs[int(np.searchsorted(np.cumsum(lengths), wrong[0], side="right"))]])
    for run, length in zip(runs, lengths, strict=True):
        if length != run.status.epochs_done:
            raise DamagedError(
                f"has {length} rows where status.json has {run.status.epochs_done}.", run.folder.metrics
            )


def _refusal(runs: Sequence[RecordedRun]) -> DamagedError:
    """What is wrong with the first table that cannot be read by itself, found only once something is."""
    for run in runs:
        try:
            read_metrics(run.folder.metrics, settings_rules(run.record.experiment.trainer).columns)
        except DamagedError as error:
            return error
    return DamagedError("is not as tinyexp writes numbers.", runs[0].folder.metrics)
