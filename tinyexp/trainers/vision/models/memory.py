"""Memory that training surely needs, by arithmetic: what fits on no machine is known before torch is loaded."""

from __future__ import annotations

import os

from tinyexp.errors import UserError
from tinyexp.trainers.vision.models.cost import parameters
from tinyexp.trainers.vision.models.geometry import STAGE_CHANNELS, conv_layers, feature_sides, scaled
from tinyexp.trainers.vision.settings import FiveConv, VisionSettings

_FLOAT = 4
"""Bytes of a weight. Feature maps are counted at half of it, as some precisions keep them so."""
_COPIES = 3
"""Of each weight: itself, its gradient, its momentum."""
MAX_BYTES = 1 << 40
"""A terabyte, where the memory of what trains is not known."""


def least_memory(spec: VisionSettings, images: int) -> int:
    """Bytes that are needed at once in a training step at the very least: weights thrice, a batch, its largest map.

    Parameters
    ----------
    images
        In the training set; no batch has more.

    >>> from tinyexp.config.load import load_experiment
    >>> from tinyexp.trainers.vision.settings import vision_settings
    >>> least_memory(vision_settings(load_experiment("tiny-design1", "paper")), 100_000) // 1_000_000
    338
    """
    batch, side = min(images, spec.training.batch_size), spec.input.image_size
    maps = batch * (3 * side**2 * _FLOAT + _largest_map(spec) * _FLOAT // 2)
    return _COPIES * _FLOAT * parameters(spec) + maps


def require_memory(spec: VisionSettings, images: int, name: str) -> None:
    """Raise UserError where a training step needs more memory than there is; ``name`` is the experiment's."""
    needed, there = least_memory(spec, images), _memory() if spec.execution.device == "cpu" else MAX_BYTES
    if needed > there:
        raise UserError(
            f"{name}: a training step needs {needed / 1e9:,.0f} GB of memory at the least, and there are {there / 1e9:,.0f} GB:"
            f" {parameters(spec):,} weights, batches of {spec.training.batch_size:,} images of {spec.input.image_size} px."
            " Choose a smaller model.width, training.batch_size or input.image_size."
        )


def _largest_map(spec: VisionSettings) -> int:
    """Numbers in the largest feature map of one image; of a residual net that after its first convolution."""
    model, side = spec.model, spec.input.image_size
    if not isinstance(model, FiveConv):
        return scaled(STAGE_CHANNELS[0], model.width) * ((side + 1) // 2) ** 2
    sides = iter(feature_sides(model, side))
    largest = 0
    for layer in conv_layers(model):
        largest = max(largest, layer.channels * next(sides) ** 2)
        if layer.pool_kernel:
            next(sides)
    return largest


def _memory() -> int:
    """Bytes of this machine's memory, as far as it says."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return MAX_BYTES
