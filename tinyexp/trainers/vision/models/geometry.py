"""Sizes of feature maps, by arithmetic: what fits is known before torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import FiveConv, ResNet, VisionSettings

STAGE_CHANNELS = (64, 128, 256, 512)
"""Channels of ResNet's four stages at width 1 (He et al. 2015, table 1)."""


@dataclass(frozen=True)
class ConvLayer:
    """The numbers of one convolution and of the pooling after it."""

    channels: int
    kernel: int
    stride: int
    padding: int
    pool_kernel: int
    """0 where there is no pooling."""
    pool_stride: int
    pool_padding: int


def scaled(size: int, width: float) -> int:
    """A layer's size under a width multiplier: rounded, at least 1."""
    return max(1, round(size * width))


def conv_layers(spec: FiveConv) -> list[ConvLayer]:
    """The convolutions of the net, first to last."""
    columns = (spec.channels, spec.kernels, spec.strides, spec.padding, spec.pool_kernels, spec.pool_strides)
    return [
        ConvLayer(
            channels=scaled(channels, spec.width),
            kernel=kernel,
            stride=stride,
            padding=padding,
            pool_kernel=pool_kernel,
            pool_stride=pool_stride,
            # Windows of 2 have no padding in the source; a larger window is centred, so that a
            # variable-pool variant halves the map as the 2x2 window does.
            pool_padding=max(0, pool_kernel - 1) // 2,
        )
        for channels, kernel, stride, padding, pool_kernel, pool_stride in zip(*columns, strict=True)
    ]


def feature_sides(spec: FiveConv, image_size: int) -> list[int]:
    """The side of the feature map after each convolution and each pooling layer, in pixels.

    Raises UserError, naming the layer, where one would be empty.
    """
    sides, side = [], image_size
    for place, layer in enumerate(conv_layers(spec), start=1):
        side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
        sides.append(side)
        if layer.pool_kernel and side >= 1:
            side = (side + 2 * layer.pool_padding - layer.pool_kernel) // layer.pool_stride + 1
            sides.append(side)
        if side < 1:
            raise UserError(
                f"input.image_size = {image_size} leaves nothing after convolution {place} and its pooling."
                " Choose larger images, fewer pooling layers or more padding."
            )
    return sides


def flatten_size(spec: VisionSettings) -> int:
    """How many numbers the last feature map flattens to; raises UserError where the images are too small."""
    return flattened(spec.model, spec.input.image_size)


def flattened(model: FiveConv | ResNet, image_size: int) -> int:
    """As :func:`flatten_size`, of a net and the side of its images alone."""
    if isinstance(model, FiveConv):
        side = feature_sides(model, image_size)[-1]
        channels = conv_layers(model)[-1].channels
        return channels if model.head_pool == "global-average" else channels * side * side
    return _resnet_flatten_size(model, image_size)


def _resnet_flatten_size(model: ResNet, image_size: int) -> int:
    channels, side = scaled(STAGE_CHANNELS[-1], model.width), image_size
    if model.head_pool == "global-average":
        return channels
    for _ in range(5):  # stem, its pooling, and the stages 2 to 4 each halve, rounding up
        side = (side + 1) // 2
    if side < 2:
        raise UserError(
            f"input.image_size = {image_size} leaves a 1x1 map, on which model.head_pool = 'average-2x2'"
            " cannot work. Choose 33 px or more, or model.head_pool = 'global-average'."
        )
    return channels * (side // 2) ** 2
