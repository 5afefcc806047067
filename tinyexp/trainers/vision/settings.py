"""What the file of an experiment in vision may say.

Every field is a key of the TOML file, in a section of the field's own name. A section that holds
only what cannot change a result (``execution``) stays out of a run's identity.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tinyexp.config.experiment import Experiment, ExperimentFile
from tinyexp.config.section import Count, Fraction, PositiveInt, Section

Side = Annotated[int, Field(ge=8, le=4096)]
Layer = Annotated[int, Field(ge=0, le=65_536)]
Layers = Annotated[tuple[Layer, ...], Field(min_length=1, max_length=64, strict=False)]
Rgb = Annotated[tuple[float, float, float], Field(strict=False)]
Range = Annotated[tuple[float, float], Field(strict=False)]


class FiveConv(Section):
    """The convolutional net of the source's designs; each tuple has one entry a convolution."""

    architecture: Literal["five-conv"]
    channels: Layers
    """Output channels of each convolution, before ``width``."""
    kernels: Layers
    """Side of each convolution's square kernel, in pixels."""
    strides: Layers
    padding: Layers
    """Zero padding on every side, in pixels."""
    pool_kernels: Layers
    """Side of the max-pooling window after each convolution; 0 for none."""
    pool_strides: Layers
    """Stride of that pooling; ignored where there is none."""
    head_pool: Literal["none", "global-average"]
    """What reduces the last feature map before it is flattened."""
    fc_width: PositiveInt
    """Units of the hidden dense layer, before ``width``."""
    hidden_activation: Literal["relu", "softmax"]
    """Activation of the hidden dense layer."""
    head_order: Literal["printed", "prose"]
    """Order in the head: ``printed`` is linear, activation, batch norm, dropout, linear; ``prose`` has dropout first."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    classes: PositiveInt
    """Outputs; must equal the number of classes of the data."""
    width: Annotated[float, Field(gt=0, le=16)]
    """Multiplies every channel count and ``fc_width``; 1.0 is the source's size."""

    @model_validator(mode="after")
    def _one_entry_a_convolution(self) -> Self:
        for name in ("kernels", "strides", "padding", "pool_kernels", "pool_strides"):
            got, wanted = len(getattr(self, name)), len(self.channels)
            if got != wanted:
                raise ValueError(
                    f"'{name}' has {got} entries and 'channels' has {wanted}; give one a convolution"
                )
        for name in ("channels", "kernels", "strides"):
            if 0 in getattr(self, name):
                raise ValueError(f"'{name}' must be 1 or more in every entry")
        for kernel, stride in zip(self.pool_kernels, self.pool_strides, strict=True):
            if kernel and not stride:
                raise ValueError("'pool_strides' must be 1 or more where 'pool_kernels' is not 0")
        return self


class ResNet(Section):
    """Residual net of basic blocks (He et al. 2015, section 4.1), with the source's head."""

    architecture: Literal["resnet"]
    blocks: Annotated[tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt], Field(strict=False)]
    """Basic blocks in each of the four stages: 2, 2, 2, 2 is ResNet-18; 1, 1, 1, 1 is ResNet-10."""
    head_pool: Literal["average-2x2", "global-average"]
    """What reduces the last feature map; 2x2 on the 4x4 map at 128 px gives the printed 512*4."""
    classes: PositiveInt
    """Outputs; must equal the number of classes of the data."""
    width: Annotated[float, Field(gt=0, le=16)]
    """Multiplies the channels (64, 128, 256, 512); 1.0 is the standard size."""


Model = Annotated[FiveConv | ResNet, Field(discriminator="architecture")]


class Data(Section):
    """Which images, and how many of them."""

    dataset: Literal[
        "patterns", "fashion-mnist-small", "fashion-mnist", "tiny-imagenet", "imagenet", "image-folder"
    ]
    root: str = ""
    """Folder of the data; empty: looked for under the data folder. Says where, not what, so it is no part of the identity."""
    train_limit: Count = 0
    """Use this many training images, chosen by key; 0 for all."""
    test_limit: Count = 0
    """Use this many test images, chosen by key; 0 for all."""
    holdout: Count = 0
    """This many training images are kept from training, for selection only."""
    packed_side: Annotated[int, Field(ge=0, le=4096)] = 0
    """Image files packed beforehand with their shorter side brought down to this many pixels, as for ImageNet where
    decoding is what takes time: other pixels than the files'. 0 for the files at their own size, packed or not."""


