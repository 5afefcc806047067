"""The source's net of five convolutions: both designs, every reading of them, and what lies between.

The modules have the names of the source's listing (``conv_1`` … ``fc_2``) and stand in its order, so
that weights move between the two by name.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from tinyexp.trainers.vision.models.geometry import conv_layers, scaled
from tinyexp.trainers.vision.settings import FiveConv


def five_conv(spec: FiveConv, flatten_size: int) -> nn.Sequential:
    """Build the net.

    Parameters
    ----------
    flatten_size
        Inputs of the hidden dense layer, which follow from the image size.

    Returns
    -------
    nn.Sequential
        From float32 of shape (images, 3, side, side) to logits of shape (images, classes).
    """
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for place, layer in enumerate(conv_layers(spec), start=1):
        modules[f"conv_{place}"] = nn.Conv2d(
            channels, layer.channels, layer.kernel, layer.stride, layer.padding
        )
        modules[f"relu_{place}"] = nn.ReLU(inplace=True)
        modules[f"batch_norm_{place}"] = nn.BatchNorm2d(layer.channels)
        if layer.pool_kernel:
            modules[f"pool_{place}"] = nn.MaxPool2d(layer.pool_kernel, layer.pool_stride, layer.pool_padding)
        channels = layer.channels
    if spec.head_pool == "global-average":
        modules["average_pool"] = nn.AdaptiveAvgPool2d(1)
    modules["flatten"] = nn.Flatten()
    modules.update(_head(spec, flatten_size, len(spec.channels) + 1))
    return nn.Sequential(modules)


def _head(spec: FiveConv, inputs: int, number: int) -> OrderedDict[str, nn.Module]:
    units = scaled(spec.fc_width, spec.width)
    activation = nn.ReLU(inplace=True) if spec.hidden_activation == "relu" else nn.Softmax(1)
    after: list[tuple[str, nn.Module]] = [
        (f"relu_{number}", activation),  # the source's name, whatever the activation
        (f"batch_norm_{number}", nn.BatchNorm1d(units)),
    ]
    dropout = ("dropout_1", nn.Dropout(spec.dropout))
    order = [*after, dropout] if spec.head_order == "printed" else [dropout, *after]
    return OrderedDict([("fc_1", nn.Linear(inputs, units)), *order, ("fc_2", nn.Linear(units, spec.classes))])
