"""ResNet-18 and ResNet-10 from torchvision's basic blocks, with the source's head.

At width 1 and with global average pooling the net is torchvision's own, weight for weight from the same
generator state; what differs is the pooling before the dense layer (2x2 on the last map, as the
source's 512*4 inputs ask) and a width multiplier for small profiles.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from tinyexp.trainers.vision.models.geometry import STAGE_CHANNELS, scaled
from tinyexp.trainers.vision.settings import ResNet


class BasicResNet(nn.Module):
    """Stem, four stages of basic blocks, pooling, one dense layer (He et al. 2015, table 1).

    From float32 of shape (images, 3, image_size, image_size) to logits of shape (images, classes).
    """

    def __init__(self, spec: ResNet, flatten_size: int) -> None:
        """Modules are made, and initialised, in torchvision's order; ``flatten_size`` numbers reach ``fc``."""
        super().__init__()
        stem, *_ = widths = [scaled(size, spec.width) for size in STAGE_CHANNELS]
        self.conv1 = nn.Conv2d(3, stem, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = _stage(stem, widths[0], spec.blocks[0], stride=1)
        self.layer2 = _stage(widths[0], widths[1], spec.blocks[1], stride=2)
        self.layer3 = _stage(widths[1], widths[2], spec.blocks[2], stride=2)
        self.layer4 = _stage(widths[2], widths[3], spec.blocks[3], stride=2)
        self.avgpool = nn.AvgPool2d(2) if spec.head_pool == "average-2x2" else nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(flatten_size, spec.classes)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        features = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = stage(features)
        logits: Tensor = self.fc(self.avgpool(features).flatten(1))
        return logits


def _stage(inputs: int, outputs: int, blocks: int, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )
    first = BasicBlock(inputs, outputs, stride, shortcut)
    return nn.Sequential(first, *(BasicBlock(outputs, outputs) for _ in range(1, blocks)))


def _initialise(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.constant_(module.weight, 1)
            nn.init.constant_(module.bias, 0)
