"""TensorFloat-32: single precision whose products a GPU may make with ten bits of fraction.

torch allows it in convolutions and not in matrix products unless told otherwise, so both are told for every run.
See https://docs.pytorch.org/docs/stable/notes/cuda.html#tf32-on-ampere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


def use_tensor_float(*, allowed: bool) -> None:
    """Allow or forbid it in all products of this process; no effect on a processor."""
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed


@contextlib.contextmanager
def without_tensor_float() -> Iterator[None]:
    """Forbid it, and put back what was."""
    matmul, convolution = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    use_tensor_float(allowed=False)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(matmul)
        torch.backends.cudnn.allow_tf32 = convolution
