"""Reported figures: one run of the source against where one more of ours would lie, with the right to say that it cannot tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tinyexp.analysis.reproduction import _verdict, departures, incomparable, one_more_run, reproduce
from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import vision_settings

PAPER = load_experiment("tiny-design1", "paper")
"""Reports 0.4389 after 65 epochs, tolerance 0.02."""


def runs(values, *, experiment="tiny-design1", epochs=65, **columns):
    rows = [
        {"experiment": experiment, "seed": seed, "epoch": epoch, "test_accuracy": value}
        for seed, value in enumerate(values)
        for epoch in range(epochs - 1, epochs + 1)
    ]
    return pd.DataFrame(rows, columns=["experiment", "seed", "epoch", "test_accuracy"]).assign(**columns)


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.437, 0.441, 0.439], "reproduced"),
        (
            [0.40, 0.47, 0.44],
            "reproduced",
        ),  # the mean is near, and one more run would lie well around the figure
        ([0.510, 0.512, 0.509], "differs"),
        ([0.31, 0.312, 0.309], "differs"),
        (
            [0.42, 0.50, 0.48],
            "cannot_tell",
        ),  # beyond the tolerance, and one more run may well lie at the figure
        (
            [0.455, 0.4555, 0.456],
            "cannot_tell",
        ),  # within the tolerance, and no run of ours would lie at the figure
        ([0.439, 0.440], "cannot_tell"),
        ([0.1, 0.11], "cannot_tell"),
        ([0.439], "cannot_tell"),
        ([0.9], "cannot_tell"),
    ],
)
def test_where_one_more_run_would_lie_and_the_tolerance_decide(values, verdict):
    result = reproduce(runs(values), PAPER)
    assert result.verdict == verdict
    assert result.measured == pytest.approx(sum(values) / len(values))
    assert (result.reported, result.tolerance, result.reasons) == (0.4389, 0.02, ())
    assert (result.low is None) == (result.run_low is None) == (len(values) == 1)
    if len(values) > 1:
        assert result.run_low < result.low < result.measured < result.high < result.run_high


def test_the_interval_for_one_more_run_is_that_of_its_difference_from_the_mean():
    values = [0.40, 0.47, 0.44, 0.45]
    result, error = reproduce(runs(values), PAPER), np.std(values, ddof=1)
    half = stats.t.ppf(0.975, 3) * np.sqrt(error**2 + error**2 / 4)
    assert (result.run_low, result.run_high) == pytest.approx(
        (np.mean(values) - half, np.mean(values) + half)
    )


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.02, 0.035])
@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.usefixtures("scipy_tails")
def test_of_exact_reproductions_one_in_twenty_at_most_differs(spread, seeds):
    """The source's figure is one run more of the same: tolerance 2 points, as in the experiments."""
    rng, found = np.random.default_rng(seeds), []
    for _ in range(4000):
        *ours, theirs = rng.normal(PAPER.reported.test_accuracy, spread, seeds + 1)
        told = PAPER.reported.model_copy(update={"test_accuracy": theirs})
        found.append(_verdict(ours, one_more_run(ours), (), told))
    assert found.count("differs") / 4000 <= 0.06
    assert found.count("reproduced") / 4000 > 0.3


@pytest.mark.slow
@pytest.mark.usefixtures("scipy_tails")
def test_another_mean_by_five_spreads_is_told():
    rng, found = np.random.default_rng(1), []
    for _ in range(1000):
        ours = rng.normal(PAPER.reported.test_accuracy + 0.10, 0.02, 10)
        theirs = rng.normal(PAPER.reported.test_accuracy, 0.02)
        told = PAPER.reported.model_copy(update={"test_accuracy": theirs})
        found.append(_verdict(ours, one_more_run(ours), (), told))
    assert found.count("differs") > 900


@pytest.mark.parametrize(("n", "verdict"), [(3, "cannot_tell"), (5, "cannot_tell"), (6, "differs")])
def test_equal_values_outside_the_tolerance_need_six_seeds(n, verdict):
    assert reproduce(runs([0.5] * n), PAPER).verdict == verdict


def test_equal_values_inside_the_tolerance_need_three_seeds():
    assert reproduce(runs([0.44] * 2), PAPER).verdict == "cannot_tell"
    assert reproduce(runs([0.44] * 3), PAPER).verdict == "reproduced"


