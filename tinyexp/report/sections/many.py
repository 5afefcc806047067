"""Many experiments that no study asks for: small pictures of those that end highest, and a row for each."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.analysis.curves import Curve
from tinyexp.config.metric import USUAL, Metric, Split
from tinyexp.report.drawings import Cell, MultiplesDrawing
from tinyexp.report.evidence import Evidence
from tinyexp.report.sections.curves import in_metric, metric_of_group, padded_for, short_label
from tinyexp.report.view import LONG_TABLE, Column, Figure, Panel, Paragraph, Section, Table
from tinyexp.words import axis, bare_level, counted, first_upper, level

MOST_CELLS = 48
"""More experiments than this stand in the table alone."""
CELLS_A_PANEL = 12


def many_section(evidence: Evidence, group: str, names: tuple[str, ...]) -> Section | None:
    """What became of many experiments, best first; None where none of them has a finished run with the metric."""
    metric = metric_of_group(evidence, group)
    if metric is None:
        return None
    shown = evidence.measured.companions(metric)
    curves = {
        chosen.name: {one: own[0] for one in shown if (own := evidence.measured.curves(one, (chosen.name,)))}
        for chosen in evidence.finished(names)
    }
    found = [name for name, own in curves.items() if metric in own]
    if not found:
        return None
    ranked = sorted(found, key=lambda name: (-metric.sense * curves[name][metric].mean[-1], name))
    drawn = ranked[:MOST_CELLS]
    figure = Figure(
        tuple(_panels(evidence, group, metric, [curves[name] for name in drawn])),
        _how_to_read(evidence, metric, [curves[name] for name in drawn]),
        _table(evidence, ranked, curves, shown),
    )
    text = Paragraph(_told(evidence, metric, [curves[name][metric] for name in ranked], len(drawn)))
    best, last = (level(metric, curves[name][metric].mean[-1]) for name in (ranked[0], ranked[-1]))
    heading = f"{counted(len(found), 'other experiment')} end between {last} and {best} {in_metric(evidence, metric)}"
    return Section(f"{group}-curves", heading, (text, figure), summary=(text,))


def _told(evidence: Evidence, metric: Metric, ranked: Sequence[Curve], drawn: int) -> str:
    ends = [
        f"{evidence.titles[one.experiment]} ({level(metric, one.mean[-1])})"
        for one in (ranked[0], ranked[-1])
    ]
    first, last, is_so = (
        ("highest", "lowest", "high") if metric.direction == "higher" else ("lowest", "highest", "low")
    )
    told = (
        f"No study asks for these. {ends[0]} ends {first} and {ends[1]} {last}, each in the mean over its seeds; "
        f"of so many the {first} is {is_so} by luck as well."
    )
    if drawn < len(ranked):
        told += f" Drawn are the {drawn} that end {first}; the table has all {len(ranked):,}."
    return told


def _beside(metric: Metric, curves: dict[Metric, Curve]) -> Curve | None:
    """The same metric on training data."""
    return next((curve for one, curve in curves.items() if one != metric and one.base == metric.base), None)


def _panels(
    evidence: Evidence, group: str, metric: Metric, curves: Sequence[dict[Metric, Curve]]
) -> list[Panel]:
    shown = [one[metric] for one in curves]
    beside = [found for one in curves if (found := _beside(metric, one))]
    low = min(min(one.low) for one in shown)
    high = max(max(one.high) for one in shown)
    low, high = (
        min([low, *(min(one.mean) for one in beside)]),
        max([high, *(max(one.mean) for one in beside)]),
    )
    limits = padded_for(metric, low, high)
    epochs = (min(one.epochs[0] for one in shown), max(one.epochs[-1] for one in shown))
    return [
        _panel(
            evidence,
            f"{group}-cells-{place + 1}",
            metric,
            curves[start : start + CELLS_A_PANEL],
            start,
            epochs,
            limits,
        )
        for place, start in enumerate(range(0, len(curves), CELLS_A_PANEL))
    ]


def _panel(
    evidence: Evidence,
    name: str,
    metric: Metric,
    curves: Sequence[dict[Metric, Curve]],
    start: int,
    epochs: tuple[int, int],
    limits: tuple[float, float],
) -> Panel:
    cells = tuple(_cell(evidence, one[metric], _beside(metric, one)) for one in curves)
    index = curves[0][metric].index
    both = f"{first_upper(metric.label)} over the {index}s"
    if any(_beside(metric, one) for one in curves):
        data = metric.label.removesuffix(_base(metric)).strip()
        both = f"{first_upper(f'{data} and training {_base(metric)}'.strip())} over the {index}s"
    ranks = f"rank {start + 1} to {start + len(cells)}" if len(cells) > 1 else f"rank {start + 1}"
    return Panel(
        name=name,
        title=f"{both}, {ranks} by the last {metric.label}",
        description=f"At the last {index} {'; '.join(cell.hover for cell in cells)}.",
        drawing=MultiplesDrawing(
            f"{axis(first_upper(_base(metric)), metric.shown.suffix)}, {ranks}", cells, epochs, limits, index
        ),
    )


def _base(metric: Metric) -> str:
    """A metric's name without the data that it is taken on."""
    return USUAL[metric.base].label.format("") if metric.base in USUAL else metric.label


