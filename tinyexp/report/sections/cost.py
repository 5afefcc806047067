"""What the networks cost beside what they reach: by arithmetic from the settings, and as far as the runs recorded it."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.analysis.design import DesignPoint
from tinyexp.config.metric import Metric
from tinyexp.config.trainers import NetworkSize, settings_rules
from tinyexp.report.evidence import Evidence
from tinyexp.report.headline import headline
from tinyexp.report.view import LONG_TABLE, Block, Column, Paragraph, Section, Table
from tinyexp.words import NBSP, NOTHING, bare_level, first_upper, in_units, listing, significant

_TIMES = ("seconds", "milliseconds")
_MILLION, _BILLION = 1e6, 1e9
_ALIKE = 0.01
"""Two costs that differ by less are told as one."""
_ARITHMETIC = (
    "Parameters and multiply-adds follow from the settings as they ran: those of an image are one pass forward through "
    "convolutions and dense layers, those of a training all passes forward and backward and the evaluations after each epoch."
)
_NO_TIME = "Training time and peak memory are not recorded in what a report is made from: they are a machine's as much as a network's."
_NO_MEMORY = "Peak memory is not recorded."


@dataclass(frozen=True)
class _Cost:
    """What is known of an experiment."""

    point: DesignPoint
    size: NetworkSize | None
    training: float | None
    """Multiply-adds of all its epochs."""


def cost_section(evidence: Evidence) -> Section | None:
    """A row an experiment that has a finished run; None where nothing is known of any."""
    points = [point for point in evidence.selection.chosen if point.finished]
    costs = [_cost(point) for point in points]
    metric = headline(evidence)
    times = [one for one in evidence.measured.metrics.values() if one.unit in _TIMES and one != metric]
    sized = [one for one in costs if one.size]
    if not sized and not times:
        return None
    told = [_ARITHMETIC] if sized else []
    told.append(_NO_MEMORY if times else _NO_TIME)
    table = _table(evidence, costs if times else sized, metric, times)
    blocks: tuple[Block, ...] = (table, Paragraph(" ".join(told), "muted"))
    return Section("cost", _heading(evidence, sized), blocks)


def _cost(point: DesignPoint) -> _Cost:
    rules, experiment = settings_rules(point.experiment.trainer), point.experiment
    size = rules.network_size(experiment)
    if size is None:
        return _Cost(point, None, None)
    work = rules.epoch_work(experiment, point.data.model_dump())
    return _Cost(point, size, work and work * rules.epochs(experiment.settings))


def _table(evidence: Evidence, costs: list[_Cost], metric: Metric | None, times: list[Metric]) -> Table:
    sized = any(one.size for one in costs)
    shown = [*([metric] if metric else []), *times]
    arithmetic = (
        ("parameters", "multiply-adds an image, millions", "of a training, billions") if sized else ()
    )
    rows = []
    for one in costs:
        name = one.point.name
        own = (
            (
                f"{one.size.parameters:,}",
                significant(one.size.multiply_adds / _MILLION, 3),
                NOTHING if one.training is None else significant(one.training / _BILLION, 3),
            )
            if one.size
            else (NOTHING,) * len(arithmetic)
        )
        rows.append((evidence.titles[name], *own, *(_last(evidence, one, name) for one in shown)))
    number: Column = "number"
    labels = tuple(in_units(one.label, one.shown.suffix) for one in shown)
    return Table(
        first_upper("what each costs, and what it reached after the last epoch"),
        ("", *arithmetic, *labels),
        tuple(rows),
        ("text", *(number for _ in (*arithmetic, *labels))),
        folded=len(rows) > LONG_TABLE,
    )


def _last(evidence: Evidence, metric: Metric, name: str) -> str:
    """The last value of the mean over the seeds."""
    curves = evidence.measured.curves(metric, (name,))
    return bare_level(metric, curves[0].mean[-1]) if curves else NOTHING


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
