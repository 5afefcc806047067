"""A training step of a net, tried: does it end the process, and do its convolutions give what the plain layout gives?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinyexp.trainers.vision.models.build import net_of
from tinyexp.trainers.vision.training.layout import StepArgument

_ROUNDS = 2
"""What was written beside an allocation is noticed when that is freed: in the next step at the latest."""
_LARGEST_DIFFERENCE = 1e-3
"""Between a convolution's results in the two layouts, as a share of their length. Rounding makes about a millionth; a kernel
that mistakes its memory is far beyond any bound. Of whole nets nothing of the kind holds: batch normalization of a nearly
constant map, as after a softmax, makes percents of the last bits."""


def training_step(argument: str) -> str:
    """Train a step and evaluate, as a run would; gives the reason why it must not, empty where it may.

    Parameters
    ----------
    argument
        A :class:`tinyexp.trainers.vision.training.layout.StepArgument` as JSON.
    """
    asked = StepArgument.model_validate_json(argument)
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if asked.channels_last else torch.contiguous_format
    model = net_of(asked.model, asked.image_size).to(memory_format=layout)
    sizes = _train_and_evaluate(model, asked, layout)
    if not asked.channels_last or asked.precision != "32-true":  # in bfloat16 no other layout's are close
        return ""
    compared: dict[tuple[object, ...], str] = {}
    for convolution, size in sizes.items():
        shape = (size, convolution.weight.shape, convolution.stride, convolution.padding)
        if shape not in compared:
            compared[shape] = _difference(convolution, size)
    return next(filter(None, compared.values()), "")


def _train_and_evaluate(
    model: nn.Module, asked: StepArgument, layout: torch.memory_format
) -> dict[nn.Conv2d, torch.Size]:
    """The steps that a run would take, and the shape of what each convolution was given."""
    sizes: dict[nn.Conv2d, torch.Size] = {}
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda own, inputs, _: sizes.__setitem__(own, inputs[0].shape))
    step = torch.compile(model) if asked.compile else model
    side, classes = asked.image_size, asked.model.classes
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    for _ in range(_ROUNDS):
        images = torch.randn(asked.batch_size, 3, side, side).contiguous(memory_format=layout)
        labels = torch.arange(asked.batch_size) % classes
        with torch.autocast("cpu", torch.bfloat16, enabled=asked.precision == "bf16-mixed"):
            loss = nn.functional.cross_entropy(step(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found = dict(sizes)
    model.eval()
    with torch.no_grad():
        step(torch.randn(asked.evaluation_batch_size, 3, side, side))
    return found


def _difference(convolution: nn.Conv2d, size: torch.Size) -> str:
    """Where the two layouts disagree on a convolution or its gradients by more than rounding."""
    image, weight = torch.randn(size), convolution.weight.detach().contiguous()
    sent = torch.randn_like(_results(convolution, image, weight, torch.contiguous_format)[0])
    plain = _results(convolution, image, weight, torch.contiguous_format, sent)
    last = _results(convolution, image, weight, torch.channels_last, sent)
    for name, a, b in zip(
        ("result", "gradient of the images", "gradient of the weights"), last, plain, strict=True
    ):
        apart, length = (float(value.double().norm()) for value in (a - b, b))
        if not apart <= _LARGEST_DIFFERENCE * length:
            kernel, stride = convolution.kernel_size, convolution.stride
            return (
                f"the {name} of a {kernel[0]}x{kernel[1]} convolution of stride {stride[0]} from {convolution.in_channels} to"
                f" {convolution.out_channels} channels differs from the plain layout's by {apart / max(length, 1e-30):.1%}"
            )
    return ""


def _results(
    convolution: nn.Conv2d,
    image: Tensor,
    weight: Tensor,
    layout: torch.memory_format,
    sent: Tensor | None = None,
) -> tuple[Tensor, ...]:
    """What comes out in a layout, and where a gradient is sent back what arrives."""
    given = [value.contiguous(memory_format=layout).requires_grad_() for value in (image, weight)]
    padding = convolution.padding
    assert isinstance(padding, tuple), "our nets pad by numbers"
    out = nn.functional.conv2d(given[0], given[1], None, convolution.stride, padding)
    if sent is None:
        return (out.detach(),)
    back = torch.autograd.grad(out, given, sent.contiguous(memory_format=layout))
    return (out.detach(), *back)
