"""The gate that every frame passes before a figure is computed from it: nothing is dropped silently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd

from tinyexp.errors import UserError, listed, unknown

KEYS = ("experiment", "seed", "epoch")
NO_METRICS = (*KEYS, "step", "images_seen", "learning_rate", "weight_decay")
"""Numeric columns that say where a row stands, not what came out."""
GUARDED = ("profile", "data_fingerprint", "numerics_version")
"""Columns that need not be there, and must hold one value over all runs that are compared."""


def lower_is_better(metric: str) -> bool:
    """Losses fall where accuracies rise."""
    return metric == "loss" or metric.endswith("_loss")


def checked_runs(frame: pd.DataFrame, experiments: Sequence[str], metric: str) -> pd.DataFrame:
    """The finished rows of some experiments, sorted by experiment, seed and epoch, fit to compute with.

    Parameters
    ----------
    frame
        A row per run and epoch with the columns experiment, seed, epoch and the metric. Where there is
        a column ``state``, only ``finished`` rows count; where there is ``configuration``, an
        experiment must have one; the columns of :data:`GUARDED` must hold one value over all rows.

    Raises
    ------
    UserError
        An empty frame, a column, metric or experiment that is not there, no finished run, several
        configurations of one experiment, several values of a guarded column, a row that stands twice, runs that do not have the
        same epochs, a value that is NaN or infinite. The message names the experiment, seed and epoch.
    """
    check_columns(frame, metric)
    known = names_of(frame)
    for name in experiments:
        if name not in known:
            raise unknown("the runs", "experiment", name, known)
    rows = _where(frame, frame["experiment"].isin(list(experiments)))
    _check_keys(rows)
    finished = _where(rows, rows["state"] == "finished") if "state" in rows else rows
    for name in experiments:
        if not (finished["experiment"] == name).any():
            states = sorted({str(state) for state in rows.loc[rows["experiment"] == name, "state"]})
            raise UserError(
                f"the runs: experiment '{name}' has no finished run (its runs are {listed(states)}). "
                "Resume them with the command that started them."
            )
    if not _in_order(finished):
        finished = finished.sort_values(list(KEYS), kind="stable")
    finished = finished.reset_index(drop=True)
    check_guarded(finished)
    _check_configurations(finished)
    if not _are_blocks(finished):
        _check_duplicates(finished)
        _check_epochs(finished)
    check_finite(finished, metric)
    return finished


def names_of(frame: pd.DataFrame) -> list[str]:
    """The experiments of a frame, in its order."""
    # `unique` looks at a column as a whole; going through it would make a string of every row.
    return cast("list[str]", frame["experiment"].unique().tolist())


def last_epoch(rows: pd.DataFrame) -> int:
    """The last epoch of rows from :func:`checked_runs`, where all runs have the same one."""
    return int(rows["epoch"].max())


def last_values(rows: pd.DataFrame, experiment: str, metric: str) -> dict[int, float]:
    """The metric after the last epoch by seed, ascending; ``rows`` come from :func:`checked_runs`."""
    end = rows[(rows["experiment"] == experiment) & (rows["epoch"] == last_epoch(rows))]
    return {int(seed): float(value) for seed, value in zip(end["seed"], end[metric], strict=True)}


def unfinished_seeds(frame: pd.DataFrame, experiments: Sequence[str]) -> tuple[int, ...]:
    """Seeds of which some of these experiments has a run that is not finished."""
    if "state" not in frame:
        return ()
    open_rows = frame[frame["experiment"].isin(list(experiments)) & (frame["state"] != "finished")]
    return tuple(sorted({int(seed) for seed in open_rows["seed"]}))


def check_finite(rows: pd.DataFrame, metric: str) -> None:
    """Refuse a metric that is NaN or infinite anywhere; the message names the first such row."""
    values = rows[metric].to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        row = rows.iloc[int(wrong[0])]
        place = ", ".join(f"{key} {row[key]}" for key in KEYS if key in rows)
        raise UserError(
            f"the runs: '{metric}' is {values[wrong[0]]} at {place} ({wrong.size} such rows). "
            "Choose another metric, or train that run again with --fresh."
        )


def metric_names(frame: pd.DataFrame) -> list[str]:
    """The columns that can be compared: numeric, and a result."""
    numeric = [name for name in frame.columns if _is_number(frame[name])]
    return [name for name in numeric if name not in NO_METRICS]


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def check_columns(frame: pd.DataFrame, metric: str, keys: Sequence[str] = KEYS) -> None:
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


def _check_keys(rows: pd.DataFrame) -> None:
    for key in ("seed", "epoch"):
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


def _check_duplicates(rows: pd.DataFrame) -> None:
    twice = rows[rows.duplicated(list(KEYS))]
    if len(twice):
        row = twice.iloc[0]
        place = ", ".join(f"{key} {row[key]}" for key in KEYS)
        raise UserError(
            f"the runs: {place} stands more than once ({len(twice)} such rows). Keep one run a seed."
        )


def _check_epochs(rows: pd.DataFrame) -> None:
    """Every run has the same epochs: neither another end nor a hole passes."""
    epochs = {
        key: frozenset(group["epoch"]) for key, group in rows.groupby(["experiment", "seed"], sort=True)
    }
    whole = frozenset.union(*epochs.values())
    short = {cast("tuple[str, int]", key): whole - own for key, own in epochs.items() if own != whole}
    if short:
        which = [f"'{name}' seed {seed} lacks {_numbers(lacking)}" for (name, seed), lacking in short.items()]
        raise UserError(
            f"the runs: not all runs have the epochs up to {int(max(whole))}, so they cannot be compared: "
            f"{'; '.join(which[:10])}{'; ...' if len(which) > 10 else ''}. Finish these runs, or leave them out."
        )


def _where(rows: pd.DataFrame, wanted: pd.Series) -> pd.DataFrame:
    """The rows that are wanted; where all are, as mostly, nothing is copied."""
    return rows if bool(wanted.all()) else rows[wanted]


def _in_order(rows: pd.DataFrame) -> bool:
    """Whether the rows of one experiment stand by seed and epoch, so that they need not be sorted, which copies every column."""
    if len(rows["experiment"].unique()) > 1:
        return False
    seed, epoch = rows["seed"].to_numpy(), rows["epoch"].to_numpy()
    later, same = seed[1:] > seed[:-1], seed[1:] == seed[:-1]
    return bool((later | (same & (epoch[1:] >= epoch[:-1]))).all())


def _are_blocks(rows: pd.DataFrame) -> bool:
    """Whether rows, sorted by run and epoch, are runs of the same epochs, none of them twice: seen at a glance."""
    epoch = rows["epoch"].to_numpy()
    length = len(rows["epoch"].unique())
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
