"""Facts that decide a claim without training: read off the settings of one or two experiments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import Fact
from tinyexp.trainers.vision.models.cost import parameters
from tinyexp.trainers.vision.settings import FiveConv, vision_settings


def pool_kernels_vary(experiment: Experiment, *_: Experiment) -> Fact | None:
    """Whether the pooling windows differ between layers; None for a net that has no list of them."""
    model = vision_settings(experiment).model
    if not isinstance(model, FiveConv):
        return None
    return _vary("pooling windows", [size for size in model.pool_kernels if size])


def conv_kernels_vary(experiment: Experiment, *_: Experiment) -> Fact | None:
    """Whether the convolution kernels differ between layers; None for a net that has no list of them."""
    model = vision_settings(experiment).model
    return _vary("convolution kernels", model.kernels) if isinstance(model, FiveConv) else None


def parameters_do_not_grow(experiment: Experiment, *others: Experiment) -> Fact | None:
    """Whether the second of two nets has no more parameters than the first; None for one alone."""
    if not others:
        return None
    first, second = (parameters(vision_settings(one)) for one in (experiment, others[0]))
    return Fact(second <= first, f"parameters: {first:,} and {second:,}")


FACTS: Mapping[str, Callable[..., Fact | None]] = {
    "pool_kernels_vary": pool_kernels_vary,
    "conv_kernels_vary": conv_kernels_vary,
    "parameters_do_not_grow": parameters_do_not_grow,
}
"""What a static claim may name; each takes the claim's experiments."""


def _vary(what: str, sizes: Sequence[int]) -> Fact:
    return Fact(len(set(sizes)) > 1, f"{what}: {', '.join(map(str, sizes))}")
