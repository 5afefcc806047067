"""Image files decoded once: the pixels of each part in one file, mapped into memory and shared by all runs.

``<data folder>/packed/<first 16 digits of the fingerprint>/`` holds ``train.pixels``, ``test.pixels`` (height, width,
colour, image after image, each at its own size) and ``manifest.json``. It comes into being by one rename, so where it exists
it was whole. What is being packed lies in a hidden folder beside it, with a record of how much is safe on the disk.
Labels, order, classes and fingerprint are those of the files.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import PIL
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field, ValidationError

from tinyexp import files
from tinyexp.data.folders import MAX_PIXELS, Folder, Listing, decode_pixels, image_shape
from tinyexp.data.sources import Decoded, Stack
from tinyexp.data.unpack import check_room
from tinyexp.errors import TinyexpError, UserError
from tinyexp.spec.schema import PositiveInt, Section

if TYPE_CHECKING:
    from hashlib import _Hash

Progress = Callable[[str, int, int], None]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

_MANIFEST = "manifest.json"
_NAMES = frozenset((_MANIFEST, "train.pixels", "test.pixels"))
_MAX_MANIFEST_BYTES = 200_000_000
_COMMIT_BYTES = 1 << 26
"""What a kill can cost: some thousand small images are decoded between two flushes to the disk."""
_EVERY = 256
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


class _Begun(Section):
    """How much of a file of pixels is safe on the disk, and the digest of that much."""

    fingerprint: Digest
    images: PositiveInt
    sha256: Digest


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
    name: str, folder: Folder, fingerprint: str, data_folder: Path
) -> tuple[PackedImages, PackedImages] | None:
    """The training and test images of a data set from its pack; None where it is not packed.

    Raises
    ------
    UserError
        The pack is not whole, or holds other pixels than the files give now. It is never passed over in silence.
    """
    place = _place(data_folder, fingerprint)
    if not os.path.lexists(place):
        return None
    try:
        manifest = _read_manifest(place, fingerprint)
        train = _opened(place, "train", manifest.train, folder, folder.train)
        return train, _opened(place, "test", manifest.test, folder, folder.test)
    except (OSError, ValueError) as error:
        raise _damaged(place, name, folder, data_folder, str(error)) from error


def check_pack(name: str, folder: Folder, data_folder: Path, progress: Progress) -> Path:
    """Read a pack from end to end, and give its folder.

    Raises
    ------
    UserError
        There is none, or a byte of it is not what was written.
    """
    fingerprint = folder.fingerprint()
    place = _place(data_folder, fingerprint)
    if open_packed(name, folder, fingerprint, data_folder) is None:
        raise UserError(f"{place}: is not there. Make it with `{_command(name, folder, data_folder)}`.")
    manifest = _read_manifest(place, fingerprint)
    for part, record in (("train", manifest.train), ("test", manifest.test)):
        path = place / f"{part}.pixels"
        digest = _digest(path, record.bytes, partial(progress, f"checking {name} {part}"))
        if digest.hexdigest() != record.sha256:
            raise _damaged(place, name, folder, data_folder, f"{path.name} is not what was written")
    return place


def _read_manifest(place: Path, fingerprint: str) -> Manifest:
    """Raises ValueError with the reason where it is not the manifest of this data set."""
    path = place / _MANIFEST
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise ValueError(f"{_MANIFEST} is larger than any manifest")
        manifest = Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{_MANIFEST} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "as a whole"
        raise ValueError(f"{_MANIFEST}: {where}: {first['msg']}") from error
    if manifest.fingerprint != fingerprint:
        raise ValueError(f"{_MANIFEST} is of a data set with another fingerprint")
    return manifest


def _opened(place: Path, part: str, record: Part, folder: Folder, listing: Listing) -> PackedImages:
    """Raises ValueError with the reason where the manifest, the file of pixels and the listing do not agree."""
    path, total = place / f"{part}.pixels", len(listing.names)
    if record.images != total or {len(record.heights), len(record.widths)} - {1, total}:
        raise ValueError(
            f"{_MANIFEST} speaks of another number of {part} images than the {total:,} that there are"
        )
    heights, widths = (
        np.broadcast_to(np.array(sides, np.int64), total) for sides in (record.heights, record.widths)
    )
    if (heights * widths).max() > MAX_PIXELS:
        raise ValueError(f"{_MANIFEST} speaks of an image with more than {MAX_PIXELS:,} pixels")
    layout = Layout(heights, widths)
    size = path.stat().st_size if path.is_file() else 0
    if not size == record.bytes == layout.bytes:
        raise ValueError(
            f"{path.name} has {size:,} bytes; the manifest says {record.bytes:,}, its images have {layout.bytes:,}"
        )
    # Another decoder, or files replaced by others of the same size, would show here.
    first = decode_pixels(folder.root / listing.names[0])
    packed = np.fromfile(path, np.uint8, int(layout.offsets[1]))
    if first.shape != layout.shape(0) or not np.array_equal(packed.reshape(first.shape), first):
        raise ValueError(f"its first {part} image is not what {listing.names[0]} decodes to now")
    return PackedImages(path, layout, folder.root, listing)


def _digest(
    path: Path, length: int, progress: Callable[[int, int], None] = lambda _done, _total: None
) -> _Hash:
    """The SHA-256 of the first ``length`` bytes of a file; of all where it has fewer, which is another digest."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as content:
        while chunk := content.read(min(_CHUNK, length - done)):
            digest.update(chunk)
            done += len(chunk)
            progress(done, length)
    return digest


