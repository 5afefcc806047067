"""Which memory layout a net can be trained in on this processor: tried once, in a process of its own.

torch 2.14's oneDNN 3.12 writes beside its memory in the backward pass of a 1 x 1 convolution with stride 2 and fewer
than eight input channels, in the channels-last layout, on processors with AVX2 and without AVX512. Which shapes
another version or processor cannot do is not known, so every net is tried as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tinyexp.config.section import PositiveInt, Section
from tinyexp.errors import UserError
from tinyexp.runs.records import MemoryFormat
from tinyexp.selfcheck import Answer, Trial, answers
from tinyexp.trainers.vision.models.cost import multiply_adds
from tinyexp.trainers.vision.settings import Model, VisionSettings

_FUNCTION = "tinyexp.trainers.vision.training.trial:training_step"
_PACKAGES = ("torch", "numpy")
_MAX_MULTIPLY_ADDS = 2_000_000_000
"""Forward, of the batch that is tried: a second on a slow core."""


class StepArgument(Section):
    """What :func:`tinyexp.trainers.vision.training.trial.training_step` is told: everything that the shapes of a training step depend on."""

    model: Model
    image_size: PositiveInt
    batch_size: PositiveInt
    evaluation_batch_size: PositiveInt
    precision: str
    compile: bool
    channels_last: bool
    threads: PositiveInt


@dataclass(frozen=True)
class Layout:
    """The layout of a run's feature maps and weights."""

    spec: VisionSettings
    """The spec to train by: the one asked for, but for ``training.channels_last``."""
    warning: str = ""
    """What the run has to say of it."""

    @property
    def name(self) -> MemoryFormat:
        """As the environment's record has it."""
        return "channels_last" if self.spec.training.channels_last else "contiguous"


def usable_layout(spec: VisionSettings, name: str, device: str) -> Layout:
    """The layout that a net is trained in: the one that its spec asks for, unless it cannot be used here.

    Parameters
    ----------
    name
        The experiment's, for messages.
    device
        What it is trained on; only a processor's code is tried.

    Raises
    ------
    UserError
        No layout can be used: a training step of this net ends the process.
    """
    if device != "cpu":
        return Layout(spec)
    answer = _tried(spec)
    if answer.outcome == "works":
        return Layout(spec)
    if answer.outcome == "unknown":
        return Layout(spec, f"whether this processor can train {name} was not found out: {answer.reason}.")
    plain = _plain(spec)
    if spec.training.channels_last:
        second = _tried(plain)
        if second.outcome in {"works", "unknown"}:
            return Layout(
                plain,
                f"the channels-last memory layout is not used, as a training step of {name} in it {_what(answer)} on this"
                " processor. The plain layout is used: slower, and its last bits are others.",
            )
        answer = second
    raise UserError(
        f"{name}: cannot be trained on this processor: with the installed torch a training step of this net {_what(answer)}."
        " Change model.width or training.precision, install another version of torch, or keep torch's oneDNN from newer"
        " instructions: put ONEDNN_MAX_CPU_ISA=SSE41 before the command."
    )


def try_layouts(specs: Iterable[VisionSettings], before: Callable[[int], None]) -> None:
    """Have the nets of many runs tried by one process, so that each run finds its answer.

    Parameters
    ----------
    before
        Called with the number of trials, where there are any to make.
    """
    answers([_trial(spec) for spec in specs if spec.execution.device == "cpu"], before)


def _tried(spec: VisionSettings) -> Answer:
    return answers([_trial(spec)])[0]


def _trial(spec: VisionSettings) -> Trial:
    """What the shapes of a net's layers depend on, and nothing else: many experiments share a trial."""
    afford = max(2, _MAX_MULTIPLY_ADDS // max(1, multiply_adds(spec)))
    argument = StepArgument(
        model=spec.model,
        image_size=spec.input.image_size,
        batch_size=min(spec.training.batch_size, afford),
        evaluation_batch_size=min(spec.training.evaluation_batch_size, afford),
        precision=spec.training.precision,
        compile=spec.training.compile,
        channels_last=spec.training.channels_last,
        threads=spec.execution.threads,
    )
    return Trial(_FUNCTION, argument.model_dump_json(), _PACKAGES)


def _plain(spec: VisionSettings) -> VisionSettings:
    return spec.model_copy(update={"training": spec.training.model_copy(update={"channels_last": False})})


def _what(answer: Answer) -> str:
    if answer.outcome == "ends the process":
        return f"ends the process ({answer.reason})"
    return f"gives wrong numbers ({answer.reason})"
