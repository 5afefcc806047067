"""The built-in data set: ten classes of periodic patterns, 64 x 64 RGB, made on the spot.

Each image is a pure function of (split, number). Training images are canonical: upright, at one scale, unobstructed.
Held-out and test images are turned, zoomed, mirrored and cluttered. So augmentation helps on this
set *by construction*: it shows the machine working and is no evidence on what helps on photographs.
Colours are drawn for each image alone and say nothing about the class, and every class is its own mirror image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.sources import ArrayImages, Dataset
from tinyexp.trainers.vision.settings import Data

SIDE = 64
TRAIN_IMAGES, HOLDOUT_IMAGES, TEST_IMAGES = 20_000, 5_000, 5_000

Plane = NDArray[np.float64]

_PERIOD = 16.0  # pixels; survives a resize to 32 px with eight pixels to a wave
_NOISE = 12.0  # standard deviation of the grain, in grey levels
_ROTATION_DEGREES = 20.0  # beyond 22.5 a checkerboard could be called diamonds
_ZOOM = (0.6, 1.6)
_CLUTTER = 3  # rectangles, each up to a third of a side


def _wave(x: Plane) -> Plane:
    return np.cos(2 * np.pi * x / _PERIOD)


PATTERNS: Mapping[str, Callable[[Plane, Plane], Plane]] = {
    # From centred coordinates in pixels, each of shape (64, 64), to a brightness whose sign is drawn.
    "horizontal stripes": lambda _, y: _wave(y),
    "vertical stripes": lambda x, _: _wave(x),
    "checkerboard": lambda x, y: _wave(x) * _wave(y),
    "dots": lambda x, y: _wave(x) + _wave(y) - 0.8,
    "grid": lambda x, y: np.maximum(_wave(x), _wave(y)) - 0.6,
    "diamonds": lambda x, y: _wave((x + y) * 0.7071) * _wave((x - y) * 0.7071),
    "rings": lambda x, y: _wave(np.hypot(x, y)),
    "spokes": lambda x, y: np.cos(8 * np.arctan2(y, x)),
    "ripples": lambda x, y: _wave(y + 3.0 * _wave(x)),
    "bricks": lambda x, y: (
        np.maximum(_wave(y), _wave(x / 2 + (_PERIOD / 2) * np.floor(y / _PERIOD)) * 1.2 - 0.4) - 0.5
    ),
}
CLASSES = tuple(PATTERNS)


def open_patterns(data: Data) -> Dataset:
    """The pattern set, as large as asked; a limit of 0 means all there are."""
    train = _split("train", min(data.train_limit or TRAIN_IMAGES, TRAIN_IMAGES))
    holdout = _split("holdout", min(data.holdout, HOLDOUT_IMAGES))
    test = _split("test", min(data.test_limit or TEST_IMAGES, TEST_IMAGES))
    digest = hashlib.sha256()
    for images, labels in (train, holdout, test):
        digest.update(f"{images.shape}".encode() + images.tobytes() + labels.tobytes())
    return Dataset(
        train=ArrayImages("patterns train", *train),
        holdout=ArrayImages("patterns holdout", *holdout),
        test=ArrayImages("patterns test", *test),
        classes=CLASSES,
        fingerprint=digest.hexdigest(),
    )


@lru_cache(maxsize=6)
def _split(split: str, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images of shape (size, 64, 64, 3) and their labels; classes take turns, so any size is balanced."""
    draws = KeyedRng(0, f"patterns {split}")
    images = np.empty((size, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(size, dtype=np.int64) % len(CLASSES)
    for index, label in enumerate(labels.tolist()):
        images[index] = _image(draws.at(0, index), PATTERNS[CLASSES[label]], canonical=split == "train")
    return images, labels


def _image(
    random: np.random.Generator, pattern: Callable[[Plane, Plane], Plane], *, canonical: bool
) -> NDArray[np.uint8]:
    x, y = _coordinates(random, canonical=canonical)
    share = 1 / (1 + np.exp(-4 * random.choice((-1.0, 1.0)) * pattern(x, y)))
    dark, light = _two_colours(random)
    image = dark + (light - dark) * share[..., None]
    if not canonical:
        _clutter(random, image)
    image += random.normal(0, _NOISE, image.shape)
    pixels: NDArray[np.uint8] = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return pixels


def _coordinates(random: np.random.Generator, *, canonical: bool) -> tuple[Plane, Plane]:
    """Where each pixel lies in the pattern; the phase is drawn always, the pose only where not canonical."""
    angle, zoom, mirror = 0.0, 1.0, 1.0
    shift_x, shift_y = random.uniform(-_PERIOD / 2, _PERIOD / 2, 2)
    if not canonical:
        angle = np.deg2rad(random.uniform(-_ROTATION_DEGREES, _ROTATION_DEGREES))
        zoom = float(np.exp(random.uniform(*np.log(_ZOOM))))
        mirror = random.choice((-1.0, 1.0))
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    column, row = axis[None, :] * mirror, axis[:, None]
    x = (np.cos(angle) * column - np.sin(angle) * row) / zoom + shift_x
    y = (np.sin(angle) * column + np.cos(angle) * row) / zoom + shift_y
    return x, y


def _two_colours(random: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two colours that differ by 80 grey levels or more in some channel, so that the pattern can be seen."""
    while True:
        first, second = random.uniform(20, 235, (2, 3))
        if np.abs(first - second).max() >= 80:
            return first, second


def _clutter(random: np.random.Generator, image: NDArray[np.float64]) -> None:
    for _ in range(_CLUTTER):
        height, width = random.integers(4, SIDE // 3, 2)
        top, left = random.integers(0, SIDE - height), random.integers(0, SIDE - width)
        image[top : top + height, left : left + width] = random.uniform(0, 255, 3)
