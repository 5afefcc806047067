"""What the nets of a comparison say of the test images: read from their predictions, and held against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyexp.analysis.classes import ByClass, answers, by_class
from tinyexp.analysis.design import DesignPoint
from tinyexp.errors import UserError
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.records import Predictions, read_predictions
from tinyexp.trainers.base import trainer_of

MOST_CLASSES = 2_000
"""More than this are no classes that a page tells of."""


@dataclass(frozen=True)
class ShownImage:
    """An image that all nets of one design get right and all of the other wrong."""

    place: int
    """In the order of the test images."""
    label: int
    said: tuple[int, ...]
    """What each net of the design that is wrong takes it for."""


@dataclass(frozen=True)
class Predicted:
    """Two designs class by class, contender minus baseline."""

    found: ByClass
    classes: tuple[str, ...]
    """The names of the classes; their numbers where nobody names them."""
    contender_right: tuple[ShownImage, ...]
    baseline_right: tuple[ShownImage, ...]
    fingerprint: str
    """Of the data."""

    @property
    def places(self) -> tuple[int, ...]:
        """Of all images that are shown, in the order of the test images."""
        return tuple(sorted(one.place for one in (*self.contender_right, *self.baseline_right)))


def predicted(
    contender: DesignPoint, runs: tuple[Sequence[RecordedRun], Sequence[RecordedRun]]
) -> Predicted | None:
    """Hold the predictions of two designs' runs, the contender's first, against each other; None where the images are not the same."""
    told = _renumbered([[read_predictions(run.folder) for run in own] for own in runs])
    names = _names(told) or trainer_of(contender.experiment.trainer).class_names(contender.experiment)
    sizes = (max(one.label.max(), one.predicted.max()) for own in told for one in own if len(one.label))
    size = int(max(sizes, default=-1)) + 1
    classes = names if len(names) >= size else tuple(f"class {place}" for place in range(size))
    if len(classes) > MOST_CLASSES:
        return None
    try:
        a, b = (answers(((one.label, one.predicted) for one in own), len(classes)) for own in told)
        found = by_class(a, b)
    except UserError:  # other test images: nothing to hold against each other
        return None
    return Predicted(
        found,
        classes,
        _shown(found.shown_a, told[0][0], told[1]),
        _shown(found.shown_b, told[0][0], told[0]),
        contender.data.fingerprint,
    )


def _renumbered(told: Sequence[Sequence[Predictions]]) -> list[list[Predictions]]:
    """Classes that every run names itself, numbered alike: a run names those that it met."""
    if len({one.classes for own in told for one in own}) == 1 or not all(
        one.classes for own in told for one in own
    ):
        return [list(own) for own in told]
    classes = tuple(sorted({name for own in told for one in own for name in one.classes}))
    place = {name: number for number, name in enumerate(classes)}

    def moved(one: Predictions) -> Predictions:
        numbers = np.array([place[name] for name in one.classes], dtype=np.int32)
        return Predictions(numbers[one.label], numbers[one.predicted], classes=classes)

    return [[moved(one) for one in own] for own in told]


def _names(told: Sequence[Sequence[Predictions]]) -> tuple[str, ...]:
    """The names that the records have; none where they do not agree."""
    found = {one.classes for own in told for one in own}
    return found.pop() if len(found) == 1 else ()


def _shown(
    places: Sequence[int], any_of: Predictions, wrong: Sequence[Predictions]
) -> tuple[ShownImage, ...]:
    return tuple(
        ShownImage(place, int(any_of.label[place]), tuple(int(one.predicted[place]) for one in wrong))
        for place in places
    )
