"""Is a reported figure reproduced? An equivalence test that can say that it cannot tell yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tinyexp.spec.load import Experiment

ReproductionVerdict = Literal["reproduced", "differs", "cannot_tell", "not_comparable", "nothing_reported"]


@dataclass(frozen=True)
class Reproduction:
    """A reported test accuracy beside the measured one."""

    experiment: str
    verdict: ReproductionVerdict
    reported: float | None
    tolerance: float | None
    measured: float | None
    """Mean over the seeds after the last epoch; None without a finished run."""
    low: float | None
    high: float | None
    """95 % t interval of the mean; None below two seeds."""
    seeds: tuple[int, ...]
    reasons: tuple[str, ...]
    """For not_comparable: the dotted keys that deviate from the source in data, size or length."""


def reproduce(frame: pd.DataFrame, experiment: Experiment) -> Reproduction:
    """Hold the finished runs of an experiment against what the source reports."""
    raise NotImplementedError
