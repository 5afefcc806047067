"""Every training that was started counts: those that gave a value, and those that were lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from tinyexp.errors import UserError


@dataclass(frozen=True)
class LostRun:
    """A training that was started and gives no value."""

    seed: int
    state: str
    """``diverged``, ``failed``, ``interrupted``, ``running`` or, of somebody's log, ``cut``."""


def started_runs(
    frame: pd.DataFrame, design: str, values: Mapping[int, float], lost: Sequence[LostRun]
) -> dict[int, float | LostRun]:
    """What became of each training of a design, by seed, ascending.

    Parameters
    ----------
    frame
        Where it has a column ``state``, rows of runs that are not finished.
    values
        What is compared of each run that gives it, by seed.
    lost
        Trainings without any row. One of a seed that has a value was trained again, and is lost no more.
    """
    gone = {one.seed: one for one in lost}
    if "state" in frame:
        rows = frame[(frame["experiment"] == design) & (frame["state"] != "finished")]
        for seed, state in zip(rows["seed"], rows["state"], strict=True):
            gone[int(seed)] = LostRun(int(seed), str(state))
    found: dict[int, float | LostRun] = {**gone, **values}
    return {seed: found[seed] for seed in sorted(found)}


def numbered_runs(frame: pd.DataFrame, designs: Sequence[str]) -> tuple[pd.DataFrame, bool]:
    """The rows of some designs with a seed in every row, and whether the runs say them.

    Where a run does not, those of its design are numbered in the order of their names in the column ``run``.

    Raises
    ------
    UserError
        There is neither a column ``seed`` nor one that tells runs apart.
    """
    rows = frame[frame["experiment"].isin(list(designs))]
    if "seed" in frame and not bool(frame["seed"].isna().any()):
        # Runs that were imported are numbered already.
        return frame, "seed_known" not in frame or bool(rows["seed_known"].all())
    unknown = rows if "seed" not in rows else rows[rows["seed"].isna()]
    if unknown.empty:
        return rows, True
    if "run" not in rows:
        raise UserError(
            "the runs: there is no seed in every row, and no column 'run' that tells runs apart. Give one of them: "
            "each training is a run of its own."
        )
    names = set(unknown["experiment"])
    seeds = pd.Series(-1, index=rows.index, dtype="int64")
    for name, own in rows.groupby("experiment", sort=False):
        if name in names:
            seeds[own.index] = own["run"].astype("str").rank(method="dense").astype("int64") - 1
        else:
            seeds[own.index] = own["seed"].astype("int64")
    return rows.assign(seed=seeds), False
