"""From the ``[data]`` section of an experiment to its images: found, opened, cut and split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyexp.data.catalogue import CATALOGUE, FASHION_CLASSES
from tinyexp.data.draws import keyed_subset
from tinyexp.data.folders import FileImages, Folder, open_class_folders
from tinyexp.data.idx import read_folder
from tinyexp.data.imagenet import open_imagenet
from tinyexp.data.patterns import open_patterns
from tinyexp.data.places import locate, missing
from tinyexp.data.sources import ArrayImages, Dataset, ImageSource, Subset
from tinyexp.data.tiny_imagenet import open_tiny_imagenet
from tinyexp.errors import UserError
from tinyexp.spec.schema import Data

__all__ = ["Whole", "missing", "open_dataset", "open_whole", "split"]


@dataclass(frozen=True)
class Whole:
    """A data set as it lies in its folder, before anything is held out or left out."""

    train: ImageSource
    test: ImageSource
    classes: tuple[str, ...]
    fingerprint: str


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
    if data.dataset == "patterns":
        return open_patterns(data)
    root = locate(data, data_folder)
    if root is None:
        raise UserError(missing(data, data_folder) or "")
    whole = open_whole(data.dataset, root)
    train, holdout, test = split(whole.train, whole.test, data)
    return Dataset(
        train=train, holdout=holdout, test=test, classes=whole.classes, fingerprint=whole.fingerprint
    )


def open_whole(name: str, root: Path) -> Whole:
    """Open the data set of this name in its folder, uncut.

    Raises
    ------
    UserError
        The folder is of another form, or something in it is damaged; the message names it.
    """
    return _OPENERS[name](root)


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


def _open_fashion_mnist(root: Path) -> Whole:
    """The fingerprint is that of the arrays, so it is the same for every packing and place of the files."""
    train, test = read_folder(root, len(FASHION_CLASSES))
    digest = hashlib.sha256("\0".join(FASHION_CLASSES).encode())
    for part in (train, test):
        digest.update(f"\0{part.pixels.shape}\0".encode() + part.pixels.tobytes() + part.labels.tobytes())
    title = CATALOGUE["fashion-mnist"].title
    return Whole(
        train=ArrayImages(f"{title} train", train.pixels, train.labels),
        test=ArrayImages(f"{title} test", test.pixels, test.labels),
        classes=FASHION_CLASSES,
        fingerprint=digest.hexdigest(),
    )


def _open_image_folder(root: Path) -> Whole:
    return _of_files(open_class_folders(root, ("test", "val"), "An image folder"))


def _of_files(folder: Folder) -> Whole:
    return Whole(
        train=FileImages(folder.root, folder.train.names, folder.train.labels),
        test=FileImages(folder.root, folder.test.names, folder.test.labels),
        classes=folder.classes,
        fingerprint=folder.fingerprint(),
    )


_OPENERS: dict[str, Callable[[Path], Whole]] = {
    "fashion-mnist": _open_fashion_mnist,
    "tiny-imagenet": lambda root: _of_files(open_tiny_imagenet(root)),
    "imagenet": lambda root: _of_files(open_imagenet(root)),
    "image-folder": _open_image_folder,
}
