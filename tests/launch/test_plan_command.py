"""`tinyexp plan`: what a study takes, before anything is spent."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from small_runs import SET

from tinyexp.cli import main

WHY = "why-design1-beat-design2"


def planned(*arguments, code=0):
    result = CliRunner().invoke(main, ["plan", *arguments])
    assert result.exit_code == code, result.output
    return result.output if not code else result.stderr


def test_the_lines_say_runs_time_p_error_and_what_cannot_be_told_apart(tmp_path):
    said = planned(WHY, "--runs", str(tmp_path / "runs"))
    for words in (
        "model.hidden_activation           'softmax'                 'relu'",
        "augmentation.random_resized_crop  false                     true",
        "no factor here, as the two do not differ in it: normalization",
        "fraction: 16 mixtures of 5 factors",
        "runs     54 = 18 configurations x 3 seeds; 0 finished before, 54 to train",
        "unknown: nothing of profile embedded was trained in this folder yet",
        "0.1 at best by the permutation test with 3 seeds; 4 seeds can go below 0.05, and 8 for a share, adjusted over 5 factors",
        "look     at 3 seeds: 54 runs",
        "look     at 6 seeds: 108 runs",
        "alone    up to 24 = 8 configurations x 3 seeds more: two for each factor that is named",
        "standard error of 0.29 times the spread of one run",
        "augmentation x hidden-activation = conv1-width x fc-width",
        "augmentation behind hidden-activation x conv1-width x fc-width",
    ):
        assert words in said
    assert not (tmp_path / "runs").exists(), "planning writes nothing"


@pytest.mark.parametrize(
    ("seeds", "floor", "verdict"), [(1, 1.0, True), (2, 1 / 3, True), (3, 0.1, False), (6, 1 / 462, False)]
)
def test_the_smallest_p_is_that_of_the_seeds(tmp_path, seeds, floor, verdict):
    arguments = [WHY, "--runs", str(tmp_path / "runs"), "--seeds", str(seeds)]
    assert json.loads(planned(*arguments, "--json"))["smallest_p"] == pytest.approx(floor)
    assert ("3 seeds are the fewest that a verdict takes" in planned(*arguments)) is verdict


@pytest.mark.parametrize(
    ("kind", "runs"), [("none", 4), ("one-at-a-time", 14), ("fraction", 18), ("full", 34)]
)
def test_the_plan_can_be_another_one(tmp_path, kind, runs):
    told = json.loads(
        planned(WHY, "--plan", kind, "--seeds", "1", "--json", "--runs", str(tmp_path / "runs"))
    )
    assert (told["runs"], told["plan"]) == (runs, None if kind == "none" else kind)


@pytest.mark.parametrize(("kind", "more"), [("none", 0), ("one-at-a-time", 0), ("fraction", 8), ("full", 0)])
def test_what_confirms_a_factor_is_counted_beside_the_plan(tmp_path, kind, more):
    arguments = [WHY, "--plan", kind, "--runs", str(tmp_path / "runs")]
    assert json.loads(planned(*arguments, "--json"))["confirmations_at_most"] == more
    assert ("up to" in planned(*arguments)) is bool(more)


def test_what_was_trained_is_counted_and_gives_the_expected_time(tmp_path):
    runs = ["--runs", str(tmp_path / "runs")]
    trained = CliRunner().invoke(main, ["run", "tiny-design2", *SET, *runs, "--seed", "0", "--jobs", "1"])
    assert trained.exit_code == 0, trained.output
    told = json.loads(planned(WHY, *SET, *runs, "--seeds", "2", "--json", "--jobs", "1"))
    assert (told["runs"], told["finished"], told["to_train"], told["measured_runs"]) == (36, 1, 35, 1)
    assert told["expected_s"] > 0
    two = json.loads(planned(WHY, *SET, *runs, "--seeds", "2", "--json", "--jobs", "2"))
    assert two["expected_s"] == pytest.approx(told["expected_s"] / 2, abs=0.11)
    assert "by the speed of 1 run here" in planned(WHY, *SET, *runs, "--seeds", "2")


def test_a_study_without_factors_is_planned_too(tmp_path):
    said = planned("deeper-on-imagenet", "--runs", str(tmp_path))
    assert "runs     9 = 3 configurations x 3 seeds" in said
    assert "error" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["why-design1-beats-design2"], "Did you mean 'why-design1-beat-design2'"),
        ([WHY, "--profile", "papre"], "Did you mean 'paper'"),
        ([WHY, "--set", "model.fc_width=512"], ""),
    ],
)
def test_a_mistake_is_told(tmp_path, arguments, words):
    if words:
        assert words in planned(*arguments, "--runs", str(tmp_path), code=2)
    else:  # an override that makes the two equal in a factor takes it out, and says so
        said = planned(*arguments, "--runs", str(tmp_path))
        assert "no factor here, as the two do not differ in it: fc-width, normalization" in said


def test_only_what_a_study_needs_is_trained_on_request(tmp_path):
    command = [
        "run-all",
        "--study",
        "smaller-images",
        "--seeds",
        "1",
        *SET,
        "--runs",
        str(tmp_path),
        "--json",
    ]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert [row["run"] for row in json.loads(result.stdout)] == [
        "tiny-design1",
        "design1-half",
        "design1-three-quarters",
        "smaller-stride",
        "smaller-not-augmented",
        "smaller-held-out",
        "smaller-early-stop",
        "smaller-moved-rates",
        "smaller-pools",
    ]
