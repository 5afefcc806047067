"""One training step of a net, tried: does it end the process, and are its gradients those of the plain layout?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinyexp.trainers.vision.models.build import net_of
from tinyexp.trainers.vision.training.layout import StepArgument

_TYPES = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
_ROUNDS = 2
"""What was written beside an allocation is noticed when that is freed: in the next step at the latest."""
_LARGEST_DIFFERENCE = 0.05
"""Between the two layouts' gradients, as a share of the gradient's length. Rounding makes about a millionth; a kernel that
mistakes its memory is far beyond any bound."""


def training_step(argument: str) -> str:
    """Train a step and evaluate, as a run would; gives the reason why it must not, empty where it may.

    Parameters
    ----------
    argument
        A :class:`tinyexp.trainers.vision.training.layout.StepArgument` as JSON.
    """
    asked = StepArgument.model_validate_json(argument)
    torch.set_num_threads(asked.threads)
    gradients = _gradients(asked, _ROUNDS, channels_last=asked.channels_last)
    if not asked.channels_last or asked.precision in _TYPES:  # of those no other layout's are close
        return ""
    return _difference(gradients, _gradients(asked, 1, channels_last=False))


def _gradients(asked: StepArgument, rounds: int, *, channels_last: bool) -> list[Tensor]:
    """The gradients of the first step, after the steps and an evaluation came through."""
    torch.manual_seed(0)
    model = net_of(asked.model, asked.image_size)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # its random numbers follow the layout
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=layout)
    step = torch.compile(model) if asked.compile else model
    side, classes = asked.image_size, asked.model.classes
    kept: list[Tensor] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    for _ in range(rounds):
        images = torch.randn(asked.batch_size, 3, side, side).contiguous(memory_format=layout)
        labels = torch.arange(asked.batch_size) % classes
        with torch.autocast("cpu", _TYPES.get(asked.precision), enabled=asked.precision in _TYPES):
            loss = nn.functional.cross_entropy(step(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        kept = kept or [value.grad.clone() for value in model.parameters() if value.grad is not None]
        optimizer.step()
    model.eval()
    with torch.no_grad():
        step(torch.randn(asked.evaluation_batch_size, 3, side, side))
    return kept


def _difference(one: list[Tensor], other: list[Tensor]) -> str:
    """Where two layouts disagree by more than rounding, all gradients taken as one vector."""
    apart = sum(float((a.double() - b.double()).square().sum()) for a, b in zip(one, other, strict=True))
    length = sum(float(b.double().square().sum()) for b in other)
    if apart <= (_LARGEST_DIFFERENCE**2) * length:
        return ""
    return f"its gradients differ from the plain layout's by {(apart / length) ** 0.5:.0%} of their length"
