"""Two designs compared, paired by seed: one method gives interval and verdict, so they cannot disagree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tinyexp.analysis.checked import checked_runs, metric_in, unfinished_seeds
from tinyexp.analysis.endpoints import Index, compared_at, endpoint_values
from tinyexp.analysis.exact import mean
from tinyexp.analysis.statistics import (
    FEWEST_SEEDS,
    Interval,
    decisive_interval,
    has_no_spread,
    mcnemar_p,
    paired_share_interval,
    seeds_to_confirm,
    seeds_to_decide,
    sign_flip_floor,
    sign_flip_p,
)
from tinyexp.config.endpoint import LAST, Endpoint, check_selection
from tinyexp.config.metric import Metric, default_margin
from tinyexp.errors import UserError

Verdict = Literal["beats", "within_margin", "no_difference_detected", "too_few_seeds"]


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison; differences are contender minus baseline, in the metric's units."""

    baseline: str
    contender: str
    metric: Metric
    margin: float
    endpoint: Endpoint
    index: Index
    """Whether the curves are by epoch or by step."""
    at: int | None
    """The epoch or step that was compared; None where each run has its own, the best by a metric."""
    verdict: Verdict
    winner: str | None
    """The one that beats the other; None under any other verdict."""
    seeds: tuple[int, ...]
    """The seeds that both were trained with, ascending."""
    baseline_values: tuple[float, ...]
    contender_values: tuple[float, ...]
    differences: tuple[float, ...]
    mean: float
    """Mean difference."""
    low: float | None
    high: float | None
    """95 % paired t interval; None below two seeds, and below six where the differences show no spread
    and lie outside the margin (then the verdict is ``too_few_seeds``)."""
    p_sign_flip: float
    """Two-sided paired sign-flip test, exact."""
    p_floor: float
    """The smallest p that this many seeds can reach: 2 / 2**n."""
    seeds_to_confirm: int
    """The fewest seeds whose floor lies below 0.05: six."""
    unpaired_seeds: tuple[int, ...]
    """Seeds that only one of the two has; named, and left out."""
    unfinished_seeds: tuple[int, ...] = ()
    """Seeds of which one of the two has a run that is not finished; named, and left out."""
    seeds_to_decide: int | None = None
    """Where the verdict is open: how many paired seeds in all would bring the interval clear of the margin's
    edges, were mean and spread as seen here. None where that cannot be said, or needs more than 999."""

    def seeds_ahead(self, name: str) -> int:
        """With how many seeds one of the two is ahead of the other, in the sense of the metric; a tie is nobody's."""
        sense = self.metric.sense if name == self.contender else -self.metric.sense
        return sum(sense * difference > 0 for difference in self.differences)


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
    selected_on_test: bool = False,
) -> Comparison:
    """Compare contender ``a`` with baseline ``b`` over a frame of runs, paired by seed, after the last epoch.

    Parameters
    ----------
    frame
        A row per run and epoch: experiment, seed, epoch and the metric; see
        :func:`tinyexp.analysis.checked.checked_runs` for what it may hold besides.
    metric
        A name must be a usual one; of another, or in another unit, give a :class:`~tinyexp.config.metric.Metric`.
    margin
        Differences within plus or minus this are noise; in the units of the metric. None for a point, of a share;
        other units have no margin by themselves.
    endpoint
        Which value of each run is compared; the last one, if none is given.
    selected_on_test
        Whether the endpoint may choose each run's epoch by a test metric, as a study may say; the figures are then too good.

    The verdict is ``beats`` when the 95 % paired t interval lies wholly beyond the margin,
    ``within_margin`` when it lies wholly inside, else ``no_difference_detected``; below three paired
    seeds ``too_few_seeds``, whatever they show. The metric's direction says who wins. Differences that are all
    equal estimate no spread: see :func:`tinyexp.analysis.statistics.decisive_interval`.

    Raises
    ------
    UserError
        The frame cannot be used, the two share no seed, the margin is not a number of 0 or more or is not given where
        there is none by itself, nobody says which direction of the metric is the better one, or the endpoint chooses by a
        test metric and ``selected_on_test`` is not given.

    >>> rows = [("new", 0, 0.71), ("new", 1, 0.72), ("new", 2, 0.70), ("old", 0, 0.50), ("old", 1, 0.52), ("old", 2, 0.51)]
    >>> runs = pd.DataFrame(rows, columns=["experiment", "seed", "test_accuracy"]).assign(epoch=12)
    >>> compare(runs, "new", "old").verdict
    'beats'
    """
    check_selection(endpoint, "compare", selected_on_test=selected_on_test)
    metric = metric_in(frame, metric, "compare")
    margin = default_margin(metric, "compare") if margin is None else margin
    _check_question(a, b, metric, margin)
    rows = checked_runs(frame, (a, b), metric, endpoint)
    contender, baseline = (endpoint_values(rows, name, metric, endpoint) for name in (a, b))
    index, at = compared_at(rows, endpoint)
    seeds = _shared_seeds({a: contender, b: baseline})
    differences = tuple(contender[seed] - baseline[seed] for seed in seeds)
    average, interval = mean(differences), decisive_interval(differences, -margin, margin)
    verdict = _verdict(interval, len(seeds), margin)
    contender_wins = metric.sense * average > 0
    return Comparison(
        baseline=b,
        contender=a,
        metric=metric,
        margin=margin,
        endpoint=endpoint,
        index=index,
        at=at,
        verdict=verdict,
        winner=(a if contender_wins else b) if verdict == "beats" else None,
        seeds=seeds,
        baseline_values=tuple(baseline[seed] for seed in seeds),
        contender_values=tuple(contender[seed] for seed in seeds),
        differences=differences,
        mean=average,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
        # Above twenty seeds the flips are sampled; the seed is a constant, so equal runs give equal p.
        p_sign_flip=sign_flip_p(differences, seed=0),
        p_floor=sign_flip_floor(len(seeds)),
        seeds_to_confirm=seeds_to_confirm(),
        unpaired_seeds=tuple(sorted(contender.keys() ^ baseline.keys())),
        unfinished_seeds=unfinished_seeds(frame, (a, b)),
        seeds_to_decide=_seeds_to_decide(verdict, differences, margin),
    )


