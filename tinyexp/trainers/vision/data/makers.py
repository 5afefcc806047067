"""A batch from images and views: by the compiled kernel, or through torchvision on PIL images. The bits are the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from tinyexp.errors import UserError
from tinyexp.selfcheck import Trial, answers
from tinyexp.trainers.vision.data.buffers import Buffers
from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.sources import ArrayImages, Decoded, ImageSource, Stack
from tinyexp.trainers.vision.data.transforms import as_input, as_pixels, test_view, train_view
from tinyexp.trainers.vision.data.views import draw_views
from tinyexp.trainers.vision.settings import Augmentation, Execution, Input, VisionSettings

if TYPE_CHECKING:
    from tinyexp.trainers.vision.data.kernel import Pixels

_PURPOSE = "view"
_COMPILERS = ("numba", "llvmlite", "numpy", "pillow")
_CACHE_PATIENCE_S = 300.0
"""Longer than it takes to compile everything, on any machine that trains."""


@dataclass(frozen=True)
class ImagePipeline:
    """What an image goes through on its way to the net."""

    augmentation: Augmentation
    input: Input
    channels_last: bool

    @classmethod
    def of(cls, spec: VisionSettings) -> ImagePipeline:
        """That of an experiment."""
        return cls(spec.augmentation, spec.input, spec.training.channels_last)


class Maker(Protocol):
    """Makes batches; a pure function of its arguments."""

    threads: bool
    """Whether batches are best prepared by threads, as nearly all work lets go of the interpreter; else by processes."""

    def draws(self, seed: int) -> KeyedRng:
        """Where views are drawn from; each thread has its own."""

    def train(
        self,
        source: ImageSource,
        indices: NDArray[np.int64],
        draws: KeyedRng,
        epoch: int,
        pipeline: ImagePipeline,
    ) -> Tensor:
        """Augmented, normalised images: float32 of shape (images, 3, side, side)."""

    def test(self, source: ImageSource, indices: NDArray[np.int64], pipeline: ImagePipeline) -> Tensor:
        """Pixels after the test transform: uint8 of shape (images, 3, side, side)."""


class TorchvisionMaker:
    """The source's own pipeline, image by image."""

    threads = False

    def draws(self, seed: int) -> KeyedRng:
        return KeyedRng(seed, _PURPOSE)

    def train(
        self,
        source: ImageSource,
        indices: NDArray[np.int64],
        draws: KeyedRng,
        epoch: int,
        pipeline: ImagePipeline,
    ) -> Tensor:
        images = [source.image(index) for index in indices.tolist()]
        widths, heights = np.array([image.size for image in images], dtype=np.int64).T
        views = draw_views(draws, epoch, indices, heights, widths, pipeline.augmentation)
        turned = [
            train_view(image, views, place, pipeline.augmentation, pipeline.input)
            for place, image in enumerate(images)
        ]
        return as_input(as_pixels(turned), pipeline.input)

    def test(self, source: ImageSource, indices: NDArray[np.int64], pipeline: ImagePipeline) -> Tensor:
        return as_pixels([test_view(source.image(index), pipeline.input) for index in indices.tolist()])


class KernelMaker:
    """The same arithmetic over a whole batch, compiled; see :mod:`tinyexp.trainers.vision.data.kernel`."""

    threads = True

    def __init__(self) -> None:
        self._buffers = Buffers()

    def draws(self, seed: int) -> KeyedRng:
        from tinyexp.trainers.vision.data.philox import CompiledKeyedRng  # noqa: PLC0415 - loads the compiler

        return CompiledKeyedRng(seed, _PURPOSE)

    def train(
        self,
        source: ImageSource,
        indices: NDArray[np.int64],
        draws: KeyedRng,
        epoch: int,
        pipeline: ImagePipeline,
    ) -> Tensor:
        from tinyexp.trainers.vision.data.kernel import augmented  # noqa: PLC0415 - loads the compiler

        pixels = _addressed(source.pixels(indices))
        views = draw_views(draws, epoch, indices, pixels.heights, pixels.widths, pipeline.augmentation)
        batch = self._buffers.images(
            len(indices), pipeline.input.image_size, channels_last=pipeline.channels_last
        )
        augmented(pixels, views, pipeline.augmentation, pipeline.input, batch.numpy())
        return batch

    def test(self, source: ImageSource, indices: NDArray[np.int64], pipeline: ImagePipeline) -> Tensor:
        from tinyexp.trainers.vision.data.kernel import tested  # noqa: PLC0415 - loads the compiler

        return torch.from_numpy(tested(_addressed(source.pixels(indices)), pipeline.input))


