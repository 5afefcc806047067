"""Image files decoded once: the pixels of each part in one file, mapped into memory and shared by all runs.

``<data folder>/packed/<first 16 digits of the fingerprint>/`` holds ``train.pixels``, ``test.pixels`` (height, width,
colour, image after image, each at its own size) and ``manifest.json``. It comes into being by one rename, so where it exists
it was whole. What is being packed lies in a hidden folder beside it, with a record of how much is safe on the disk. A mark inside says
that the folder is ours, and goes with it into its place: only what has one is ever removed.
Labels, order, classes and fingerprint are those of the files.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationError

from tinyexp.config.explain import first_fault
from tinyexp.config.section import PositiveInt, Section
from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.trainers.vision.data.folders import MAX_PIXELS, Folder, Listing, decode_pixels
from tinyexp.trainers.vision.data.sizing import OWN_SIZE, Sizing
from tinyexp.trainers.vision.data.sources import Decoded, Stack

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

Progress = Callable[[str, int, int], None]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

MANIFEST = "manifest.json"
NAMES = frozenset((MANIFEST, "train.pixels", "test.pixels"))
_MAX_MANIFEST_BYTES = 200_000_000
_CHUNK = 1 << 20


class Part(Section):
    """What the manifest says of one file of pixels."""

    images: PositiveInt
    heights: tuple[PositiveInt, ...]
    """One an image, or a single one that all have; ``widths`` likewise."""
    widths: tuple[PositiveInt, ...]
    bytes: Annotated[int, Field(ge=1, le=1 << 60)]
    sha256: Digest


class Manifest(Section):
    """What a pack is of, and what it consists of."""

    format: Literal["tinyexp packed images"] = "tinyexp packed images"
    version: Annotated[int, Field(ge=1, le=1)] = 1
    dataset: str
    decoder: str
    """For people: opening a pack compares pixels."""
    fingerprint: Digest
    train: Part
    test: Part


class DamagedPackError(UserError):
    """A pack that is there and is not what it should be; the user packs again or deletes it."""


class Layout:
    """Where in a file of pixels each image lies.

    Parameters
    ----------
    heights, widths
        Pixels, shape (images,); none so large that bytes overflow.
    """

    def __init__(self, heights: NDArray[np.int64], widths: NDArray[np.int64]) -> None:
        self.heights, self.widths = heights, widths
        self.offsets = np.concatenate(([0], np.cumsum(3 * heights * widths)))
        """Bytes, shape (images + 1,)."""
        self.bytes = int(self.offsets[-1])
        self.is_even = bool((heights == heights[0]).all() and (widths == widths[0]).all())
        """Whether all images have one size."""

    def shape(self, index: int) -> tuple[int, int, int]:
        return int(self.heights[index]), int(self.widths[index]), 3


class PackedImages:
    """An ImageSource over a file of pixels; the file is mapped when first asked, in each process for itself."""

    def __init__(self, path: Path, layout: Layout, root: Path, listing: Listing) -> None:
        self._path, self._layout = path, layout
        self._root, self._listing = root, listing
        self._map: NDArray[np.uint8] | None = None

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._listing.labels

    @property
    def array(self) -> NDArray[np.uint8] | None:
        """All images without copying, read-only, shape (images, height, width, 3); None where they differ in size."""
        if not self._layout.is_even:
            return None
        return self._bytes().reshape(len(self), *self._layout.shape(0))

    def __len__(self) -> int:
        return len(self._listing.names)

    def image(self, index: int) -> Image.Image:
        return Image.fromarray(self._pixels(index))

    def pixels(self, indices: NDArray[np.int64]) -> Decoded:
        array = self.array
        return [self._pixels(index) for index in indices.tolist()] if array is None else Stack(array, indices)

    def describe(self, index: int) -> str:
        """The file that the image was decoded from."""
        return str(self._root / self._listing.names[index])

    def _pixels(self, index: int) -> NDArray[np.uint8]:
        place = range(len(self))[index]
        start, end = self._layout.offsets[place : place + 2]
        return self._bytes()[start:end].reshape(self._layout.shape(place))

    def _bytes(self) -> NDArray[np.uint8]:
        if self._map is None:
            try:
                mapped = np.memmap(self._path, np.uint8, "r", shape=(self._layout.bytes,))
            except (OSError, ValueError) as error:  # ValueError: it is shorter by now
                raise UserError(
                    f"{self._path}: cannot be mapped any more ({error}). Was it packed anew? Start the command again."
                ) from error
            self._map = mapped.view(np.ndarray)
        return self._map

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_map": None}  # else every pixel would travel to a worker process


def open_packed(
    name: str, folder: Folder, fingerprint: str, data_folder: Path, sizing: Sizing = OWN_SIZE
) -> tuple[PackedImages, PackedImages] | None:
    """The training and test images of a data set from its pack; None where it is not packed.

    Parameters
    ----------
    fingerprint
        Of the data set at the size of ``sizing``.

    Raises
    ------
    UserError
        The pack is not whole, or holds other pixels than the files give now. It is never passed over in silence.
    """
    place = place_of(data_folder, fingerprint)
    if not os.path.lexists(place):
        return None
    try:
        manifest = _read_manifest(place, fingerprint)
        train = _opened(place, "train", manifest.train, folder, folder.train, sizing)
        return train, _opened(place, "test", manifest.test, folder, folder.test, sizing)
    except (OSError, ValueError) as error:
        raise _damaged(place, command(name, folder, data_folder, sizing), str(error)) from error


def check_pack(
    name: str, folder: Folder, data_folder: Path, progress: Progress, sizing: Sizing = OWN_SIZE
) -> Path:
    """Read a pack from end to end, and give its folder.

    Raises
    ------
    UserError
        There is none, or a byte of it is not what was written.
    """
    fingerprint = sizing.fingerprint(folder.fingerprint())
    place, again = place_of(data_folder, fingerprint), command(name, folder, data_folder, sizing)
    if open_packed(name, folder, fingerprint, data_folder, sizing) is None:
        raise UserError(f"{place}: is not there. Make it with `{again}`.")
    manifest = _read_manifest(place, fingerprint)
    for part, record in (("train", manifest.train), ("test", manifest.test)):
        path = place / f"{part}.pixels"
        digest = digest_of(path, record.bytes, partial(progress, f"checking {name} {part}"))
        if digest.hexdigest() != record.sha256:
            raise _damaged(place, again, f"{path.name} is not what was written")
    return place


def _read_manifest(place: Path, fingerprint: str) -> Manifest:
    """Raises ValueError with the reason where it is not the manifest of this data set."""
    path = place / MANIFEST
    try:
        manifest = Manifest.model_validate_json(read_bounded(path, _MAX_MANIFEST_BYTES))
    except OSError as error:
        raise ValueError(f"{MANIFEST} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(f"{MANIFEST}: {first_fault(error)}") from error
    if manifest.fingerprint != fingerprint:
        raise ValueError(f"{MANIFEST} is of a data set with another fingerprint")
    return manifest


def _opened(
    place: Path, part: str, record: Part, folder: Folder, listing: Listing, sizing: Sizing
) -> PackedImages:
    """Raises ValueError with the reason where the manifest, the file of pixels and the listing do not agree."""
    path, total = place / f"{part}.pixels", len(listing.names)
    if record.images != total or {len(record.heights), len(record.widths)} - {1, total}:
        raise ValueError(
            f"{MANIFEST} speaks of another number of {part} images than the {total:,} that there are"
        )
    heights, widths = (
        np.broadcast_to(np.array(sides, np.int64), total) for sides in (record.heights, record.widths)
    )
    if (heights * widths).max() > MAX_PIXELS:
        raise ValueError(f"{MANIFEST} speaks of an image with more than {MAX_PIXELS:,} pixels")
    layout = Layout(heights, widths)
    size = path.stat().st_size if path.is_file() else 0
    if not size == record.bytes == layout.bytes:
        raise ValueError(
            f"{path.name} has {size:,} bytes; the manifest says {record.bytes:,}, its images have {layout.bytes:,}"
        )
    # Another decoder, or files replaced by others of the same size, would show here.
    first = sizing.sized(decode_pixels(folder.root / listing.names[0]))
    packed = np.fromfile(path, np.uint8, int(layout.offsets[1]))
    if first.shape != layout.shape(0) or not np.array_equal(packed.reshape(first.shape), first):
        raise ValueError(f"its first {part} image is not what {listing.names[0]} decodes to now")
    return PackedImages(path, layout, folder.root, listing)


def digest_of(
    path: Path, length: int, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Hash:
    """The SHA-256 of the first ``length`` bytes of a file; of all where it has fewer, which is another digest."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as content:
        while chunk := content.read(min(_CHUNK, length - done)):
            digest.update(chunk)
            done += len(chunk)
            progress(done, length)
    return digest


def place_of(data_folder: Path, fingerprint: str) -> Path:
    """The folder of a pack."""
    return data_folder / "packed" / fingerprint[:16]


def command(name: str, folder: Folder, data_folder: Path, sizing: Sizing) -> str:
    """What makes the pack."""
    where = ["--root", str(folder.root), "--data-folder", str(data_folder)]
    size = ["--side", str(sizing.side)] if sizing.side else []
    return shlex.join(["tinyexp", "data", "pack", name, *where, *size])


def _damaged(place: Path, again: str, reason: str) -> DamagedPackError:
    return DamagedPackError(
        f"{place}: is no whole pack of this data set: {reason}. Pack again with"
        f" `{again}`, or delete this folder: the files are then read as before."
    )
