"""From a spec to a network."""

from __future__ import annotations

from torch import nn

from tinyexp.config.experiment import Experiment
from tinyexp.trainers.vision.models.five_conv import five_conv
from tinyexp.trainers.vision.models.geometry import flattened
from tinyexp.trainers.vision.models.resnet import BasicResNet
from tinyexp.trainers.vision.settings import FiveConv, ResNet, VisionSettings, vision_settings


def network(spec: VisionSettings) -> nn.Module:
    """The net of a spec, its weights drawn from torch's default generator as it stands."""
    return net_of(spec.model, spec.input.image_size)


def net_of(model: FiveConv | ResNet, image_size: int) -> nn.Module:
    """As :func:`network`, for images of this side in pixels."""
    inputs = flattened(model, image_size)
    return five_conv(model, inputs) if isinstance(model, FiveConv) else BasicResNet(model, inputs)


def build_model(experiment: Experiment) -> nn.Module:
    """The net of an experiment, untrained.

    Its weights come from torch's default generator: seed it for weights that repeat. A run's weights are
    drawn by its own key (see :mod:`tinyexp.trainers.vision.training.randomness`).

    >>> from tinyexp.config.load import load_experiment
    >>> sum(p.numel() for p in build_model(load_experiment("tiny-design1", "paper")).parameters())
    4790728
    """
    return network(vision_settings(experiment))
