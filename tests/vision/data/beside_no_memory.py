"""Has the compiled kernel work on images beside pages that cannot be read, and says that its results are the same.

python beside_no_memory.py begin|end|beyond
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.kernel import Pixels, augmented, tested
from tinyexp.trainers.vision.data.views import AugmentParams
from tinyexp.trainers.vision.settings import vision_settings

Image = NDArray[np.uint8]
PAGE = mmap.PAGESIZE
SIDES = [(1, 1), (1, 70), (70, 1), (3, 5), (9, 300), (300, 9), (64, 64), (63, 65), (200, 130), (37, 211)]
"""Heights and widths."""


def beside_no_memory(image: Image, *, at: str) -> Image:
    """A copy that begins where memory begins, or ends where it ends: what lies beyond must not be touched."""
    pages = -(-image.nbytes // PAGE)
    area = mmap.mmap(-1, (pages + 2) * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(area))
    offset = PAGE if at == "begin" else (pages + 1) * PAGE - image.nbytes
    copy = np.frombuffer(area, np.uint8, image.nbytes, offset).reshape(image.shape)
    copy[...] = image
    for place in (start, start + (pages + 1) * PAGE):
        if ctypes.CDLL(None).mprotect(ctypes.c_void_p(place), ctypes.c_size_t(PAGE), 0):
            raise OSError("mprotect")
    return copy


def compare(at: str) -> None:
    """Every image by itself and shrunk, enlarged, cropped to each of its edges: the same beside no memory as elsewhere."""
    spec = vision_settings(load_experiment("tiny-design1", "paper"))
    draws = np.random.default_rng(0)
    for height, width in SIDES:
        image = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
        placed = beside_no_memory(image, at=at)
        for side in (1, 8, 33, 64, 128):
            for resize in ("short-side-center-crop", "square"):
                shape = spec.input.model_copy(update={"image_size": side, "resize": resize})
                ways: list[Callable[[Image], Image]] = [
                    lambda one, shape=shape: tested(Pixels.of_list([one]), shape)
                ]
                for box in boxes(height, width):
                    for flip in (False, True):
                        view = AugmentParams(
                            *(np.array([one]) for one in box), np.array([flip]), np.array([7.0])
                        )
                        ways.append(
                            lambda one, view=view, shape=shape: augmented(
                                Pixels.of_list([one]), view, spec.augmentation, shape
                            )
                        )
                for way in ways:
                    assert (way(placed) == way(image)).all()


def boxes(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width: all of an image, and its corners."""
    low, narrow = max(1, height // 3), max(1, width // 3)
    return [
        (0, 0, height, width),
        (0, 0, low, narrow),
        (height - low, width - narrow, low, narrow),
        (height - low, 0, low, width),
        (0, width - narrow, height, narrow),
    ]


def read_byte_behind_an_image() -> None:
    image = beside_no_memory(np.zeros((2, 2, 3), np.uint8), at="end")
    ctypes.string_at(image.ctypes.data + image.nbytes, 1)


if __name__ == "__main__":
    read_byte_behind_an_image() if sys.argv[1] == "beyond" else compare(sys.argv[1])
