"""The comparison that stands in where no study file is: two experiments by name, the first being the baseline."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tinyexp.analysis.study import Study
from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import GAP, USUAL, Metric, MetricTable, Split, known_metric, metric_of
from tinyexp.config.metric_tables import merged, tables_of
from tinyexp.runs.frame import columns_of
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import NO_METRICS
from tinyexp.words import counted, listing, plain

IMPLIED = "implied"
"""Name of the study that no file describes."""
_ORDINARY = "test_accuracy"
"""What is named where nothing has been measured yet."""
_SPLITS: tuple[Split, ...] = ("test", "validation", "unknown", "train")
"""Data that a report without a study looks at first."""
_MOST_NAMED = 3


@dataclass(frozen=True)
class Implied:
    """What is compared where no study says it."""

    metric: Metric
    margin: float
    """A point of a share; 0 in units that have no margin by themselves."""
    chosen: str
    """Of which metrics it was taken and how another is, in sentences; empty where there is one."""


def own_errors(comparisons: int) -> str:
    """What must be said of several verdicts that share no error."""
    return (
        f"Each verdict is read off its own 95\u00a0% interval: of {counted(comparisons, 'comparison')} one in twenty intervals misses by "
        "chance."
    )


def by_preference(metrics: Iterable[Metric]) -> list[Metric]:
    """Metrics that a page may lead with: on test data before validation data before others before training data, and of
    these as :data:`~tinyexp.config.metric.USUAL` has them. Losses on training data come last.
    """
    order = {name: place for place, name in enumerate(USUAL)}
    found = [one for one in metrics if one.name != GAP and not one.on_clean]
    names = {one.name for one in found}
    return sorted(found, key=lambda one: (_rank(one, names), order.get(one.base, len(order))))


def _rank(metric: Metric, names: Container[str]) -> int:
    """Of which data.

    What no name says is of training data where ``val_`` of it is there too, as Keras logs; else it is taken for validation
    data where it is better higher, so that it stands before a loss on them.
    """
    if metric.split != "unknown":
        return _SPLITS.index(metric.split)
    if any(f"{beginning}{metric.name}" in names for beginning in ("val_", "val/", "test_", "valid_")):
        return _SPLITS.index("train")
    return _SPLITS.index("validation" if metric.direction == "higher" else "unknown")


def implied(metrics: Iterable[Metric]) -> Implied | None:
    """What is compared of metrics whose meaning is known; None of none."""
    found = by_preference(metrics)
    if not found:
        return None
    first, *others = found
    names = [one.name for one in others if one.split != "train"]
    chosen = ""
    if names:
        more = [f"{len(names) - _MOST_NAMED} more"] if len(names) > _MOST_NAMED else []
        named = listing([*names[:_MOST_NAMED], *more])
        chosen = f"What is compared is {first.name}; a study file can name another metric ({named})."
    margin = first.shown.margin
    if margin is None:
        chosen += (
            f"{chosen and ' '}Nothing says how much of it is too small to matter, so any difference counts."
        )
    return Implied(first, margin or 0.0, chosen)


def implied_studies(experiments: Sequence[Experiment], runs: Sequence[RecordedRun]) -> list[Study]:
    """The study that two experiments imply, by name; none of fewer, or of more, which get a table instead.

    Parameters
    ----------
    runs
        Those of the experiments that are finished; what they measured says what can be compared.

    Raises
    ------
    UserError
        Of nothing that two or more experiments measured it is known which direction is the better one, or their files
        contradict each other.
    """
    if len(experiments) < 2:
        return []
    tables = merged(tables_of(one.name for one in experiments))
    found = implied(_measured(runs, tables)) or implied([metric_of(_ORDINARY, tables)])
    assert found is not None, "there is one metric at least"
    if len(experiments) > 2:
        return []
    baseline, contender = sorted(experiments, key=lambda one: one.name)
    titles = plain(contender.title, 60), plain(baseline.title, 60)
    if titles[0] == titles[1]:
        titles = contender.name, baseline.name
    question = f"No study was given: {titles[0]} is compared with {titles[1]}, the first by name."
    return [
        Study(
            name=IMPLIED,
            title=f"{titles[0]} against {titles[1]}",
            question=f"{question} {plain(found.chosen, 600)}".rstrip(),
            baseline=baseline.name,
            contender=contender.name,
            metrics=tables,
            metric=found.metric.name,
            margin=found.margin,
        )
    ]


def _measured(runs: Sequence[RecordedRun], tables: Mapping[str, MetricTable]) -> list[Metric]:
    """What all experiments measured, or else any of them, and is known; UserError where something is measured and nothing is known."""
    of: dict[str, dict[str, None]] = {}
    for run in runs:
        of.setdefault(run.record.experiment.name, dict.fromkeys(columns_of(run)))
    names = [name for columns in of.values() for name in columns if name not in NO_METRICS]
    names = list(dict.fromkeys(names))
    shared = [name for name in names if all(name in columns for columns in of.values())]
    for some in (shared, names):
        known = [metric for name in some if (metric := known_metric(name, tables)) is not None]
        if known:
            return known
    if names:
        metric_of(
            names[0],
            tables,
            "report: there is no study, and of what the runs measured nothing can be compared",
        )
    return []
