"""A batch from images and views: by the compiled kernel, or through torchvision on PIL images. The bits are the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from torch import Tensor

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.buffers import Buffers
from tinyexp.trainers.vision.data.draws import Draws
from tinyexp.trainers.vision.data.sources import ArrayImages, Decoded, ImageSource, Stack
from tinyexp.trainers.vision.data.transforms import as_input, as_pixels, test_view, train_view
from tinyexp.trainers.vision.data.views import draw_views
from tinyexp.trainers.vision.settings import Execution, VisionSettings

if TYPE_CHECKING:
    from tinyexp.trainers.vision.data.kernel import Pixels

_PURPOSE = "view"
_CACHE_PATIENCE_S = 300.0
"""Longer than it takes to compile everything, on any machine that trains."""


class Maker(Protocol):
    """Makes batches; a pure function of its arguments."""

    threads: bool
    """Whether batches are best prepared by threads, as nearly all work lets go of the interpreter; else by processes."""

    def draws(self, seed: int) -> Draws:
        """Where views are drawn from; each thread has its own."""

    def train(
        self, source: ImageSource, indices: NDArray[np.int64], draws: Draws, epoch: int, spec: VisionSettings
    ) -> Tensor:
        """Augmented, normalised images: float32 of shape (images, 3, side, side)."""

    def test(self, source: ImageSource, indices: NDArray[np.int64], spec: VisionSettings) -> Tensor:
        """Pixels after the test transform: uint8 of shape (images, 3, side, side)."""


class TorchvisionMaker:
    """The source's own pipeline, image by image."""

    threads = False

    def draws(self, seed: int) -> Draws:
        return Draws(seed, _PURPOSE)

    def train(
        self, source: ImageSource, indices: NDArray[np.int64], draws: Draws, epoch: int, spec: VisionSettings
    ) -> Tensor:
        images = [source.image(index) for index in indices.tolist()]
        widths, heights = np.array([image.size for image in images], dtype=np.int64).T
        views = draw_views(draws, epoch, indices, heights, widths, spec.augmentation)
        turned = [
            train_view(image, views, place, spec.augmentation, spec.input)
            for place, image in enumerate(images)
        ]
        return as_input(as_pixels(turned), spec.input)

    def test(self, source: ImageSource, indices: NDArray[np.int64], spec: VisionSettings) -> Tensor:
        return as_pixels([test_view(source.image(index), spec.input) for index in indices.tolist()])


class KernelMaker:
    """The same arithmetic over a whole batch, compiled; see :mod:`tinyexp.trainers.vision.data.kernel`."""

    threads = True

    def __init__(self) -> None:
        self._buffers = Buffers()

    def draws(self, seed: int) -> Draws:
        from tinyexp.trainers.vision.data.philox import CompiledDraws  # noqa: PLC0415 - loads the compiler

        return CompiledDraws(seed, _PURPOSE)

    def train(
        self, source: ImageSource, indices: NDArray[np.int64], draws: Draws, epoch: int, spec: VisionSettings
    ) -> Tensor:
        from tinyexp.trainers.vision.data.kernel import augmented  # noqa: PLC0415 - loads the compiler

        pixels = _addressed(source.pixels(indices))
        views = draw_views(draws, epoch, indices, pixels.heights, pixels.widths, spec.augmentation)
        batch = self._buffers.images(
            len(indices), spec.input.image_size, channels_last=spec.training.channels_last
        )
        augmented(pixels, views, spec.augmentation, spec.input, batch.numpy())
        return batch

    def test(self, source: ImageSource, indices: NDArray[np.int64], spec: VisionSettings) -> Tensor:
        from tinyexp.trainers.vision.data.kernel import tested  # noqa: PLC0415 - loads the compiler

        return torch.from_numpy(tested(_addressed(source.pixels(indices)), spec.input))


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
    with alone_with(cache_folder()):
        agrees = _agrees()
    return "" if agrees else "the kernel does not give the bits of the Pillow that is installed"


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
    for height, width, name in (
        (64, 64, "tiny-design1"),
        (40, 300, "tiny-design1"),
        (300, 90, "tiny-design2"),
    ):
        spec = load_experiment(name, "paper").spec
        images = random.integers(0, 256, (4, height, width, 3), dtype=np.uint8)
        source, numbers = ArrayImages("check", images, np.zeros(4, np.int64)), np.arange(4)
        makers: tuple[Maker, Maker] = (KernelMaker(), TorchvisionMaker())
        views = [maker.train(source, numbers, maker.draws(0), 1, spec) for maker in makers]
        tests = [maker.test(source, numbers, spec) for maker in makers]
        if not (torch.equal(*views) and torch.equal(*tests)):
            return False
    return True
