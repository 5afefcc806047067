"""A difference shared out over classes and images: exact sums, planted truth, and which images are shown."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tinyexp.analysis.classes import IMAGES_A_SIDE, Answers, answers, by_class
from tinyexp.analysis.images import across_images, right_answers
from tinyexp.errors import UserError

Draw = np.random.Generator
LABEL = np.repeat(np.arange(4), [40, 100, 160, 100])


def nets(
    draw: Draw, label: NDArray[np.int64], right: NDArray[np.float64], runs: int
) -> list[NDArray[np.int64]]:
    """Predictions of some nets that are right on each image with the given chance; else the next class."""
    return [np.where(draw.random(len(label)) < right, label, (label + 1) % 4) for _ in range(runs)]


def told(label: NDArray[np.int64], said: list[NDArray[np.int64]]) -> Answers:
    return answers(((label, one) for one in said), 4)


@pytest.fixture
def pair() -> tuple[Answers, Answers]:
    draw = np.random.default_rng(5)
    return told(LABEL, nets(draw, LABEL, np.full(400, 0.8), 3)), told(
        LABEL, nets(draw, LABEL, np.full(400, 0.6), 5)
    )


def test_the_shares_add_up_to_the_difference_and_stand_by_size(pair: tuple[Answers, Answers]) -> None:
    found = by_class(*pair)
    assert sum(one.share for one in found.classes) == pytest.approx(found.difference, abs=1e-15)
    assert found.difference == pytest.approx(found.a - found.b, abs=1e-15)
    assert [abs(one.share) for one in found.classes] == sorted(
        (abs(one.share) for one in found.classes), reverse=True
    )
    for one in found.classes:
        assert one.share == pytest.approx(one.images / 400 * (one.a - one.b), abs=1e-15)


def test_the_other_way_round_everything_changes_its_sign(pair: tuple[Answers, Answers]) -> None:
    found, turned = by_class(*pair), by_class(*reversed(pair))
    for one, other in zip(found.classes, turned.classes, strict=True):
        assert (one.place, one.share, one.low, one.high) == (
            other.place,
            -other.share,
            -other.high,
            -other.low,
        )
    assert (found.only_a, found.shown_a, found.within_a) == (turned.only_b, turned.shown_b, turned.within_b)


def test_an_interval_is_that_of_the_comparison_on_the_images_of_the_class() -> None:
    draw = np.random.default_rng(6)
    said = [nets(draw, LABEL, np.full(400, chance), 4) for chance in (0.7, 0.5)]
    one = by_class(*(told(LABEL, own) for own in said)).classes[0]
    of_class = one.place == LABEL
    a, b = (right_answers((LABEL[of_class], net[of_class]) for net in own) for own in said)
    alone = across_images(a, b)
    assert alone is not None
    assert one.low == pytest.approx(alone.low * of_class.mean())
    assert one.high == pytest.approx(alone.high * of_class.mean())


def test_the_intervals_of_the_shares_cover_the_planted_truth() -> None:
    """Images differ in how hard they are and seeds in how good they are; the truth is over all of both."""
    draw = np.random.default_rng(7)
    chance = np.array([[0.2, 0.75, 0.9, 0.6], [0.65, 0.75, 0.8, 0.6]])
    share = np.array([40, 100, 160, 100]) / 400
    truth = share * (chance[0] - chance[1])
    covered, of = np.zeros(4), 0
    for _ in range(300):
        hard = draw.normal(0, 0.12, 400)
        said = []
        for side in (0, 1):
            own = []
            for _ in range(4):
                seed = draw.normal(0, 0.03, 4)[LABEL]
                right = np.clip(chance[side][LABEL] + hard + seed, 0, 1)
                own += nets(draw, LABEL, right, 1)
            said.append(told(LABEL, own))
        found = by_class(*said)
        of += 1
        for one in found.classes:
            assert one.low is not None
            assert one.high is not None
            covered[one.place] += one.low <= truth[one.place] <= one.high
    # 300 draws at 95 % scatter by 1.3 points; clipping moves the truth of the extreme classes a little.
    assert (covered / of > 0.91).all(), covered / of


def test_two_nets_of_one_design_are_held_against_each_other_too() -> None:
    label = np.array([0, 0, 1, 1])
    a = told(label, [np.array([0, 0, 1, 0]), np.array([0, 1, 1, 0])])
    b = told(label, [np.array([1, 1, 1, 1])])
    found = by_class(a, b)
    assert found.within_a is not None
    assert (found.within_a.both, found.within_a.only_first, found.within_a.neither) == (0.5, 0.125, 0.25)
    assert found.within_b is None
    between = found.between
    assert (between.both, between.only_first, between.only_second, between.neither) == (
        0.25,
        0.375,
        0.25,
        0.125,
    )


def test_images_are_the_first_of_each_class_the_largest_share_first() -> None:
    label = np.array([0, 1, 1, 1, 1, 1, 1, 2, 0])
    right, wrong = label.copy(), np.full(9, 3)
    wrong[0] = 0  # one of class 0 that both get right
    found = by_class(told(label, [right, right]), told(label, [wrong, wrong]))
    assert [one.place for one in found.classes] == [1, 0, 2]
    assert found.only_a == 8
    assert found.shown_a == (1, 8, 7)
    assert len(found.shown_a) == IMAGES_A_SIDE
    assert found.shown_b == ()


def test_an_image_that_one_net_gets_right_is_not_shown() -> None:
    label = np.zeros(3, np.int64)
    b = told(label, [np.array([1, 1, 0]), np.array([1, 0, 1])])
    assert by_class(told(label, [label, label]), b).shown_a == (0,)


def test_confusions_are_those_that_differ_most() -> None:
    label = np.array([0] * 10 + [1] * 2)
    a = told(label, [np.array([1] * 4 + [0] * 6 + [0, 1])])
    b = told(label, [np.array([2] + [0] * 9 + [0, 1])])
    first, second = by_class(a, b).confusions
    assert (first.label, first.predicted, first.a, first.b) == (0, 1, 0.4, 0.0)
    assert (second.label, second.predicted, second.a, second.b) == (0, 2, 0.0, 0.1)


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "no predictions"),
        ([([0, 1], [0, 4])], "outside of 0 to 3"),
        ([([0, -1], [0, 1])], "outside of 0 to 3"),
        ([([0, 1], [0, 1]), ([1, 0], [0, 1])], "not tested on the same images"),
        ([([0, 1], [0])], "not tested on the same images"),
        ([([], [])], "not tested on the same images"),
    ],
)
def test_what_cannot_be_counted_is_refused(runs: list[tuple[list[int], list[int]]], words: str) -> None:
    with pytest.raises(UserError, match=words):
        answers(runs, 4)


def test_other_images_are_refused() -> None:
    label = np.array([0, 1])
    with pytest.raises(UserError, match="not tested on the same images"):
        by_class(told(label, [label]), told(label[::-1], [label]))


def test_where_no_run_differs_from_another_the_images_alone_make_the_interval() -> None:
    label = np.repeat([0, 1], [100, 3])
    wrong = np.where(np.arange(103) < 90, 2, label)
    wrong[102] = 3
    large, small = by_class(told(label, [label, label]), told(label, [wrong, wrong])).classes
    assert large.is_clear
    assert large.low is not None
    assert large.low < large.share == 90 / 103
    assert (small.place, small.is_clear) == (1, False)
