"""The few test images that a report shows: copied from the data where their licence allows it, kept with the records.

A file ``<fingerprint>.images.npz`` beside the experiments of a profile holds them, so that whoever has the records can
make the same page again, without the data.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyexp.config.experiment import Experiment
from tinyexp.errors import DamagedError, TinyexpError
from tinyexp.runs.arrays import read_arrays
from tinyexp.runs.records import read_bounded
from tinyexp.trainers.base import CopiedImages, trainer_of

ENDING = ".images.npz"
_MOST_BYTES = 5_000_000

Images = Mapping[int, NDArray[np.uint8]]
"""By place among the test images: grey, shape (height, width), or (height, width, 3)."""


def images_path(profile_folder: Path, fingerprint: str) -> Path:
    """Where the shown images of a data set are kept."""
    return profile_folder / f"{fingerprint[:8]}{ENDING}"


def read_images(profile_folder: Path, fingerprint: str) -> Images:
    """Those that are kept; none where there is no such file, or it is of other data.

    Raises
    ------
    DamagedError
        The file is not one of ours.
    """
    path = images_path(profile_folder, fingerprint)
    if not path.is_file():
        return {}
    try:
        arrays = read_arrays(read_bounded(path), ("fingerprint", "place", "pixels"), _MOST_BYTES)
        told, place, pixels = arrays["fingerprint"], arrays["place"], arrays["pixels"]
        of = str(told.tolist())
    except ValueError as error:
        raise DamagedError(f"is not a file of test images of ours ({error}).", path) from error
    if (
        place.dtype.kind != "i"
        or pixels.dtype != np.uint8
        or place.shape != pixels.shape[:1]
        or (pixels.ndim, pixels.shape[3:]) not in ((3, ()), (4, (3,)))
        or not all(pixels.shape)
    ):
        raise DamagedError("the arrays are not those that tinyexp writes.", path)
    return dict(zip(place.tolist(), pixels, strict=True)) if of == fingerprint else {}


def keep_images(
    kept: Path,
    into: Path,
    experiment: Experiment,
    fingerprint: str,
    places: Sequence[int],
    data_folder: Path | None,
) -> None:
    """Put the images at these places into a report's own folder: those kept with its records, else from the data.

    Parameters
    ----------
    kept, into
        The profile's folder that the report is made from, and the one in the report.
    data_folder
        Where data sets are; None where only what is kept counts, as when a report is checked.
    """
    path = images_path(kept, fingerprint)
    if places and sorted(read_images(kept, fingerprint)) == sorted(places):
        images_path(into, fingerprint).write_bytes(read_bounded(path))
    elif places and data_folder and (found := _from_data(experiment, fingerprint, places, data_folder)):
        content = io.BytesIO()
        np.savez(
            content,
            fingerprint=np.array(fingerprint),
            place=np.array(places, dtype=np.int64),
            pixels=found.pixels,
        )
        images_path(into, fingerprint).write_bytes(content.getvalue())


def _from_data(
    experiment: Experiment, fingerprint: str, places: Sequence[int], data_folder: Path
) -> CopiedImages | None:
    """None where the data may not be copied, are not here, or are others."""
    trainer = trainer_of(experiment.trainer)
    if trainer.test_images_problem(experiment):
        return None
    try:
        found = trainer.test_images(experiment, data_folder, places)
    except TinyexpError:
        return None  # the page says that they were not at hand, and what to do
    return found if found.fingerprint == fingerprint else None


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """An image as a PNG inside a page. Not packed: what packs has versions, and each its own bytes."""
    return f"data:image/png;base64,{base64.b64encode(_png(pixels)).decode()}"


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Source: PNG (ISO/IEC 15948), zlib's stored blocks (RFC 1950 and 1951)."""
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    assert len(rows) < 1 << 16, "a small image"
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", stored + struct.pack(">I", zlib.adler32(rows))), (b"IEND", b""))
    told = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(told)
