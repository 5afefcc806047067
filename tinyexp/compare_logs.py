"""Does one design beat another, by runs that somebody else trained: from logs to verdicts.

Nothing is trained, and nothing of the trainers need be installed. What was read, what was put right, what was left out
and what is not known is told before any verdict.
"""

from __future__ import annotations

import fnmatch
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tinyexp.analysis.asked import keep_asked
from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.study import Study
from tinyexp.config.endpoint import LAST, Endpoint
from tinyexp.config.metric import Direction, Metric, MetricTable, UnitName, known_metric, metric_of
from tinyexp.errors import UserError, listed, unknown
from tinyexp.import_logs import PROFILE, import_logs
from tinyexp.logs.grouping import Grouping, Placed, grouped
from tinyexp.logs.log import LeftOut, Value
from tinyexp.logs.walk import Reading, read_paths
from tinyexp.report.implied import by_preference
from tinyexp.runs.records import NO_METRICS
from tinyexp.words import counted, some

if TYPE_CHECKING:
    from tinyexp.report.render import ReportResult

_MOST_KEYS = 8
_MOST_TOLD = 3
"""Designs; of more than these the values of their settings are not told one by one."""


@dataclass(frozen=True)
class Question:
    """What is asked of logs; whatever is None is taken from what they have."""

    metric: str | None = None
    direction: Direction | None = None
    """Which is better, where the metric's name does not say it."""
    unit: UnitName | None = None
    margin: float | None = None
    """In the metric's units. A point of a share, else 0, if none is given."""
    endpoint: Endpoint = LAST
    by: str | None = None
    """A pattern for design and seed, as in :func:`tinyexp.logs.grouping.grouped`."""


