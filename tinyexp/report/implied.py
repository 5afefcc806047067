"""The comparison that stands in where no study file is: two experiments by name, the first being the baseline."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.analysis.study import Study
from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import metric_of
from tinyexp.report.words import plain

IMPLIED = "implied"
"""Name of the study that no file describes."""
METRIC = metric_of("test_accuracy")
MARGIN = 0.01
"""A point: what is called noise where nobody said."""


def implied_studies(experiments: Sequence[Experiment]) -> list[Study]:
    """The study that two experiments imply, by name; none of fewer, or of more, which get a table instead."""
    if len(experiments) != 2:
        return []
    baseline, contender = sorted(experiments, key=lambda one: one.name)
    titles = plain(contender.title, 60), plain(baseline.title, 60)
    if titles[0] == titles[1]:
        titles = contender.name, baseline.name
    return [
        Study(
            name=IMPLIED,
            title=f"{titles[0]} against {titles[1]}",
            question=f"No study was given: {titles[0]} is compared with {titles[1]}, the first by name.",
            baseline=baseline.name,
            contender=contender.name,
            metric=METRIC.name,
            margin=MARGIN,
        )
    ]
