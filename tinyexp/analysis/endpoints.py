"""The row of each run that is compared."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError, listed
from tinyexp.runs.taken import TAKEN

Index = Literal["epoch", "step"]
_MOST_NAMED = 10


def index_of(frame: pd.DataFrame) -> Index:
    """The column that a run's rows are in the order of: the epoch where every row has one, else the step."""
    if "step" in frame and ("epoch" not in frame or bool(frame["epoch"].isna().any())):
        return "step"
    return "epoch"


def endpoint_rows(rows: pd.DataFrame, endpoint: Endpoint = LAST) -> pd.DataFrame:
    """One row a run, of rows from :func:`tinyexp.analysis.checked.checked_runs` for that endpoint."""
    chooser = endpoint.chooser
    if chooser is None:
        column, at = _asked(rows, endpoint)
        own = rows[column] == at
        if (
            endpoint.is_last and TAKEN in rows
        ):  # a run that stops early ends with its best epoch, whatever was the last
            own = own.where(rows[TAKEN].isna(), rows["epoch"] == rows[TAKEN])
        return rows[own]
    starts = run_starts(rows)
    values = chooser.sense * rows[chooser.name].to_numpy(dtype=np.float64)
    ends = np.append(starts[1:], len(values))
    best = [int(start + values[start:end].argmax()) for start, end in zip(starts, ends, strict=True)]
    return rows.iloc[best]


def endpoint_values(
    rows: pd.DataFrame, experiment: str, metric: Metric, endpoint: Endpoint = LAST
) -> dict[int, float]:
    """What is compared of each run of an experiment, by seed, ascending.

    Parameters
    ----------
    rows
        From :func:`tinyexp.analysis.checked.checked_runs` for this metric and endpoint.
    """
    end = endpoint_rows(rows[rows["experiment"] == experiment] if not endpoint.is_last else rows, endpoint)
    end = end[end["experiment"] == experiment]
    return {int(seed): float(value) for seed, value in zip(end["seed"], end[metric.name], strict=True)}


def compared_at(rows: pd.DataFrame, endpoint: Endpoint = LAST) -> tuple[Index, int | None]:
    """The epoch or step that is compared; None where each run has its own."""
    if endpoint.chooser is not None:
        return index_of(rows), None
    return _asked(rows, endpoint)


def check_reached(rows: pd.DataFrame, endpoint: Endpoint) -> None:
    """Refuse runs that do not have the epoch or step that is to be compared, by name."""
    if endpoint.is_last or endpoint.best is not None:
        return
    column, at = _asked(rows, endpoint)
    if column not in rows:
        raise UserError(f"the runs: the column '{column}' is missing, and the endpoint is {column} {at}.")
    runs = rows[["experiment", "seed"]].drop_duplicates()
    there = rows[rows[column] == at]
    reached = set(zip(there["experiment"], there["seed"], strict=True))
    if len(there) > len(reached):
        raise UserError(
            f"the runs: {column} {at} stands more than once in a run. Keep one row a run and {column}."
        )
    lacking = [
        f"'{name}' seed {seed}"
        for name, seed in zip(runs["experiment"], runs["seed"], strict=True)
        if (name, seed) not in reached
    ]
    if lacking:
        more = ", ..." if len(lacking) > _MOST_NAMED else ""
        raise UserError(
            f"the runs: the endpoint is {column} {at}, which these runs do not have: {listed(lacking[:_MOST_NAMED])}{more}. "
            "Choose one that all have, or leave these runs out."
        )


def run_starts(rows: pd.DataFrame) -> NDArray[np.intp]:
    """The first row of each run, where the rows of a run stand together."""
    if not len(rows):
        return np.empty(0, dtype=np.intp)
    first = np.ones(len(rows), dtype=np.bool_)
    if "experiment" in rows and len(rows["experiment"].unique()) > 1:
        names = pd.factorize(rows["experiment"])[0]
        first[1:] = names[1:] != names[:-1]
    else:
        first[1:] = False
    seeds = rows["seed"].to_numpy()
    first[1:] |= seeds[1:] != seeds[:-1]
    return np.flatnonzero(first)


def _asked(rows: pd.DataFrame, endpoint: Endpoint) -> tuple[Index, int]:
    if endpoint.epoch is not None:
        return "epoch", endpoint.epoch
    if endpoint.step is not None:
        return "step", endpoint.step
    index = index_of(rows)
    return index, int(rows[index].max())
