"""The runs of a comparison: the picture, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.analysis.compared import Comparison, Sample
from tinyexp.analysis.statistics import mean_interval
from tinyexp.analysis.verdict_sentences import ENDED
from tinyexp.config.metric import Metric
from tinyexp.report.drawings import (
    DifferenceRow,
    DifferencesDrawing,
    PairRow,
    PairsDrawing,
    SampleRow,
    SamplesDrawing,
)
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.sentences import DRAWN_SOME, READ_PAIRS, READ_SAMPLES, READ_STRIP
from tinyexp.report.view import LONG_TABLE, Figure, Panel, Table
from tinyexp.words import (
    MINUS,
    NBSP,
    NOTHING,
    axis,
    bare_change,
    bare_level,
    change,
    counted,
    first_upper,
    in_units,
    level,
    measured_at,
    number,
    per_cent,
)

MOST_SEEDS = 40
"""Rows, or dots in a row, that can still be told apart on a page."""


def compared_figure(evidence: Evidence, result: StudyResult) -> Figure:
    """Every run of both designs, and their difference."""
    comparison = result.comparison
    assert comparison is not None  # callers ask only where there is one
    contender, baseline = (evidence.titles[name] for name in result.pair)
    table = runs_table(evidence, comparison, folded=True)
    paired = comparison.pairing == "seed"
    panel = _pairs_panel if paired else _samples_panel
    first = panel(evidence, result, comparison)
    first_name, second_name = (evidence.titles[name] for name in comparison.order)
    words = {"contender": contender, "baseline": baseline, "level": per_cent(1 - comparison.look.error)}
    words |= {"first": first_name, "second": second_name}
    if comparison.fewest_runs == 1 and max(map(_count, comparison.samples)) == 1:
        return Figure((first,), f"The dots are {baseline} and {contender}, one run each.", table)
    read = (READ_PAIRS if paired else READ_SAMPLES).format(**words)
    if comparison.low is None:
        read = read.replace(f" The bar through the diamond is its {words['level']} interval.", "")
    read += READ_STRIP if comparison.margin else ""
    most = max(map(_count, comparison.samples))
    if most > MOST_SEEDS:
        read += DRAWN_SOME.format(drawn=MOST_SEEDS, of=f"{most:,}")
    return Figure((first, _difference_panel(evidence, result, comparison)), read, table)


def mean_interval_words(metric: Metric, sample: Sample) -> str:
    """Student's interval for the mean of a design's runs."""
    found = mean_interval(sample.measured) if len(sample.measured) > 1 else None
    return f"{bare_level(metric, found.low)} to {level(metric, found.high)}" if found else NOTHING


def rounding_note(comparison: Comparison) -> str:
    """The means and their difference with as many digits as make them add up; empty where they do as they are shown."""
    metric = comparison.metric
    scale = metric.shown.scale
    samples = comparison.samples if comparison.sign > 0 else comparison.samples[::-1]
    values = [scale * one.mean for one in samples] + [scale * comparison.sign * comparison.mean]
    shown = [bare_level(metric, one.mean) for one in samples]
    shown.append(bare_change(metric, comparison.sign * comparison.mean))
    places = [len(text.partition(".")[2]) for text in shown]
    if any("e" in text for text in shown) or _adds_up([_read(text) for text in shown], max(places)):
        return ""
    for digits in range(max(places), max(places) + 4):
        if _adds_up([round(value, digits) for value in values], digits):
            told = [number(value, digits) for value in values]
            return f"Rounded: {told[0]} {MINUS} {told[1]} = {told[2]}."
    return ""


def _read(text: str) -> float:
    """A number that was written for a reader."""
    return float(text.replace(",", "").replace(MINUS, "-"))


def _adds_up(values: Sequence[float], digits: int) -> bool:
    first, second, difference = values
    return not round(first - second - difference, digits)


def _count(sample: Sample) -> int:
    return len(sample.measured)


def drawn_places(values: Sequence[float]) -> list[int]:
    """Places of the runs that are drawn: all in their order, or of very many some, evenly spaced by their size."""
    count = len(values)
    if count <= MOST_SEEDS:
        return list(range(count))
    order = sorted(range(count), key=lambda place: (values[place], place))
    return [order[round(step * (count - 1) / (MOST_SEEDS - 1))] for step in range(MOST_SEEDS)]


def runs_table(evidence: Evidence, comparison: Comparison, *, folded: bool = False) -> Table:
    """The numbers of the figure: every training that counts, then mean, median and worst, then the difference."""
    metric, paired = comparison.metric, comparison.pairing == "seed"
    samples = comparison.samples if comparison.sign < 0 else comparison.samples[::-1]
    columns = [_column(comparison, sample) for sample in samples]
    gaps = dict(zip(comparison.contender_runs.seeds, comparison.differences, strict=True)) if paired else {}
    rows: list[tuple[str, ...]] = []
    for seed in sorted({seed for column in columns for seed in column}):
        name = f"seed {seed}" if comparison.seeds_known else f"run {seed + 1}"
        own = [column.get(seed, NOTHING) for column in columns]
        gap = (
            [bare_change(metric, comparison.sign * gaps[seed], signed=True) if seed in gaps else NOTHING]
            if paired
            else []
        )
        rows.append((name, *own, *gap))
    blank = (NOTHING,) if paired else ()
    if max(map(_count, samples)) > 1:
        mean = bare_change(metric, comparison.sign * comparison.mean, signed=True)
        rows.append(("mean", *(level(metric, own.mean) for own in samples), *((mean,) if paired else ())))
        rows.append(("median", *(level(metric, own.median) for own in samples), *blank))
        rows.append(
            (
                f"95{NBSP}% interval of the mean",
                *(mean_interval_words(metric, own) for own in samples),
                *blank,
            )
        )
        rows.append(("worst", *(level(metric, own.worst) for own in samples), *blank))
    step = metric.shown.step
    first, second = (evidence.titles[name] for name in comparison.order)
    if not paired:
        difference = bare_change(metric, comparison.sign * comparison.mean, signed=True)
        rows.append((in_units(f"{first} minus {second}", step), NOTHING, difference))
    if comparison.interval:
        edges = [bare_change(metric, edge, signed=True) for edge in comparison.interval]
        told = f"{per_cent(1 - comparison.look.error)} interval of the difference"
        rows.append((told, *blank, NOTHING, " to ".join(edges)))
    last = (in_units(f"{first} minus {second}", step),) if paired else ()
    return Table(
        f"{first_upper(metric.label)} {_when(comparison)}, run by run",
        ("", second, first, *last),
        tuple(rows),
        ("text", "number", "number", "number") if paired else ("text", "number", "number"),
        folded=folded or len(rows) > LONG_TABLE,
    )


def _column(comparison: Comparison, sample: Sample) -> dict[int, str]:
    """What became of each training of a design that counts, by seed."""
    told = {
        seed: level(comparison.metric, value)
        for seed, value in zip(sample.seeds, sample.measured, strict=True)
    }
    return {**told, **{one.seed: ENDED[one.state] for one in sample.lost}}


def _when(comparison: Comparison) -> str:
    return measured_at(comparison.index, comparison.at, comparison.endpoint.chooser)


def _samples_panel(evidence: Evidence, result: StudyResult, comparison: Comparison) -> Panel:
    metric, told = comparison.metric, comparison.metric.shown
    rows = []
    for name, sample in (
        (comparison.baseline, comparison.baseline_runs),
        (comparison.contender, comparison.contender_runs),
    ):
        places = drawn_places(sample.measured)
        hover = [
            f"{evidence.titles[name]}, {_run(comparison, sample, place)}: {level(metric, sample.measured[place])}"
            for place in places
        ]
        rows.append(
            SampleRow(
                evidence.titles[name],
                tuple(told.scale * sample.measured[place] for place in places),
                told.scale * sample.mean,
                level(metric, sample.mean),
                tuple(hover),
                evidence.styles[name],
            )
        )
    described = "; ".join(
        f"{row.label}: mean {row.shown}, {counted(len(row.dots), 'run')} from {min(row.dots):.6g} to {max(row.dots):.6g}"
        if len(row.dots) > 1
        else f"{row.label}: {row.shown}, one run"
        for row in rows
    )
    return Panel(
        name=f"{result.study.name}-runs",
        title=f"{first_upper(metric.label)} of every run",
        description=f"{described}.",
        drawing=SamplesDrawing(axis(f"{first_upper(metric.label)} of every run", told.suffix), tuple(rows)),
    )


def _run(comparison: Comparison, sample: Sample, place: int) -> str:
    return f"seed {sample.seeds[place]}" if comparison.seeds_known else f"run {sample.seeds[place] + 1}"


def _pairs_panel(evidence: Evidence, result: StudyResult, comparison: Comparison) -> Panel:
    metric, told = comparison.metric, comparison.metric.shown
    contender, baseline = (evidence.titles[name] for name in result.pair)
    rows, ends = [], []
    for place in drawn_places(comparison.differences):
        seed = comparison.contender_runs.seeds[place]
        b, a = comparison.baseline_values[place], comparison.contender_values[place]
        ends.append(f"seed {seed}: {baseline} {level(metric, b)}, {contender} {level(metric, a)}")
        rows.append(PairRow(f"seed {seed}", told.scale * b, told.scale * a, ends[-1]))
    title = axis(f"{first_upper(metric.label)}, seed by seed", told.suffix)
    return Panel(
        name=f"{result.study.name}-runs",
        title=f"{first_upper(metric.label)} of {baseline} and {contender}, seed by seed",
        description=f"{first_upper('; '.join(ends))}.",
        drawing=PairsDrawing(
            title,
            baseline,
            contender,
            tuple(rows),
            (evidence.styles[result.study.baseline], evidence.styles[result.study.contender]),
        ),
    )


def _difference_panel(evidence: Evidence, result: StudyResult, comparison: Comparison) -> Panel:
    metric, told = comparison.metric, comparison.metric.shown
    first, second = (evidence.titles[name] for name in comparison.order)
    rows = []
    for place in drawn_places(comparison.differences):
        seed = comparison.contender_runs.seeds[place]
        value = comparison.sign * comparison.differences[place]
        shown = bare_change(metric, value, signed=True)
        hover = f"seed {seed}: {shown}{NBSP}{told.step}".rstrip()
        rows.append(DifferenceRow(f"seed {seed}", told.scale * value, shown, hover))
    mean = comparison.sign * comparison.mean
    interval, described = None, f"The difference of the means is {change(metric, mean, signed=True)}"
    if comparison.interval:
        low, high = comparison.interval
        interval = (told.scale * low, told.scale * high)
        edges = [bare_change(metric, edge, signed=True) for edge in (low, high)]
        described += f", {per_cent(1 - comparison.look.error)} interval {edges[0]} to {edges[1]}"
    last = DifferenceRow(
        "mean" if rows else "difference",
        told.scale * mean,
        bare_change(metric, mean, signed=True),
        described,
        interval,
    )
    margin = (
        f"\u00b1{bare_change(metric, comparison.margin)}: too small to matter" if comparison.margin else ""
    )
    return Panel(
        name=f"{result.study.name}-differences",
        title=f"{first} minus {second}",
        description=f"{described}.",
        drawing=DifferencesDrawing(
            axis("The difference", told.step),
            tuple(rows),
            last,
            told.scale * comparison.margin,
            margin,
            left=f"\u2190 {second if metric.sense > 0 else first} better",
            right=f"{first if metric.sense > 0 else second} better \u2192",
        ),
    )
