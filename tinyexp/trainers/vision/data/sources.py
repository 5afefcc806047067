"""What every data set gives: labelled images by number, and a digest of what they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image


class Stack(NamedTuple):
    """Images of one size, in an array that may hold others too and is not copied."""

    array: NDArray[np.uint8]
    """Shape (any number, height, width, 3)."""
    places: NDArray[np.int64]
    """Shape (images,)."""


Decoded = Stack | list[NDArray[np.uint8]]
"""Images as RGB: a stack, or where they differ in size an array of shape (height, width, 3) for each."""


class ImageSource(Protocol):
    """Labelled images. Reading one image touches no other and changes nothing."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class numbers, shape (images,)."""

    def __len__(self) -> int:
        """How many images there are."""

    def image(self, index: int) -> Image.Image:
        """The image in mode RGB; raises UserError naming the file where it cannot be read."""

    def pixels(self, indices: NDArray[np.int64]) -> Decoded:
        """The images of these numbers; raises UserError naming the file where one cannot be read."""

    def describe(self, index: int) -> str:
        """The name of an image for a message, such as its path."""


@dataclass(frozen=True)
class Dataset:
    """The images of an experiment, cut and split as its spec says."""

    train: ImageSource
    holdout: ImageSource
    """Kept from training, for selection only; may be empty."""
    test: ImageSource
    classes: tuple[str, ...]
    """Names in the order of the class numbers."""
    fingerprint: str
    """SHA-256, hexadecimal, of what decides the images and labels."""
    covers: str = ""
    """How far that goes, in words; empty where it is of every pixel."""
    fingerprint_now: Callable[[], str] | None = None
    """Of files, which may be replaced meanwhile: the fingerprint that they have by now; raises UserError where they are gone."""


class Subset:
    """Some images of a source, in the order of the numbers given."""

    def __init__(self, source: ImageSource, indices: NDArray[np.int64]) -> None:
        self._source = source
        self._indices = indices
        self._labels = source.labels[indices]

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._labels

    def __len__(self) -> int:
        return len(self._indices)

    def image(self, index: int) -> Image.Image:
        return self._source.image(int(self._indices[index]))

    def pixels(self, indices: NDArray[np.int64]) -> Decoded:
        return self._source.pixels(self._indices[indices])

    def describe(self, index: int) -> str:
        return self._source.describe(int(self._indices[index]))


class ArrayImages:
    """Images that are held in memory.

    Parameters
    ----------
    pixels
        uint8, shape (images, height, width) for grey or (images, height, width, 3) for RGB.
    """

    def __init__(self, name: str, pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
        self._name = name
        self._pixels = pixels
        self._labels = labels

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def image(self, index: int) -> Image.Image:
        return Image.fromarray(self._pixels[index]).convert("RGB")

    def pixels(self, indices: NDArray[np.int64]) -> Decoded:
        if self._pixels.ndim == 4:
            return Stack(self._pixels, indices)
        return Stack(np.repeat(self._pixels[indices][..., None], 3, axis=3), np.arange(len(indices)))

    def describe(self, index: int) -> str:
        return f"{self._name} image {index}"
