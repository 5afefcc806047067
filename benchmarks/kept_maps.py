"""What a training step keeps of one image until the backward pass, by arithmetic: from the shapes of a net, without torch.

A convolution keeps what goes into it, batch normalization what goes into it, pooling both what goes into it and, in
eight bytes each, the places of the largest; a ReLU in place keeps what it has made, which is what the next one takes. So a block
keeps two maps of the convolution's size, one of the pooled size, and the places. An average keeps nothing.
"""

from __future__ import annotations

from tinyexp.trainers.vision.models.geometry import STAGE_CHANNELS, conv_layers, flatten_size, scaled
from tinyexp.trainers.vision.settings import FiveConv, ResNet, VisionSettings

FLOAT, PLACE = 4, 8
"""Bytes of a number under ``precision = "32-true"``, and of a place or a label."""


def kept_bytes(spec: VisionSettings) -> int:
    """Bytes of one image, its label and its feature maps that the backward pass needs, at the end of the forward pass."""
    image = 3 * spec.input.image_size**2 * FLOAT + PLACE
    model = spec.model
    if isinstance(model, FiveConv):
        return image + _five_conv(model, spec.input.image_size) + _head(model, spec)
    return image + _resnet(model, spec.input.image_size) + (flatten_size(spec) + model.classes) * FLOAT


def _five_conv(model: FiveConv, side: int) -> int:
    total = 0
    for layer in conv_layers(model):
        side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
        total += 2 * FLOAT * layer.channels * side**2  # before and after the normalization
        if layer.pool_kernel:
            side = (side + 2 * layer.pool_padding - layer.pool_kernel) // layer.pool_stride + 1
            total += (FLOAT + PLACE) * layer.channels * side**2
    if model.head_pool == "global-average" and not layer.pool_kernel:
        total -= FLOAT * layer.channels * side**2  # nobody needs what was normalized last
    return total


def _head(model: FiveConv, spec: VisionSettings) -> int:
    """Of the dense layers: what the hidden one makes, dropout's mask and product, and the logits."""
    pooled = flatten_size(spec) if model.head_pool == "global-average" else 0
    return FLOAT * (pooled + 3 * scaled(model.fc_width, model.width) + model.classes)


def _resnet(model: ResNet, side: int) -> int:
    channels = [scaled(size, model.width) for size in STAGE_CHANNELS]
    side = (side + 1) // 2
    total = 2 * FLOAT * channels[0] * side**2
    side = (side + 1) // 2
    total += (FLOAT + PLACE) * channels[0] * side**2
    for stage, (size, blocks) in enumerate(zip(channels, model.blocks, strict=True)):
        if stage:
            side = (side + 1) // 2
            total += FLOAT * size * side**2  # the shortcut that halves the map
        total += blocks * 4 * FLOAT * size * side**2
    return total
