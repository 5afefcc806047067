"""Curves: mean and band, levels, crossings, the generalisation gap."""

from __future__ import annotations

import pandas as pd
import pytest

from tinyexp.analysis.curves import GAP, Crossing, crossings, mean_curves, reach, with_gap
from tinyexp.errors import UserError


def frame(curves, metric="test_accuracy", **columns):
    """``curves`` maps an experiment to one list of values a seed."""
    rows = [
        {"experiment": name, "seed": seed, "epoch": epoch, "images_seen": 100 * epoch, metric: value}
        for name, seeds in curves.items()
        for seed, values in enumerate(seeds)
        for epoch, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows).assign(**columns)


TWO = {
    "slow": [[0.1, 0.2, 0.3, 0.6], [0.1, 0.3, 0.4, 0.7]],
    "fast": [[0.3, 0.4, 0.4, 0.4], [0.3, 0.4, 0.5, 0.5]],
}


def test_a_curve_has_the_mean_and_the_band_of_its_seeds():
    slow, fast = mean_curves(frame(TWO), "test_accuracy")
    assert (slow.experiment, fast.experiment, slow.seeds, slow.epochs) == (
        "slow",
        "fast",
        (0, 1),
        (1, 2, 3, 4),
    )
    assert slow.mean == pytest.approx((0.1, 0.25, 0.35, 0.65))
    assert (slow.low, slow.high) == ((0.1, 0.2, 0.3, 0.6), (0.1, 0.3, 0.4, 0.7))
    assert slow.by_seed == ((0.1, 0.2, 0.3, 0.6), (0.1, 0.3, 0.4, 0.7))
    assert slow.images_seen == (100, 200, 300, 400)


def test_the_order_of_rows_does_not_matter_and_the_order_asked_for_does():
    shuffled = frame(TWO).sample(frac=1, random_state=3)
    assert mean_curves(shuffled, "test_accuracy", ["fast"]) == mean_curves(frame(TWO), "test_accuracy")[1:]


def test_experiments_may_differ_in_length_but_not_the_seeds_of_one():
    mean_curves(frame({"short": [[0.1, 0.2]], "long": [[0.1, 0.2, 0.3]]}), "test_accuracy")
    with pytest.raises(UserError, match="'net' seed 1 lacks 2"):
        mean_curves(frame({"net": [[0.1, 0.2], [0.1]]}), "test_accuracy")


def test_only_finished_seeds_make_the_curve():
    rows = frame(TWO, state="finished")
    rows.loc[rows["seed"] == 1, "state"] = "diverged"
    slow, _ = mean_curves(rows, "test_accuracy")
    assert (slow.seeds, slow.mean) == ((0,), (0.1, 0.2, 0.3, 0.6))


def test_an_empty_frame_and_a_misspelt_metric_are_refused():
    with pytest.raises(UserError, match="no row"):
        mean_curves(frame(TWO).iloc[:0], "test_accuracy")
    with pytest.raises(UserError, match="Did you mean 'test_accuracy'"):
        mean_curves(frame(TWO), "test_accurcy")


def test_images_seen_need_not_be_there():
    (curve,) = mean_curves(frame({"net": [[0.1, 0.2]]}).drop(columns="images_seen"), "test_accuracy")
    assert curve.images_seen is None
    assert (reach(curve, 0.2).epoch, reach(curve, 0.2).images_seen) == (2, None)


def test_a_level_is_reached_by_the_mean_and_by_each_seed():
    slow, fast = mean_curves(frame(TWO), "test_accuracy")
    assert (reach(slow, 0.35).epoch, reach(slow, 0.35).images_seen) == (3, 300)
    assert reach(slow, 0.35).epoch_by_seed == (4, 3)
    assert (reach(fast, 0.5).epoch, reach(fast, 0.5).epoch_by_seed) == (None, (None, 3))


def test_a_level_of_a_loss_is_reached_from_above():
    (curve,) = mean_curves(frame({"net": [[2.0, 1.5, 1.0]]}, "test_loss"), "test_loss")
    assert reach(curve, 1.5).epoch == 2


def test_the_crossing_is_the_first_epoch_at_which_the_other_leads():
    slow, fast = mean_curves(frame(TWO), "test_accuracy")
    assert crossings(slow, fast) == crossings(fast, slow) == (Crossing(4, "slow"),)


def test_of_two_losses_the_lower_one_leads():
    slow, fast = mean_curves(frame(TWO, "test_loss"), "test_loss")
    assert crossings(slow, fast) == (Crossing(4, "fast"),)


def test_a_touch_is_no_crossing_and_a_crossing_through_a_tie_is_one():
    a, b, c = mean_curves(
        frame({"a": [[0.2, 0.3, 0.4]], "b": [[0.1, 0.3, 0.3]], "c": [[0.1, 0.3, 0.5]]}), "test_accuracy"
    )
    assert crossings(a, b) == ()
    assert crossings(a, c) == (Crossing(3, "c"),)


def test_curves_can_cross_more_than_once():
    a, b = mean_curves(frame({"a": [[0.2, 0.2, 0.4]], "b": [[0.1, 0.3, 0.3]]}), "test_accuracy")
    assert [found.epoch for found in crossings(a, b)] == [2, 3]


def test_curves_of_different_metrics_are_not_compared():
    (a,) = mean_curves(frame({"a": [[0.2]]}), "test_accuracy")
    (b,) = mean_curves(frame({"b": [[0.2]]}, "test_loss"), "test_loss")
    with pytest.raises(UserError, match="no epoch of one metric"):
        crossings(a, b)


def test_the_gap_is_clean_training_accuracy_minus_test_accuracy():
    rows = frame({"net": [[0.1, 0.2], [0.1, 0.4]]}).assign(train_clean_accuracy=0.5)
    (curve,) = mean_curves(with_gap(rows), GAP)
    assert curve.metric.name == "generalisation_gap"
    assert curve.mean == pytest.approx((0.4, 0.2))
    assert curve.low == pytest.approx((0.4, 0.1))
    assert curve.high == pytest.approx((0.4, 0.3))


def test_a_gap_without_clean_training_accuracy_is_refused():
    with pytest.raises(UserError, match="train_clean_accuracy"):
        with_gap(frame(TWO))
