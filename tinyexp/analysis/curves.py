"""What the curves say besides their last point: levels reached, crossings, the generalisation gap.

Curves are means over finished seeds with their smallest and largest value at each epoch; nothing is
smoothed or interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import (
    check_columns,
    check_metric,
    checked_runs,
    metric_in,
    names_of,
    where_taken,
)
from tinyexp.analysis.endpoints import Index, index_of
from tinyexp.analysis.exact import column_means
from tinyexp.config.metric import GAP as GAP  # noqa: PLC0414 - those who take the gap of a frame look for its name here
from tinyexp.config.metric import GAP_OF, Metric
from tinyexp.errors import UserError


@dataclass(frozen=True)
class Curve:
    """A metric of one experiment over epochs; all tuples but ``seeds`` have one entry an epoch."""

    experiment: str
    metric: Metric
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    """Or steps, where the runs have no epochs."""
    images_seen: tuple[int, ...] | None
    """Training images seen up to each epoch; None where the frame has no such column."""
    mean: tuple[float, ...]
    low: tuple[float, ...]
    """Smallest over the seeds."""
    high: tuple[float, ...]
    """Largest over the seeds."""
    by_seed: tuple[tuple[float, ...], ...]
    """One tuple a seed, in the order of ``seeds``; empty where they were not asked for."""
    index: Index = "epoch"
    """What ``epochs`` counts."""


@dataclass(frozen=True)
class Reached:
    """When an experiment first stood at a level or beyond, in the direction of the metric."""

    experiment: str
    metric: Metric
    level: float
    epoch: int | None
    """Of the mean curve; None where it never does."""
    images_seen: int | None
    """The same in training images; None also where the frame does not say."""
    epoch_by_seed: tuple[int | None, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Crossing:
    """The first epoch at which another curve is ahead than before."""

    epoch: int
    ahead: str
    """The experiment that leads from this epoch on, in the sense of the metric."""


def mean_curves(
    frame: pd.DataFrame, metric: Metric | str, experiments: Sequence[str] = ()
) -> tuple[Curve, ...]:
    """The curve of each experiment over its finished seeds, in the order asked for.

    Parameters
    ----------
    experiments
        Names; empty for all, in the order of the frame: then each must have a finished run.

    Raises
    ------
    UserError
        As :func:`tinyexp.analysis.checked.checked_runs`; seeds of one experiment must have the same
        epochs, different experiments need not.
    """
    metric = metric_in(frame, metric, "curves", ())
    names = experiments or _names(frame, metric)
    return tuple(curve_of(checked_runs(frame, (name,), metric), name, metric) for name in names)


def with_gap(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with the generalisation gap as a column; raises UserError where it cannot be computed."""
    train, test = GAP_OF
    for metric in GAP_OF:
        check_columns(frame, metric, ())
    return frame.assign(**{GAP: frame[train] - frame[test]})


def reach(curve: Curve, level: float) -> Reached:
    """When a curve first reaches a level, for the mean and for each seed.

    >>> from tinyexp.config.metric import metric_of
    >>> accuracy = metric_of("test_accuracy")
    >>> curve = Curve("net", accuracy, (0,), (1, 2, 3), (10, 20, 30), (0.1, 0.5, 0.4), (), (), ((0.1, 0.5, 0.4),))
    >>> reach(curve, 0.45).epoch, reach(curve, 0.45).images_seen, reach(curve, 0.6).epoch
    (2, 20, None)
    """
    place = _first(curve.mean, level, curve.metric)
    by_seed = [_first(values, level, curve.metric) for values in curve.by_seed]
    return Reached(
        experiment=curve.experiment,
        metric=curve.metric,
        level=level,
        epoch=None if place is None else curve.epochs[place],
        images_seen=None if place is None or curve.images_seen is None else curve.images_seen[place],
        epoch_by_seed=tuple(None if found is None else curve.epochs[found] for found in by_seed),
        seeds=curve.seeds,
    )


def crossings(a: Curve, b: Curve) -> tuple[Crossing, ...]:
    """Where two mean curves of one metric change places, over the epochs that both have.

    Epochs at which they are equal change nothing: the curves cross when the other one is ahead.

    Raises
    ------
    UserError
        The curves are of different metrics or share no epoch.
    """
    shared = sorted(set(a.epochs) & set(b.epochs))
    if a.metric != b.metric or not shared:
        raise UserError(
            f"curves: '{a.experiment}' ({a.metric}) and '{b.experiment}' ({b.metric}) have no epoch of one metric "
            "in common."
        )
    first, second = dict(zip(a.epochs, a.mean, strict=True)), dict(zip(b.epochs, b.mean, strict=True))
    found, before = [], 0.0
    for epoch in shared:
        sign = float(np.sign(a.metric.gain(first[epoch], second[epoch])))
        if sign and before and sign != before:
            found.append(Crossing(epoch, a.experiment if sign > 0 else b.experiment))
        before = sign or before
    return tuple(found)


def _names(frame: pd.DataFrame, metric: Metric) -> list[str]:
    check_columns(frame, metric.name)
    return names_of(frame)


def curve_of(rows: pd.DataFrame, experiment: str, metric: Metric, most_seeds: int | None = None) -> Curve:
    """From the rows of one experiment as :func:`tinyexp.analysis.checked.checked_runs` gives them.

    They were checked in one metric and may have curves in many; what depends on the metric is checked here.

    Parameters
    ----------
    most_seeds
        Of more seeds than this the curve has no ``by_seed``, which is most of its memory; None for no limit.

    Raises
    ------
    UserError
        The metric is no numeric column, or has a value that it cannot have.
    """
    check_columns(rows, metric.name)
    rows = where_taken(rows, (experiment,), metric)
    check_metric(rows, metric)
    index = index_of(rows)
    seeds = tuple(int(seed) for seed in dict.fromkeys(rows["seed"]))
    values = rows[metric.name].to_numpy(dtype=np.float64).reshape(len(seeds), -1)
    length = values.shape[1]
    images = rows["images_seen"].to_numpy()[:length] if "images_seen" in rows else None
    return Curve(
        experiment=experiment,
        metric=metric,
        seeds=seeds,
        epochs=tuple(int(epoch) for epoch in rows[index].to_numpy()[:length]),
        images_seen=None if images is None else tuple(int(count) for count in images),
        mean=column_means(values),
        low=tuple(values.min(axis=0).tolist()),
        high=tuple(values.max(axis=0).tolist()),
        by_seed=tuple(tuple(row) for row in values.tolist())
        if most_seeds is None or len(seeds) <= most_seeds
        else (),
        index=index,
    )


def _first(values: Sequence[float], level: float, metric: Metric) -> int | None:
    for place, value in enumerate(values):
        if metric.gain(value, level) >= 0:
            return place
    return None
