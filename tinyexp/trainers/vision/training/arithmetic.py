"""What this process's arithmetic gives, as a digest: two machines whose bits differ can be told apart before they train.

A small fixed set of the operations that a training step is made of, and their gradients. Version, processor and switches
are recorded besides, since no small set can stand for every shape.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tinyexp.trainers.vision.training.tensor_float import without_tensor_float

DIGITS = 16
"""Hexadecimal digits of the digest that are kept."""


@lru_cache(maxsize=8)
def arithmetic_digest(device: str, threads: int) -> str:
    """The digest of the fixed set on a device, with so many CPU threads (set by the caller before).

    ReLU nets' steps: convolutions of side 1, 3, 5 and 7 in both memory layouts, pooling, batch normalization, dense
    layers, softmax, cross-entropy and the gradients of all of them, in 32-bit floating point.
    """
    del threads  # part of the key alone
    digest = hashlib.sha256()
    with without_tensor_float():  # a machine's digest is one, whatever the run's precision
        for layout in (torch.contiguous_format, torch.channels_last):
            for value in _step(torch.device(device), layout):
                digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:DIGITS]


def _step(device: torch.device, layout: torch.memory_format) -> list[Tensor]:
    shapes = {
        "images": (9, 3, 33, 33),
        "wide": (16, 3, 7, 7),
        "narrow": (24, 16, 5, 5),
        "square": (24, 24, 3, 3),
        "shortcut": (32, 24, 1, 1),
        "scale": (32,),
        "shift": (32,),
        "hidden": (67, 32 * 4),
        "last": (10, 67),
    }
    values = {
        name: _numbers(shape, place).to(device).requires_grad_()
        for place, (name, shape) in enumerate(shapes.items())
    }
    # Copies in the layout, so that the gradients come back to the values themselves.
    laid = {
        name: value.contiguous(memory_format=layout) if value.ndim == 4 else value
        for name, value in values.items()
    }
    x = functional.relu(functional.conv2d(laid["images"], laid["wide"], stride=2, padding=3))
    x = functional.max_pool2d(functional.relu(functional.conv2d(x, laid["narrow"], padding=2)), 2)
    x = functional.relu(functional.conv2d(x, laid["square"], padding=1))
    x = functional.conv2d(x, laid["shortcut"], stride=2)
    x = functional.batch_norm(x, None, None, laid["scale"], laid["shift"], training=True)
    x = functional.avg_pool2d(x, 2).flatten(1)  # the adaptive one has no deterministic gradient on a GPU
    x = functional.softmax(functional.linear(x, laid["hidden"]), dim=1)
    logits = functional.linear(x, laid["last"])
    labels = torch.arange(len(logits), device=device) % logits.shape[1]
    loss = functional.cross_entropy(logits * 10, labels)
    return [loss, logits, *torch.autograd.grad(loss, list(values.values()))]


def _numbers(shape: tuple[int, ...], key: int) -> Tensor:
    """Numbers between -1 and 1 that need no generator; the same everywhere."""
    count = int(np.prod(shape))
    hashed = (np.arange(1, count + 1, dtype=np.uint64) * np.uint64(2654435761 + 2 * key)) % np.uint64(1 << 24)
    return torch.from_numpy((hashed.astype(np.float32) / np.float32(1 << 23) - 1).reshape(shape))
