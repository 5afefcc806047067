"""Where a difference of two accuracies lies: which classes carry it, which images, and what is taken for what.

The difference of two mean accuracies is the sum over classes of ``images of the class / images`` times the difference
on that class. Each such product is the class's share; the shares add up to the difference exactly, as all counts are
whole numbers. A share's interval is that of :func:`tinyexp.analysis.images.across_images` on the class's images: for new
seeds and new images of the class, the classes being as frequent as they are here; over images alone where no run
differs from another of its design on the class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyexp.analysis.exact import mean
from tinyexp.analysis.images import RightAnswers, across_images, over_images
from tinyexp.errors import UserError

MOST_CONFUSIONS = 5
"""Confusions that are told: those that changed most."""
MOST_IN_MATRIX = 20
"""Classes; of more than this a matrix is no table any more."""
IMAGES_A_SIDE = 3
"""Images that are shown of each side."""


@dataclass(frozen=True)
class Answers:
    """What the nets of one design say of the test images."""

    label: NDArray[np.int64]
    """The classes of the images, shape (images,)."""
    by_image: NDArray[np.int64]
    """How many nets are right, shape (images,)."""
    by_run: tuple[tuple[int, ...], ...]
    """On how many images of each class each net is right: a row a net."""
    said: NDArray[np.int64]
    """How often an image of the first class is taken for the second, over all nets, shape (classes, classes)."""

    def on(self, place: int) -> RightAnswers:
        """Those on the images of one class alone."""
        own = self.label == place
        return RightAnswers(self.label[own], self.by_image[own], tuple(row[place] for row in self.by_run))

    @property
    def right(self) -> tuple[int, ...]:
        """How often all nets together are right on each class."""
        return tuple(sum(column) for column in zip(*self.by_run, strict=True))


@dataclass(frozen=True)
class ClassDifference:
    """One class: how often either design is right, and what of the whole difference that makes; a minus b, fractions."""

    place: int
    """Its number among the classes."""
    images: int
    a: float
    b: float
    difference: float
    share: float
    """Of the difference over all images: the shares of all classes add up to it."""
    low: float | None
    """95 % interval of the share; None where there is one run, or one image."""
    high: float | None

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves no doubt of the direction."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(frozen=True)
class Agreement:
    """A net of one design and a net of another, or two nets of one, image by image: fractions, means over all such pairs."""

    both: float
    only_first: float
    only_second: float
    neither: float


@dataclass(frozen=True)
class Confusion:
    """Images of one class taken for another: fractions of the images of the class, means over the runs."""

    label: int
    predicted: int
    a: float
    b: float


@dataclass(frozen=True)
class ByClass:
    """Two designs held against each other class by class and image by image."""

    images: int
    runs_a: int
    runs_b: int
    a: float
    """The mean accuracy of the runs of a."""
    b: float
    difference: float
    classes: tuple[ClassDifference, ...]
    """Every class that has test images, the largest share first; equal ones in the order of the classes."""
    between: Agreement
    within_a: Agreement | None
    """Two nets of design a; None with one run."""
    within_b: Agreement | None
    confusions: tuple[Confusion, ...]
    """Those that changed most, by the number of images."""
    said_a: tuple[tuple[int, ...], ...]
    """How often each class is taken for each, over all runs: a row a class; empty with more than :data:`MOST_IN_MATRIX`."""
    said_b: tuple[tuple[int, ...], ...]
    only_a: int
    """Images that every net of a gets right and every net of b wrong."""
    only_b: int
    shown_a: tuple[int, ...]
    """Places of some of these in the order of the test images; see :func:`_shown`."""
    shown_b: tuple[int, ...]


def answers(runs: Iterable[tuple[ArrayLike, ArrayLike]], classes: int) -> Answers:
    """Count what the nets of a design say; of each net only the counts are kept.

    Parameters
    ----------
    runs
        Of each net the classes of the test images and what it says, shape (images,), in the same order of images.

    Raises
    ------
    UserError
        No net, no image, a class that there is not, or not the same images.
    """
    label = by_image = None
    said, by_run = np.zeros((classes, classes), np.int64), []
    for told, predicted in runs:
        truth, guess = np.asarray(told, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
        if label is None or by_image is None:
            label, by_image = truth, np.zeros(truth.shape, dtype=np.int64)
        if not truth.size or guess.shape != truth.shape or not np.array_equal(truth, label):
            raise UserError(
                "by_class: the runs were not tested on the same images; take runs with equal labels."
            )
        if min(truth.min(), guess.min()) < 0 or max(truth.max(), guess.max()) >= classes:
            raise UserError(
                f"by_class: a class is outside of 0 to {classes - 1}; take runs of the same classes."
            )
        right = guess == truth
        by_image += right
        by_run.append(tuple(np.bincount(truth[right], minlength=classes).tolist()))
        said += np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)
    if label is None or by_image is None:
        raise UserError("by_class: no predictions; give those of one run or more.")
    return Answers(label, by_image, tuple(by_run), said)


def by_class(a: Answers, b: Answers) -> ByClass:
    """Share the difference of two designs out over the classes and the images; a minus b.

    Raises
    ------
    UserError
        The two were not tested on the same images.

    >>> label = [0, 0, 0, 1]
    >>> a = answers([(label, [0, 0, 0, 0]), (label, [0, 0, 1, 0])], 2)
    >>> b = answers([(label, [1, 0, 1, 0]), (label, [1, 1, 1, 0])], 2)
    >>> found = by_class(a, b)
    >>> found.difference, [(one.place, one.share) for one in found.classes], found.only_a, found.shown_a
    (0.5, [(0, 0.5), (1, 0.0)], 1, (0,))
    """
    if not np.array_equal(a.label, b.label):
        raise UserError("by_class: the two were not tested on the same images; take runs with equal labels.")
    images, n_a, n_b = len(a.label), len(a.by_run), len(b.by_run)
    # n_a n_b times what every class's right answers differ by: whole, and the order is theirs.
    apart = [n_b * right_a - n_a * right_b for right_a, right_b in zip(a.right, b.right, strict=True)]
    there = np.bincount(a.label, minlength=len(apart)).tolist()
    order = sorted(filter(there.__getitem__, range(len(apart))), key=lambda place: -abs(apart[place]))
    whole = sum(apart)
    only_a = (a.by_image == n_a) & (b.by_image == 0)
    only_b = (b.by_image == n_b) & (a.by_image == 0)
    return ByClass(
        images=images,
        runs_a=n_a,
        runs_b=n_b,
        a=_accuracy(a),
        b=_accuracy(b),
        difference=whole / (n_a * n_b * images),
        classes=tuple(_of_class(a, b, place, images) for place in order),
        between=_between(a, b),
        within_a=_within(a),
        within_b=_within(b),
        confusions=_confusions(a, b, there),
        said_a=_matrix(a),
        said_b=_matrix(b),
        only_a=int(np.count_nonzero(only_a)),
        only_b=int(np.count_nonzero(only_b)),
        shown_a=_shown(only_a, a.label, order),
        shown_b=_shown(only_b, a.label, order),
    )


def _accuracy(one: Answers) -> float:
    """As it is in a run's metrics: the mean over the runs of each one's."""
    right = map(sum, one.by_run)
    return mean([own / len(one.label) for own in right])


def _of_class(a: Answers, b: Answers, place: int, images: int) -> ClassDifference:
    own = int(np.count_nonzero(a.label == place))
    n_a, n_b = len(a.by_run), len(b.by_run)
    right_a, right_b = a.right[place], b.right[place]
    apart = n_b * right_a - n_a * right_b
    interval = None
    if min(n_a, n_b) > 1:
        interval = across_images(a.on(place), b.on(place)) or over_images(a.on(place), b.on(place))
    weight = own / images
    return ClassDifference(
        place=place,
        images=own,
        a=right_a / (n_a * own),
        b=right_b / (n_b * own),
        difference=apart / (n_a * n_b * own),
        share=apart / (n_a * n_b * images),
        low=weight * interval.low if interval else None,
        high=weight * interval.high if interval else None,
    )


def _between(a: Answers, b: Answers) -> Agreement:
    n_a, n_b = len(a.by_run), len(b.by_run)
    pairs = n_a * n_b * len(a.label)
    both = sum((a.by_image * b.by_image).tolist())
    right_a, right_b = n_b * sum(a.right), n_a * sum(b.right)
    return Agreement(
        both / pairs,
        (right_a - both) / pairs,
        (right_b - both) / pairs,
        (pairs - right_a - right_b + both) / pairs,
    )


def _within(one: Answers) -> Agreement | None:
    n, images = len(one.by_run), len(one.label)
    if n < 2:
        return None
    pairs = n * (n - 1) * images
    both = sum((one.by_image * (one.by_image - 1)).tolist())
    right = (n - 1) * sum(one.right)
    alone = (right - both) / pairs
    return Agreement(both / pairs, alone, alone, (pairs - 2 * right + both) / pairs)


def _confusions(a: Answers, b: Answers, there: Sequence[int]) -> tuple[Confusion, ...]:
    n_a, n_b, classes = len(a.by_run), len(b.by_run), len(there)
    apart = np.abs(n_b * a.said - n_a * b.said)
    np.fill_diagonal(apart, 0)
    order = np.argsort(-apart, axis=None, kind="stable")[:MOST_CONFUSIONS]
    found = [divmod(place, classes) for place in order.tolist() if apart.flat[place]]
    return tuple(
        Confusion(
            label,
            said,
            int(a.said[label, said]) / (n_a * there[label]),
            int(b.said[label, said]) / (n_b * there[label]),
        )
        for label, said in found
    )


def _matrix(one: Answers) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, one.said.tolist())) if len(one.said) <= MOST_IN_MATRIX else ()


def _shown(among: NDArray[np.bool_], label: NDArray[np.int64], order: Sequence[int]) -> tuple[int, ...]:
    """A few images: of each class the first in the order of the test images, the class with the largest share first; then the second of each."""
    own = [np.flatnonzero(among & (label == place)).tolist()[:IMAGES_A_SIDE] for place in order]
    turns = [found[turn] for turn in range(IMAGES_A_SIDE) for found in own if turn < len(found)]
    return tuple(turns[:IMAGES_A_SIDE])
