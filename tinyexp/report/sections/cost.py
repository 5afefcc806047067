"""What the networks cost beside what they reach: by arithmetic from the settings, and as far as the runs recorded it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite

from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.exact import mean
from tinyexp.analysis.samples import median
from tinyexp.config.metric import Metric
from tinyexp.config.trainers import NetworkSize, settings_rules
from tinyexp.errors import DamagedError, UserError
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.view import LONG_TABLE, Block, Column, Paragraph, Section, Table
from tinyexp.words import NBSP, NOTHING, bare_level, counted, first_upper, in_units, listing, significant

_LOGGED: Mapping[str, str] = {
    "seconds": "train_seconds",
    "milliseconds": "train_seconds",
    "megabytes": "peak_memory_mb",
}
"""Units of metrics that a log may have of what is measured here."""
_MILLION, _BILLION = 1e6, 1e9
_TOOK = "what an epoch of its training took"
_OWN = "What the networks cost that only the studies have"
_OWN_TOOK = "What an epoch of their training took"
_BY_ARITHMETIC = ("parameters", "multiply-adds an image, millions", "of a training, billions")
_HEADS: Mapping[str, tuple[str, ...]] = {
    "train_seconds": ("seconds", "images a second"),
    "peak_memory_mb": ("peak memory, MB",),
}
_ALIKE = 0.01
"""Two costs that differ by less are told as one."""
_ARITHMETIC = (
    "Parameters and multiply-adds follow from the settings as they ran: those of an image are one pass forward through "
    "convolutions and dense layers, those of a training all passes forward and backward and the evaluations after each epoch."
)
_MEASURED = (
    "Seconds are those of the training steps, without evaluations; peak memory is what the steps needed beyond what the process held before them. "
    "Both are medians, over a run's epochs and then over the runs, with the lowest and the highest run in parentheses. "
    "Times are the machine's, under whatever ran beside the training."
)
_NOT_ALL = "{without} of {runs} {have} no record of {what}."
_NO_RECORD = "These runs have no record of {what}."
_WHAT: Mapping[str, str] = {"train_seconds": "training time", "peak_memory_mb": "peak memory"}


@dataclass(frozen=True)
class _Cost:
    """What is known of an experiment."""

    point: DesignPoint
    size: NetworkSize | None
    training: float | None
    """Multiply-adds of all its epochs."""


def cost_section(evidence: Evidence) -> Section | None:
    """A row an experiment that has a finished run, the studies' own below; None where nothing is known of any."""
    costs, variants = (
        [_cost(point) for point in points if point.finished]
        for points in (evidence.selection.chosen, evidence.selection.variants)
    )
    metric = headline(evidence)
    times = [one for one in evidence.measured.metrics.values() if one.unit in _LOGGED and one != metric]
    sized = [one for one in costs if one.size]
    if not sized and not times:
        return None
    blocks: list[Block] = [_table(evidence, costs if times else sized, metric, times)]
    blocks += _measured_table(evidence, costs, _TOOK)
    if own := [one for one in variants if one.size]:
        blocks.append(replace(_table(evidence, own, metric, times), caption=_OWN, folded=True))
        blocks += [replace(table, folded=True) for table in _measured_table(evidence, own, _OWN_TOOK)]
    told = [
        *([_ARITHMETIC] if sized else []),
        *_records(evidence, [*costs, *variants], {_LOGGED[one.unit] for one in times}),
    ]
    if told:
        blocks.append(Paragraph(" ".join(told), "muted"))
    return Section("cost", _heading(evidence, sized), tuple(blocks))


def _records(evidence: Evidence, costs: list[_Cost], logged: set[str]) -> Iterator[str]:
    """What was measured, and of how many runs it is not recorded."""
    runs = [run for one in costs for run in one.point.finished]
    identities = {run.record.identity for run in runs}
    without = {
        what: sum(not isfinite(getattr(evidence.measured.cost(one), column)) for one in identities)
        for column, what in _WHAT.items()
        if column not in logged  # then the table has it
    }
    if any(count < len(identities) for count in without.values()):
        yield _MEASURED
    absent = [what for what, count in without.items() if count == len(identities)]
    if absent:
        yield _NO_RECORD.format(what=listing(absent))
    for what, count in without.items():
        if 0 < count < len(identities):
            yield _NOT_ALL.format(
                without=f"{count:,}",
                runs=counted(len(identities), "run"),
                have="has" if count == 1 else "have",
                what=what,
            )