@dataclass(frozen=True)
class LogComparison:
    """Designs held against the first of them."""

    reading: Reading
    grouping: Grouping
    """The runs that were used, in their designs; the first is the baseline."""
    metric: Metric
    comparisons: tuple[Comparison, ...]
    """One for each other design, in order."""
    frame: pd.DataFrame
    """What was compared: a row for each run and index at which the metric was taken, with its ``state``."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    """What a reader must know, a sentence each."""

    def __str__(self) -> str:
        return "\n".join(map(str, self.comparisons))


def endpoint_of(text: str) -> Endpoint:
    """An endpoint as a command line has it: ``last``, ``epoch=12``, ``step=500``, ``best=val_loss``.

    >>> endpoint_of("epoch=12").epoch, endpoint_of("last").is_last
    (12, True)
    """
    kind, equals, value = text.partition("=")
    if text == "last":
        return LAST
    if equals and kind in ("epoch", "step") and value.isdecimal():
        return Endpoint.model_validate({kind: int(value)})
    if equals and kind == "best" and value:
        return Endpoint(best=metric_of(value, where="--endpoint"))
    raise UserError(
        f"--endpoint {text}: give last, epoch=N, step=N or best=METRIC, as in --endpoint best=val_accuracy."
    )


def compare_logs(paths: Sequence[str | Path], question: Question | None = None) -> LogComparison:
    """Read logs and compare the designs in them, each with the first.

    Parameters
    ----------
    paths
        Two or more folders, files or patterns: each is a design, the first the baseline. One alone: the designs are told
        apart by settings or names, and the first of them is the baseline.

    Raises
    ------
    UserError
        Nothing can be read, there are fewer than two designs, they share no metric whose better direction is known, or
        the runs cannot be compared; the message says what to do.
    """
    question = question or Question()
    reading = read_paths(paths)
    grouping = grouped(reading, question.by)
    if len(paths) > 1 and question.by is None:
        grouping = _as_named(grouping, paths)
    if len(grouping.designs) < 2:
        raise UserError(_one_design(grouping))
    notes: list[str] = []
    grouping, twice = _once_a_seed(grouping)
    metric = _metric(grouping, question, notes)
    frame = _taken(grouping, metric, question.endpoint, notes)
    notes += _differences(grouping)
    margin = question.margin
    if margin is None:
        margin = metric.shown.margin
        if margin is None:
            margin = 0.0
            notes.append(
                f"Nothing says how much {metric.label} is too small to matter, so any difference counts; --margin says it."
            )
    baseline, *others = grouping.designs
    found = [
        compare(frame, name, baseline, metric, margin, question.endpoint, selected_on_test=True)
        for name in others
    ]
    if question.endpoint.chooser is not None and question.endpoint.chooser.split not in (
        "validation",
        "train",
    ):
        notes.append(
            f"Each run's {found[0].index} was chosen by {question.endpoint.chooser.name}, which may be of test data: then the figures "
            "are better than they would be on new data."
        )
    return LogComparison(
        reading=reading,
        grouping=grouping,
        metric=metric,
        comparisons=tuple(found),
        frame=frame,
        left_out=(*reading.left_out, *twice),
        notes=tuple(notes),
    )


def _one_design(grouping: Grouping) -> str:
    (name,) = grouping.designs
    runs = [one.name for one in grouping.placed]
    return (
        f"{counted(len(runs), 'run')} of one design, '{name}' ({some(runs)}), and a comparison takes two. Name two folders, "
        "or say which part of a run's name is the design: --by '{design}/seed{seed}'."
    ).replace("\N{NO-BREAK SPACE}", " ")


def _as_named(grouping: Grouping, paths: Sequence[str | Path]) -> Grouping:
    """Each run in the design that its path was named as; told where settings see more than one in it."""
    titles = _titles(paths)
    placed, inside = [], dict[str, Counter[str]]()
    for one in grouping.placed:
        place = next((place for place, path in enumerate(paths) if _lies_in(one.run.where, path)), None)
        if place is None:
            continue
        name = titles[place]
        inside.setdefault(name, Counter())[one.design] += 1
        placed.append(replace(one, design=name))
    notes = [
        f"What was named as {name} holds several designs by settings or names, {some(list(own))}: all of it is taken as one."
        for name, own in inside.items()
        if len(own) > 1
    ]
    empty = [titles[place] for place in range(len(paths)) if titles[place] not in inside]
    if empty:
        raise UserError(f"{listed(empty)}: no run was read there that is not in another design too.")
    order = {name: place for place, name in enumerate(titles)}
    placed.sort(key=lambda one: order[one.design])
    return Grouping(tuple(placed), tuple(notes))


def _lies_in(where: Path, path: str | Path) -> bool:
    given = Path(path).expanduser()
    if given.exists():
        return where == given or where.is_relative_to(given) or given.is_relative_to(where)
    parents = (where, *where.parents)
    return any(fnmatch.fnmatch(str(one), str(given)) for one in parents)


def _titles(paths: Sequence[str | Path]) -> list[str]:
    """Short names that tell the paths apart."""
    parts = [[part.strip("*?_-. ") or part for part in PurePath(str(path)).parts] for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(own[-depth:]) for own in parts]
        if len(set(names)) == len(names):
            return names
    raise UserError(f"{listed(map(str, paths))}: the same path is named twice; name two designs.")


def _once_a_seed(grouping: Grouping) -> tuple[Grouping, list[LeftOut]]:
    """Of runs of one design under one seed the one that came furthest; the others are left out, by name."""
    best: dict[tuple[str, int], Placed] = {}
    for one in grouping.placed:
        if one.seed is not None:
            key = one.design, one.seed
            if key not in best or _came(one) > _came(best[key]):
                best[key] = one
    kept, out = [], []
    for one in grouping.placed:
        if one.seed is None or best[one.design, one.seed] is one:
            kept.append(one)
            continue
        used = best[one.design, one.seed].name
        out.append(
            LeftOut(
                one.run.where,
                f"seed {one.seed} of {one.design} stands twice; used is {used}, which came as far or further.",
            )
        )
    return replace(grouping, placed=tuple(kept)), out


def _came(one: Placed) -> tuple[float, float, bool]:
    """How far a run came: epochs, steps, and whether its log says that it ended well."""
    run = one.run
    epochs, steps = (
        max((at for at in column if at is not None), default=0.0) for column in (run.epoch, run.step)
    )
    return epochs, steps if not epochs else 0.0, run.ended is not False


def _metric(grouping: Grouping, question: Question, notes: list[str]) -> Metric:
    """What is compared: what was asked for, or what a page would lead with among what all designs measured."""
    of: dict[str, set[str]] = {
        name: {metric for one in own for metric in one.run.metrics} for name, own in grouping.designs.items()
    }
    names = list(dict.fromkeys(name for one in grouping.placed for name in one.run.metrics))
    shared = [name for name in names if all(name in own for own in of.values()) and name not in NO_METRICS]
    if not shared:
        told = "; ".join(f"{name} has {listed(sorted(own)[:_MOST_KEYS])}" for name, own in of.items())
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
            f"Of what the designs measured ({listed(shared[:_MOST_KEYS])}) it is not known which direction is better. Name one: "
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


def _taken(grouping: Grouping, metric: Metric, endpoint: Endpoint, notes: list[str]) -> pd.DataFrame:
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
    states = {}
    for one in grouping.placed:
        end = ends.get(one.name, 0)
        if one.name in last.index and not np.isfinite(last[one.name]):
            states[one.name] = "diverged"
        elif endpoint.is_last and end < length[one.design]:
            states[one.name] = "cut"
            notes.append(
                f"{one.name} ends at {index} {end:,}, and others of {one.design} at {length[one.design]:,}: it counts as cut."
            )
        else:
            states[one.name] = "finished"
    return states


def _differences(grouping: Grouping) -> list[str]:
    """In which settings the designs differ, and which vary within one: what else than the design may carry a difference."""
    notes = []
    keys = list(dict.fromkeys(key for one in grouping.placed for key in one.settings))
    by_design = {
        name: {key: {repr(one.settings.get(key)) for one in own} for key in keys}
        for name, own in grouping.designs.items()
    }
    between = [key for key in keys if len({frozenset(own[key]) for own in by_design.values()}) > 1]
    if between:
        told = [
            key
            if len(by_design) > _MOST_TOLD
            else f"{key} ({', '.join(f'{name}: {_values(own[key])}' for name, own in by_design.items())})"
            for key in between[:_MOST_KEYS]
        ]
        more = f" and {len(between) - _MOST_KEYS} more" if len(between) > _MOST_KEYS else ""
        if len(between) > 1:
            notes.append(
                f"The designs differ in {len(between)} settings, and what each of them carries cannot be told from these runs: "
                f"{'; '.join(told)}{more}."
            )
        else:
            notes.append(f"The designs differ in one setting that the logs have: {told[0]}.")
    elif not any(one.settings for one in grouping.placed):
        notes.append("The logs hold no settings, so what the designs differ in is not known.")
    inside = [
        key for key in keys if any(len(own[key]) > 1 for own in by_design.values()) and key not in between
    ]
    if inside:
        notes.append(f"Within a design runs differ in {some(inside)}.")
    return notes


def _values(found: set[str]) -> str:
    return " or ".join(sorted(value.strip("'") if value != "None" else "none" for value in found)[:3])


def write_log_report(found: LogComparison, out: Path) -> ReportResult:
    """The whole report of a comparison of logs, with the records that it is made from.

    Raises
    ------
    UserError
        As :func:`tinyexp.import_logs.import_logs` and :func:`tinyexp.report.render.write_report`.
    """
    from tinyexp.report.render import write_report  # noqa: PLC0415 - matplotlib is loaded only here

    with tempfile.TemporaryDirectory(prefix="tinyexp-compare-") as place:
        runs = Path(place) / "runs"
        names = {
            one.placed.design: one.experiment for one in import_logs(found.grouping, runs, shared=True).runs
        }
        for number, one in enumerate(found.comparisons):
            keep_asked(runs / PROFILE, _asked(one, names, leads=number == 0))
        return write_report(runs, out, profile=PROFILE)


def _asked(one: Comparison, names: Mapping[str, str], *, leads: bool) -> Study:
    """The comparison as a question that lies beside its runs."""
    metric = one.metric
    table = MetricTable(
        label=metric.label,
        direction=metric.direction,
        unit=metric.unit,
        low=metric.low,
        high=metric.high,
        split=metric.split,
    )
    chooser = one.endpoint.chooser
    return Study(
        name=f"{names[one.contender]}-against-{names[one.baseline]}"[:80],
        title=f"{one.contender} against {one.baseline}",
        question=f"Is {one.contender} better than {one.baseline} in {metric.label}?",
        lead=leads,
        baseline=names[one.baseline],
        contender=names[one.contender],
        metrics={metric.name: table},
        metric=metric.name,
        margin=one.margin,
        endpoint=one.endpoint,
        selected_on_test=chooser is not None and chooser.split not in ("validation", "train"),
    )
