"""Seeds and test images both drawn at random: the arithmetic, what it covers, and what the seeds alone cover."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from tinyexp.analysis.images import across_images, right_answers
from tinyexp.analysis.samples import difference_interval, welch
from tinyexp.errors import UserError


def answers(right):
    """Of a table of seeds by images: all images are of class 0, and a wrong net says 1."""
    label = np.zeros(right.shape[1], dtype=np.int64)
    return right_answers((label, 1 - row.astype(np.int64)) for row in right)


def drawn(rng, runs, images, seed_sd=0.05, image_sd=0.8, apart=(0.9, 0.8)):
    """Two tables of seeds by images: each image is hard or easy, for all nets and for those of one design besides."""
    hard = rng.normal(0, image_sd, images)
    return [
        level + hard + rng.normal(0, image_sd / 2, images) + rng.normal(0, seed_sd, (runs, 1)) + rng.normal(0, 1, (runs, images)) > 0
        for level in apart
    ]  # fmt: skip


def test_the_parts_are_those_of_a_table_with_two_ways():
    """By numpy, from the sums of squares as the book has them."""
    a, b = drawn(np.random.default_rng(1), 4, 200)
    b = b[:3]
    found = across_images(answers(a), answers(b))

    def residual(table):
        x = table.astype(float)
        left = x - x.mean(axis=0) - x.mean(axis=1, keepdims=True) + x.mean()
        return (left**2).sum() / ((x.shape[0] - 1) * (x.shape[1] - 1))

    seeds = a.mean(axis=1).var(ddof=1) / 4 + b.mean(axis=1).var(ddof=1) / 3
    raw = (a.mean(axis=0) - b.mean(axis=0)).var(ddof=1) / 200
    left = [residual(a) / (4 * 200), residual(b) / (3 * 200)]
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert found.over_seeds == pytest.approx(math.sqrt(seeds))
    assert found.over_images == pytest.approx(math.sqrt(raw - sum(left)))
    assert found.standard_error == pytest.approx(math.sqrt(seeds + raw - sum(left)))
    # Four nets against three: what the seeds make has the degrees of freedom of an interval over seeds alone.
    _, alone = welch(a.mean(axis=1), b.mean(axis=1))
    terms = [(seeds, alone), (raw, 199)]
    terms += [(left[0], 3 * 199), (left[1], 2 * 199)]
    assert found.degrees == pytest.approx(found.standard_error**4 / sum(part**2 / df for part, df in terms))
    assert (found.images, found.runs_a, found.runs_b) == (200, 4, 3)
    assert found.low < found.difference < found.high


def test_where_images_make_no_more_than_seeds_do_it_is_the_interval_over_seeds():
    """Each net is right on images of its own drawing: D2 / m falls below what the residuals are of it half of the time."""
    rng = np.random.default_rng(0)
    for _ in range(40):
        a, b = (rng.random((5, 400)) < 0.6 for _ in range(2))
        found = across_images(answers(a), answers(b))
        if found.over_images == 0:
            alone = difference_interval(a.mean(axis=1), b.mean(axis=1), 0.0, 0.0)
            assert (found.low, found.high) == pytest.approx(tuple(alone))
            return
    pytest.fail("never below zero")


def test_the_same_images_in_another_order_give_the_same_bits():
    a, b = drawn(np.random.default_rng(2), 3, 500)
    order = np.random.default_rng(3).permutation(500)
    assert across_images(answers(a), answers(b)) == across_images(answers(a[:, order]), answers(b[:, order]))


@pytest.mark.parametrize(("runs", "images"), [((1, 3), 50), ((3, 1), 50), ((3, 3), 1)])
def test_too_few_runs_or_images_give_no_interval(runs, images):
    a, b = drawn(np.random.default_rng(4), 3, images)
    assert across_images(answers(a[: runs[0]]), answers(b[: runs[1]])) is None


def test_without_any_spread_over_seeds_nothing_is_known_of_seeds():
    a = np.tile(np.random.default_rng(5).random(100) < 0.6, (3, 1))
    b = np.tile(np.random.default_rng(6).random(100) < 0.5, (3, 1))
    assert across_images(answers(a), answers(b)) is None


def test_runs_on_other_images_are_refused():
    with pytest.raises(UserError, match="not tested on the same images"):
        right_answers([([0, 1], [0, 1]), ([1, 0], [0, 1])])
    with pytest.raises(UserError, match="not tested on the same images"):
        right_answers([([0, 1], [0, 1, 1])])
    with pytest.raises(UserError, match="not tested on the same images"):
        across_images(right_answers([([0, 1], [0, 1])] * 2), right_answers([([1, 1], [0, 1])] * 2))
    with pytest.raises(UserError, match="no predictions"):
        right_answers([])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "images", "at_most"), [(3, 1000, 0.96), (5, 2000, 0.93), (10, 1000, 0.86), (20, 2000, 0.78)]
)
@pytest.mark.usefixtures("scipy_tails")
def test_it_covers_what_new_seeds_and_new_images_give_and_the_seeds_alone_do_not(runs, images, at_most):
    """A spread over seeds of half a point to a point, over images as of nets of 60 to 80 %."""
    rng, seed_sd, image_sd, levels = np.random.default_rng(7), 0.03, 1.2, (0.9, 0.8)
    wide = math.sqrt(1 + seed_sd**2 + image_sd**2 * 1.25)
    truth = NormalDist().cdf(levels[0] / wide) - NormalDist().cdf(levels[1] / wide)
    both, alone, tries = 0, 0, 2000
    for _ in range(tries):
        a, b = drawn(rng, runs, images, seed_sd, image_sd, levels)
        found = across_images(answers(a), answers(b))
        both += found.low <= truth <= found.high
        seeds = difference_interval(a.mean(axis=1), b.mean(axis=1), 0.0, 0.0)
        alone += seeds.low <= truth <= seeds.high
    assert 0.935 <= both / tries <= 0.975, both / tries
    assert alone / tries < at_most, alone / tries
