"""Is a reported figure reproduced? Held against where one more run would lie; it can say that it cannot tell yet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.endpoints import compared_at, endpoint_values
from tinyexp.analysis.exact import deviation, mean
from tinyexp.analysis.statistics import (
    FEWEST_SEEDS,
    Interval,
    has_no_spread,
    interval_around,
    mean_interval,
    seeds_to_confirm,
)
from tinyexp.config.difference import ABSENT, flatten
from tinyexp.config.experiment import Experiment, Reported
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
    """95 % t interval of the mean; None below two seeds, and where all values are equal."""
    run_low: float | None
    run_high: float | None
    """95 % prediction interval: where one more run would lie, as the source's was one; None where the other is."""
    seeds: tuple[int, ...]
    reasons: tuple[str, ...]
    """For not_comparable: the dotted keys that deviate from the source in data, size or length."""


def reproduce(frame: pd.DataFrame, experiment: Experiment) -> Reproduction:
    """Hold the finished runs of an experiment against what the source reports, which is one run.

    So the reported figure has the spread of one run, and is held against the 95 % prediction interval for one more run of
    ours, mean +- t s sqrt(1 + 1/n): an exact reproduction lies outside in 5 % of cases, whatever the spread. The tolerance
    says besides how far is too little to matter:

    ==================================  ===========================  ===========================
    the reported figure lies            mean within the tolerance    mean beyond the tolerance
    ==================================  ===========================  ===========================
    in the prediction interval          ``reproduced``               ``cannot_tell``
    outside it                          ``cannot_tell``              ``differs``
    ==================================  ===========================  ===========================

    ``cannot_tell`` also below three seeds. Equal values estimate no spread, hence no prediction: within the tolerance three
    of them are ``reproduced``, beyond it six ``differs``, as many as the exact sign-flip test takes, and fewer
    ``cannot_tell``. Before any of these come ``nothing_reported`` and ``not_comparable``; see :func:`incomparable`.

    A fixed tolerance alone called 11 to 32 % of exact reproductions different, at a spread of 2 to 3.5 points.

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
    measured = tuple(values.values())
    spread = len(measured) > 1 and not has_no_spread(measured)
    interval, run = (mean_interval(measured), one_more_run(measured)) if spread else (None, None)
    if reported and values and not reasons and epoch != reported.after_epochs:
        raise UserError(
            f"the runs: '{experiment.name}' ends at epoch {epoch}, and the figure was reported after "
            f"{reported.after_epochs}; finish these runs, or leave them out."
        )
    return Reproduction(
        experiment=experiment.name,
        verdict=_verdict(measured, run, reasons, reported),
        reported=reported.test_accuracy if reported else None,
        tolerance=reported.tolerance if reported else None,
        measured=mean(measured) if measured else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        run_low=run.low if run else None,
        run_high=run.high if run else None,
        seeds=tuple(values),
        reasons=reasons,
    )


def one_more_run(values: Sequence[float]) -> Interval:
    """The 95 % prediction interval for one more run like these, of which there are two or more.

    Source: Hahn and Meeker (1991), Statistical Intervals, section 4.7.

    >>> low, high = one_more_run([0.40, 0.42, 0.44])
    >>> round(low, 4), round(high, 4)
    (0.3206, 0.5194)
    """
    n = len(values)
    return interval_around(mean(values), deviation(values) * math.sqrt(1 + 1 / n), n - 1)


def incomparable(experiment: Experiment) -> tuple[str, ...]:
    """The dotted keys in which an experiment departs from the figure that its source reports; none without a figure.

    Those of :func:`departures`; and ``training.stop_after`` wherever it is not the epoch of the reported figure.
    """
    if experiment.reported is None:
        return ()
    keys, length = departures(experiment), "training.stop_after"
    if flatten(experiment.settings).get(length) != experiment.reported.after_epochs and length not in keys:
        return (*keys, length)
    return keys


def departures(experiment: Experiment) -> tuple[str, ...]:
    """The dotted keys in which an experiment departs from its file in data, size or length.

    All keys of :data:`COMPARED_SECTIONS` count but :data:`SAME_EXPERIMENT`. A key that an interpretation of
    an ambiguity sets is no departure, as the source may have meant just that.
    """
    read = {
        key: value
        for name, chosen in experiment.readings.items()
        for key, value in _overlay(name, chosen).items()
    }
    flat = flatten(experiment.settings)
    return tuple(
        difference.key
        for difference in experiment.deviations
        if difference.key.startswith(COMPARED_SECTIONS)
        and difference.key not in SAME_EXPERIMENT
        and not (difference.key in read and read[difference.key] == flat.get(difference.key, ABSENT))
    )


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
    measured: Sequence[float], run: Interval | None, reasons: tuple[str, ...], reported: Reported | None
) -> ReproductionVerdict:
    if reported is None:
        return "nothing_reported"
    if reasons:
        return "not_comparable"
    if len(measured) < FEWEST_SEEDS:
        return "cannot_tell"
    near = abs(mean(measured) - reported.test_accuracy) <= reported.tolerance
    if run is None:
        return "reproduced" if near else "differs" if len(measured) >= seeds_to_confirm() else "cannot_tell"
    if run.low <= reported.test_accuracy <= run.high:
        return "reproduced" if near else "cannot_tell"
    return "cannot_tell" if near else "differs"