class Input(Section):
    """What every image goes through, in training and in testing."""

    image_size: Side
    """Side of the square that the net sees, in pixels."""
    resize: Literal["short-side-center-crop", "square"]
    """How the test transform reaches that square; the same thing where images are square."""
    normalize: bool
    mean: Rgb = (0.485, 0.456, 0.406)
    std: Rgb = (0.229, 0.224, 0.225)

    @model_validator(mode="after")
    def _positive_spread(self) -> Self:
        if min(self.std) <= 0:
            raise ValueError("'std' must be positive in every channel")
        return self


class Augmentation(Section):
    """What a training image goes through besides, in this order; all off means the test transform."""

    random_resized_crop: bool
    crop_scale: Range = (0.08, 1.0)
    """Area of the crop as a share of the image's."""
    crop_ratio: Range = (3 / 4, 4 / 3)
    """Width of the crop divided by its height."""
    flip_probability: Fraction
    rotation_degrees: Annotated[float, Field(ge=0, le=180)]
    """The angle is uniform in plus or minus this; 0 for no rotation."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.crop_scale[0] <= self.crop_scale[1] <= 1:
            raise ValueError("'crop_scale' must be two numbers with 0 < low <= high <= 1")
        if not 0 < self.crop_ratio[0] <= self.crop_ratio[1]:
            raise ValueError("'crop_ratio' must be two numbers with 0 < low <= high")
        return self


PLATEAU = ("plateau_patience", "learning_rate_factor", "weight_decay_factor")
"""Keys that only the plateau schedule reads."""


class Optimizer(Section):
    """Stochastic gradient descent as torch.optim.SGD writes it."""

    name: Literal["sgd"]
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Literal["constant", "plateau"]
    """``plateau``: the two rates are moved where ``training.watch`` has stopped becoming better."""
    plateau_patience: Count = 2
    """Epochs without a better value that are borne before the rates are moved."""
    learning_rate_factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """What a plateau multiplies the learning rate by."""
    weight_decay_factor: Annotated[float, Field(gt=0, le=1000)] = 2.0
    """What it multiplies the weight decay by: more than 1 holds the weights closer to zero where a net begins to overfit."""

    @model_validator(mode="after")
    def _used(self) -> Self:
        given = [name for name in PLATEAU if name in self.model_fields_set]
        changed = [name for name in given if getattr(self, name) != Optimizer.model_fields[name].default]
        if self.schedule != "plateau" and changed:
            raise ValueError(
                f'\'{changed[0]}\' has no effect under schedule = "{self.schedule}". Give schedule = "plateau", or leave it out'
            )
        return self


class Training(Section):
    """How long, in what portions, and in which arithmetic."""

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    """Epochs that were planned."""
    stop_after: Annotated[int, Field(ge=1, le=100_000)]
    """Epochs after which the run ends, as the source's runs did."""
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    evaluation_batch_size: Annotated[int, Field(ge=1, le=65_536)] = 256
    loss: Literal["cross-entropy"]
    precision: Literal["32-true", "tf32", "bf16-mixed", "16-mixed"] = "32-true"
    """``32-true`` is IEEE single precision on every device. ``tf32`` is single precision whose products are rounded to ten bits
    of fraction before they are made, on NVIDIA's GPUs from Ampere on: what torch does in convolutions unless told otherwise."""
    compile: bool = False
    channels_last: bool = True
    """Memory layout of the feature maps: changes the last bits, and a fifth to a third of the time on a CPU."""
    patience: Count = 0
    """The run stops early after so many epochs without a better value of ``watch``, and its result is that of the best
    epoch; 0 to train to the end."""
    watch: Literal["val_accuracy", "val_loss"] = "val_accuracy"
    """What early stopping and the plateau schedule watch: a metric of held-out training images, never of test images."""
    processes: Annotated[int, Field(ge=1, le=65_536)] = 1
    """Processes that share each batch: ``execution.devices`` times ``execution.nodes``, from which it is reckoned. It stands
    here since it changes the bits, and how it is made up does not."""

    @model_validator(mode="after")
    def _stops_in_time(self) -> Self:
        if self.stop_after > self.epochs:
            raise ValueError(f"'stop_after' ({self.stop_after}) must not exceed 'epochs' ({self.epochs})")
        return self


