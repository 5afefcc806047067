"""The IDX files of the MNIST family, gzipped or not.

A file is a magic number (two zero bytes, the type 8 for unsigned bytes, the number of dimensions), each
dimension as a big-endian 32-bit number, and the bytes. Source: the format's description at
yann.lecun.com/exdb/mnist.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyexp.errors import UserError

_SIDE = 28
_MAX_BYTES = 1 << 30
FETCH_ANEW = "Take the data set anew: `tinyexp data fetch fashion-mnist`."


@dataclass(frozen=True)
class IdxImages:
    """One part of a data set."""

    pixels: NDArray[np.uint8]
    """Grey, shape (images, 28, 28)."""
    labels: NDArray[np.int64]
    """Class numbers, shape (images,)."""


def read_folder(folder: Path, classes: int, next_step: str = FETCH_ANEW) -> tuple[IdxImages, IdxImages]:
    """The training and the test part, from the four files of a folder.

    Parameters
    ----------
    next_step
        What to do where they cannot be used: the end of every message.

    Raises
    ------
    UserError
        A file is missing, damaged, or does not fit the others; the message names it.
    """
    train, test = (_read_part(folder, part, classes, next_step) for part in ("train", "t10k"))
    return train, test


def read_idx(path: Path, dimensions: int, next_step: str = FETCH_ANEW) -> NDArray[np.uint8]:
    """The array in an IDX file of unsigned bytes, with its shape.

    Raises
    ------
    UserError
        It is not such a file, or has fewer or more bytes than its head says; the message names it.
    """
    try:
        content = _unpacked(path)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: cannot be read; it is cut off or damaged ({error}). {next_step}") from error
    head = 4 + 4 * dimensions
    if len(content) < head or content[:4] != bytes((0, 0, 8, dimensions)):
        got, wanted = content[:4].hex(" ") or "nothing", bytes((0, 0, 8, dimensions)).hex(" ")
        raise UserError(
            f"{path}: is no IDX file of {dimensions} dimensions: it starts with {got} and not with {wanted}. {next_step}"
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:head], ">u4"))
    wanted_bytes = int(np.prod(shape, dtype=object))
    if len(content) - head != wanted_bytes:
        words = " x ".join(f"{size:,}" for size in shape)
        raise UserError(
            f"{path}: its head says {words} bytes, and {len(content) - head:,} follow. {next_step}"
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _read_part(folder: Path, part: str, classes: int, next_step: str) -> IdxImages:
    images_path = _find(folder, f"{part}-images-idx3-ubyte", next_step)
    labels_path = _find(folder, f"{part}-labels-idx1-ubyte", next_step)
    pixels, labels = read_idx(images_path, 3, next_step), read_idx(labels_path, 1, next_step)
    if pixels.shape[1:] != (_SIDE, _SIDE):
        height, width = pixels.shape[1:]
        raise UserError(
            f"{images_path}: has images of {height} x {width} pixels; {_SIDE} x {_SIDE} are expected. {next_step}"
        )
    if len(pixels) != len(labels) or not len(labels):
        raise UserError(
            f"{images_path}: has {len(pixels):,} images, and {labels_path.name} has {len(labels):,} labels. {next_step}"
        )
    if labels.max() >= classes:
        place = int(np.argmax(labels >= classes))
        raise UserError(
            f"{labels_path}: label {place} is {labels[place]}; labels are 0 to {classes - 1}. {next_step}"
        )
    return IdxImages(pixels, labels.astype(np.int64))


def _find(folder: Path, name: str, next_step: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise UserError(f"{folder}: has neither {name}.gz nor {name}. {next_step}")


def _unpacked(path: Path) -> bytes:
    """The content, at most a gigabyte of it: a small gzip file can claim to be a very large one."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise OSError(f"more than {_MAX_BYTES:,} bytes")
    return content
