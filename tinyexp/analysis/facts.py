"""Facts that decide a claim without training: read off the specifications of one or two experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinyexp.config.schema import FiveConv, Spec
from tinyexp.trainers.vision.models.cost import parameters


@dataclass(frozen=True)
class Fact:
    """Something that a model shows by itself."""

    holds: bool
    detail: str
    """The values it rests on, as in ``pooling windows: 2, 2, 2, 2``."""


def pool_kernels_vary(spec: Spec, *_: Spec) -> Fact | None:
    """Whether the pooling windows differ between layers; None for a net that has no list of them."""
    if not isinstance(spec.model, FiveConv):
        return None
    return _vary("pooling windows", [size for size in spec.model.pool_kernels if size])


def conv_kernels_vary(spec: Spec, *_: Spec) -> Fact | None:
    """Whether the convolution kernels differ between layers; None for a net that has no list of them."""
    return _vary("convolution kernels", spec.model.kernels) if isinstance(spec.model, FiveConv) else None


def parameters_do_not_grow(spec: Spec, *others: Spec) -> Fact | None:
    """Whether the second of two nets has no more parameters than the first; None for one alone."""
    if not others:
        return None
    first, second = parameters(spec), parameters(others[0])
    return Fact(second <= first, f"parameters: {first:,} and {second:,}")


SPEC_FACTS: Mapping[str, Callable[..., Fact | None]] = {
    "pool_kernels_vary": pool_kernels_vary,
    "conv_kernels_vary": conv_kernels_vary,
    "parameters_do_not_grow": parameters_do_not_grow,
}
"""What a static claim may name; each takes the specs of the claim's experiments."""


def _vary(what: str, sizes: Sequence[int]) -> Fact:
    return Fact(len(set(sizes)) > 1, f"{what}: {', '.join(map(str, sizes))}")