class Execution(Section):
    """Where and how a run is carried out: nothing in here can change its result on one type of machine, but for how many
    processes share it, which ``training.processes`` tells.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "cpu"
    threads: Annotated[int, Field(ge=1, le=1024)] = 1
    """CPU threads of each process of a run. The sums depend on it, so it is recorded, and restored on resume."""
    devices: Annotated[int, Field(ge=1, le=256)] = 1
    """Processes of one run on each machine, each with a device of its own; see docs/many-machines.md."""
    nodes: Annotated[int, Field(ge=1, le=256)] = 1
    """Machines that one run spans; torchrun or SLURM starts its processes where there is more than one."""
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Threads that prepare batches besides the one that trains (processes, through torchvision); 0 for none."""
    transforms: Literal["auto", "kernel", "torchvision"] = "auto"
    """What prepares images: the compiled kernel, or torchvision's transforms on PIL images; the bits are the same."""
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
    """Commit inside an epoch when this much time has passed since the last commit."""
    checkpoint_steps: Count = 0
    """Commit every so many steps besides; 0 for never."""
    timeout_seconds: Annotated[float, Field(ge=0, le=1e6)] = 600.0
    """A batch that workers have not ready after this ends the run, which can be resumed; 0 to wait for ever."""


class VisionSettings(Section):
    """The settings of an experiment, complete: with equal data and seed, equal ones are the same training."""

    model: Model
    data: Data
    input: Input
    augmentation: Augmentation
    optimizer: Optimizer
    training: Training
    execution: Execution = Execution()

    @property
    def world_size(self) -> int:
        """The processes that train a run together; a record says nothing of where they are."""
        if "execution" in self.model_fields_set:
            return self.execution.devices * self.execution.nodes
        return self.training.processes

    @property
    def watches(self) -> bool:
        """Whether the course of training depends on the held-out images."""
        return bool(self.training.patience) or self.optimizer.schedule == "plateau"

    @model_validator(mode="after")
    def _has_what_it_watches(self) -> Self:
        if self.watches and not self.data.holdout:
            key = "training.patience" if self.training.patience else "optimizer.schedule"
            raise ValueError(
                f"'{key}' goes by {self.training.watch}, and no images are held out. Give data.holdout, such as a tenth of the training images"
            )
        return self


class VisionFile(VisionSettings, ExperimentFile):
    """An experiment file of this trainer."""

    @model_validator(mode="after")
    def _reckons_processes(self) -> Self:
        if "processes" in self.training.model_fields_set:
            _require_reckoned(self)
        return self


def vision_settings(experiment: Experiment) -> VisionSettings:
    """The settings of an experiment that this trainer trains."""
    return parsed(json.dumps(experiment.settings, sort_keys=True))


@lru_cache(maxsize=256)
def parsed(settings: str) -> VisionSettings:
    """Settings as JSON; raises ValueError where they are not of this form."""
    found = VisionSettings.model_validate_json(settings)
    _require_reckoned(found)
    return found


def _require_reckoned(spec: VisionSettings) -> None:
    """Settings that say another number of processes than are started, as a mixture of two designs might, are refused."""
    if spec.training.processes != spec.world_size:
        raise ValueError(
            f"'training.processes' is {spec.training.processes}, and execution.devices times execution.nodes is"
            f" {spec.world_size}, from which it is reckoned. Leave it out, and set those"
        )
