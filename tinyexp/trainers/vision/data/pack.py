"""Decoding a data set of image files into its pack: atomic, resumable, one process at a time; see ``packed`` for its form."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import PIL
from filelock import FileLock, Timeout

from tinyexp import files
from tinyexp.clutter import is_clutter
from tinyexp.config.section import PositiveInt, Section
from tinyexp.errors import TinyexpError, UserError, listed
from tinyexp.failpoints import failpoint
from tinyexp.ownership import MARK, Mark, adopt, read_mark, require_ours
from tinyexp.trainers.vision.data.folders import Folder, Listing, decode_pixels, image_shape
from tinyexp.trainers.vision.data.packed import (
    MANIFEST,
    NAMES,
    DamagedPackError,
    Digest,
    Layout,
    Manifest,
    Part,
    Progress,
    digest_of,
    open_packed,
    place_of,
)
from tinyexp.trainers.vision.data.sizing import OWN_SIZE, Sizing
from tinyexp.trainers.vision.data.unpack import check_room

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

_COMMIT_BYTES = 1 << 26
"""What a kill can cost: some thousand small images are decoded between two flushes to the disk."""
_EVERY = 256
_MAX_RECORD_BYTES = 10_000
_RECORDS = frozenset(("train.begun.json", "test.begun.json"))


class _Begun(Section):
    """How much of a file of pixels is safe on the disk, and the digest of that much."""

    fingerprint: Digest
    images: PositiveInt
    sha256: Digest


def pack(
    name: str,
    folder: Folder,
    data_folder: Path,
    progress: Progress,
    tell: Callable[[str], None],
    sizing: Sizing = OWN_SIZE,
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
    fingerprint = sizing.fingerprint(folder.fingerprint())
    place = place_of(data_folder, fingerprint)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f"{place.name}.lock"), timeout=0):
            if not _is_whole(name, folder, fingerprint, data_folder, tell, sizing):
                _pack(name, folder, fingerprint, place, progress, tell, sizing)
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
    name: str,
    folder: Folder,
    fingerprint: str,
    data_folder: Path,
    tell: Callable[[str], None],
    sizing: Sizing,
) -> bool:
    """Whether there is a pack already; one that is damaged is removed, if it is ours and nothing else is in its folder."""
    try:
        return open_packed(name, folder, fingerprint, data_folder, sizing) is not None
    except DamagedPackError as error:
        place = place_of(data_folder, fingerprint)
        if not _is_ours(place):
            raise UserError(
                f"{place}: something else than a pack is there. Move it away, then pack again."
            ) from error
        tell(f"{place}: is damaged and is made anew.")
        for part in (*NAMES, MARK):  # the mark last: until then a kill leaves what is still ours
            (place / part).unlink(missing_ok=True)
        place.rmdir()
        return False


def _is_ours(place: Path) -> bool:
    """Whether a folder has the mark of its pack and nothing but a pack in it; or nothing at all, so that nothing is lost."""
    if place.is_symlink() or not place.is_dir():
        return False
    there = list(place.iterdir())
    known = all(path.name in {*NAMES, MARK} and not path.is_dir() for path in there)
    return not there or (known and read_mark(place, "pack", place.name) is not None)


def _pack(
    name: str,
    folder: Folder,
    fingerprint: str,
    place: Path,
    progress: Progress,
    tell: Callable[[str], None],
    sizing: Sizing,
) -> None:
    aside = place.with_name(f".{place.name}.packing")
    require_ours(aside, "pack", place.name)
    listings = {"train": folder.train, "test": folder.test}
    layouts = {
        part: _measured(folder.root, listing, f"measuring {name} {part}", progress, sizing)
        for part, listing in listings.items()
    }
    total = sum(layout.bytes for layout in layouts.values())
    there = sum(path.stat().st_size for path in aside.glob("*.pixels"))
    tell(f"{place}: {total:,} bytes of pixels will be written, {min(there, total):,} of them are there.")
    check_room(place.parent, max(0, total - there), f"to pack {name}")
    mark = adopt(aside, "pack", place.name)
    files.remove_leftovers(aside, mark.token)
    _refuse_strangers(aside)
    parts = {}
    for part, layout in layouts.items():
        writer = _Writer(aside, mark, part, fingerprint, layout, sizing)
        digest = writer.write(folder.root, listings[part], f"packing {name} {part}", progress)
        parts[part] = _recorded(layout, digest)
    decoder = f"Pillow {PIL.__version__}"
    manifest = Manifest(
        dataset=name, decoder=decoder, fingerprint=fingerprint, train=parts["train"], test=parts["test"]
    )
    files.write_text(aside / MANIFEST, manifest.model_dump_json() + "\n", mark.token)
    _refuse_strangers(aside)
    for record in sorted(_RECORDS):
        (aside / record).unlink(missing_ok=True)
    files.sync_folder(aside)
    failpoint("pack written")
    files.rename_anew(aside, place)
    failpoint("pack named")
    files.sync_folder(place.parent)
    failpoint("pack done")


def _refuse_strangers(aside: Path) -> None:
    """What is not ours would come into the pack, where nobody looks for it."""
    known = {*NAMES, *_RECORDS, MARK}
    if strangers := sorted(
        path.name for path in aside.iterdir() if path.name not in known and not is_clutter(path.name)
    ):
        raise UserError(
            f"{aside}: holds {listed(strangers[:3])}, which is no part of a pack. Move it away, then pack again; it is left as it is."
        )


class _Writer:
    """Writes one file of pixels, from where it was left."""

    def __init__(
        self, aside: Path, mark: Mark, part: str, fingerprint: str, layout: Layout, sizing: Sizing
    ) -> None:
        self._token = mark.token
        self._path = aside / f"{part}.pixels"
        self._record = aside / f"{part}.begun.json"
        self._fingerprint = fingerprint
        self._layout, self._sizing = layout, sizing

    def write(self, root: Path, listing: Listing, what: str, progress: Progress) -> str:
        """Decode what is not safe on the disk yet; the SHA-256 of the whole file."""
        first, digest = self._left()
        offsets, total = self._layout.offsets.tolist(), len(listing.names)
        with self._path.open("r+b" if first else "wb") as out:
            files.cut_to(out.fileno(), offsets[first])
            safe = out.seek(offsets[first])
            for index in range(first, total):
                content = _row(f"{root}/{listing.names[index]}", self._layout.shape(index), self._sizing)
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
        failpoint(f"{self._path.name} flushed")
        begun = _Begun(fingerprint=self._fingerprint, images=images, sha256=digest)
        files.write_text(self._record, begun.model_dump_json() + "\n", self._token)

    def _left(self) -> tuple[int, Hash]:
        """How many images are there for sure, and the digest of them; 0 where anything is in doubt."""
        try:
            begun = _Begun.model_validate_json(files.read_bounded(self._record, _MAX_RECORD_BYTES))
            if begun.fingerprint == self._fingerprint and begun.images < len(self._layout.offsets):
                digest = digest_of(self._path, int(self._layout.offsets[begun.images]))
                if digest.hexdigest() == begun.sha256:
                    return begun.images, digest
        except (OSError, ValueError):
            pass
        return 0, hashlib.sha256()


def _row(path: str, shape: tuple[int, int, int], sizing: Sizing) -> memoryview:
    pixels = sizing.sized(decode_pixels(path))
    if pixels.shape != shape:
        raise UserError(
            f"{path}: has changed while it was packed. Leave the data set alone, then pack again."
        )
    return np.ascontiguousarray(pixels).data


def _measured(root: Path, listing: Listing, what: str, progress: Progress, sizing: Sizing) -> Layout:
    """The sizes of all images, from their heads: what will be written is known before anything is."""
    total = len(listing.names)
    shapes = np.empty((total, 2), np.int64)
    for index, name in enumerate(listing.names):
        shapes[index] = sizing.shape(*image_shape(f"{root}/{name}"))
        if index % _EVERY == 0 or index == total - 1:
            progress(what, index + 1, total)
    return Layout(shapes[:, 0], shapes[:, 1])


def _recorded(layout: Layout, digest: str) -> Part:
    told = slice(1) if layout.is_even else slice(None)
    heights, widths = (tuple(sides[told].tolist()) for sides in (layout.heights, layout.widths))
    images = len(layout.heights)
    return Part(images=images, heights=heights, widths=widths, bytes=layout.bytes, sha256=digest)
