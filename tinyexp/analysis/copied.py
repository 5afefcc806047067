"""Runs of different seeds that are one run: copies would make certainty out of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import metric_names
from tinyexp.errors import UserError, listed

_DISTINCT = 3
"""So many numbers that agree to the last digit are no chance: a net that learned nothing has one, at every epoch."""
_DIGITS = 6
"""Of a single number that agrees: one with fewer may agree by chance."""
_COUNTED = 10_000
"""Images; accuracies over so many agree by chance, whatever digits they have as floats."""


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
            if len(same) > 1 and _is_no_chance(distinct[key]):
                raise UserError(
                    f"the runs: seeds {listed(map(str, same))} of '{design}' are equal to the last digit, so they are copies of one "
                    "training and no evidence of how it varies. Check that the seed reaches the program, and leave "
                    "all but one out."
                )


def _is_no_chance(part: np.ndarray) -> bool:
    numbers = np.unique(part[np.isfinite(part)]).tolist()
    return len(numbers) >= _DISTINCT or not all(map(_may_be_counted, numbers))


def _may_be_counted(number: float) -> bool:
    """Whether a number may be so many of at most :data:`_COUNTED` images, as a share or in percent, in whichever precision.

    >>> _may_be_counted(45 / 64), _may_be_counted(float(np.float32(0.9123))), _may_be_counted(0.5312345678912)
    (True, True, False)
    """
    if (
        len(f"{abs(number):.12g}".replace(".", "").strip("0")) < _DIGITS
        or float(np.float32(number)) == number
    ):
        return True
    shares = (number, number / 100)
    return any(
        abs(float(Fraction(one).limit_denominator(_COUNTED)) - one) <= 1e-13 * abs(one) for one in shares
    )
