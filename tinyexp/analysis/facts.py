"""Facts that decide a claim without training: read off an experiment's specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinyexp.spec.schema import FiveConv, Spec


@dataclass(frozen=True)
class Fact:
    """Something that a model shows by itself."""

    holds: bool
    detail: str
    """The values it rests on, as in ``pooling windows: 2, 2, 2, 2``."""


def pool_kernels_vary(spec: Spec) -> Fact | None:
    """Whether the pooling windows differ between layers; None for a net that has no list of them."""
    if not isinstance(spec.model, FiveConv):
        return None
    return _vary("pooling windows", [size for size in spec.model.pool_kernels if size])


def conv_kernels_vary(spec: Spec) -> Fact | None:
    """Whether the convolution kernels differ between layers; None for a net that has no list of them."""
    return _vary("convolution kernels", spec.model.kernels) if isinstance(spec.model, FiveConv) else None


SPEC_FACTS: Mapping[str, Callable[[Spec], Fact | None]] = {
    "pool_kernels_vary": pool_kernels_vary,
    "conv_kernels_vary": conv_kernels_vary,
}
"""What a static claim may name. Facts that need a built model, such as parameter counts, come from the caller."""


def _vary(what: str, sizes: Sequence[int]) -> Fact:
    return Fact(len(set(sizes)) > 1, f"{what}: {', '.join(map(str, sizes))}")
