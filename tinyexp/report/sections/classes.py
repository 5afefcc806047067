"""What the networks do differently: by class, by image, and what is taken for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from tinyexp.analysis.classes import Agreement, ByClass, ClassDifference
from tinyexp.config.metric import metric_of
from tinyexp.report.class_sentences import (
    AGREEMENT,
    CLASS_HEADINGS,
    CONFUSION,
    FIRST_SCREEN,
    LEVELS,
    NO_IMAGES,
    NOT_KEPT,
    OTHER_CLEAR,
    READ_CLASSES,
    READ_ONE_RUN,
    RULE,
    SAID_WHEN_WRONG,
    SHOWN,
)
from tinyexp.report.drawings import PairRow, PairsDrawing, ShareRow, SharesDrawing
from tinyexp.report.evidence import RIGHT, Evidence, StudyResult
from tinyexp.report.kept_images import data_uri, read_images
from tinyexp.report.predicted import Predicted, ShownImage
from tinyexp.report.select import profile_folder
from tinyexp.report.view import Block, Column, Figure, Image, Images, Panel, Paragraph, Section, Table
from tinyexp.trainers.base import trainer_of
from tinyexp.words import (
    NOTHING,
    axis,
    bare_change,
    bare_level,
    change,
    counted,
    in_units,
    level,
    plain,
    some,
)

_ACCURACY = metric_of(RIGHT)
T = TypeVar("T")

_CARRIES = 1 / 3
"""Of the gap: a class with less does not stand out enough for a headline."""
MOST_DRAWN = 12
"""Classes in the pictures and in the open table; of more, those with the largest shares."""
_DESCRIBED = 3
_MOST_ROWS = 100
"""Classes in the folded table; report.json has all."""


@dataclass(frozen=True)
class _Told:
    """A comparison by class, told from the side of the design that is right more often."""

    predicted: Predicted
    leader: str
    other: str
    turned: bool
    """Whether the leader is the baseline, so that what is said of the contender minus the baseline changes its sign."""

    @property
    def found(self) -> ByClass:
        return self.predicted.found

    @property
    def gap(self) -> float:
        return abs(self.found.difference)

    def name(self, place: int) -> str:
        return plain(self.predicted.classes[place], 40)

    def levels(self, one: ClassDifference) -> tuple[float, float]:
        """How often the leader and the other are right."""
        return (one.b, one.a) if self.turned else (one.a, one.b)

    def share(self, one: ClassDifference) -> float:
        return -one.share if self.turned else one.share

    def interval(self, one: ClassDifference) -> tuple[float, float] | None:
        if one.low is None or one.high is None:
            return None
        return (-one.high, -one.low) if self.turned else (one.low, one.high)

    def whole(self) -> tuple[float, float]:
        """How often the leader and the other are right over all images."""
        return self._in_order(self.found.a, self.found.b)

    def runs(self) -> tuple[int, int]:
        """Of the leader and of the other."""
        return self._in_order(self.found.runs_a, self.found.runs_b)

    def shown(self) -> tuple[tuple[ShownImage, ...], tuple[ShownImage, ...]]:
        """Images that only the leader gets right, and that only the other does."""
        return self._in_order(self.predicted.contender_right, self.predicted.baseline_right)

    def only(self) -> tuple[int, int]:
        return self._in_order(self.found.only_a, self.found.only_b)

    def within(self) -> tuple[Agreement | None, Agreement | None]:
        return self._in_order(self.found.within_a, self.found.within_b)

    def _in_order(self, contender: T, baseline: T) -> tuple[T, T]:
        return (baseline, contender) if self.turned else (contender, baseline)


def classes_section(evidence: Evidence, result: StudyResult) -> Section | None:
    """By class and by image; None where the predictions do not tell it."""
    told = _told(evidence, result)
    if told is None or len(told.found.classes) < 2:
        return None
    blocks: list[Block] = [Paragraph(text) for text in _sentences(told)]
    if (
        result is not evidence.lead
    ):  # in full it would fill more of the page than the question that the page is about
        blocks.append(_table(told, told.found.classes[:_MOST_ROWS], "Right answers by class", folded=True))
        return Section(f"{result.study.name}-classes", _heading(result, told), tuple(blocks))
    blocks.append(_figure(result, told))
    blocks += _agreement(told)
    blocks += _confusions(told)
    blocks += _images(evidence, result, told)
    return Section(f"{result.study.name}-classes", _heading(result, told), tuple(blocks))


def classes_line(evidence: Evidence, result: StudyResult) -> str:
    """One sentence for the first screen: which class carries most of a clear difference; else nothing."""
    told = _told(evidence, result)
    if told is None or _heading_kind(result, told) != "carries":
        return ""
    return FIRST_SCREEN.format(**_of_largest(told))


def _told(evidence: Evidence, result: StudyResult) -> _Told | None:
    if result.predicted is None:
        return None
    contender, baseline = (evidence.titles[name] for name in result.pair)
    turned = result.predicted.found.difference < 0
    leader, other = (baseline, contender) if turned else (contender, baseline)
    return _Told(result.predicted, leader, other, turned)


def _heading_kind(result: StudyResult, told: _Told) -> str:
    largest = told.found.classes[0]
    if min(told.runs()) < 2:
        return "one_run"
    if not largest.is_clear:
        return "none_clear"
    compared = result.comparison
    is_clear = compared is not None and compared.verdict == "beats" and compared.metric.name == RIGHT
    if not is_clear or not 0 < told.share(largest) <= told.gap:
        return "differ"
    return "carries" if told.share(largest) >= _CARRIES * told.gap else "spread"


def _heading(result: StudyResult, told: _Told) -> str:
    return CLASS_HEADINGS[_heading_kind(result, told)].format(**_of_largest(told))


def _of_largest(told: _Told) -> dict[str, str]:
    largest = told.found.classes[0]
    here, there = told.levels(largest)
    return {
        "name": told.name(largest.place),
        "share": bare_change(_ACCURACY, told.share(largest)),
        "gap": change(_ACCURACY, told.gap),
        "leader": told.leader,
        "other": told.other,
        "here": level(_ACCURACY, here),
        "there": level(_ACCURACY, there),
        "images": counted(largest.images, "test image"),
    }


def _sentences(told: _Told) -> list[str]:
    """What the pictures show, in words: the largest class, the others that are clear, and what is taken for what."""
    found = [LEVELS.format(**_of_largest(told))]
    if told.found.confusions:
        one = told.found.confusions[0]
        here, there = (one.b, one.a) if told.turned else (one.a, one.b)
        found[0] += " " + CONFUSION.format(
            label=told.name(one.label),
            predicted=told.name(one.predicted),
            leader=told.leader,
            other=told.other,
            here=level(_ACCURACY, here),
            there=level(_ACCURACY, there),
        )
    if min(told.runs()) > 1:
        largest, *others = told.found.classes
        along = 1 if told.share(largest) >= 0 else -1
        first, second = (told.leader, told.other) if along > 0 else (told.other, told.leader)
        same = "too" if largest.is_clear else "clear"
        for key, sense, design in ((same, along, first), ("opposite", -along, second)):
            names = [told.name(one.place) for one in others if one.is_clear and sense * told.share(one) > 0]
            if names:
                found.append(OTHER_CLEAR[key].format(names=some(names), design=design))
    return found


def _figure(result: StudyResult, told: _Told) -> Figure:
    drawn = told.found.classes[:MOST_DRAWN]
    several = min(told.runs()) > 1
    panels = (_levels_panel(result, told, drawn), _shares_panel(result, told, drawn))
    part = (
        ""
        if len(drawn) == len(told.found.classes)
        else f", the {len(drawn)} of {len(told.found.classes):,} that carry most"
    )
    most = told.found.classes[:_MOST_ROWS]
    of = "" if len(most) == len(told.found.classes) else f" (the first {_MOST_ROWS}; report.json has all)"
    more: tuple[Table, ...] = ()
    if len(drawn) < len(told.found.classes):
        more = (_table(told, most, f"All {len(told.found.classes):,} classes{of}", folded=True),)
    read = READ_CLASSES if several else READ_ONE_RUN
    return Figure(
        panels,
        read.format(leader=told.leader, other=told.other, gap=change(_ACCURACY, told.gap)),
        _table(told, drawn, f"Right answers by class{part}"),
        more=(*more, *_matrices(told)),
    )


def _levels_panel(result: StudyResult, told: _Told, drawn: tuple[ClassDifference, ...]) -> Panel:
    scale = _ACCURACY.shown.scale
    rows = []
    for one in drawn:
        here, there = told.levels(one)
        hover = f"{told.name(one.place)}: {told.leader} {level(_ACCURACY, here)}, {told.other} {level(_ACCURACY, there)}"
        rows.append(PairRow(told.name(one.place), scale * one.b, scale * one.a, hover))
    contender, baseline = (told.other, told.leader) if told.turned else (told.leader, told.other)
    return Panel(
        name=f"{result.study.name}-classes",
        title="Accuracy by class, the class that carries most first",
        description=_described([row.hover for row in rows]),
        drawing=PairsDrawing(
            axis("Right answers by class", _ACCURACY.shown.suffix), baseline, contender, tuple(rows)
        ),
    )


def _shares_panel(result: StudyResult, told: _Told, drawn: tuple[ClassDifference, ...]) -> Panel:
    scale, rows = _ACCURACY.shown.scale, []
    for one in drawn:
        shown, interval = bare_change(_ACCURACY, told.share(one), signed=True), told.interval(one)
        edges = ""
        if interval:
            low, high = (bare_change(_ACCURACY, edge, signed=True) for edge in interval)
            edges = f", 95\u00a0% interval {low} to {high}"
            interval = (scale * interval[0], scale * interval[1])
        hover = f"{told.name(one.place)}: {shown} {_ACCURACY.shown.step}{edges}"
        rows.append(ShareRow(told.name(one.place), (), scale * told.share(one), shown, hover, interval))
    return Panel(
        name=f"{result.study.name}-class-shares",
        title=f"What each class adds to the lead of {told.leader}",
        description=_described([row.hover for row in rows]),
        drawing=SharesDrawing(
            axis("What each class adds", _ACCURACY.shown.step),
            tuple(rows),
            0.0,
            "",
        ),
    )


def _described(rows: list[str]) -> str:
    """The first rows in words; the table below the pictures has all."""
    more = f"; and {len(rows) - _DESCRIBED} more, which the table has" if len(rows) > _DESCRIBED else ""
    return f"{'; '.join(rows[:_DESCRIBED])}{more}."


def _table(told: _Told, of: tuple[ClassDifference, ...], caption: str, *, folded: bool = False) -> Table:
    rows = [(told.name(one.place), f"{one.images:,}", *_cells(told, one)) for one in of]
    rows.append(
        (
            "all classes",
            f"{told.found.images:,}",
            *(bare_level(_ACCURACY, value) for value in told.whole()),
            bare_change(_ACCURACY, told.gap, signed=True),
            NOTHING,
        )
    )
    step, suffix = _ACCURACY.shown.step, _ACCURACY.shown.suffix
    number: Column = "number"
    return Table(
        caption,
        (
            "",
            "test images",
            in_units(told.leader, suffix),
            in_units(told.other, suffix),
            in_units("share of the gap", step),
            "95\u00a0% interval",
        ),
        tuple(rows),
        ("text", *(number for _ in range(5))),
        folded=folded,
    )


def _cells(told: _Told, one: ClassDifference) -> tuple[str, ...]:
    interval = told.interval(one)
    edges = NOTHING
    if interval:
        edges = " to ".join(bare_change(_ACCURACY, edge, signed=True) for edge in interval)
    levels = (bare_level(_ACCURACY, value) for value in told.levels(one))
    return (*levels, bare_change(_ACCURACY, told.share(one), signed=True), edges)


def _agreement(told: _Told) -> tuple[Block, ...]:
    """How far two nets of two designs disagree, beside two of one; nothing of one run each, which a seed alone may make."""
    first, second = told.within()
    if first is None or second is None:
        return ()
    between = told.found.between
    only_first, only_second = between.only_first, between.only_second
    if told.turned:
        only_first, only_second = only_second, only_first
    text = AGREEMENT.format(
        between=level(_ACCURACY, only_first + only_second),
        first=level(_ACCURACY, 2 * first.only_first),
        second=level(_ACCURACY, 2 * second.only_first),
        leader=told.leader,
        other=told.other,
    )
    rows = (
        ("both right", *(bare_level(_ACCURACY, one.both) for one in (between, first, second))),
        (
            "one right, the other wrong",
            bare_level(_ACCURACY, only_first + only_second),
            *(bare_level(_ACCURACY, 2 * one.only_first) for one in (first, second)),
        ),
        (f"of these only {told.leader}", bare_level(_ACCURACY, only_first), NOTHING, NOTHING),
        (f"of these only {told.other}", bare_level(_ACCURACY, only_second), NOTHING, NOTHING),
        ("both wrong", *(bare_level(_ACCURACY, one.neither) for one in (between, first, second))),
    )
    number: Column = "number"
    table = Table(
        in_units("Two nets, image by image, mean over all pairs of runs", _ACCURACY.shown.suffix),
        ("", "one of each", f"two of {told.leader}", f"two of {told.other}"),
        rows,
        ("text", number, number, number),
        folded=True,
    )
    return (Paragraph(text), table)


def _confusions(told: _Told) -> tuple[Block, ...]:
    rows = []
    for one in told.found.confusions:
        here, there = (one.b, one.a) if told.turned else (one.a, one.b)
        taken = (f"{told.name(one.label)} taken for {told.name(one.predicted)}",)
        rows.append((*taken, bare_level(_ACCURACY, here), bare_level(_ACCURACY, there)))
    if not rows:
        return ()
    caption = in_units("Confusions that differ most, of the images of the class", _ACCURACY.shown.suffix)
    return (Table(caption, ("", told.leader, told.other), tuple(rows), ("text", "number", "number")),)


def _matrices(told: _Told) -> tuple[Table, ...]:
    """How often each class is taken for each; none with more classes than a table holds."""
    first, second = (
        (told.found.said_b, told.found.said_a) if told.turned else (told.found.said_a, told.found.said_b)
    )
    return tuple(
        _matrix(told, title, said) for title, said in ((told.leader, first), (told.other, second)) if said
    )


def _matrix(told: _Told, title: str, said: tuple[tuple[int, ...], ...]) -> Table:
    number: Column = "number"
    rows = tuple(
        (told.name(place), *(bare_level(_ACCURACY, count / sum(row)) if count else "" for count in row))
        for place, row in enumerate(said)
        if any(row)
    )
    names = [told.name(place) for place in range(len(said))]
    return Table(
        in_units(
            f"{title}: what the images of each class (rows) are taken for",
            _ACCURACY.shown.suffix,
        ),
        ("", *names),
        rows,
        ("text", *(number for _ in names)),
        folded=True,
    )


def _images(evidence: Evidence, result: StudyResult, told: _Told) -> tuple[Block, ...]:
    """Images that one design gets right with every run and the other wrong with every run; not from one run of each."""
    if min(told.runs()) < 2:
        return ()
    runs, only = told.runs(), told.only()
    text = SHOWN.format(
        here=counted(only[0], "image"),
        there=counted(only[1], "image"),
        leader=told.leader,
        other=told.other,
        leaders=counted(runs[0], "run"),
        others=counted(runs[1], "run"),
    )
    shown = [*((one, told.leader, told.other) for one in told.shown()[0])]
    shown += [(one, told.other, told.leader) for one in told.shown()[1]]
    if not shown:
        return (Paragraph(text),)
    rows = tuple(
        (f"{one.place:,}", told.name(one.label), right, _said(told, one, wrong))
        for one, right, wrong in shown
    )
    table = Table(
        "Images that every run of one design gets right and every run of the other wrong",
        ("number among the test images", "class", "right with every run", "what the runs of the other say"),
        rows,
        folded=True,
    )
    return (Paragraph(f"{text} {RULE}"), *_pixels(evidence, result, told, shown), table)


def _said(told: _Told, one: ShownImage, wrong: str) -> str:
    counts: dict[int, int] = {}
    for place in one.said:
        counts[place] = counts.get(place, 0) + 1
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = ", ".join(told.name(place) + (f" ({often})" if len(most) > 1 else "") for place, often in most)
    return SAID_WHEN_WRONG.format(design=wrong, names=names)


def _pixels(
    evidence: Evidence, result: StudyResult, told: _Told, shown: list[tuple[ShownImage, str, str]]
) -> tuple[Block, ...]:
    contender = evidence.selection.find(result.study.contender)
    assert contender is not None  # it was compared
    problem = trainer_of(contender.experiment.trainer).test_images_problem(contender.experiment)
    kept = {} if problem else read_images(profile_folder(evidence.selection), told.predicted.fingerprint)
    if not all(one.place in kept for one, _, _ in shown):
        return (Paragraph(NO_IMAGES.format(problem=problem) if problem else NOT_KEPT, "muted"),)
    items = tuple(
        Image(
            data_uri(kept[one.place]),
            f"Test image {one.place:,}: {told.name(one.label)}",
            f"{told.name(one.label)}. {_said(told, one, wrong)}.",
        )
        for one, _, wrong in shown
    )
    return (Images(items),)
