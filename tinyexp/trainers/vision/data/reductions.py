"""Which images hold more than is taken of them: an orientation beside the pixels, further frames, transparency, 16 bits a channel."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from tinyexp.runs.reduced import LOOKED_AT
from tinyexp.trainers.vision.data.sources import Dataset, ImageSource

MOST_LOOKED_AT = 2_000
"""Images of a data set whose heads are read before a run; of a larger one as many, evenly spread. `data verify` reads all."""
_ORIENTATION, _AS_STORED = 0x0112, 1


def reductions(path: str | Path) -> list[str]:
    """The kinds that an image file is of, by :data:`tinyexp.runs.reduced.KINDS`, from its head; none of one that cannot be read."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            kinds = {
                # Before it is asked for its EXIF: of a PNG without any, Pillow looks behind the pixels, and decodes them.
                "deep": any(";16" in str(tile) for tile in getattr(image, "tile", ())),
                "turned": (image.format != "PNG" or "exif" in image.info)
                and image.getexif().get(_ORIENTATION, _AS_STORED) != _AS_STORED,
                "frames": getattr(image, "is_animated", False),
                "transparent": image.mode.upper().endswith("A") or "transparency" in image.info,
            }
    except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever they run into; that is told where the image is decoded
        return []
    return [kind for kind, holds in kinds.items() if holds]


def reduced_in(dataset: Dataset) -> dict[str, int]:
    """How many images of a data set are of each kind, and how many were looked at; nothing where none is, or there are no files."""
    parts = (dataset.train, dataset.holdout, dataset.test)
    total = sum(len(part) for part in parts)
    step = max(1, -(-total // MOST_LOOKED_AT))
    found, looked_at = Counter[str](), 0
    for path in _files(parts, step):
        looked_at += 1
        found.update(reductions(path))
    return {**found, LOOKED_AT: looked_at} if found else {}


def _files(parts: Iterable[ImageSource], step: int) -> Iterable[Path]:
    for part in parts:
        for index in range(0, len(part), step):
            path = Path(part.describe(index))
            if not path.is_file():  # an array, whose images have no file
                break
            yield path