def _place(data_folder: Path, fingerprint: str) -> Path:
    return data_folder / "packed" / fingerprint[:16]


def _command(name: str, folder: Folder, data_folder: Path) -> str:
    return shlex.join(
        ["tinyexp", "data", "pack", name, "--root", str(folder.root), "--data-folder", str(data_folder)]
    )


def _damaged(place: Path, name: str, folder: Folder, data_folder: Path, reason: str) -> DamagedPackError:
    return DamagedPackError(
        f"{place}: is no whole pack of this data set: {reason}. Pack again with"
        f" `{_command(name, folder, data_folder)}`, or delete this folder: the files are then read as before."
    )


def pack(
    name: str, folder: Folder, data_folder: Path, progress: Progress, tell: Callable[[str], None]
) -> Path:
    """Decode every image of a data set into its pack, or go on with it; a pack that is whole is left as it is.

    Parameters
    ----------
    tell
        Called with sentences about what is going to happen.

    Returns
    -------
    Path
        The folder of the pack.

    Raises
    ------
    UserError
        An image cannot be decoded, the disk has too little room, or another process is packing the same.
    TinyexpError
        The disk cannot be written to.
    """
    fingerprint = folder.fingerprint()
    place = _place(data_folder, fingerprint)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f"{place.name}.lock"), timeout=0):
            if not _is_whole(name, folder, fingerprint, data_folder, tell):
                _pack(name, folder, fingerprint, place, progress, tell)
    except Timeout as error:
        raise UserError(
            f"{place}: another process is packing {name}. Wait for it, or stop it first."
        ) from error
    except OSError as error:
        raise TinyexpError(
            f"{place.parent}: cannot be written to ({error.strerror or error}). Free some space or name another"
            " --data-folder; the same command then goes on where it stopped."
        ) from error
    return place


def _is_whole(
    name: str, folder: Folder, fingerprint: str, data_folder: Path, tell: Callable[[str], None]
) -> bool:
    """Whether there is a pack already; one that is damaged is removed, if nothing but a pack is in its folder."""
    try:
        return open_packed(name, folder, fingerprint, data_folder) is not None
    except DamagedPackError as error:
        place = _place(data_folder, fingerprint)
        if not place.is_dir() or place.is_symlink() or not all(map(_is_ours, place.iterdir())):
            raise UserError(
                f"{place}: something else than a pack is there. Move it away, then pack again."
            ) from error
        tell(f"{place}: is damaged and is made anew.")
        shutil.rmtree(place)
        return False


def _is_ours(path: Path) -> bool:
    return path.name in _NAMES and not path.is_dir()


