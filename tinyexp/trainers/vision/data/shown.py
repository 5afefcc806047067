"""What a report may show of a data set: the names of its classes, and a few test images where its licence allows copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinyexp.trainers.vision.data.catalogue import CATALOGUE, FASHION, FASHION_CLASSES
from tinyexp.trainers.vision.data.patterns import CLASSES
from tinyexp.trainers.vision.data.sources import ImageSource
from tinyexp.trainers.vision.settings import Data

MOST_PIXELS = 32
"""A side; larger images are halved until they are no larger, so that a few do not fill a page."""
_NAMES = {"patterns": CLASSES, **dict.fromkeys(FASHION, FASHION_CLASSES)}
_MAY_BE_COPIED = ("patterns", *FASHION)
"""The MIT licence allows it; the patterns are made here."""


def class_names(data: Data) -> tuple[str, ...]:
    """Of the data sets whose classes are always the same; else empty."""
    return _NAMES.get(data.dataset, ())


def problem(data: Data) -> str:
    """Why the images may not be copied: a clause; empty where they may."""
    if data.dataset in _MAY_BE_COPIED:
        return ""
    entry = CATALOGUE.get(data.dataset)
    if entry is None:
        return "nobody says whether the images of this folder may be copied"
    return (
        f"the licence of {entry.title} does not allow copies ({entry.licence[:1].lower()}{entry.licence[1:]})"
    )


def shown_images(source: ImageSource, places: Sequence[int]) -> NDArray[np.uint8]:
    """The images at these places, all of one size; grey ones without their equal colours.

    Returns
    -------
    Shape (images, height, width) where all are grey, else (images, height, width, 3).
    """
    found = source.pixels(np.asarray(places, dtype=np.int64))
    images = list(found) if isinstance(found, list) else list(found.array[found.places])
    pixels = np.stack([halved(image) for image in images])
    grey = bool((pixels == pixels[..., :1]).all())
    return np.ascontiguousarray(pixels[..., 0] if grey else pixels)


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (height, width, 3) halved by means of four pixels until no side is above :data:`MOST_PIXELS`."""
    while max(image.shape[:2]) > MOST_PIXELS:
        height, width = (side // 2 * 2 for side in image.shape[:2])
        wide = image[:height, :width].astype(np.uint16)
        four = wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2]
        image = ((four + 2) // 4).astype(np.uint8)
    return image
