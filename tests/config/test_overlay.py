"""Keys set over an experiment that is loaded already, as studies do for variants and mixtures."""

from __future__ import annotations

import pytest

from tinyexp.config.identity import configuration_of
from tinyexp.config.load import load_experiment
from tinyexp.config.overlay import multiplied, with_keys
from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import vision_settings


def test_keys_set_over_an_experiment_give_what_set_on_the_command_line_gives():
    changes = {"model.kernels": [5, 5, 5, 5, 5], "input.normalize": False, "training.stop_after": 3}
    over = with_keys(load_experiment("tiny-design1"), changes, "here")
    loaded = load_experiment("tiny-design1", overrides=changes)
    assert vision_settings(over) == vision_settings(loaded)
    assert configuration_of(over) == configuration_of(loaded)
    assert over.overrides == changes
    assert over.deviations == loaded.deviations


def test_overrides_that_were_there_stay():
    first = load_experiment("tiny-design1", overrides={"training.stop_after": 3})
    assert with_keys(first, {"model.dropout": 0.1}, "here").overrides == {
        "training.stop_after": 3,
        "model.dropout": 0.1,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model.dropuot": 0.1}, "unknown key 'dropuot' in [model]"),
        ({"model.dropout": 2.0}, "model.dropout = 2.0 cannot be used"),
        ({"readings.C1": "resize32"}, "'readings.C1' cannot be set here"),
        ({"model.kernels": [5]}, "'kernels' has 1 entries"),
    ],
)
def test_what_cannot_be_set_is_refused_with_the_place(changes, words):
    with pytest.raises(UserError) as caught:
        with_keys(load_experiment("tiny-design1"), changes, "studies/mine.toml: variant 'x'")
    assert words in str(caught.value)
    assert "studies/mine.toml: variant 'x'" in str(caught.value)


def test_multiplied_values_follow_the_profile_and_whole_numbers_stay_whole():
    factors = {"input.image_size": 1.5, "optimizer.learning_rate": 0.1, "model.channels": 0.5}
    found = multiplied(load_experiment("tiny-design2", "embedded"), factors, "here")
    assert found["input.image_size"] == 48
    assert found["optimizer.learning_rate"] == pytest.approx(0.001)
    assert found["model.channels"] == [32, 64, 64, 64, 64]
    assert multiplied(load_experiment("tiny-design2", "paper"), factors, "here")["input.image_size"] == 96
    assert multiplied(load_experiment("tiny-design2"), {"training.batch_size": 1e-6}, "here") == {
        "training.batch_size": 1
    }


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("input.image_siz", "Did you mean 'input.image_size'"),
        ("input.normalize", "is no number"),
        ("input.resize", "is no number"),
    ],
)
def test_what_cannot_be_multiplied_is_refused(key, words):
    with pytest.raises(UserError, match="here"):
        multiplied(load_experiment("tiny-design1"), {key: 2.0}, "here")
    with pytest.raises(UserError) as caught:
        multiplied(load_experiment("tiny-design1"), {key: 2.0}, "here")
    assert words in str(caught.value)
