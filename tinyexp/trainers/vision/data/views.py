"""Which part of an image a training step sees, how it is turned: the draws, for a whole batch at once.

The distributions are those of torchvision's RandomResizedCrop, RandomHorizontalFlip and
RandomRotation; the numbers are keyed by (seed, epoch, image). No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.settings import Augmentation

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_ATTEMPTS = 10  # torchvision tries ten crops before it falls back on the middle
_UNIFORMS = 2 * _ATTEMPTS + 4


@dataclass(frozen=True)
class AugmentParams:
    """One view for each image of a batch; every array has shape (images,)."""

    top: Integers
    left: Integers
    height: Integers
    width: Integers
    """The crop, in pixels of the source image."""
    flip: NDArray[np.bool_]
    angle: Floats
    """Degrees, counter-clockwise."""

    def __len__(self) -> int:
        return len(self.top)


def draw_views(
    draws: KeyedRng, epoch: int, indices: Integers, heights: Integers, widths: Integers, spec: Augmentation
) -> AugmentParams:
    """The views of the images ``indices`` in an epoch.

    Parameters
    ----------
    indices
        Numbers of the images in the training set, shape (images,); they key the draws.
    heights, widths
        Sizes of those images in pixels, shape (images,).
    """
    uniform = draws.uniforms(epoch, indices, _UNIFORMS)
    height, width = _crop_sizes(uniform[:, : 2 * _ATTEMPTS], heights, widths, spec)
    fallback = height == 0
    middle_height, middle_width = _middle_sizes(heights, widths, spec)
    height, width = np.where(fallback, middle_height, height), np.where(fallback, middle_width, width)
    u_top, u_left, u_flip, u_angle = uniform[:, 2 * _ATTEMPTS :].T
    top = np.where(fallback, (heights - height) // 2, (u_top * (heights - height + 1)).astype(np.int64))
    left = np.where(fallback, (widths - width) // 2, (u_left * (widths - width + 1)).astype(np.int64))
    if not spec.random_resized_crop:
        top, left, height, width = np.zeros_like(heights), np.zeros_like(widths), heights, widths
    return AugmentParams(
        top=top,
        left=left,
        height=height,
        width=width,
        flip=u_flip < spec.flip_probability,
        angle=(2 * u_angle - 1) * spec.rotation_degrees,
    )


def _crop_sizes(
    uniform: Floats, heights: Integers, widths: Integers, spec: Augmentation
) -> tuple[Integers, Integers]:
    """The first of ten attempts whose crop fits into the image; zeros where none does."""
    low, high = spec.crop_scale
    log_low, log_high = np.log(spec.crop_ratio)
    area = (heights * widths)[:, None] * (low + (high - low) * uniform[:, 0::2])
    ratio = np.exp(log_low + (log_high - log_low) * uniform[:, 1::2])
    width = np.rint(np.sqrt(area * ratio)).astype(np.int64)
    height = np.rint(np.sqrt(area / ratio)).astype(np.int64)
    fits = (width > 0) & (width <= widths[:, None]) & (height > 0) & (height <= heights[:, None])
    first = np.argmax(fits, axis=1)[:, None]
    any_fits = fits.any(axis=1)
    return (
        np.where(any_fits, np.take_along_axis(height, first, 1)[:, 0], 0),
        np.where(any_fits, np.take_along_axis(width, first, 1)[:, 0], 0),
    )


def _middle_sizes(heights: Integers, widths: Integers, spec: Augmentation) -> tuple[Integers, Integers]:
    """What torchvision falls back on: the whole image, cut to the nearest allowed shape."""
    narrow, wide = spec.crop_ratio
    shape = widths / heights
    height = np.where(shape < narrow, np.rint(widths / narrow).astype(np.int64), heights)
    width = np.where(shape > wide, np.rint(heights * wide).astype(np.int64), widths)
    return height, width
