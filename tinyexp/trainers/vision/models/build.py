"""From a spec to a network."""

from __future__ import annotations

from torch import nn

from tinyexp.config.experiment import Experiment
from tinyexp.trainers.vision.models.five_conv import five_conv
from tinyexp.trainers.vision.models.geometry import flatten_size
from tinyexp.trainers.vision.models.resnet import BasicResNet
from tinyexp.trainers.vision.settings import FiveConv, VisionSettings, vision_settings


def network(spec: VisionSettings) -> nn.Module:
    """The net of a spec, its weights drawn from torch's default generator as it stands."""
    if isinstance(spec.model, FiveConv):
        return five_conv(spec.model, flatten_size(spec))
    return BasicResNet(spec.model, flatten_size(spec))


def build_model(experiment: Experiment) -> nn.Module:
    """The net of an experiment, untrained.

    Its weights come from torch's default generator: seed it for weights that repeat. A run's weights are
    drawn by its own key (see :mod:`tinyexp.trainers.vision.training.randomness`).

    >>> from tinyexp.config.load import load_experiment
    >>> sum(p.numel() for p in build_model(load_experiment("tiny-design1", "paper")).parameters())
    4790728
    """
    return network(vision_settings(experiment))


def parameter_count(model: nn.Module) -> int:
    """Numbers that training can change."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
