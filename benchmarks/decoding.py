"""JPEG files to pixels: ours (simplejpeg where it gives Pillow's bits) beside Pillow, file reading included."""

from __future__ import annotations

from fair import Side, compare, one_thread, repeated

one_thread()

import tempfile
from pathlib import Path

import numpy as np
from pictures import photos
from PIL import Image

from tinyexp.trainers.vision.data.folders import decode_pixels


def by_pillow(path: Path) -> np.ndarray:
    """As any image folder does it."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


if __name__ == "__main__":
    for height, width, count in ((64, 64, 400), (300, 400, 60)):
        with tempfile.TemporaryDirectory() as place:
            paths = [Path(place) / f"{number}.jpeg" for number in range(count)]
            for path, picture in zip(paths, photos(count, height, width), strict=True):
                Image.fromarray(picture).save(path, quality=90)
            assert all(np.array_equal(decode_pixels(path), by_pillow(path)) for path in paths)
            sides = [
                Side(
                    name,
                    repeated(lambda read=read, paths=paths: [read(path) for path in paths], 3),
                    3 * count,
                )
                for name, read in (("tinyexp", decode_pixels), ("Pillow", by_pillow))
            ]
            compare("decoding", *sides, goal=1, px=f"{width} x {height}", unit="images")
