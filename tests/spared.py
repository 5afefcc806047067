"""What a process of the tests is spared: waiting for the disk, unpacking the same images for every small run, loading the kernel.

``TINYEXP_TESTS_COLD=1`` spares it nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinyexp.trainers.vision.data.build import Whole

_COLD = bool(os.environ.get("TINYEXP_TESTS_COLD"))


def leave_files_to_the_disk() -> None:
    """No test cuts the power of this machine; flushing what is no open file is still an error."""
    if not _COLD:
        os.fsync = os.fstat  # type: ignore[assignment]


def unpack_images_once() -> None:
    """A folder of Fashion-MNIST whose files have the same bytes is opened once. Loads torch."""
    from tinyexp.trainers.vision.data import build

    unpack, unpacked = build._open_fashion_mnist, {}

    def opened(name: str, root: Path) -> Whole:
        try:
            files = sorted(root.iterdir())
            if not all(file.is_file() for file in files):
                return unpack(name, root)
            key = (
                repr(build.CATALOGUE[name]),
                str(root),
                *((file.name, file.read_bytes()) for file in files),
            )
        except OSError:
            return unpack(name, root)
        if key not in unpacked:
            whole = unpack(name, root)
            unpacked.clear()  # one is enough, and the whole set is large
            unpacked[key] = whole
        return unpacked[key]

    if not _COLD:
        build._open_fashion_mnist = opened


def load_kernel() -> None:
    """Load the compiled code, by an image so small that torch begins no threads: whoever has some cannot be forked."""
    if _COLD:
        return
    import numpy as np

    from tinyexp.trainers.vision.data import makers
    from tinyexp.trainers.vision.data.sources import ArrayImages
    from tinyexp.trainers.vision.settings import Augmentation, Input

    try:
        from tinyexp.trainers.vision.data.resample import cache_folder
    except (ImportError, RuntimeError):  # numba is not installed, or cannot keep anything
        return
    rich = Augmentation(random_resized_crop=True, flip_probability=0.5, rotation_degrees=18.0)
    shape = Input(image_size=8, resize="short-side-center-crop", normalize=True)
    image, numbers = ArrayImages("one", np.zeros((1, 8, 8, 3), np.uint8), np.zeros(1, np.int64)), np.arange(1)
    maker, pipeline = makers.KernelMaker(), makers.ImagePipeline(rich, shape, channels_last=True)
    with makers.alone_with(cache_folder()):
        maker.train(image, numbers, maker.draws(0), 1, pipeline)
        maker.test(image, numbers, pipeline)
