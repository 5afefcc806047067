"""JPEG files decoded by simplejpeg, with Pillow's bits and without its detours.

Both run libjpeg-turbo. They agree as long as neither is asked for a faster DCT or a faster upsampling, which is
asked of the installed two before anything else. Whatever simplejpeg refuses or warns about is left to Pillow, which then
says what is wrong with it. Pillow alone looks into the metadata: a picture that is whole, in a file whose EXIF or
ICC segment is broken, may be read here where Pillow would refuse it.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

try:
    import simplejpeg
except ImportError:  # Pillow then does everything, more slowly
    simplejpeg = None

_START = b"\xff\xd8\xff"
_HEAD_BYTES = 1 << 16
_SAME_COLOURS = frozenset(("Gray", "RGB", "YCbCr"))
"""Four channels are left out: Pillow has its own way from CMYK to RGB, which differs by a level here and there."""


def read_jpeg(path: str | Path, max_pixels: int) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG file as RGB, uint8 of shape (height, width, 3), not rotated by what its EXIF says.

    Parameters
    ----------
    max_pixels
        A picture of more is not decoded.

    Returns
    -------
    NDArray or None
        None where Pillow has to be asked: it is no JPEG, is not whole, cannot be read, is too large, or has four channels.
    """
    if simplejpeg is None or not _is_exact():
        return None
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each of a million names takes its time
            head = file.read(_HEAD_BYTES)
            return _decoded(head + file.read(), max_pixels) if head.startswith(_START) else None
    except OSError:
        return None


def jpeg_shape(path: str | Path, max_pixels: int) -> tuple[int, int] | None:
    """Height and width of a JPEG file, from its head alone; None wherever :func:`read_jpeg` would give None for its head."""
    if simplejpeg is None or not _is_exact():
        return None
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each of a million names takes its time
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    return _shape(head, max_pixels) if head.startswith(_START) else None


def _shape(content: bytes, max_pixels: int) -> tuple[int, int] | None:
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content, strict=True)
    except ValueError:  # also where the head is longer than what was read of it
        return None
    height, width = int(height), int(width)
    return (height, width) if colours in _SAME_COLOURS and height * width <= max_pixels else None


def _decoded(content: bytes, max_pixels: int) -> NDArray[np.uint8] | None:
    """Strict: a warning of libjpeg's, as of a file that ends early, is a ValueError."""
    if _shape(content, max_pixels) is None:
        return None
    try:
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            content, "RGB", fastdct=False, fastupsample=False, strict=True
        )
    except ValueError:
        return None
    return pixels


@cache
def _is_exact() -> bool:
    """Whether the two decoders that are installed give the same pixels; a Pillow may be built on another libjpeg."""
    noise = np.random.default_rng(0).integers(0, 256, (19, 37, 3), dtype=np.uint8)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, "JPEG", quality=80, subsampling=subsampling)
        with Image.open(buffer) as image:
            wanted = np.asarray(image.convert("RGB"))
        got = _decoded(buffer.getvalue(), noise.size)
        if got is None or not np.array_equal(got, wanted):
            return False
    return True
