"""Where the source contradicts itself, and the ways in which it can be read.

An experiment file names the reading it takes of each contradiction that touches it
(``[readings]``); a reading is an overlay of keys, applied before any profile. A contradiction with a
single reading changes nothing that can be run and is there to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Reading:
    """One way to take a contradiction: what it means, and the keys that it sets."""

    meaning: str
    overlay: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Contradiction:
    """What disagrees in the source; the first reading is the default."""

    what: str
    readings: Mapping[str, Reading]


def _only(name: str, meaning: str) -> Mapping[str, Reading]:
    return {name: Reading(meaning)}


CONTRADICTIONS: Mapping[str, Contradiction] = {
    "C1": Contradiction(
        "Design 2 is printed with Linear(512, 400), but at 64 px its last feature map flattens to 2048 numbers: the code as printed crashes.",
        {
            "linear2048": Reading("The layer has the 2048 inputs that 64 px give; nothing else is changed."),
            "resize32": Reading(
                "The images are 32 px, and every printed module runs as it stands.", {"input.image_size": 32}
            ),
            "extra_pool": Reading(
                "One more 2x2 pooling layer follows the fifth convolution and leaves 512 numbers.",
                {"model.pool_kernels": [2, 2, 2, 2, 2], "model.pool_strides": [2, 2, 2, 2, 2]},
            ),
        },
    ),
    "C2": Contradiction(
        "The explanation credits 'variable kernel sizes for max-pooling', but every pooling layer of both designs is 2x2; what varies is the convolution kernel (5, 5, 5, 2, 5).",
        {
            "kernels_as_printed": Reading(
                "The fourth convolution has a 2x2 kernel and every pooling layer is 2x2, as printed."
            ),
            "conv4_kernel5": Reading(
                "The fourth convolution has a 5x5 kernel, as in design 2.", {"model.kernels": [5, 5, 5, 5, 5]}
            ),
            "variable_pools": Reading(
                "The pooling windows really vary with depth: 3x3 in the first two, 2x2 in the next two.",
                {"model.pool_kernels": [3, 3, 2, 2, 0]},
            ),
        },
    ),
    "C3": Contradiction(
        "The prose puts dropout before the activation of the hidden dense layer, the printed modules put it after the batch normalization.",
        {
            "printed_order": Reading(
                "Linear, activation, batch normalization, dropout, linear, as printed.",
                {"model.head_order": "printed"},
            ),
            "prose_order": Reading(
                "Linear, dropout, activation, batch normalization, linear.", {"model.head_order": "prose"}
            ),
        },
    ),
    "C4": Contradiction(
        "Design 2 has a softmax as hidden activation where design 1 has a ReLU; the explanation never mentions it.",
        {
            "softmax": Reading(
                "Kept as printed, and counted as a difference between the designs.",
                {"model.hidden_activation": "softmax"},
            ),
            "relu": Reading("Taken as a slip for the ReLU of design 1.", {"model.hidden_activation": "relu"}),
        },
    ),
    "C5": Contradiction(
        "Normalization is counted as augmentation that design 2 lacks, yet it stands in the test transform too.",
        {
            "normalize_both": Reading("Both designs see normalized images.", {"input.normalize": True}),
            "normalize_design1_only": Reading("Design 2 sees images in [0, 1].", {"input.normalize": False}),
        },
    ),
    "C6": Contradiction(
        "'Multiple copies of the same image' are said to be generated; the transforms listed draw one random view of each image each epoch.",
        _only("one_view_an_epoch", "One random view of each image each epoch; the data set does not grow."),
    ),
    "C7": Contradiction(
        "'A standard ResNet-18' is said to have 9 convolutions and one block a stage; ResNet-18 has 17, and two blocks a stage.",
        {
            "resnet18": Reading("The standard net, as it is named.", {"model.blocks": [2, 2, 2, 2]}),
            "resnet10": Reading(
                "One block a stage and 9 convolutions, as they are counted.", {"model.blocks": [1, 1, 1, 1]}
            ),
        },
    ),
    "C8": Contradiction(
        "The last layer is Linear(512*4, 1000), but a ResNet-18 with global average pooling ends in 512 numbers.",
        {
            "average_2x2": Reading(
                "Average pooling of 2x2 on the 4x4 map that 128 px give leaves exactly 2048.",
                {"model.head_pool": "average-2x2"},
            ),
            "global_average": Reading(
                "Global average pooling, and Linear(512, 1000).", {"model.head_pool": "global-average"}
            ),
        },
    ),
    "C9": Contradiction(
        "The test transform is Resize(128) alone, which leaves photos that are not square in shapes that no batch can hold.",
        {
            "resize_short_center_crop": Reading(
                "The shorter side becomes 128 px and the middle is cut out.",
                {"input.resize": "short-side-center-crop"},
            ),
            "resize_square": Reading(
                "Both sides become 128 px; the picture is stretched.", {"input.resize": "square"}
            ),
        },
    ),
    "C10": Contradiction(
        "200 epochs are stated; the runs ended after 65 and 12 in an environment reset.",
        {
            "as_ended": Reading(
                "The run ends where the source's did: a snapshot in the middle of training, at a constant learning rate."
            ),
            "as_planned": Reading("All 200 epochs.", {"training.stop_after": 200}),
        },
    ),
    "C11": Contradiction(
        "The tiny net was trained on ImageNet, where its first dense layer no longer fits, and the plot of its accuracy is lost.",
        _only(
            "derived_flatten",
            "The dense layer takes as many inputs as the image size gives: 10368 at 128 px. Nothing reported can be compared.",
        ),
    ),
    "C12": Contradiction(
        "A 'test' accuracy is given, but Tiny ImageNet's test labels are not public.",
        _only(
            "validation_as_test",
            "The validation split of 10,000 images is the test set (43.89 % are 4389 images).",
        ),
    ),
}
"""The contradictions by their number in the project's audit of the source."""


def default_readings(ids: tuple[str, ...]) -> dict[str, str]:
    """The first reading of each contradiction named."""
    return {name: next(iter(CONTRADICTIONS[name].readings)) for name in ids}
