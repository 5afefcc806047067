"""Pictures for benchmarks: coarse colours with grain, from a fixed seed, as arrays or as JPEG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def photos(count: int, height: int, width: int) -> list[np.ndarray]:
    """uint8 arrays of shape (height, width, 3)."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
        grain = random.integers(0, 64, (height, width, 3), dtype=np.uint8)
        found.append((smooth // 4 * 3 + grain).astype(np.uint8))
    return found


def class_folders(root: Path, classes: int, train: int, test: int, side: int) -> None:
    """``train/<class>/*.jpeg`` and ``test/<class>/*.jpeg``, so many of each class."""
    for part, each in (("train", train), ("test", test)):
        pictures = iter(photos(classes * each, side, side))
        for number in range(classes):
            folder = root / part / f"class-{number:03}"
            folder.mkdir(parents=True)
            for place in range(each):
                Image.fromarray(next(pictures)).save(folder / f"{place:05}.jpeg", quality=90)