def _cost(point: DesignPoint) -> _Cost:
    rules, experiment = settings_rules(point.experiment.trainer), point.experiment
    try:
        size = rules.network_size(experiment)
    except UserError as error:  # a record that nobody could have trained
        raise DamagedError(str(error), point.finished[0].folder.record) from error
    if size is None:
        return _Cost(point, None, None)
    work = rules.epoch_work(experiment, point.data.model_dump())
    # A run that stops early has fewer than its settings plan.
    epochs = median([run.status.epochs_done for run in point.finished])
    return _Cost(point, size, work and work * epochs)


def _table(evidence: Evidence, costs: list[_Cost], metric: Metric | None, times: list[Metric]) -> Table:
    sized = any(one.size for one in costs)
    shown = [*([metric] if metric else []), *times]
    heads = [*(_BY_ARITHMETIC if sized else ()), *(in_units(one.label, one.shown.suffix) for one in shown)]
    rows = [
        (
            evidence.titles[one.point.name],
            *(_arithmetic(one) if sized else ()),
            *(_reached(evidence, own, one.point) for own in shown),
        )
        for one in costs
    ]
    return _numbers("what each costs, and what it reached at its end", heads, rows)


def _arithmetic(one: _Cost) -> tuple[str, str, str]:
    if one.size is None:
        return NOTHING, NOTHING, NOTHING
    training = NOTHING if one.training is None else significant(one.training / _BILLION, 3)
    return f"{one.size.parameters:,}", significant(one.size.multiply_adds / _MILLION, 3), training


def _measured_table(evidence: Evidence, costs: list[_Cost], caption: str) -> list[Table]:
    """Time and memory as median and range over the runs; no table where nothing is recorded."""
    measured = evidence.measured.cost_columns
    heads = [head for column in measured for head in _HEADS[column]]
    rows = [
        (
            evidence.titles[one.point.name],
            *(cell for column in measured for cell in _measured_cells(evidence, one.point, column)),
        )
        for one in costs
    ]
    told = any(cell != NOTHING for row in rows for cell in row[1:])
    return [_numbers(caption, heads, rows)] if told else []


def _numbers(caption: str, heads: list[str], rows: list[tuple[str, ...]]) -> Table:
    number: Column = "number"
    formats: tuple[Column, ...] = ("text", *(number for _ in heads))
    return Table(first_upper(caption), ("", *heads), tuple(rows), formats, folded=len(rows) > LONG_TABLE)


def _measured_cells(evidence: Evidence, point: DesignPoint, column: str) -> list[str]:
    """A measure, and of the seconds also how many images went through in one."""
    found = [getattr(evidence.measured.cost(run.record.identity), column) for run in point.finished]
    known = sorted(value for value in found if isfinite(value))
    cells = [_spread(known)]
    if column == "train_seconds":
        images = point.data.train_images
        cells.append(_spread(sorted(images / value for value in known if value)) if images else NOTHING)
    return cells


def _spread(values: list[float]) -> str:
    if not values:
        return NOTHING
    low, middle, high = (significant(value, 3) for value in (values[0], median(values), values[-1]))
    return middle if low == high else f"{middle} ({low} to {high})"


def _reached(evidence: Evidence, metric: Metric, point: DesignPoint) -> str:
    """The mean over the runs of what each ends at."""
    values = evidence.measured.last_values(metric)
    own = [values[run.record.identity] for run in point.finished if run.record.identity in values]
    return bare_level(metric, mean(own)) if own else NOTHING


def _heading(evidence: Evidence, sized: list[_Cost]) -> str:
    """The leading pair's parameters and multiply-adds as ratios."""
    lead = evidence.lead
    by_name = {one.point.name: one.size for one in sized}
    if lead is None or not set(lead.pair) <= by_name.keys():
        return "What each experiment costs"
    contender, baseline = (by_name[name] for name in lead.pair)
    assert contender is not None, "only what has a size is in the list"
    assert baseline is not None
    titles = [evidence.titles[name] for name in lead.pair]
    ratios = (
        ("parameters", contender.parameters / baseline.parameters),
        ("multiply-adds", contender.multiply_adds / baseline.multiply_adds),
    )
    if all(abs(ratio - 1) < _ALIKE for _, ratio in ratios):
        return f"{titles[0]} and {titles[1]} cost the same: as many parameters and multiply-adds"
    told = [
        f"as many {what}" if abs(ratio - 1) < _ALIKE else f"{significant(ratio, 2)}{NBSP}times the {what}"
        for what, ratio in ratios
    ]
    return f"{titles[0]} has {listing(told)} of {titles[1]}"