def _pack(
    name: str, folder: Folder, fingerprint: str, place: Path, progress: Progress, tell: Callable[[str], None]
) -> None:
    aside = place.with_name(f".{place.name}.packing")
    listings = {"train": folder.train, "test": folder.test}
    layouts = {
        part: _measured(folder.root, listing, f"measuring {name} {part}", progress)
        for part, listing in listings.items()
    }
    total = sum(layout.bytes for layout in layouts.values())
    there = sum(path.stat().st_size for path in aside.glob("*.pixels"))
    tell(f"{place}: {total:,} bytes of pixels will be written, {min(there, total):,} of them are there.")
    check_room(place.parent, max(0, total - there), f"to pack {name}")
    aside.mkdir(exist_ok=True)
    parts = {}
    for part, layout in layouts.items():
        writer = _Writer(aside, part, fingerprint, layout)
        digest = writer.write(folder.root, listings[part], f"packing {name} {part}", progress)
        parts[part] = _recorded(layout, digest)
    decoder = f"Pillow {PIL.__version__}"
    manifest = Manifest(
        dataset=name, decoder=decoder, fingerprint=fingerprint, train=parts["train"], test=parts["test"]
    )
    files.write_text(aside / _MANIFEST, manifest.model_dump_json() + "\n")
    for path in aside.iterdir():
        if path.name not in _NAMES:  # records, and what a kill left of writing one
            path.unlink()
    files.sync_folder(aside)
    aside.replace(place)
    files.sync_folder(place.parent)


class _Writer:
    """Writes one file of pixels, from where it was left."""

    def __init__(self, aside: Path, part: str, fingerprint: str, layout: Layout) -> None:
        self._path = aside / f"{part}.pixels"
        self._record = aside / f"{part}.begun.json"
        self._fingerprint = fingerprint
        self._layout = layout

    def write(self, root: Path, listing: Listing, what: str, progress: Progress) -> str:
        """Decode what is not safe on the disk yet; the SHA-256 of the whole file."""
        first, digest = self._left()
        offsets, total = self._layout.offsets.tolist(), len(listing.names)
        with self._path.open("r+b" if first else "wb") as out:
            out.truncate(offsets[first])
            safe = out.seek(offsets[first])
            for index in range(first, total):
                content = _row(root / listing.names[index], self._layout.shape(index))
                out.write(content)
                digest.update(content)
                if index % _EVERY == 0 or index == total - 1:
                    progress(what, index + 1, total)
                if offsets[index + 1] - safe >= _COMMIT_BYTES or index == total - 1:
                    self._commit(out, index + 1, digest.hexdigest())
                    safe = offsets[index + 1]
        return digest.hexdigest()

    def _commit(self, out: IO[bytes], images: int, digest: str) -> None:
        # Pixels first: a record must never speak of what is not on the disk.
        out.flush()
        os.fsync(out.fileno())
        begun = _Begun(fingerprint=self._fingerprint, images=images, sha256=digest)
        files.write_text(self._record, begun.model_dump_json() + "\n")

    def _left(self) -> tuple[int, _Hash]:
        """How many images are there for sure, and the digest of them; 0 where anything is in doubt."""
        try:
            begun = _Begun.model_validate_json(self._record.read_bytes())
            if begun.fingerprint == self._fingerprint and begun.images < len(self._layout.offsets):
                digest = _digest(self._path, int(self._layout.offsets[begun.images]))
                if digest.hexdigest() == begun.sha256:
                    return begun.images, digest
        except (OSError, ValueError):
            pass
        return 0, hashlib.sha256()


def _row(path: Path, shape: tuple[int, int, int]) -> memoryview:
    pixels = decode_pixels(path)
    if pixels.shape != shape:
        raise UserError(
            f"{path}: has changed while it was packed. Leave the data set alone, then pack again."
        )
    return np.ascontiguousarray(pixels).data


def _measured(root: Path, listing: Listing, what: str, progress: Progress) -> Layout:
    """The sizes of all images, from their heads: what will be written is known before anything is."""
    total = len(listing.names)
    shapes = np.empty((total, 2), np.int64)
    for index, name in enumerate(listing.names):
        shapes[index] = image_shape(root / name)
        if index % _EVERY == 0 or index == total - 1:
            progress(what, index + 1, total)
    return Layout(shapes[:, 0], shapes[:, 1])


def _recorded(layout: Layout, digest: str) -> Part:
    told = slice(1) if layout.is_even else slice(None)
    heights, widths = (tuple(sides[told].tolist()) for sides in (layout.heights, layout.widths))
    images = len(layout.heights)
    return Part(images=images, heights=heights, widths=widths, bytes=layout.bytes, sha256=digest)