def test_a_scaled_down_profile_is_not_comparable_with_its_keys():
    result = reproduce(runs([0.4, 0.42, 0.41], epochs=12), load_experiment("tiny-design1", "embedded"))
    assert result.verdict == "not_comparable"
    assert {"model.width", "data.dataset", "input.image_size", "training.stop_after"} <= set(result.reasons)
    assert result.measured == pytest.approx(0.41)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data.train_limit", 1000),
        ("data.holdout", 100),
        ("input.image_size", 48),
        ("model.fc_width", 512),
        ("augmentation.rotation_degrees", 5.0),
        ("optimizer.learning_rate", 0.02),
        ("training.batch_size", 128),
        ("training.stop_after", 64),
    ],
)
def test_data_size_and_length_make_a_run_incomparable(key, value):
    assert incomparable(load_experiment("tiny-design1", "paper", {key: value})) == (key,)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training.precision", "bf16-mixed"),
        ("training.channels_last", True),
        ("training.evaluation_batch_size", 64),
        ("execution.threads", 4),
        ("title", "Mine"),
    ],
)
def test_how_a_run_is_computed_leaves_it_comparable(key, value):
    assert incomparable(load_experiment("tiny-design1", "paper", {key: value})) == ()


def test_another_reading_of_the_source_is_no_departure_from_it():
    read = load_experiment("tiny-design2", "paper", {"readings.C1": "resize32"})
    assert vision_settings(read).input.image_size == 32
    assert incomparable(read) == ()
    assert incomparable(load_experiment("tiny-design2", "paper", {"input.image_size": 32})) == (
        "input.image_size",
    )


def test_a_departure_in_size_is_one_without_a_reported_figure_too():
    silent = load_experiment("imagenet-design1", "paper", {"data.train_limit": 1000})
    assert (incomparable(silent), departures(silent)) == ((), ("data.train_limit",))
    assert departures(load_experiment("imagenet-design1", "paper")) == ()


def test_all_200_epochs_are_a_reading_but_not_what_was_reported():
    read = load_experiment("tiny-design1", "paper", {"readings.C10": "as_planned"})
    assert incomparable(read) == ("training.stop_after",)


def test_without_a_reported_figure_there_is_nothing_to_hold_against():
    silent = load_experiment("imagenet-design1", "paper")
    result = reproduce(runs([0.2, 0.3, 0.25], experiment="imagenet-design1", epochs=12), silent)
    assert (result.verdict, result.reported, result.reasons) == ("nothing_reported", None, ())
    assert result.measured == pytest.approx(0.25)


@pytest.mark.parametrize("frame", [runs([]), runs([0.4], experiment="other"), runs([0.4], state="diverged")])
def test_without_a_finished_run_it_cannot_tell(frame):
    result = reproduce(frame, PAPER)
    assert (result.verdict, result.measured, result.seeds, result.low) == ("cannot_tell", None, (), None)


def test_only_finished_runs_of_the_own_profile_are_measured():
    frame = pd.concat(
        [
            runs([0.437, 0.441, 0.439], state="finished", profile="paper"),
            runs([0.9], state="finished", profile="embedded"),
            runs([0.1] * 4, state="running", profile="paper")[-2:],
        ]
    )
    result = reproduce(frame, PAPER)
    assert (result.seeds, result.verdict) == ((0, 1, 2), "reproduced")


def test_runs_of_another_length_are_refused():
    with pytest.raises(UserError, match="ends at epoch 40, and the figure was reported after 65"):
        reproduce(runs([0.437, 0.441, 0.439], epochs=40), PAPER)


def test_a_nan_is_refused_with_its_place():
    with pytest.raises(UserError, match="experiment tiny-design1, seed 1, epoch 64"):
        reproduce(runs([0.437, float("nan"), 0.439]), PAPER)


def test_a_frame_without_an_experiment_column_is_refused():
    with pytest.raises(UserError, match="the column 'experiment' is missing"):
        reproduce(pd.DataFrame({"seed": [1]}), PAPER)


@pytest.mark.parametrize(("contradiction", "reading"), [("C5", "a_reading_of_another_version"), ("C99", "x")])
def test_a_recorded_reading_that_this_version_does_not_know_excuses_nothing(contradiction, reading):
    known = incomparable(PAPER)
    told = PAPER.model_copy(update={"readings": PAPER.readings | {contradiction: reading}})
    assert set(incomparable(told)) >= set(known)
