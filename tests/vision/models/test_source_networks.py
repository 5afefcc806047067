# ruff: noqa: FBT003 - the listing is the source's
"""The networks as the source document lists them, module by module, against ours in the paper profile."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock, ResNet

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.models.build import build_model


class SourceDesign1(nn.Module):
    """Section 'Tiny Imagenet, 1', as listed; the flatten is what the listing implies."""

    def __init__(self):
        super().__init__()
        self.conv_1 = nn.Conv2d(3, 128, kernel_size=5, stride=1, padding=2)
        self.relu_1 = nn.ReLU(True)
        self.batch_norm_1 = nn.BatchNorm2d(128)
        self.pool_1 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_2 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_2 = nn.ReLU(True)
        self.batch_norm_2 = nn.BatchNorm2d(128)
        self.pool_2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_3 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_3 = nn.ReLU(True)
        self.batch_norm_3 = nn.BatchNorm2d(128)
        self.pool_3 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_4 = nn.Conv2d(128, 128, kernel_size=2, stride=1, padding=2)
        self.relu_4 = nn.ReLU(True)
        self.batch_norm_4 = nn.BatchNorm2d(128)
        self.pool_4 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_5 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_5 = nn.ReLU(True)
        self.batch_norm_5 = nn.BatchNorm2d(128)
        self.fc_1 = nn.Linear(3200, 1024)
        self.relu_6 = nn.ReLU(True)
        self.batch_norm_6 = nn.BatchNorm1d(1024)
        self.dropout_1 = nn.Dropout(p=0.5)
        self.fc_2 = nn.Linear(1024, 200)

    def forward(self, x):
        for n in range(1, 5):
            x = self.get_submodule(f"relu_{n}")(self.get_submodule(f"conv_{n}")(x))
            x = self.get_submodule(f"pool_{n}")(self.get_submodule(f"batch_norm_{n}")(x))
        x = self.batch_norm_5(self.relu_5(self.conv_5(x))).flatten(1)
        return self.fc_2(self.dropout_1(self.batch_norm_6(self.relu_6(self.fc_1(x)))))


class SourceDesign2(nn.Module):
    """Section 'Tiny Imagenet, 2', as listed; ``inputs`` is 512 in the listing."""

    def __init__(self, inputs=512, *, extra_pool=False):
        super().__init__()
        self.extra_pool = extra_pool
        self.conv_1 = nn.Conv2d(3, 64, kernel_size=5, stride=1, padding=2)
        self.relu_1 = nn.ReLU(True)
        self.batch_norm_1 = nn.BatchNorm2d(64)
        self.pool_1 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_2 = nn.Conv2d(64, 128, kernel_size=5, stride=1, padding=2)
        self.relu_2 = nn.ReLU(True)
        self.batch_norm_2 = nn.BatchNorm2d(128)
        self.pool_2 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_3 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_3 = nn.ReLU(True)
        self.batch_norm_3 = nn.BatchNorm2d(128)
        self.pool_3 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_4 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_4 = nn.ReLU(True)
        self.batch_norm_4 = nn.BatchNorm2d(128)
        self.pool_4 = nn.MaxPool2d(kernel_size=2, stride=2)
        self.conv_5 = nn.Conv2d(128, 128, kernel_size=5, stride=1, padding=2)
        self.relu_5 = nn.ReLU(True)
        self.batch_norm_5 = nn.BatchNorm2d(128)
        self.fc_1 = nn.Linear(inputs, 400)
        self.relu_6 = nn.Softmax(1)
        self.batch_norm_6 = nn.BatchNorm1d(400)
        self.dropout_1 = nn.Dropout(p=0.5)
        self.fc_2 = nn.Linear(400, 200)

    def forward(self, x):
        x = self.pool_1(self.batch_norm_1(self.relu_1(self.conv_1(x))))
        x = self.pool_2(self.batch_norm_2(self.relu_2(self.conv_2(x))))
        x = self.pool_3(self.batch_norm_3(self.relu_3(self.conv_3(x))))
        x = self.pool_4(self.batch_norm_4(self.relu_4(self.conv_4(x))))
        x = self.batch_norm_5(self.relu_5(self.conv_5(x)))
        if self.extra_pool:
            x = nn.functional.max_pool2d(x, 2)
        return self.fc_2(self.dropout_1(self.batch_norm_6(self.relu_6(self.fc_1(x.flatten(1))))))


def ours(name, **readings):
    overrides = {f"readings.{number}": choice for number, choice in readings.items()}
    return build_model(load_experiment(name, "paper", overrides))


def assert_same_network(mine, source, side):
    """Same parameters in the same order and shapes and, with copied weights, the same outputs and gradients."""
    named, theirs = list(mine.named_parameters()), list(source.named_parameters())
    assert [(name, value.shape) for name, value in named] == [(name, value.shape) for name, value in theirs]
    mine.load_state_dict(source.state_dict())
    images = torch.randn(4, 3, side, side, generator=torch.Generator().manual_seed(7))
    for training in (False, True):
        mine.train(training)
        source.train(training)
        outputs = []
        for net in (mine, source):
            torch.manual_seed(5)  # the same dropout
            outputs.append(net(images))
        assert torch.equal(*outputs)
    for net_output in outputs:
        net_output.square().sum().backward()
    for (name, value), (_, other) in zip(named, theirs, strict=True):
        assert torch.equal(value.grad, other.grad), name


def parameter_count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_design1_is_the_listed_network():
    mine = ours("tiny-design1")
    assert parameter_count(mine) == 4_790_728
    assert_same_network(mine, SourceDesign1(), 64)


def test_design2_at_64_px_has_the_listed_layers_with_2048_inputs():
    mine = ours("tiny-design2")
    assert parameter_count(mine) == 2_340_728
    assert_same_network(mine, SourceDesign2(2048), 64)


def test_design2_at_32_px_is_the_listed_network():
    mine = ours("tiny-design2", C1="resize32")
    assert parameter_count(mine) == 1_726_328
    assert_same_network(mine, SourceDesign2(), 32)


def test_design2_with_the_extra_pool_has_the_listed_layers_at_64_px():
    assert_same_network(ours("tiny-design2", C1="extra_pool"), SourceDesign2(extra_pool=True), 64)


def test_design2_as_printed_cannot_take_64_px_images():
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        SourceDesign2()(torch.zeros(2, 3, 64, 64))


def source_resnet(blocks):
    """torchvision's net with the head that the source prints: Linear(512*4, 1000) at 128 px."""
    net = ResNet(BasicBlock, blocks)
    net.avgpool = nn.AvgPool2d(2)
    net.fc = nn.Linear(512 * 4, 1000)
    return net


@pytest.mark.parametrize(
    ("reading", "blocks", "count"), [("resnet18", [2] * 4, 13_225_512), ("resnet10", [1] * 4, 6_954_792)]
)
def test_the_residual_net_is_torchvisions_with_the_printed_head(reading, blocks, count):
    mine = ours("imagenet-resnet18", C7=reading)
    assert parameter_count(mine) == count
    assert_same_network(mine, source_resnet(blocks), 128)


def test_with_global_pooling_it_is_torchvisions_resnet18_from_the_same_seed():
    torch.manual_seed(3)
    mine = ours("imagenet-resnet18", C8="global_average")
    torch.manual_seed(3)
    theirs = resnet18(weights=None)
    assert parameter_count(mine) == 11_689_512
    assert mine.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(mine.state_dict()[name], value) for name, value in theirs.state_dict().items())


def test_the_prose_order_of_the_head_puts_dropout_first():
    names = [name for name, _ in ours("tiny-design1", C3="prose_order").named_children()]
    assert names[names.index("fc_1") :] == ["fc_1", "dropout_1", "relu_6", "batch_norm_6", "fc_2"]