def _check_question(a: str, b: str, metric: Metric, margin: float) -> None:
    if a == b:
        raise UserError(f"compare: '{a}' is given twice; name two experiments.")
    if not (math.isfinite(margin) and margin >= 0):
        raise UserError(
            f"compare: margin = {margin} cannot be used; give 0 or more, in the units of '{metric}'."
        )


def _shared_seeds(values: Mapping[str, Mapping[int, float]]) -> tuple[int, ...]:
    shared = set.intersection(*(set(by_seed) for by_seed in values.values()))
    if not shared:
        has = " and ".join(f"'{name}' (seeds {sorted(by_seed)})" for name, by_seed in values.items())
        raise UserError(f"compare: {has} share no seed; train both with the same ones.")
    return tuple(sorted(shared))


def _verdict(interval: Interval | None, seeds: int, margin: float) -> Verdict:
    if seeds < FEWEST_SEEDS or interval is None:
        return "too_few_seeds"
    if interval.low > margin or interval.high < -margin:
        return "beats"
    return (
        "within_margin" if -margin <= interval.low and interval.high <= margin else "no_difference_detected"
    )


def _seeds_to_decide(verdict: Verdict, differences: Sequence[float], margin: float) -> int | None:
    if verdict in {"beats", "within_margin"}:
        return None
    if len(differences) > 1 and has_no_spread(differences):
        return seeds_to_confirm() if abs(differences[0]) > margin else FEWEST_SEEDS
    return seeds_to_decide(differences, -margin, margin)


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
