"""Whether numbers that agree to the last digit are too many, or too fine, to agree by chance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_DISTINCT = 3
"""So many numbers that agree to the last digit are no chance: a net that learned nothing has one, at every epoch."""
_DIGITS = 6
"""Of a single number that agrees: one with fewer may agree by chance."""
_COUNTED = 10_000
"""Images; accuracies over so many agree by chance, whatever digits they have as floats."""


def is_no_chance(part: NDArray[np.float64]) -> bool:
    """Whether all numbers of two runs can only agree because the one is a copy of the other."""
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
