"""The gate that every frame passes before a figure is computed from it: nothing is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd

from tinyexp.analysis.endpoints import check_reached, index_of, run_starts
from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import Metric, check_values, metric_of
from tinyexp.errors import UserError, listed, unknown
from tinyexp.runs.taken import TAKEN

RUN = ("experiment", "seed")
NO_METRICS = (
    *RUN,
    "epoch",
    "step",
    "images_seen",
    "learning_rate",
    "lr",
    "weight_decay",
    "numerics_version",
    TAKEN,
)
"""Numeric columns that say where a row stands, not what came out."""
GUARDED = ("profile", "data_fingerprint", "numerics_version")
"""Columns that need not be there, and must hold one value over all runs that are compared."""


def checked_runs(
    frame: pd.DataFrame, experiments: Sequence[str], metric: Metric | str, endpoint: Endpoint = LAST
) -> pd.DataFrame:
    """The finished rows of some experiments, sorted by experiment, seed and epoch, fit to compute with.

    Parameters
    ----------
    frame
        A row per run and epoch with the columns experiment, seed, epoch (or step) and the metric. Where there is
        a column ``state``, only ``finished`` rows count; where there is ``configuration``, an
        experiment must have one; the columns of :data:`GUARDED` must hold one value over all rows.
    metric
        A name must be a usual one; see :func:`tinyexp.config.metric.metric_of`.
    endpoint
        Under ``last`` all runs must have the same epochs, but for those that stop early; else they must have what is compared.

    Raises
    ------
    UserError
        An empty frame, a column, metric or experiment that is not there, no finished run, several
        configurations of one experiment, several values of a guarded column, a row that stands twice, runs that do not have the
        same epochs, a value that is no value of the metric. The message names the experiment, seed and epoch.
    """
    metric = metric_in(frame, metric, "the runs", (*RUN, index_of(frame)))
    frame = where_taken(frame, experiments, metric)
    rows = checked_rows(frame, experiments, whole=endpoint.is_last)
    check_reached(rows, endpoint)
    check_metric(rows, metric)
    if endpoint.chooser is not None:
        check_columns(rows, endpoint.chooser.name)
        check_metric(rows, endpoint.chooser)
    return rows


def checked_rows(frame: pd.DataFrame, experiments: Sequence[str], *, whole: bool = False) -> pd.DataFrame:
    """As :func:`checked_runs`, whatever the metrics hold.

    Parameters
    ----------
    whole
        Whether all runs must have the same epochs.
    """
    index = index_of(frame)
    known = names_of(frame)
    for name in experiments:
        if name not in known:
            raise unknown("the runs", "experiment", name, known)
    rows = _where(frame, frame["experiment"].isin(list(experiments)))
    _check_keys(rows, index)
    finished = _where(rows, rows["state"] == "finished") if "state" in rows else rows
    for name in experiments:
        if not (finished["experiment"] == name).any():
            states = sorted({str(state) for state in rows.loc[rows["experiment"] == name, "state"]})
            raise UserError(
                f"the runs: experiment '{name}' has no finished run (its runs are {listed(states)}). "
                "Resume them with the command that started them."
            )
    if not _in_order(finished, index):
        finished = finished.sort_values([*RUN, index], kind="stable")
    finished = finished.reset_index(drop=True)
    check_guarded(finished)
    _check_configurations(finished)
    if not _are_blocks(finished, index):
        _check_duplicates(finished, index)
        if whole:
            early = (
                finished[TAKEN].notna() if TAKEN in finished else pd.Series(data=False, index=finished.index)
            )
            _check_epochs(_where(finished, ~early), index)
    return finished


def where_taken(frame: pd.DataFrame, experiments: Sequence[str], metric: Metric) -> pd.DataFrame:
    """The frame without those epochs at which no run of these experiments has the metric, as where validation is not run after each.

    A value that some runs lack at an epoch and others have is no such hole; it is refused later.
    """
    lacking = frame[metric.name].isna()
    if not bool(lacking.any()):
        return frame
    index = index_of(frame)
    own = frame["experiment"].isin(list(experiments))
    taken = frame.loc[own & ~lacking, index].unique()
    hole = own & lacking & ~frame[index].isin(taken)
    return frame if not len(taken) else frame[~hole]


def metric_in(frame: pd.DataFrame, metric: Metric | str, where: str, keys: Sequence[str] = RUN) -> Metric:
    """A metric of a frame and what it means.

    Raises
    ------
    UserError
        A column is missing, with the nearest name; or nobody says what the metric's name means.
    """
    check_columns(frame, str(metric), keys)
    return metric_of(metric, where=where) if isinstance(metric, str) else metric


def names_of(frame: pd.DataFrame) -> list[str]:
    """The experiments of a frame, in its order."""
    # `unique` looks at a column as a whole; going through it would make a string of every row.
    return cast("list[str]", frame["experiment"].unique().tolist())


def unfinished_seeds(frame: pd.DataFrame, experiments: Sequence[str]) -> tuple[int, ...]:
    """Seeds of which some of these experiments has a run that is not finished."""
    if "state" not in frame:
        return ()
    open_rows = frame[frame["experiment"].isin(list(experiments)) & (frame["state"] != "finished")]
    return tuple(sorted({int(seed) for seed in open_rows["seed"]}))


def check_metric(rows: pd.DataFrame, metric: Metric) -> None:
    """Refuse values that a metric cannot have; see :func:`tinyexp.config.metric.check_values`. The rows of a run stand together."""

    def named(place: int) -> str:
        row = rows.iloc[place]
        return ", ".join(f"{key} {row[key]}" for key in (*RUN, index_of(rows)) if key in rows)

    values = rows[metric.name].to_numpy(dtype=np.float64)
    check_values(metric, values, run_starts(rows), named)


def metric_names(frame: pd.DataFrame) -> list[str]:
    """The columns that can be compared: numeric, and a result."""
    numeric = [name for name in frame.columns if _is_number(frame[name])]
    return [name for name in numeric if name not in NO_METRICS]


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def check_columns(frame: pd.DataFrame, metric: str, keys: Sequence[str] = RUN) -> None:
    """Refuse a frame without rows, without a key column, or without the metric as a numeric column."""
    for key in keys:
        if key not in frame:
            raise UserError(
                f"the runs: the column '{key}' is missing. There are: {listed(map(str, frame.columns))}."
            )
    if frame.empty:
        raise UserError("the runs: there is no row. Train first: `tinyexp run-all`.")
    # One column is asked after; naming all that would do is left to the message.
    if metric in NO_METRICS or metric not in frame or not _is_number(frame[metric]):
        what = (
            "metric" if metric not in frame or metric in NO_METRICS else "metric (the column is not numeric)"
        )
        raise unknown("the runs", what, metric, metric_names(frame))


def _check_keys(rows: pd.DataFrame, index: str) -> None:
    for key in ("seed", index):
        values = rows[key]
        if not _is_number(values) or bool((values % 1 != 0).any()):  # NaN and infinity fail here as well
            names = listed(sorted({str(name) for name in rows["experiment"]}))
            raise UserError(f"the runs: '{key}' is not a whole number in every row of {names}.")


def _check_configurations(rows: pd.DataFrame) -> None:
    # Before the check for rows that stand twice: this one says why they do.
    if "configuration" not in rows or len(rows["configuration"].unique()) == 1:
        return
    for name, group in rows.groupby("experiment", sort=True):
        if len(group["configuration"].unique()) > 1:
            which = [
                f"{str(value)[:8]} (seeds {_numbers(set(own['seed']))})"
                for value, own in group.groupby("configuration")
            ]
            raise UserError(
                f"the runs: '{name}' has more than one configuration: {listed(which)}. Keep the runs of one; "
                "`tinyexp diff` shows what they do not share."
            )


def check_guarded(rows: pd.DataFrame) -> None:
    """Refuse rows that another profile, data set or version of the arithmetic keeps from being compared."""
    for column in (name for name in GUARDED if name in rows):
        if len(rows[column].unique()) > 1:
            owner = "experiment" if "experiment" in rows else "seed"
            owners = [
                f"{str(value)[:20]} ({owner} {listed(sorted(map(str, set(own[owner]))))})"
                for value, own in rows.groupby(column, dropna=False)
            ]
            raise UserError(
                f"the runs: more than one {column.replace('_', ' ')}: {listed(owners)}. "
                "Only runs that share it can be compared; choose one."
            )


def _check_duplicates(rows: pd.DataFrame, index: str) -> None:
    twice = rows[rows.duplicated([*RUN, index])]
    if len(twice):
        row = twice.iloc[0]
        place = ", ".join(f"{key} {row[key]}" for key in (*RUN, index))
        raise UserError(
            f"the runs: {place} stands more than once ({len(twice)} such rows). Keep one run a seed."
        )


def _check_epochs(rows: pd.DataFrame, index: str) -> None:
    """Every run has the same epochs: neither another end nor a hole passes."""
    epochs = {key: frozenset(group[index]) for key, group in rows.groupby(["experiment", "seed"], sort=True)}
    whole = frozenset[int]().union(*epochs.values())  # of no run where all may stop early
    short = {cast("tuple[str, int]", key): whole - own for key, own in epochs.items() if own != whole}
    if short:
        which = [f"'{name}' seed {seed} lacks {_numbers(lacking)}" for (name, seed), lacking in short.items()]
        raise UserError(
            f"the runs: not all runs have the {index}s up to {int(max(whole))}, so they cannot be compared: "
            f"{'; '.join(which[:10])}{'; ...' if len(which) > 10 else ''}. Finish these runs, or leave them out; or compare another endpoint, "
            f"such as {{ {index} = {int(min(max(own) for own in epochs.values()))} }} or the best by a validation metric."
        )


def _where(rows: pd.DataFrame, wanted: pd.Series) -> pd.DataFrame:
    """The rows that are wanted; where all are, as mostly, nothing is copied."""
    return rows if bool(wanted.all()) else rows[wanted]


def _in_order(rows: pd.DataFrame, index: str) -> bool:
    """Whether the rows of one experiment stand by seed and epoch, so that they need not be sorted, which copies every column."""
    if len(rows["experiment"].unique()) > 1:
        return False
    seed, epoch = rows["seed"].to_numpy(), rows[index].to_numpy()
    later, same = seed[1:] > seed[:-1], seed[1:] == seed[:-1]
    return bool((later | (same & (epoch[1:] >= epoch[:-1]))).all())


def _are_blocks(rows: pd.DataFrame, index: str) -> bool:
    """Whether rows, sorted by run and epoch, are runs of the same epochs, none of them twice: seen at a glance."""
    epoch = rows[index].to_numpy()
    length = len(rows[index].unique())
    # Runs that are not equally long can fill such blocks only with another run's rows.
    if length == 0 or len(epoch) % length:
        return False
    blocks = epoch.reshape(-1, length)
    seeds = rows["seed"].to_numpy().reshape(-1, length)
    names = pd.factorize(rows["experiment"])[0].reshape(-1, length)
    alike = (blocks == blocks[0]).all() and (seeds == seeds[:, :1]).all() and (names == names[:, :1]).all()
    # Sorted, a run of one epoch that stands twice is two blocks side by side; of a longer one the epochs are mixed.
    other = (names[1:, 0] != names[:-1, 0]) | (seeds[1:, 0] != seeds[:-1, 0])
    return bool(alike and other.all())


def _numbers(values: Iterable[int]) -> str:
    """Numbers for a message, shortened where they are many."""
    numbers = sorted(int(value) for value in values)
    text = ", ".join(str(number) for number in numbers[:6])
    return f"{text}, ... {numbers[-1]}" if len(numbers) > 6 else text
