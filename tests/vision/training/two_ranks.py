"""One of two processes that take a step together, and compare it with the step that one process takes: ``two_ranks.py STORE RANK``.

A net of one dense layer, without batch normalization and dropout, on a batch of seven images: four for one, three for the other.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from small_runs import small_plan
from torch import nn

from tinyexp.errors import TinyexpError
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.loop import training_step
from tinyexp.trainers.vision.training.peak import PeakMemory
from tinyexp.trainers.vision.training.randomness import key_step
from tinyexp.trainers.vision.training.ranks import ManyRanks, Ranks
from tinyexp.trainers.vision.training.state import Totals, TrainingState

IMAGES, SIDE, CLASSES = 7, 2, 3
ROUNDINGS = 64
"""More than any number of a gradient goes through: products over 12 inputs, a softmax of 3, a sum of 7, a weight."""


class Backend:
    """What the loop asks of Fabric."""

    device = torch.device("cpu")
    backward = staticmethod(lambda loss: loss.backward())


def state_of(model: nn.Module) -> TrainingState:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    return TrainingState(model, optimizer, Totals.on(torch.device("cpu")), PeakMemory("cpu"))


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, CLASSES))


def stepped(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, ranks: Ranks) -> TrainingState:
    state, spec = state_of(model), vision_settings(small_plan_spec())
    training_step(state, images, labels, IMAGES, spec, 0, Backend(), ranks)
    return state


def small_plan_spec():  # type: ignore[no-untyped-def]
    return small_plan(Path("unused")).experiment


def terms(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> list[torch.Tensor]:
    """The sizes of what each number of the gradient is summed of, in float64: what a rounding can be a share of."""
    model = model.double()
    sizes = [torch.zeros_like(one) for one in model.parameters()]
    for image, label in zip(images.double(), labels, strict=True):
        chance = model(image[None]).softmax(1)[0] + nn.functional.one_hot(
            label, CLASSES
        )  # p + y, at least |p - y|
        sizes[0] += chance[:, None] * image.abs().flatten()[None] / IMAGES
        sizes[1] += chance / IMAGES
    return sizes


def main(store: str, rank: int) -> None:
    dist.init_process_group("gloo", store=dist.FileStore(store, 2), rank=rank, world_size=2)
    ranks = ManyRanks()
    images = torch.rand(IMAGES, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(IMAGES) % CLASSES
    alone = stepped(net(), images, labels, Ranks())
    ours = stepped(net(), images[rank::2], labels[rank::2], ranks)
    for one, whole, size in zip(
        ours.model.parameters(), alone.model.parameters(), terms(net(), images, labels), strict=True
    ):
        apart = (one.grad.double() - whole.grad.double()).abs()
        assert bool((apart <= 2 * ROUNDINGS * 2.0**-24 * size).all()), apart / size
        assert bool((whole.grad != 0).any())
    assert ours.totals.images == alone.totals.images == IMAGES
    assert int(ours.totals.correct) == int(alone.totals.correct)
    assert abs(float(ours.totals.loss) - float(alone.totals.loss)) <= ROUNDINGS * 2.0**-24 * float(
        alone.totals.loss
    )
    drops_its_own_units(ranks)
    agrees(ranks)
    dist.barrier()
    dist.destroy_process_group()
    sys.stdout.write("as in one process\n")


def drops_its_own_units(ranks: ManyRanks) -> None:
    """Two processes that see the same image drop different units of it, and the same ones again."""
    masks = []
    for key in (ranks.key, ranks.key, ()):
        key_step(0, 1, 0, *key)
        masks.append(nn.functional.dropout(torch.ones(64), 0.5))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])
    first, second = ranks._gathered(masks[0])
    assert not torch.equal(first, second)


def agrees(ranks: ManyRanks) -> None:
    """One that wants to stop or to commit is enough; rows come together in their order; other weights are noticed."""
    assert ranks.agreed(143 * ranks.rank) == (143, False)
    assert ranks.agreed(0, commit=ranks.rank == 0) == (0, True)
    assert ranks.agreed(0) == (0, False)
    own = torch.tensor([10.5, 30.5] if ranks.rank == 0 else [20.5], dtype=torch.float64)
    [rows] = ranks.in_order([own], [0, 2] if ranks.rank == 0 else [1], 3)
    assert rows.tolist() == [10.5, 20.5, 30.5]
    assert ranks.from_first(b"told" if ranks.rank == 0 else b"") == b"told"
    assert ranks.from_first(b"") == b""
    model = nn.BatchNorm1d(2)
    model.running_mean += ranks.rank
    ranks.align(model)
    assert model.running_mean.tolist() == [0.0, 0.0]
    with torch.no_grad():
        model.weight += ranks.rank * 2.0**-20
    with pytest.raises(TinyexpError, match="the weights of rank 1 are not those of rank 0"):
        ranks.align(model)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
