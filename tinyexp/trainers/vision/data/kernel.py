"""The transforms of ``transforms`` for a whole batch at once, compiled, with the same bits.

Importing this raises ImportError where numba is missing; ``transforms`` then does the same, more slowly. It repeats the
arithmetic of the Pillow that is installed: see ``vertical_pass_first`` for what changed between versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba  # noqa: F401 - says at once, and here, that it is missing
import numpy as np
import PIL
from numpy.typing import NDArray

from tinyexp.trainers.vision.data.resample import RGBX, STRAIGHT_TAPS, batch
from tinyexp.trainers.vision.data.views import AugmentParams
from tinyexp.trainers.vision.settings import Augmentation, Input

Integers = NDArray[np.int64]
Floats32 = NDArray[np.float32]

_RGB = 3


@dataclass(frozen=True)
class Pixels:
    """RGB images in memory, which may differ in size; made by ``of_list`` or ``of_rows``."""

    owner: object
    """What holds the bytes: the addresses are good for as long as it lives."""
    addresses: Integers
    """Of each image's first byte; its rows follow one another without a gap, three bytes a pixel."""
    heights: Integers
    widths: Integers

    @classmethod
    def of_list(cls, images: Sequence[NDArray[np.uint8]]) -> Pixels:
        """Images of shape (height, width, 3); copies only those that do not lie in one piece."""
        held = [np.ascontiguousarray(image) for image in images]
        for image in held:
            _check_bytes(image, 3)
        return cls(
            owner=held,
            addresses=np.array([_address(image) for image in held], dtype=np.int64),
            heights=np.array([image.shape[0] for image in held], dtype=np.int64),
            widths=np.array([image.shape[1] for image in held], dtype=np.int64),
        )

    @classmethod
    def of_rows(cls, images: NDArray[np.uint8], indices: Integers) -> Pixels:
        """The images ``indices`` of one array of shape (images, height, width, 3), which may lie in a mapped file.

        Nothing is copied, and of a mapped file only what the crops need is read.
        """
        _check_bytes(images, 4)
        _, height, width, _ = images.shape
        assert images.strides[1:] == (width * _RGB, _RGB, 1), "every image must lie in one piece"
        assert len(indices) == 0 or 0 <= indices.min() <= indices.max() < len(images), "no such image"
        return cls(
            owner=images,
            addresses=_address(images) + indices.astype(np.int64) * images.strides[0],
            heights=np.full(len(indices), height, dtype=np.int64),
            widths=np.full(len(indices), width, dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.addresses)


def lookup(shape: Input) -> Floats32:
    """What each byte becomes in each channel, shape (3, 256): the operations of ``as_input``, in its order."""
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    if not shape.normalize:
        return np.stack([levels] * 3)
    mean, std = (np.array(values, dtype=np.float32)[:, None] for values in (shape.mean, shape.std))
    normalized: Floats32 = (levels - mean) / std
    return normalized


def augmented(
    pixels: Pixels, views: AugmentParams, spec: Augmentation, shape: Input, out: Floats32 | None = None
) -> Floats32:
    """What ``train_view`` and ``as_input`` make of a batch: float32 of shape (images, 3, side, side).

    Parameters
    ----------
    views
        One for each image; every crop lies within its image.
    out
        Written to and returned where given: contiguous, or contiguous with the channels last in memory.
    """
    assert len(views) == len(pixels), "one view for each image"
    side = shape.image_size
    if out is None:
        out = np.empty((len(pixels), 3, side, side), dtype=np.float32)
    plans = _crop_plans(pixels, views, side) if spec.random_resized_crop else _test_plans(pixels, shape)
    angles = views.angle if spec.rotation_degrees else np.zeros(len(pixels))
    _run(plans, views.flip, angles, lookup(shape), out, side)
    return out


def tested(pixels: Pixels, shape: Input) -> NDArray[np.uint8]:
    """What ``test_view`` and ``as_pixels`` make of a batch: uint8 of shape (images, 3, side, side)."""
    side, images = shape.image_size, len(pixels)
    out = np.empty((images, 3, side, side), dtype=np.uint8)
    same = np.tile(np.arange(256, dtype=np.uint8), (3, 1))
    _run(_test_plans(pixels, shape), np.zeros(images, dtype=np.bool_), np.zeros(images), same, out, side)
    return out


def vertical_pass_first(
    height: Integers,
    width: Integers,
    new_height: Integers,
    new_width: Integers,
    version: str = PIL.__version__,
) -> NDArray[np.bool_]:
    """Whether Pillow resizes an image in height before width, which moves the rounding between the passes.

    Always width first up to 12.1; then very tall images are an exception; since 13, all that lose more than twice as
    many rows as columns (python-pillow/Pillow, pull requests 9524 and 9549; the bound was found by trial).
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    shrinks = new_height < height
    if (major, minor) < (12, 2):
        return np.zeros_like(shrinks)
    if major < 13:
        return shrinks & (height > 100 * width)
    return shrinks & (height - new_height > 2 * (width - new_width))


# A plan is a row of int64, one for each image: address of the crop, bytes from row to row, address behind the image;
# the crop's height and width; the size that the crop is resized to; where the square that is wanted starts in that,
# from the top and from the left; and whether the vertical pass comes first.


def _crop_plans(pixels: Pixels, views: AugmentParams, side: int) -> Integers:
    top, left, height, width = views.top, views.left, views.height, views.width
    fits = (np.minimum(top, left) >= 0) & (top + height <= pixels.heights) & (left + width <= pixels.widths)
    assert (fits & (np.minimum(height, width) > 0)).all(), "a crop leaves its image"
    line, zero, sides = pixels.widths * _RGB, np.zeros_like(top), np.full_like(top, side)
    first = vertical_pass_first(height, width, sides, sides)
    end = pixels.addresses + pixels.heights * line
    start = pixels.addresses + top * line + left * _RGB
    return np.stack([start, line, end, height, width, sides, sides, zero, zero, first], axis=1).astype(
        np.int64
    )


def _test_plans(pixels: Pixels, shape: Input) -> Integers:
    """The middle square of the resized image; its short side is the square's, so nothing is ever padded."""
    side, height, width = shape.image_size, pixels.heights, pixels.widths
    full_height = full_width = np.full_like(height, side)
    if shape.resize == "short-side-center-crop":
        short = np.minimum(height, width)
        full_height, full_width = ((side * size / short).astype(np.int64) for size in (height, width))
    top, left = (np.rint((full - side) / 2).astype(np.int64) for full in (full_height, full_width))
    line = width * _RGB
    end = pixels.addresses + height * line
    first = vertical_pass_first(height, width, full_height, full_width)
    columns = [pixels.addresses, line, end, height, width, full_height, full_width, top, left, first]
    return np.stack(columns, axis=1).astype(np.int64)


def _run(
    plans: Integers,
    mirrored: NDArray[np.bool_],
    angles: NDArray[np.float64],
    values: NDArray[Any],
    out: NDArray[Any],
    side: int,
) -> None:
    """Lays out the working memory, large enough for every image of the batch."""
    assert out.shape == (len(plans), 3, side, side), "the output has another shape"
    assert out.dtype == values.dtype, "the output has another type"
    if not len(plans):
        return
    if out.flags.c_contiguous:
        flat, steps = out.reshape(-1), (3 * side * side, side * side, side, 1)
    else:
        last = out.transpose(0, 2, 3, 1)
        assert last.flags.c_contiguous, "the output is contiguous in neither order"
        flat, steps = last.reshape(-1), (3 * side * side, 1, 3 * side, 3)
    heights, widths = plans[:, 3], plans[:, 4]
    shrunk = max((heights / plans[:, 5]).max(), (widths / plans[:, 6]).max(), 1.0)
    taps = 2 * int(np.ceil(shrunk)) + 2
    line = (int(widths.max()) + max(taps, STRAIGHT_TAPS)) * _RGB + RGBX  # reading ahead included
    batch(
        plans,
        mirrored,
        angles,
        values,
        flat,
        np.array(steps, dtype=np.int64),
        np.empty(2 * side, dtype=np.int64),
        np.empty((2 * side, taps), dtype=np.int32),
        np.empty(taps, dtype=np.float64),
        np.empty(max(int(heights.max()) * side * RGBX, line), dtype=np.uint8),
        np.empty(line, dtype=np.uint8),
        np.empty(side * side + 1, dtype=np.uint32),
        np.empty(side, dtype=np.uint64),
    )


def _check_bytes(images: NDArray[np.uint8], dimensions: int) -> None:
    assert images.dtype == np.uint8, "pixels are bytes"
    assert images.ndim == dimensions, "images come as height, width, channel"
    assert images.shape[-1] == _RGB, "images have three channels"
    assert min(images.shape[-3:]) > 0, "an image has no pixels"


def _address(array: NDArray[np.uint8]) -> int:
    return int(array.__array_interface__["data"][0])
