"""Sizes of feature maps against the audit of the source, and against what torch computes."""

import pytest
import torch

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.models.build import build_model
from tinyexp.trainers.vision.models.geometry import feature_sides, flatten_size
from tinyexp.trainers.vision.settings import vision_settings


def spec_of(name, **overrides):
    return vision_settings(
        load_experiment(name, "paper", {key.replace("__", "."): value for key, value in overrides.items()})
    )


def test_the_fourth_convolution_of_design1_grows_the_map_from_8_to_11():
    assert feature_sides(spec_of("tiny-design1").model, 64) == [64, 32, 32, 16, 16, 8, 11, 5, 5]


@pytest.mark.parametrize(
    ("name", "side", "size"),
    [
        ("tiny-design1", 64, 3200),
        ("tiny-design1", 32, 1152),
        ("tiny-design1", 128, 10368),
        ("tiny-design1", 224, 28800),
        ("tiny-design2", 64, 2048),
        ("tiny-design2", 32, 512),
        ("tiny-design2", 47, 512),
        ("imagenet-resnet18", 128, 2048),
    ],
)
def test_the_flatten_sizes_are_those_of_the_audit(name, side, size):
    assert flatten_size(spec_of(name, input__image_size=side)) == size


@pytest.mark.parametrize("name", ["tiny-design1", "imagenet-resnet18"])
@pytest.mark.parametrize("side", [64, 97, 33, 224])
def test_the_arithmetic_agrees_with_torch_at_any_size(name, side):
    experiment = load_experiment(
        name, "paper", {"input.image_size": side, "model.width": 0.05, "model.classes": 7}
    )
    assert build_model(experiment).eval()(torch.zeros(1, 3, side, side)).shape == (1, 7)


def test_a_pool_of_three_halves_the_map_as_a_pool_of_two_does():
    variable = vision_settings(load_experiment("tiny-design1", "paper", {"readings.C2": "variable_pools"}))
    assert feature_sides(variable.model, 64)[:4] == [64, 32, 32, 16]


def test_images_that_are_too_small_are_refused_with_the_layer():
    spec = spec_of("tiny-design2", model__pool_kernels=[2] * 5, model__pool_strides=[4] * 5)
    with pytest.raises(UserError, match="leaves nothing after convolution 3"):
        feature_sides(spec.model, 16)
    with pytest.raises(UserError, match="33 px or more"):
        flatten_size(spec_of("imagenet-resnet18", input__image_size=32))
