"""torch's default generators, keyed: initial weights and dropout are looked up, not remembered."""

from __future__ import annotations

import torch

from tinyexp.trainers.vision.data.draws import hashed


def key_weights(seed: int) -> None:
    """Set the generators for drawing initial weights."""
    _set(hashed(seed, "weights"))


def key_step(seed: int, epoch: int, step: int, *rank: int) -> None:
    """Set the generators for one training step, which needs nothing from the step before.

    Parameters
    ----------
    rank
        The process's, where several share the step: each drops units by a key of its own.
    """
    _set(hashed(seed, "step", epoch, step, *rank))


def _set(value: int) -> None:
    # torch.manual_seed would do as well and costs two hundred times more a call.
    torch.default_generator.manual_seed(value)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(value)
