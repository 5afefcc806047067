"""What is compared of logs: the metric that was named, or that a page would lead with, in the unit that they wrote it in."""

from __future__ import annotations

import math

from tinyexp.config.metric import Metric, MetricTable, known_metric, metric_of
from tinyexp.errors import UserError, listed, unknown
from tinyexp.foreign.question import Question
from tinyexp.logs.grouping import Grouping
from tinyexp.report.implied import by_preference
from tinyexp.runs.records import NO_METRICS
from tinyexp.words import some

_MOST_NAMES = 8


def metric_asked(grouping: Grouping, question: Question, notes: list[str]) -> Metric:
    """What is compared: what was asked for, or what a page would lead with among what all designs measured."""
    of: dict[str, set[str]] = {
        name: {metric for one in own for metric in one.run.metrics} for name, own in grouping.designs.items()
    }
    names = list(dict.fromkeys(name for one in grouping.placed for name in one.run.metrics))
    shared = [name for name in names if all(name in own for own in of.values()) and name not in NO_METRICS]
    if not shared:
        told = "; ".join(f"{name} has {listed(sorted(own)[:_MOST_NAMES])}" for name, own in of.items())
        raise UserError(f"The designs have no metric in common: {told}. Compare logs of one kind.")
    if question.metric is not None:
        if question.metric not in shared:
            raise unknown("--metric", "metric that all designs have", question.metric, shared)
        table = MetricTable(direction=question.direction, unit=question.unit)
        found = known_metric(question.metric, {question.metric: table})
        if found is None:
            raise UserError(
                f"--metric {question.metric}: it is not known whether higher or lower is better. Say it: --direction lower, or "
                "--direction higher."
            )
        return _in_unit(found, grouping, question, notes)
    known = by_preference(one for name in shared if (one := known_metric(name)) is not None)
    if not known:
        raise UserError(
            f"Of what the designs measured ({listed(shared[:_MOST_NAMES])}) it is not known which direction is better. Name one: "
            f"--metric {shared[0]} --direction lower, or higher."
        )
    first, *more = known
    others = [one.name for one in more if one.split != "train"] or [one.name for one in more]
    if others:
        notes.append(f"What is compared is {first.name}; --metric names another ({some(others)}).")
    return _in_unit(first, grouping, question, notes)


def _in_unit(metric: Metric, grouping: Grouping, question: Question, notes: list[str]) -> Metric:
    """A share that every run wrote in percent is one in percent; the user's word goes first."""
    if question.unit is not None or metric.shown.whole != 1.0:
        return metric
    most = []
    for one in grouping.placed:
        values = [
            value
            for value in one.run.metrics.get(metric.name, ())
            if value is not None and math.isfinite(value)
        ]
        if values:
            most.append(max(values))
    if not most or min(most) <= 1.0 or max(most) > 100.0:
        return metric
    notes.append(f"{metric.name} is in percent in every run: its values lie above 1.")
    return metric_of(metric.name, {metric.name: MetricTable(unit="percent", direction=metric.direction)})
