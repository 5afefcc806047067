"""Two designs compared: one method gives interval and verdict, so they cannot disagree.

Runs are taken as independent (Welch), unless the study says beforehand that they are paired by seed. Every training that
was started counts: where those that gave no value could turn the verdict, there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tinyexp.analysis.checked import checked_runs, metric_in
from tinyexp.analysis.compared import Comparison, OpenReason, Pairing, Sample, Verdict
from tinyexp.analysis.copied import check_copies
from tinyexp.analysis.endpoints import compared_at, endpoint_values
from tinyexp.analysis.exact import mean
from tinyexp.analysis.forecast import seeds_forecast
from tinyexp.analysis.looks import Look, look_at
from tinyexp.analysis.samples import difference_interval, fewest_to_confirm, median, outliers, permutation_p
from tinyexp.analysis.started import LostRun, numbered_runs, started_runs
from tinyexp.analysis.statistics import (
    FEWEST_SEEDS,
    Interval,
    decisive_interval,
    mcnemar_p,
    paired_share_interval,
    permutation_floor,
    seeds_to_confirm,
    sign_flip_floor,
    sign_flip_p,
)
from tinyexp.config.endpoint import LAST, Endpoint, check_selection
from tinyexp.config.metric import Metric, default_margin
from tinyexp.errors import UserError


@dataclass(frozen=True)
class TwoNetworks:
    """Two trained networks on the same test images. It says nothing of the designs: one seed has no spread."""

    images: int
    accuracy_a: float
    accuracy_b: float
    only_a_right: int
    only_b_right: int
    """The discordant images; those that both get right or wrong tell nothing."""
    difference: float
    """Accuracy of a minus that of b, a fraction."""
    low: float
    high: float
    """95 % interval of that difference over draws of test images, the two networks being given."""
    p_mcnemar: float
    """Exact, two-sided."""


def compare(
    frame: pd.DataFrame,
    a: str,
    b: str,
    metric: str | Metric = "test_accuracy",
    margin: float | None = None,
    endpoint: Endpoint = LAST,
    *,
    pairing: Pairing = "none",
    looks: Sequence[int] = (),
    lost: Mapping[str, Sequence[LostRun]] | None = None,
    selected_on_test: bool = False,
) -> Comparison:
    """Compare contender ``a`` with baseline ``b`` over a frame of runs, after the last epoch.

    Parameters
    ----------
    frame
        A row per run and epoch: experiment, seed, epoch and the metric; see
        :func:`tinyexp.analysis.checked.checked_runs` for what it may hold besides. Runs that do not say their seed
        are told apart by a column ``run``. Where there is a column ``state``, runs that are not ``finished`` count as lost.
    metric
        A name must be a usual one; of another, or in another unit, give a :class:`~tinyexp.config.metric.Metric`.
    margin
        What is too small to matter, in the units of the metric. None for a point, of a share; other units have no
        margin by themselves.
    endpoint
        Which value of each run is compared; the last one, if none is given.
    pairing
        ``seed`` where it was decided beforehand that runs of one seed belong together, as they share initial weights and
        order; then their differences are compared.
    looks
        Numbers of runs of each design at which the comparison is decided: see :mod:`tinyexp.analysis.looks`. Without
        any, all runs count, and adding more until the verdict pleases raises the error beyond 5 %.
    lost
        By design: trainings that were started and left no row.
    selected_on_test
        Whether the endpoint may choose each run's epoch by a test metric, as a study may say; the figures are then too good.

    The verdict is ``beats`` when the interval lies wholly beyond the margin, ``within_margin`` when it lies wholly inside,
    else ``no_difference_detected``; below three runs of either, and before the first look, ``too_few_seeds``, whatever they
    show. Neither of the first two where the lost runs would turn it, were each of the winner's (or of either's) as bad
    as the metric can be. The metric's direction says who wins.

    Raises
    ------
    UserError
        The frame cannot be used, runs of different seeds are copies of each other, paired designs share no seed, the
        margin is not a number of 0 or more or is not given where there is none by itself, nobody says which direction of
        the metric is the better one, or the endpoint chooses by a test metric and ``selected_on_test`` is not given.

    >>> rows = [("new", 0, 0.71), ("new", 1, 0.72), ("new", 2, 0.70), ("old", 0, 0.50), ("old", 1, 0.52), ("old", 2, 0.51)]
    >>> runs = pd.DataFrame(rows, columns=["experiment", "seed", "test_accuracy"]).assign(epoch=12)
    >>> compare(runs, "new", "old").verdict
    'beats'
    """
    check_selection(endpoint, "compare", selected_on_test=selected_on_test)
    metric = metric_in(frame, metric, "compare", ("experiment",))
    margin = default_margin(metric, "compare") if margin is None else margin
    _check_question(a, b, metric, margin)
    frame, seeds_known = numbered_runs(frame, (a, b))
    if pairing == "seed" and not seeds_known:
        raise UserError("compare: pairing = 'seed' needs runs that say their seeds. Leave the pairing out.")
    rows = checked_runs(frame, (a, b), metric, endpoint)
    check_copies(rows, (a, b))
    started = {
        name: started_runs(
            frame, name, endpoint_values(rows, name, metric, endpoint), (lost or {}).get(name, ())
        )
        for name in (a, b)
    }
    look = look_at(looks, min(len(runs) for runs in started.values()))
    paired = _shared_seeds(started, look) if pairing == "seed" else None
    contender, baseline = (_sample(started[name], look, metric, margin, paired) for name in (a, b))
    index, at = compared_at(rows, endpoint)
    verdict, reason, interval = _Rule(metric, margin, pairing, look).decide(contender, baseline)
    average = mean(contender.measured) - mean(baseline.measured)
    differences = _differences(contender, baseline) if pairing == "seed" else ()
    counts = len(contender.measured), len(baseline.measured)
    by_seed = pairing == "seed"
    return Comparison(
        baseline=b,
        contender=a,
        metric=metric,
        margin=margin,
        endpoint=endpoint,
        index=index,
        at=at,
        pairing=pairing,
        look=look,
        verdict=verdict,
        winner=(a if metric.sense * average > 0 else b) if verdict == "beats" else None,
        reason=reason,
        baseline_runs=baseline,
        contender_runs=contender,
        seeds_known=seeds_known,
        differences=differences,
        mean=mean(differences) if by_seed else average,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        # Where there are too many ways they are sampled; the seed is a constant, so equal runs give equal p.
        p_exact=sign_flip_p(differences, seed=0)
        if by_seed
        else permutation_p(contender.measured, baseline.measured),
        p_floor=sign_flip_floor(counts[0]) if by_seed else permutation_floor(*counts),
        runs_to_confirm=seeds_to_confirm(look.error) if by_seed else fewest_to_confirm(look.error),
        forecast=None
        if verdict in ("beats", "within_margin")
        else seeds_forecast(contender.measured, baseline.measured, margin, look, paired=by_seed),
    )


def _check_question(a: str, b: str, metric: Metric, margin: float) -> None:
    if a == b:
        raise UserError(f"compare: '{a}' is given twice; name two experiments.")
    if not (math.isfinite(margin) and margin >= 0):
        raise UserError(
            f"compare: margin = {margin} cannot be used; give 0 or more, in the units of '{metric}'."
        )


_Started = Mapping[int, float | LostRun]
"""What became of each training of a design, by seed, ascending."""


def _shared_seeds(started: Mapping[str, _Started], look: Look) -> set[int]:
    counted = {
        name: {seed for seed in list(runs)[: look.runs] if isinstance(runs[seed], float)}
        for name, runs in started.items()
    }
    shared = set.intersection(*counted.values())
    if not shared:
        has = " and ".join(f"'{name}' (seeds {sorted(seeds)})" for name, seeds in counted.items())
        raise UserError(
            f"compare: {has} share no seed; train both with the same ones, or leave the pairing out."
        )
    return shared


def _sample(started: _Started, look: Look, metric: Metric, margin: float, paired: set[int] | None) -> Sample:
    counted = list(started)[: look.runs]
    found = {seed: value for seed in counted if isinstance(value := started[seed], float)}
    used = {seed: value for seed, value in found.items() if paired is None or seed in paired}
    values = tuple(used.values())
    if not values:
        raise UserError(
            "compare: none of the runs that count has finished. Finish them with the command that started them."
        )
    seeds = tuple(used)
    return Sample(
        seeds=seeds,
        measured=values,
        mean=mean(values),
        median=median(values),
        worst=min(values) if metric.sense > 0 else max(values),
        behind=tuple(seeds[place] for place in outliers(values, metric.sense, margin)),
        lost=tuple(one for seed in counted if isinstance(one := started[seed], LostRun)),
        later=tuple(list(started)[len(counted) :]),
        left_out=tuple(found.keys() - used.keys()),
    )


@dataclass(frozen=True)
class _Rule:
    """By what two samples are decided."""

    metric: Metric
    margin: float
    pairing: Pairing
    look: Look

    def decide(self, contender: Sample, baseline: Sample) -> tuple[Verdict, OpenReason, Interval | None]:
        """The verdict, why it is open, and the interval that it rests on."""
        interval = self._interval(contender, baseline)
        if min(len(contender.measured), len(baseline.measured)) < FEWEST_SEEDS:
            return "too_few_seeds", "too_few_runs", interval
        if not self.look.number:
            return "too_few_seeds", "before_first_look", interval
        if interval is None:
            return "too_few_seeds", "no_spread", None
        lead = self._lead(interval)
        if lead is None:
            return "no_difference_detected", "interval_too_wide", interval
        # Only the winner's lost runs can turn a win; of two that are level, either's.
        doubtful = [one for one, side in ((contender, 1), (baseline, -1)) if one.lost and lead in (0, side)]
        if doubtful and self._lead(self._at_worst(contender, baseline, doubtful)) != lead:
            return "no_difference_detected", "lost_runs", interval
        return "beats" if lead else "within_margin", "", interval

    def _interval(self, contender: Sample, baseline: Sample) -> Interval | None:
        level = 1 - self.look.error
        if self.pairing == "seed":
            return decisive_interval(_differences(contender, baseline), -self.margin, self.margin, level)
        return difference_interval(contender.measured, baseline.measured, -self.margin, self.margin, level)

    def _at_worst(self, contender: Sample, baseline: Sample, doubtful: list[Sample]) -> Interval | None:
        """The interval, were every lost run of some as bad as can be; None where there is no bound.

        A run that is not there has no counterpart: with it the two are compared without pairs.
        """
        worst = self.metric.low if self.metric.sense > 0 else self.metric.high
        if worst is None:
            return None
        both = [
            (*one.measured, *[worst] * len(one.lost)) if one in doubtful else one.measured
            for one in (contender, baseline)
        ]
        return difference_interval(both[0], both[1], -self.margin, self.margin, 1 - self.look.error)

    def _lead(self, interval: Interval | None) -> int | None:
        """1 where the contender is ahead by more than the margin, -1 where the baseline is, 0 where they are level; else None."""
        if interval is None:
            return None
        if interval.low > self.margin:
            return 1 if self.metric.sense > 0 else -1
        if interval.high < -self.margin:
            return -1 if self.metric.sense > 0 else 1
        return 0 if -self.margin <= interval.low and interval.high <= self.margin else None


def _differences(contender: Sample, baseline: Sample) -> tuple[float, ...]:
    return tuple(a - b for a, b in zip(contender.measured, baseline.measured, strict=True))


def compare_two_networks(label: ArrayLike, predicted_a: ArrayLike, predicted_b: ArrayLike) -> TwoNetworks:
    """Compare two trained networks, one seed of each, by what they say of the same test images.

    Parameters
    ----------
    label, predicted_a, predicted_b
        Class numbers of shape (images,), in the same order of images.

    Raises
    ------
    UserError
        No image, or arrays of different shapes.

    Source: the exact McNemar test, with Bonett and Price's interval; both in
    :mod:`tinyexp.analysis.statistics`. Where few images are discordant, the test is the stricter one.
    """
    truth, a, b = (np.asarray(array) for array in (label, predicted_a, predicted_b))
    if truth.ndim != 1 or not truth.shape == a.shape == b.shape or not truth.size:
        raise UserError(
            f"compare_two_networks: give three arrays of one shape (images,), with at least one image; "
            f"got {truth.shape}, {a.shape} and {b.shape}."
        )
    right_a, right_b = a == truth, b == truth
    only_a, only_b, images = _count(right_a & ~right_b), _count(right_b & ~right_a), len(truth)
    interval = paired_share_interval(only_a, only_b, images)
    return TwoNetworks(
        images=images,
        accuracy_a=_count(right_a) / images,
        accuracy_b=_count(right_b) / images,
        only_a_right=only_a,
        only_b_right=only_b,
        difference=(only_a - only_b) / images,
        low=interval.low,
        high=interval.high,
        p_mcnemar=mcnemar_p(only_a, only_b),
    )


def _count(mask: NDArray[Any]) -> int:
    return int(np.count_nonzero(mask))