def _addressed(decoded: Decoded) -> Pixels:
    """Images as the kernel takes them: where each lies in memory."""
    from tinyexp.trainers.vision.data.kernel import Pixels  # noqa: PLC0415 - loads the compiler

    return Pixels.of_rows(*decoded) if isinstance(decoded, Stack) else Pixels.of_list(decoded)


def maker_for(execution: Execution) -> Maker:
    """The maker that a run asks for; with ``auto`` the kernel where it works and agrees with Pillow.

    Raises
    ------
    UserError
        The kernel is asked for and cannot be used.
    """
    if execution.transforms == "torchvision":
        return TorchvisionMaker()
    problem = kernel_problem()
    if not problem:
        return KernelMaker()
    if execution.transforms == "kernel":
        raise UserError(
            f"execution.transforms = 'kernel': {problem}. Mend that, or use 'auto' or 'torchvision': the bits are the same."
        )
    return TorchvisionMaker()


@lru_cache(maxsize=1)
def kernel_problem() -> str:
    """Why the kernel cannot be used in this process; empty where it can.

    It repeats the arithmetic of the Pillow that is installed. Another version, or another compiler's rounding, would
    give other bits: so a few images are compared before any is trained on.
    """
    try:
        from tinyexp.trainers.vision.data.resample import cache_folder  # noqa: PLC0415 - loads the compiler
    except ImportError:
        return "numba is not installed"
    except RuntimeError as error:  # as where no folder can hold the compiled code
        return f"numba cannot be used ({error})"
    (answer,) = answers([Trial("tinyexp.trainers.vision.data.makers:compiles", "", _COMPILERS)])
    if answer.outcome == "ends the process":
        return f"the kernel ends the process on this processor ({answer.reason})"
    with alone_with(cache_folder()):
        agrees = _agrees()
    return "" if agrees else "the kernel does not give the bits of the Pillow that is installed"


def compiles(_argument: str) -> str:
    """Use the kernel, in a process that may end of it; whether its bits are right is asked where they are used."""
    from tinyexp.trainers.vision.data.resample import cache_folder  # noqa: PLC0415 - loads the compiler

    with alone_with(cache_folder()):
        _agrees()
    return ""


@contextlib.contextmanager
def alone_with(cache: Path) -> Iterator[None]:
    """Holds others off numba's cache of compiled code while this process fills it or loads from it.

    Two processes that fill it at once can leave an entry of one under the key of the other, and a third loads
    it. All there is to compile is compiled by the check below; afterwards nothing is loaded any more.
    """
    with contextlib.ExitStack() as stack:
        # A cache that cannot be locked, as on some network disks, is used as it is: the check tells.
        with contextlib.suppress(OSError, Timeout):
            cache.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(cache / "tinyexp-kernel.lock", timeout=_CACHE_PATIENCE_S))
        yield


def _agrees() -> bool:
    """Whether both makers give the same for crops that enlarge and that shrink, tall and wide."""
    random = np.random.default_rng(0)
    plain = Augmentation(random_resized_crop=False, flip_probability=0.0, rotation_degrees=0.0)
    rich = Augmentation(random_resized_crop=True, flip_probability=0.5, rotation_degrees=18.0)
    for height, width, augmentation in ((64, 64, rich), (40, 300, rich), (300, 90, plain)):
        shape = Input(image_size=64, resize="short-side-center-crop", normalize=True)
        pipeline = ImagePipeline(augmentation, shape, channels_last=True)
        images = random.integers(0, 256, (4, height, width, 3), dtype=np.uint8)
        source, numbers = ArrayImages("check", images, np.zeros(4, np.int64)), np.arange(4)
        makers: tuple[Maker, Maker] = (KernelMaker(), TorchvisionMaker())
        views = [maker.train(source, numbers, maker.draws(0), 1, pipeline) for maker in makers]
        tests = [maker.test(source, numbers, pipeline) for maker in makers]
        if not (torch.equal(*views) and torch.equal(*tests)):
            return False
    return True