def _cell(evidence: Evidence, test: Curve, training: Curve | None) -> Cell:
    title, metric = evidence.titles[test.experiment], test.metric
    hover = f"{title}: {level(metric, test.mean[-1])} {_on(metric)}".rstrip()
    if training:
        hover += f", {level(metric, training.mean[-1])} {_on(training.metric)}"
    return Cell(
        label=title,
        shown=bare_level(metric, test.mean[-1]),
        epochs=test.epochs,
        mean=_scaled(metric, test.mean),
        low=_scaled(metric, test.low),
        high=_scaled(metric, test.high),
        beside=_scaled(metric, (training or test).mean),
        hover=hover,
    )


_ON: dict[Split, str] = {
    "test": "on test images",
    "train": "on training images",
    "validation": "on validation images",
}


def _on(metric: Metric) -> str:
    return _ON.get(metric.split, "") if metric.is_accuracy else metric.label


def _scaled(metric: Metric, values: Sequence[float]) -> tuple[float, ...]:
    return tuple(metric.shown.scale * value for value in values)


def _how_to_read(evidence: Evidence, metric: Metric, curves: Sequence[dict[Metric, Curve]]) -> str:
    band = (
        " the band reaches from its lowest to its highest seed;"
        if max(len(one[metric].seeds) for one in curves) > 1
        else ""
    )
    first = "highest" if metric.direction == "higher" else "lowest"
    solid = f"{_base(metric)} {_on(metric)}" if metric.split in _ON and metric.is_accuracy else metric.label
    dashed = ""
    if any(_beside(metric, one) for one in curves):
        taken = ", taken with augmentation and dropout" if evidence.measured.measures_clean else ""
        where = "training images" if metric.is_accuracy else "training data"
        dashed = f" the dashed line is that on {where}{taken}."
    line = f"The solid line is the {solid}, the mean over the seeds;{band}{dashed}".rstrip(";")
    return (
        f"Each small picture is an experiment, all on the same axes, the {first} first; its number is the last {metric.label}. "
        f"{line}{'' if line.endswith('.') else '.'} Nothing is smoothed."
    )


def _table(
    evidence: Evidence,
    ranked: Sequence[str],
    curves: dict[str, dict[Metric, Curve]],
    shown: Sequence[Metric],
) -> Table:
    rows = tuple(_row(evidence.titles[name], curves[name], shown) for name in ranked)
    index = evidence.measured.index
    first, *others = map(short_label, shown)
    figure: Column = "number"
    formats: tuple[Column, ...] = ("text", *(figure for _ in range(5 + len(others))))
    return Table(
        f"After the last {index} of each, mean over its seeds: {counted(len(rows), 'experiment')}",
        ("", "seeds", index, first, "lowest", "highest", *others),
        rows,
        formats,
        folded=len(rows) > LONG_TABLE,
    )


def _row(title: str, curves: dict[Metric, Curve], shown: Sequence[Metric]) -> tuple[str, ...]:
    first, *others = (curves.get(metric) for metric in shown)
    assert first is not None, "what has no curve in the metric is not ranked"
    return (
        title,
        str(len(first.seeds)),
        str(first.epochs[-1]),
        *(bare_level(first.metric, value) for value in (first.mean[-1], first.low[-1], first.high[-1])),
        *("" if one is None else bare_level(one.metric, one.mean[-1]) for one in others),
    )
