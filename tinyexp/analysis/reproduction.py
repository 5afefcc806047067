"""Is a reported figure reproduced? An equivalence test that can say that it cannot tell yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.endpoints import compared_at, endpoint_values
from tinyexp.analysis.exact import mean
from tinyexp.analysis.statistics import Interval, decisive_interval
from tinyexp.config.difference import ABSENT, flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import metric_of
from tinyexp.config.source import ambiguities
from tinyexp.errors import UserError

ReproductionVerdict = Literal["reproduced", "differs", "cannot_tell", "not_comparable", "nothing_reported"]

METRIC = metric_of("test_accuracy")
"""What sources report."""

COMPARED_SECTIONS = ("data.", "input.", "model.", "augmentation.", "optimizer.", "training.")
"""Sections whose keys say which data, which network and how long."""
SAME_EXPERIMENT = (
    "training.evaluation_batch_size",
    "training.precision",
    "training.compile",
    "training.channels_last",
)
"""How the same training is computed: rounding, not data, size or length."""


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
    """95 % t interval of the mean; None below two seeds, and where equal values are too few to trust."""
    seeds: tuple[int, ...]
    reasons: tuple[str, ...]
    """For not_comparable: the dotted keys that deviate from the source in data, size or length."""


def reproduce(frame: pd.DataFrame, experiment: Experiment) -> Reproduction:
    """Hold the finished runs of an experiment against what the source reports.

    ``reproduced`` when the whole 95 % t interval of the mean test accuracy lies within the tolerance
    around the reported figure, ``differs`` when it lies wholly outside, else ``cannot_tell``, as without
    an interval. Before any of these come ``nothing_reported`` and ``not_comparable``; see :func:`incomparable`.

    Parameters
    ----------
    frame
        As for :func:`tinyexp.analysis.comparison.compare`. Where it has a column ``profile``, the rows of
        the experiment's own profile count. No row of the experiment, or none finished, is no error.

    Raises
    ------
    UserError
        The frame cannot be used, or a run ends at another epoch than the reported figure.
    """
    values, epoch = _measured(frame, experiment)
    reported, reasons = experiment.reported, incomparable(experiment)
    low_edge = reported.test_accuracy - reported.tolerance if reported else -np.inf
    high_edge = reported.test_accuracy + reported.tolerance if reported else np.inf
    interval = decisive_interval(tuple(values.values()), float(low_edge), float(high_edge))
    if reported and values and not reasons and epoch != reported.after_epochs:
        raise UserError(
            f"the runs: '{experiment.name}' ends at epoch {epoch}, and the figure was reported after "
            f"{reported.after_epochs}; finish these runs, or leave them out."
        )
    return Reproduction(
        experiment=experiment.name,
        verdict=_verdict(
            interval, reasons, None if reported is None else (float(low_edge), float(high_edge))
        ),
        reported=reported.test_accuracy if reported else None,
        tolerance=reported.tolerance if reported else None,
        measured=mean(tuple(values.values())) if values else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        seeds=tuple(values),
        reasons=reasons,
    )


def incomparable(experiment: Experiment) -> tuple[str, ...]:
    """The dotted keys in which an experiment departs from its source in data, size or length.

    All keys of :data:`COMPARED_SECTIONS` count but :data:`SAME_EXPERIMENT`. A key that an interpretation of
    an ambiguity sets is no departure, as the source may have meant just that; ``training.stop_after``
    always is one where it is not the epoch of the reported figure.
    """
    if experiment.reported is None:
        return ()
    read = {
        key: value
        for name, chosen in experiment.readings.items()
        for key, value in _overlay(name, chosen).items()
    }
    flat = flatten(experiment.settings)
    keys = [
        difference.key
        for difference in experiment.deviations
        if difference.key.startswith(COMPARED_SECTIONS)
        and difference.key not in SAME_EXPERIMENT
        and not (difference.key in read and read[difference.key] == flat.get(difference.key, ABSENT))
    ]
    length = "training.stop_after"
    if flat.get(length) != experiment.reported.after_epochs and length not in keys:
        keys.append(length)
    return tuple(keys)


def _overlay(number: str, chosen: str) -> dict[str, object]:
    """What an interpretation sets; nothing for one that the source does not have, which so excuses no difference."""
    ambiguity = ambiguities().get(number)
    interpretation = ambiguity.interpretations.get(chosen) if ambiguity else None
    return dict(interpretation.set) if interpretation else {}


def _measured(frame: pd.DataFrame, experiment: Experiment) -> tuple[dict[int, float], int]:
    """The last test accuracies by seed, and their epoch; nothing where no run is finished."""
    own = frame[frame["experiment"] == experiment.name] if "experiment" in frame else frame
    if "profile" in own:
        own = own[own["profile"] == experiment.profile]
    if "experiment" in frame and (own.empty or ("state" in own and not (own["state"] == "finished").any())):
        return {}, 0
    if experiment.reported is None and METRIC.name not in own:
        return {}, 0  # nothing to hold it against, and it was not taken
    rows = checked_runs(own, (experiment.name,), METRIC)
    return endpoint_values(rows, experiment.name, METRIC), compared_at(rows)[1] or 0


def _verdict(
    interval: Interval | None, reasons: tuple[str, ...], region: tuple[float, float] | None
) -> ReproductionVerdict:
    if region is None:
        return "nothing_reported"
    if reasons:
        return "not_comparable"
    if interval is None:
        return "cannot_tell"
    if region[0] <= interval.low and interval.high <= region[1]:
        return "reproduced"
    return "differs" if interval.low > region[1] or interval.high < region[0] else "cannot_tell"
