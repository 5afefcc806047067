"""The values of one metric, taken out of logs: one row for each run and index, and what became of each run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from tinyexp.config.endpoint import Endpoint
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError
from tinyexp.logs.grouping import Grouping, Placed
from tinyexp.logs.log import Value


def of_one_length(grouping: Grouping, metric: Metric, notes: list[str]) -> Grouping:
    """Of many designs those that end where the baseline does, if there are any."""
    index = _index(grouping, metric)
    ends = {name: max(_end(one, metric, index) for one in own) for name, own in grouping.designs.items()}
    first, *others = ends
    away = [name for name in others if ends[name] != ends[first]]
    if len(away) == len(others):
        return grouping
    notes += [
        f"{name} is not compared: it ends at {index} {ends[name]:,}, and {first} at {ends[first]:,}."
        for name in away
    ]
    return replace(grouping, placed=tuple(one for one in grouping.placed if one.design not in away))


def _end(one: Placed, metric: Metric, index: str) -> int:
    """The last place at which a run has the metric; 0 where it has it nowhere."""
    places = zip(getattr(one.run, index), one.run.metrics.get(metric.name, ()), strict=False)
    return max((int(at) for at, value in places if at is not None and value is not None), default=0)


def values_taken(grouping: Grouping, metric: Metric, endpoint: Endpoint, notes: list[str]) -> pd.DataFrame:
    """A row for each run and index at which the metric was taken; runs that end before their fellows are ``cut``."""
    chooser = endpoint.chooser.name if endpoint.chooser is not None else metric.name
    index = _index(grouping, metric)
    rows: list[tuple[str, str, int | None, int, float, float]] = []
    ends: dict[str, int] = {}
    for one in grouping.placed:
        places: Sequence[Value] = getattr(one.run, index)
        values = one.run.metrics.get(metric.name, [None] * len(places))
        choosing = one.run.metrics.get(chooser, [None] * len(places))
        for place, value, by in zip(places, values, choosing, strict=True):
            if place is not None and value is not None and (chooser == metric.name or by is not None):
                rows.append(
                    (one.name, one.design, one.seed, int(place), value, math.nan if by is None else by)
                )
                ends[one.name] = max(ends.get(one.name, 0), int(place))
    columns = ["run", "experiment", "seed", index, metric.name, "chooser"]
    frame = pd.DataFrame(rows, columns=columns).astype({"seed": "Int64"})
    if chooser == metric.name:
        frame = frame.drop(columns="chooser")
    else:
        frame = frame.rename(columns={"chooser": chooser})
    _require_values(grouping, metric, ends)
    if endpoint.is_last:  # earlier rows decide nothing, and after a resume some logs have lost them
        frame = frame.groupby("run", sort=False).tail(1)
    states = _states(grouping, ends, frame, metric, endpoint, index, notes)
    _require_finished(grouping, states, metric)
    return frame.assign(state=frame["run"].map(states))


def _index(grouping: Grouping, metric: Metric) -> str:
    """Epochs where the metric was taken after whole ones in all runs, else steps."""
    for name in ("epoch", "step"):
        places = [
            place
            for one in grouping.placed
            for place, value in zip(
                getattr(one.run, name), one.run.metrics.get(metric.name, ()), strict=False
            )
            if value is not None
        ]
        if places and all(place is not None and float(place).is_integer() for place in places):
            return name
    raise UserError(
        f"{metric.name} stands at epochs in some runs and at steps in others, so they cannot be held against each other. "
        "Compare another metric: --metric NAME."
    )


def _require_values(grouping: Grouping, metric: Metric, ends: Mapping[str, int]) -> None:
    for name, own in grouping.designs.items():
        if not any(one.name in ends for one in own):
            raise UserError(
                f"{name}: no run has a value of {metric.name}. Compare another metric: --metric NAME."
            )


def _require_finished(grouping: Grouping, states: Mapping[str, str], metric: Metric) -> None:
    for name, own in grouping.designs.items():
        if all(states[one.name] == "diverged" for one in own):
            raise UserError(
                f"{name}: in no run is {metric.name} a number where it was taken, so there is nothing to compare. Look at the logs "
                "whether it was logged rightly; else compare another metric with --metric NAME, or an earlier place with "
                "--endpoint epoch=N."
            )


def _states(
    grouping: Grouping,
    ends: Mapping[str, int],
    frame: pd.DataFrame,
    metric: Metric,
    endpoint: Endpoint,
    index: str,
    notes: list[str],
) -> dict[str, str]:
    """What became of each run: ``finished``, ``cut`` where it ends before its fellows, ``diverged`` where it ends in no number."""
    last = frame.groupby("run", sort=False)[metric.name].last()
    length = {
        name: max(ends[one.name] for one in own if one.name in ends) for name, own in grouping.designs.items()
    }
    if endpoint.is_last and len(set(length.values())) > 1:
        told = ", ".join(f"{name} {index} {end:,}" for name, end in length.items())
        shortest = min(length.values())
        raise UserError(
            f"The designs end at different {index}s ({told}), so their last values are of trainings of different length. Say what is "
            f"compared: --endpoint {index}={shortest}, or --endpoint best=METRIC with a validation metric."
        )
    asked = endpoint.epoch if index == "epoch" else endpoint.step
    wanted = (
        length
        if endpoint.is_last
        else {}
        if asked is None
        else {name: min(end, asked) for name, end in length.items()}
    )
    states = {}
    for one in grouping.placed:
        end = ends.get(one.name, 0)
        if one.name in last.index and not np.isfinite(last[one.name]):
            states[one.name] = "diverged"
        elif end < wanted.get(one.design, 0):
            states[one.name] = "cut"
            notes.append(
                f"{one.name} ends at {index} {end:,}, and others of {one.design} at {length[one.design]:,}: it counts as cut."
            )
        else:
            states[one.name] = "finished"
    return states
