"""What a network costs, by arithmetic: before torch is loaded, and before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

from tinyexp.trainers.vision.models.geometry import STAGE_CHANNELS, conv_layers, flatten_size, scaled
from tinyexp.trainers.vision.settings import FiveConv, ResNet, VisionSettings


def multiply_adds(spec: VisionSettings) -> int:
    """Multiply-adds of convolutions and dense layers for one image, forward; the rest costs little beside them.

    >>> from tinyexp.config.load import load_experiment
    >>> from tinyexp.trainers.vision.settings import vision_settings
    >>> round(multiply_adds(vision_settings(load_experiment("tiny-design1", "paper"))) / 1e6)
    585
    """
    return sum(
        _five_conv(spec, spec.model) if isinstance(spec.model, FiveConv) else _resnet(spec, spec.model)
    )


def parameters(spec: VisionSettings) -> int:
    """Weights and biases that are trained: convolutions, batch normalizations, dense layers.

    >>> from tinyexp.config.load import load_experiment
    >>> from tinyexp.trainers.vision.settings import vision_settings
    >>> parameters(vision_settings(load_experiment("tiny-design1", "paper")))
    4790728
    """
    model = spec.model
    return (
        _five_conv_parameters(spec, model) if isinstance(model, FiveConv) else _resnet_parameters(spec, model)
    )


def _five_conv_parameters(spec: VisionSettings, model: FiveConv) -> int:
    total, before = 0, 3
    for layer in conv_layers(model):
        total += layer.channels * (before * layer.kernel**2 + 1) + 2 * layer.channels
        before = layer.channels
    hidden = scaled(model.fc_width, model.width)
    return total + hidden * (flatten_size(spec) + 1) + 2 * hidden + model.classes * (hidden + 1)


def _resnet_parameters(spec: VisionSettings, model: ResNet) -> int:
    channels = [scaled(size, model.width) for size in STAGE_CHANNELS]
    total, before = channels[0] * (3 * 49 + 2), channels[0]
    for stage, (size, blocks) in enumerate(zip(channels, model.blocks, strict=True)):
        for block in range(blocks):
            taken = before if block == 0 else size
            total += 9 * taken * size + 9 * size * size + 4 * size
            if block == 0 and stage:
                total += taken * size + 2 * size
        before = size
    return total + model.classes * (flatten_size(spec) + 1)


def _five_conv(spec: VisionSettings, model: FiveConv) -> Iterator[int]:
    side, before = spec.input.image_size, 3
    for layer in conv_layers(model):
        side = (side + 2 * layer.padding - layer.kernel) // layer.stride + 1
        yield before * layer.channels * layer.kernel**2 * side**2
        if layer.pool_kernel:
            side = (side + 2 * layer.pool_padding - layer.pool_kernel) // layer.pool_stride + 1
        before = layer.channels
    hidden = scaled(model.fc_width, model.width)
    yield flatten_size(spec) * hidden + hidden * model.classes


def _resnet(spec: VisionSettings, model: ResNet) -> Iterator[int]:
    channels = [scaled(size, model.width) for size in STAGE_CHANNELS]
    side = (spec.input.image_size + 1) // 2
    yield 3 * channels[0] * 49 * side**2
    side, before = (side + 1) // 2, channels[0]
    for stage, (size, blocks) in enumerate(zip(channels, model.blocks, strict=True)):
        if stage:
            side = (side + 1) // 2
        for block in range(blocks):
            taken = before if block == 0 else size
            yield 9 * taken * size * side**2 + 9 * size * size * side**2
            if block == 0 and stage:
                yield taken * size * side**2  # the shortcut that halves the map
        before = size
    yield flatten_size(spec) * model.classes
