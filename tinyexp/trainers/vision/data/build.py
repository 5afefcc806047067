"""From the ``[data]`` section of an experiment to its images: found, opened, cut and split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyexp.errors import UserError, listed, unknown
from tinyexp.trainers.vision.data.catalogue import CATALOGUE, FASHION, FASHION_CLASSES
from tinyexp.trainers.vision.data.draws import keyed_subset
from tinyexp.trainers.vision.data.folders import FileImages, Folder, open_class_folders
from tinyexp.trainers.vision.data.idx import FETCH_ANEW, read_folder
from tinyexp.trainers.vision.data.imagenet import open_imagenet
from tinyexp.trainers.vision.data.packed import command, open_packed
from tinyexp.trainers.vision.data.patterns import open_patterns
from tinyexp.trainers.vision.data.places import INSTALL_ANEW, locate, located, missing
from tinyexp.trainers.vision.data.sizing import Sizing
from tinyexp.trainers.vision.data.sources import ArrayImages, Dataset, ImageSource, Subset
from tinyexp.trainers.vision.data.tiny_imagenet import open_tiny_imagenet
from tinyexp.trainers.vision.settings import Data

__all__ = ["Whole", "find_folder", "missing", "open_dataset", "open_whole", "split"]


@dataclass(frozen=True)
class Whole:
    """A data set as it lies in its folder, before anything is held out or left out."""

    train: ImageSource
    test: ImageSource
    classes: tuple[str, ...]
    fingerprint: str
    covers: str = ""
    fingerprint_now: Callable[[], str] | None = None
    """These two as :class:`~tinyexp.trainers.vision.data.sources.Dataset` has them."""


def open_dataset(data: Data, data_folder: Path) -> Dataset:
    """Find a data set, open it, and cut it as its section says.

    Parameters
    ----------
    data
        What to open. With ``data.root`` empty it is looked for in the standard places.
    data_folder
        The folder of data sets; the caller takes it from ``$TINYEXP_DATA`` or ``./data``.

    Raises
    ------
    UserError
        It is not there, is of another form, is damaged, or ``holdout`` leaves no training image.
    """
    if data.packed_side and data.dataset not in _LISTERS:
        raise UserError(
            f"data.packed_side = {data.packed_side}: only image files are packed ({listed(_LISTERS)}), and "
            f"'{data.dataset}' has arrays. Leave it out."
        )
    if data.dataset == "patterns":
        return open_patterns(data)
    root = locate(data, data_folder)
    if root is None:
        raise UserError(missing(data, data_folder) or "")
    whole = open_whole(data.dataset, root, data_folder, data.packed_side)
    train, holdout, test = split(whole.train, whole.test, data)
    return Dataset(
        train=train,
        holdout=holdout,
        test=test,
        classes=whole.classes,
        fingerprint=whole.fingerprint,
        covers=whole.covers,
        fingerprint_now=whole.fingerprint_now,
    )


def open_whole(name: str, root: Path, data_folder: Path | None = None, packed_side: int = 0) -> Whole:
    """Open the data set of this name in its folder, uncut.

    Parameters
    ----------
    data_folder
        Where a pack of it is looked for, which then stands in for decoding; None to read the files themselves.
    packed_side
        Take the pack whose images have this shorter side, which is another data set; 0 for their own size.

    Raises
    ------
    UserError
        The folder is of another form, or something in it or the pack is damaged; the message names it.
    """
    if name in FASHION:
        return _open_fashion_mnist(name, root)
    folder, sizing = _LISTERS[name](root), Sizing(packed_side)
    fingerprint = sizing.fingerprint(folder.fingerprint())
    packed = None if data_folder is None else open_packed(name, folder, fingerprint, data_folder, sizing)
    if packed is None and packed_side:
        again = command(name, folder, data_folder or Path("data"), sizing)
        raise UserError(
            f"data.packed_side = {packed_side}: {name} is not packed at this size. Pack it with `{again}`, or leave "
            "data.packed_side out: the files are then decoded at their own size."
        )
    train, test = packed or (
        FileImages(folder.root, part.names, part.labels) for part in (folder.train, folder.test)
    )
    return Whole(
        train=train,
        test=test,
        classes=folder.classes,
        fingerprint=fingerprint,
        covers=folder.covers(),
        fingerprint_now=lambda: sizing.fingerprint(_LISTERS[name](root).fingerprint()),
    )


def find_folder(name: str, data_folder: Path, root: str = "") -> Folder:
    """Find a data set of image files and list it.

    Raises
    ------
    UserError
        It is not of files, is not there, or is of another form.
    """
    if name not in _LISTERS:
        raise unknown("tinyexp data pack", "data set of image files", name, _LISTERS)
    return _LISTERS[name](located(name, data_folder, root))


def split(train: ImageSource, test: ImageSource, data: Data) -> tuple[Subset, Subset, Subset]:
    """Training, held-out and test images. The held-out part is cut first: a ``train_limit`` never changes it.

    Raises
    ------
    UserError
        ``holdout`` leaves less than one training image.
    """
    if data.holdout >= len(train):
        raise UserError(
            f"data.holdout = {data.holdout}: the data set '{data.dataset}' has {len(train):,} training images,"
            f" and at least one must be left to train on. Set it to {len(train) - 1} or less."
        )
    held = keyed_subset("holdout", len(train), data.holdout)
    rest = np.delete(np.arange(len(train)), held)
    kept = rest[keyed_subset("train_limit", len(rest), data.train_limit or len(rest))]
    tested = keyed_subset("test_limit", len(test), data.test_limit or len(test))
    return Subset(train, kept), Subset(train, held), Subset(test, tested)


def _open_fashion_mnist(name: str, root: Path) -> Whole:
    """The fingerprint is that of the arrays, so it is the same for every packing and place of the files."""
    entry = CATALOGUE[name]
    is_ours = entry.built_in and root == Path(entry.folder)
    train, test = read_folder(root, len(FASHION_CLASSES), INSTALL_ANEW if is_ours else FETCH_ANEW)
    digest = hashlib.sha256("\0".join(FASHION_CLASSES).encode())
    for part in (train, test):
        digest.update(f"\0{part.pixels.shape}\0".encode() + part.pixels.tobytes() + part.labels.tobytes())
    return Whole(
        train=ArrayImages(f"{entry.title} train", train.pixels, train.labels),
        test=ArrayImages(f"{entry.title} test", test.pixels, test.labels),
        classes=FASHION_CLASSES,
        fingerprint=digest.hexdigest(),
    )


_LISTERS: dict[str, Callable[[Path], Folder]] = {
    "tiny-imagenet": open_tiny_imagenet,
    "imagenet": open_imagenet,
    "image-folder": lambda root: open_class_folders(root, ("test", "val"), "An image folder"),
}
"""Those of image files; the others are arrays already."""
