"""Two designs compared with seeds *and* test images as drawn at random: an interval for new images too.

An interval over seeds takes the test images as given. Read as a claim about new images it covers too rarely, and the
more so the more seeds there are, since they make it narrow and the images stay as few as they are.

Each net is right or wrong on each image, a table of seeds by images for each design; seeds differ from design to
design, the images are the same ones. The variance of the difference of the two mean accuracies is then

``S2_a / n_a + S2_b / n_b + max(0, D2 / m - R_a / (n_a m) - R_b / (n_b m))``

with ``S2`` the variance of the accuracy from seed to seed, ``D2`` that of ``mean over seeds of right_a - mean over
seeds of right_b`` from image to image, and ``R`` the mean square that rows and columns of a design's table leave: ``S2``
and ``D2`` both contain it. Degrees of freedom are Satterthwaite's, of all mean squares that count.

Source: two-way random effects, Scheffe (1959), The Analysis of Variance, chapter 7; Satterthwaite (1946), An
approximate distribution of estimates of variance components, Biometrics Bulletin 2, 110-114. Everything up to the last
divisions is whole numbers, and exact. Where the designs have unequal numbers of nets, what the seeds make has the degrees
of freedom of :func:`tinyexp.analysis.samples.degrees_of_freedom`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinyexp.analysis.exact import total
from tinyexp.analysis.samples import degrees_of_freedom
from tinyexp.analysis.statistics import LEVEL, Interval, interval_around
from tinyexp.errors import UserError


@dataclass(frozen=True)
class RightAnswers:
    """How often the nets of one design are right, by image and by net."""

    label: NDArray[np.int64]
    """The classes of the test images, shape (images,)."""
    by_image: NDArray[np.int64]
    """How many nets are right, shape (images,)."""
    by_run: tuple[int, ...]
    """On how many images each net is right."""


@dataclass(frozen=True)
class AcrossImages:
    """The difference of two mean accuracies, for new seeds and new test images; a minus b, fractions."""

    images: int
    runs_a: int
    runs_b: int
    difference: float
    over_seeds: float
    """Standard error over seeds alone, the images being given."""
    over_images: float
    """What the draw of the images adds to it; 0 where no more is seen than the seeds make."""
    standard_error: float
    """Of both together."""
    degrees: float
    low: float
    high: float
    """95 % interval."""


def right_answers(runs: Iterable[tuple[ArrayLike, ArrayLike]]) -> RightAnswers:
    """Count what the nets of a design get right; of each net only the counts are kept.

    Parameters
    ----------
    runs
        Of each net the classes of the test images and what it says, shape (images,), in the same order of images.

    Raises
    ------
    UserError
        No net, no image, or not the same images.
    """
    label, by_image, by_run = None, None, []
    for told, predicted in runs:
        truth, said = np.asarray(told, dtype=np.int64), np.asarray(predicted)
        if label is None or by_image is None:
            label, by_image = truth, np.zeros(truth.shape, dtype=np.int64)
        if truth.ndim != 1 or not truth.size or said.shape != truth.shape or not np.array_equal(truth, label):
            raise UserError(
                "across_images: the runs were not tested on the same images; take runs with equal labels, shape (images,)."
            )
        right = said == truth
        by_image += right
        by_run.append(int(np.count_nonzero(right)))
    if label is None or by_image is None:
        raise UserError("across_images: no predictions; give those of one run or more.")
    return RightAnswers(label, by_image, tuple(by_run))


def across_images(a: RightAnswers, b: RightAnswers) -> AcrossImages | None:
    """The 95 % interval of the difference of two designs, seeds and test images both drawn at random.

    None with fewer than two runs of either, with one image, or where no accuracy differs from seed to seed: then
    nothing is known of the seeds.

    Raises
    ------
    UserError
        The two were not tested on the same images.

    >>> label = [0, 0, 0, 0]
    >>> a = right_answers([(label, [0, 0, 0, 1]), (label, [0, 0, 0, 0])])
    >>> b = right_answers([(label, [0, 1, 1, 1]), (label, [0, 0, 1, 1])])
    >>> found = across_images(a, b)
    >>> found.difference, found.images, found.low < 0 < found.high
    (0.5, 4, True)
    """
    if not np.array_equal(a.label, b.label):
        raise UserError(
            "across_images: the two were not tested on the same images; take runs with equal labels."
        )
    images, n_a, n_b = len(a.label), len(a.by_run), len(b.by_run)
    if min(n_a, n_b, images) < 2:
        return None
    seeds = [_variance(one.by_run) / (images * images * len(one.by_run)) for one in (a, b)]
    if not any(seeds):
        return None
    # One number for each image, n_a n_b times the difference of the two means over seeds: whole.
    apart = n_b * a.by_image - n_a * b.by_image
    raw = _spread(apart) / (images * n_a * n_a * n_b * n_b)
    left = [_residual(one) / (len(one.by_run) * images) for one in (a, b)]
    drawn = total([raw, *(-one for one in left)])
    terms = [(total(seeds), degrees_of_freedom(seeds, (n_a, n_b)))]
    if drawn > 0:
        terms += [
            (raw, images - 1.0),
            *((part, (n - 1.0) * (images - 1)) for part, n in zip(left, (n_a, n_b), strict=True)),
        ]
    variance = total([*seeds, max(drawn, 0.0)])
    degrees = 1 / total([part * part / (variance * variance * df) for part, df in terms])
    difference = (n_b * sum(a.by_run) - n_a * sum(b.by_run)) / (n_a * n_b * images)
    interval = interval_around(difference, math.sqrt(variance), degrees, LEVEL)
    return AcrossImages(
        images=images,
        runs_a=n_a,
        runs_b=n_b,
        difference=difference,
        over_seeds=math.sqrt(total(seeds)),
        over_images=math.sqrt(max(drawn, 0.0)),
        standard_error=math.sqrt(variance),
        degrees=degrees,
        low=interval.low,
        high=interval.high,
    )


def over_images(a: RightAnswers, b: RightAnswers) -> Interval | None:
    """The 95 % interval over the draw of images alone: all that there is where no run differs from another of its design.

    It says nothing of the seeds. None with one image.
    """
    images, n_a, n_b = len(a.label), len(a.by_run), len(b.by_run)
    if images < 2:
        return None
    spread = _spread(n_b * a.by_image - n_a * b.by_image)
    error = math.sqrt(spread / images) / (n_a * n_b)
    difference = (n_b * sum(a.by_run) - n_a * sum(b.by_run)) / (n_a * n_b * images)
    return interval_around(difference, error, images - 1.0, LEVEL)


def _variance(counts: tuple[int, ...]) -> float:
    """The sample variance of whole numbers."""
    n = len(counts)
    return (n * _squares(counts) - sum(counts) * sum(counts)) / (n * (n - 1))


def _spread(values: NDArray[np.int64]) -> float:
    """The same of very many, of which most are equal."""
    told = _counted(values)
    first, second = (
        sum(value * often for value, often in told),
        sum(value * value * often for value, often in told),
    )
    return (len(values) * second - first * first) / (len(values) * (len(values) - 1))


def _residual(one: RightAnswers) -> float:
    """The mean square of what neither net nor image explains: of zeros and ones, so a square is the number itself."""
    n, m, right = len(one.by_run), len(one.label), sum(one.by_run)
    by_image = sum(value * value * often for value, often in _counted(one.by_image))
    # n m times the sum of squares left, whole: total minus nets minus images plus what both leave out.
    left = n * m * right - n * _squares(one.by_run) - m * by_image + right * right
    return left / (n * m * (n - 1) * (m - 1))


def _squares(counts: tuple[int, ...]) -> int:
    return sum(count * count for count in counts)


def _counted(values: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each number that occurs, and how often: a handful, in Python's numbers, which do not overflow."""
    numbers, often = np.unique(values, return_counts=True)
    return list(zip(numbers.tolist(), often.tolist(), strict=True))
