"""Runs of different seeds that are one run: copies would make certainty out of nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import metric_names
from tinyexp.errors import UserError, listed
from tinyexp.runs.chance import is_no_chance


def check_copies(rows: pd.DataFrame, designs: Sequence[str]) -> None:
    """Refuse runs of a design whose metrics are equal to the last digit, though their seeds differ.

    Parameters
    ----------
    rows
        Finished rows, those of a run together.

    Raises
    ------
    UserError
        The message names the design and the seeds.
    """
    metrics = metric_names(rows)
    for design in designs:
        own = rows[rows["experiment"] == design]
        if len(own["seed"].unique()) < 2:
            continue
        alike: dict[bytes, list[int]] = {}
        distinct: dict[bytes, np.ndarray] = {}
        table = own[metrics].to_numpy(dtype=np.float64)
        seeds = own["seed"].to_numpy()
        starts = np.flatnonzero(np.append(True, seeds[1:] != seeds[:-1]))
        for start, end in zip(starts, np.append(starts[1:], len(seeds)), strict=True):
            part = table[start:end]
            key = part.tobytes()
            alike.setdefault(key, []).append(int(seeds[start]))
            distinct[key] = part
        for key, same in alike.items():
            if len(same) > 1 and is_no_chance(distinct[key]):
                raise UserError(
                    f"the runs: seeds {listed(map(str, same))} of '{design}' are equal to the last digit, so they are copies of one "
                    "training and no evidence of how it varies. Check that the seed reaches the program, and leave "
                    "all but one out."
                )
