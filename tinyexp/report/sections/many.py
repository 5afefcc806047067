"""Many experiments that no study asks for: small pictures of those that end highest, and a row for each."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.analysis.curves import Curve
from tinyexp.report.drawings import Cell, MultiplesDrawing
from tinyexp.report.evidence import Evidence
from tinyexp.report.sections.curves import padded
from tinyexp.report.view import LONG_TABLE, Figure, Panel, Paragraph, Section, Table
from tinyexp.report.words import counted, level, number, percent

MOST_CELLS = 48
"""More experiments than this stand in the table alone."""
CELLS_A_PANEL = 12
_METRIC, _BESIDE = "test_accuracy", "train_accuracy"
_COLUMNS = (_METRIC, _BESIDE, "test_loss", "train_loss")


def many_section(evidence: Evidence, group: str, names: tuple[str, ...]) -> Section | None:
    """What became of many experiments, best first; None where none of them has a finished run."""
    found = [chosen.name for chosen in evidence.finished(names)]
    if not found:
        return None
    curves = {
        name: dict(
            zip(_COLUMNS, (evidence.measured.curves(metric, (name,))[0] for metric in _COLUMNS), strict=True)
        )
        for name in found
    }
    ranked = sorted(found, key=lambda name: (-curves[name][_METRIC].mean[-1], name))
    drawn = ranked[:MOST_CELLS]
    figure = Figure(
        tuple(_panels(evidence, group, [curves[name] for name in drawn])),
        _how_to_read([curves[name][_METRIC] for name in drawn]),
        _table(evidence, ranked, curves),
    )
    text = Paragraph(_told(evidence, ranked, curves, len(drawn)))
    best, last = (level(_METRIC, curves[name][_METRIC].mean[-1]) for name in (ranked[0], ranked[-1]))
    heading = f"{counted(len(found), 'other experiment')} end between {last} and {best} on the test images"
    return Section(f"{group}-curves", heading, (text, figure), summary=(text,))


def _told(evidence: Evidence, ranked: Sequence[str], curves: dict[str, dict[str, Curve]], drawn: int) -> str:
    ends = [
        f"{evidence.titles[name]} ({level(_METRIC, curves[name][_METRIC].mean[-1])})"
        for name in (ranked[0], ranked[-1])
    ]
    told = (
        f"No study asks for these. {ends[0]} ends highest and {ends[1]} lowest, each in the mean over its seeds; "
        "of so many the highest is high by luck as well."
    )
    if drawn < len(ranked):
        told += f" Drawn are the {drawn} that end highest; the table has all {len(ranked):,}."
    return told


def _panels(evidence: Evidence, group: str, curves: Sequence[dict[str, Curve]]) -> list[Panel]:
    shown = [one[metric] for one in curves for metric in (_METRIC, _BESIDE)]
    low = min(min(one.low if one.metric == _METRIC else one.mean) for one in shown)
    high = max(max(one.high if one.metric == _METRIC else one.mean) for one in shown)
    limits = padded(100 * low, 100 * high, floor=0.0, ceiling=100.0)
    epochs = (min(one.epochs[0] for one in shown), max(one.epochs[-1] for one in shown))
    return [
        _panel(
            evidence,
            f"{group}-cells-{place + 1}",
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
    curves: Sequence[dict[str, Curve]],
    start: int,
    epochs: tuple[int, int],
    limits: tuple[float, float],
) -> Panel:
    cells = tuple(_cell(evidence, one[_METRIC], one[_BESIDE]) for one in curves)
    ranks = f"rank {start + 1} to {start + len(cells)}" if len(cells) > 1 else f"rank {start + 1}"
    return Panel(
        name=name,
        title=f"Test and training accuracy over the epochs, {ranks} by the last test accuracy",
        description=f"At the last epoch {'; '.join(cell.hover for cell in cells)}.",
        drawing=MultiplesDrawing(f"Accuracy (%), {ranks}", cells, epochs, limits),
    )


def _cell(evidence: Evidence, test: Curve, training: Curve) -> Cell:
    title, end = evidence.titles[test.experiment], percent(test.mean[-1])
    return Cell(
        label=title,
        shown=number(100 * test.mean[-1], 1),
        epochs=test.epochs,
        mean=_scaled(test.mean),
        low=_scaled(test.low),
        high=_scaled(test.high),
        beside=_scaled(training.mean),
        hover=f"{title}: {end} on test images, {percent(training.mean[-1])} on training images",
    )


def _scaled(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(100 * value for value in values)


def _how_to_read(curves: Sequence[Curve]) -> str:
    band = (
        " the band reaches from its lowest to its highest seed;"
        if max(len(curve.seeds) for curve in curves) > 1
        else ""
    )
    return (
        "Each small picture is an experiment, all on the same axes, the highest first; its number is the last test accuracy. "
        f"The solid line is the accuracy on test images, the mean over the seeds;{band} the dashed line is that on "
        "training images, taken with augmentation and dropout. Nothing is smoothed."
    )


def _table(evidence: Evidence, ranked: Sequence[str], curves: dict[str, dict[str, Curve]]) -> Table:
    rows = tuple(_row(evidence.titles[name], curves[name]) for name in ranked)
    return Table(
        f"After the last epoch of each, mean over its seeds: {counted(len(rows), 'experiment')}",
        ("", "seeds", "epoch", "test, %", "lowest", "highest", "training, %", "test loss", "training loss"),
        rows,
        ("text", *("number",) * 8),
        folded=len(rows) > LONG_TABLE,
    )


def _row(title: str, curves: dict[str, Curve]) -> tuple[str, ...]:
    test, training, *losses = (curves[metric] for metric in _COLUMNS)
    accuracies = (test.mean[-1], test.low[-1], test.high[-1], training.mean[-1])
    return (
        title,
        str(len(test.seeds)),
        str(test.epochs[-1]),
        *(number(100 * value, 1) for value in accuracies),
        *(number(loss.mean[-1], 3) for loss in losses),
    )
