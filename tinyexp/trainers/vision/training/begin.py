"""A run's state before its first step: the same on every process that trains it."""

from __future__ import annotations

from typing import cast

import torch
from lightning_fabric import Fabric
from torch import nn

from tinyexp.trainers.vision.models.build import network
from tinyexp.trainers.vision.settings import VisionSettings
from tinyexp.trainers.vision.training.peak import PeakMemory
from tinyexp.trainers.vision.training.randomness import key_weights
from tinyexp.trainers.vision.training.state import Totals, TrainingState
from tinyexp.trainers.vision.training.watched import PlateauRates


def initial_state(spec: VisionSettings, seed: int, fabric: Fabric) -> TrainingState:
    """Weights drawn by the run's key, on the device, and an optimizer over them."""
    memory = PeakMemory(fabric.device.type)
    key_weights(seed)
    model = network(spec)
    if spec.training.channels_last:
        model = model.to(memory_format=torch.channels_last)
    model, optimizer = _prepared(model, spec, fabric)
    rates = PlateauRates(optimizer, spec) if spec.optimizer.schedule == "plateau" else None
    totals = Totals.on(fabric.device)
    return TrainingState(model, optimizer, totals, memory, rates, fabric.strategy.precision)


def _prepared(
    model: nn.Module, spec: VisionSettings, fabric: Fabric
) -> tuple[nn.Module, torch.optim.Optimizer]:
    settings = spec.optimizer
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )
    compiled = cast("nn.Module", torch.compile(model)) if spec.training.compile else model
    prepared, wrapped = fabric.setup(compiled, optimizer)
    return prepared, wrapped
