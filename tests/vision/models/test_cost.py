"""What a network costs by arithmetic is what its layers really do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.models.build import network
from tinyexp.trainers.vision.models.cost import multiply_adds, parameters
from tinyexp.trainers.vision.settings import vision_settings


def counted(spec):
    """Multiply-adds of every convolution and dense layer, from the shapes that pass through it."""
    total = 0

    def count(layer, _inputs, output):
        nonlocal total
        weights = layer.weight[0].numel()  # of one output value
        total += weights * output[0].numel()

    net = network(spec).eval()
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    side = spec.input.image_size
    with torch.no_grad():
        net(torch.zeros(1, 3, side, side))
    return total


CASES = [
    ("tiny-design1", "paper", {}),
    ("tiny-design2", "paper", {}),
    ("tiny-design2", "paper", {"readings.C1": "resize32"}),
    ("tiny-design2", "paper", {"readings.C1": "extra_pool"}),
    ("tiny-design1", "embedded", {"readings.C2": "variable_pools"}),
    ("tiny-design1", "embedded", {"model.head_pool": "global-average", "input.image_size": 37}),
    ("imagenet-design1", "paper", {}),
    ("imagenet-resnet18", "paper", {}),
    ("imagenet-resnet18", "paper", {"readings.C7": "resnet10"}),
    ("imagenet-resnet18", "embedded", {"input.image_size": 50, "readings.C8": "global_average"}),
]


@pytest.mark.parametrize(("name", "profile", "overrides"), CASES)
def test_the_arithmetic_agrees_with_the_layers(name, profile, overrides):
    spec = vision_settings(load_experiment(name, profile, overrides))
    assert multiply_adds(spec) == counted(spec)
    assert parameters(spec) == sum(one.numel() for one in network(spec).parameters())


@pytest.mark.parametrize(
    ("name", "overrides", "millions"),
    [
        ("tiny-design1", {}, 585),
        ("tiny-design2", {}, 368),
        ("tiny-design2", {"readings.C1": "resize32"}, 92),
        ("imagenet-resnet18", {"readings.C8": "global_average"}, 593),
        ("imagenet-resnet18", {"readings.C7": "resnet10", "readings.C8": "global_average"}, 291),
    ],
)
def test_the_designs_cost_what_their_modules_were_counted_to(name, overrides, millions):
    assert round(multiply_adds(vision_settings(load_experiment(name, "paper", overrides))) / 1e6) == millions
