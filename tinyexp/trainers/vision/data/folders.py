"""Images in files: finding them, and decoding them one at a time.

Nothing is ever skipped in silence: what lies among the images and is none of them is an error that names
it. The user's files are read and never moved, renamed or written.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tinyexp.clutter import is_clutter
from tinyexp.errors import UserError, listed
from tinyexp.trainers.vision.data.contents import contents_digest, covered
from tinyexp.trainers.vision.data.jpeg import jpeg_shape, read_jpeg

MAX_PIXELS = 89_000_000
"""An image of more pixels is refused before it is decoded: a small file can hold a very large picture.
Pillow itself warns a little above this and refuses above twice as much; so its warning is never the last word."""

_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"))
_SHOWN = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Listing:
    """The image files of one part of a data set, in the order of their numbers."""

    names: tuple[str, ...]
    """Paths relative to the root, with ``/``."""
    sizes: tuple[int, ...]
    """Bytes of each file."""
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Folder:
    """A data set of image files, listed and not yet read."""

    root: Path
    classes: tuple[str, ...]
    train: Listing
    test: Listing

    def fingerprint(self) -> str:
        """SHA-256 over the class order, each file's part, path, size in bytes and label, and as much of the contents as :meth:`covers` says.

        Raises
        ------
        UserError
            A file cannot be read.
        """
        digest = hashlib.sha256()
        for name in self.classes:
            digest.update(f"class\0{name}\0".encode(errors="surrogateescape"))
        for part, listing in (("train", self.train), ("test", self.test)):
            rows = zip(listing.names, listing.sizes, listing.labels.tolist(), strict=True)
            for name, size, label in rows:
                digest.update(
                    f"{part}\0{_composed(name)}\0{size}\0{label}\0".encode(errors="surrogateescape")
                )
            digest.update(contents_digest(self.root, listing.names, listing.sizes).encode())
        return digest.hexdigest()

    def covers(self) -> str:
        """How far the fingerprint goes, in words."""
        return covered({"training": self.train.sizes, "test": self.test.sizes})


class FileImages:
    """An ImageSource over image files.

    Parameters
    ----------
    root
        What the names are relative to.
    names
        One path an image, with ``/``.
    labels
        Class numbers, shape (images,).
    """

    def __init__(self, root: Path, names: Sequence[str], labels: NDArray[np.int64]) -> None:
        self._root = root
        self._names = names
        self._labels = labels

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._labels

    def __len__(self) -> int:
        return len(self._names)

    def image(self, index: int) -> Image.Image:
        """The image in mode RGB; of an animation the first frame, of a transparent one the colours alone."""
        return decode(self._root / self._names[index])

    def pixels(self, indices: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
        """The images of these numbers, decoded anew, each of shape (height, width, 3)."""
        return [decode_pixels(f"{self._root}/{self._names[index]}") for index in indices.tolist()]

    def describe(self, index: int) -> str:
        return str(self._root / self._names[index])


def decode(path: str | Path) -> Image.Image:
    """Read an image file whole and give it in mode RGB.

    Raises
    ------
    UserError
        It is missing, empty, cut off, damaged, no image, too large, or has more than 8 bits a channel.
    """
    pixels = read_jpeg(path, MAX_PIXELS)
    return _by_pillow(path, _in_rgb) if pixels is None else Image.fromarray(pixels)


def decode_pixels(path: str | Path) -> NDArray[np.uint8]:
    """As :func:`decode`, as an array of shape (height, width, 3) that may be read-only."""
    pixels = read_jpeg(path, MAX_PIXELS)
    return np.asarray(_by_pillow(path, _in_rgb)) if pixels is None else pixels


def image_shape(path: str | Path) -> tuple[int, int]:
    """Height and width of an image file, from its head alone; raises as :func:`decode` does."""
    shape = jpeg_shape(path, MAX_PIXELS)
    return _by_pillow(path, lambda image: (image.height, image.width)) if shape is None else shape


def _by_pillow(path: str | Path, what: Callable[[Image.Image], T]) -> T:
    """What is asked of an image, or a UserError that names the file."""
    try:
        with Image.open(path) as image:
            _check(path, image)
            return what(image)
    except UserError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever their parser runs into
        raise UserError(
            f"{path}: cannot be decoded ({error}). Replace this file by a good copy; images are never skipped."
        ) from error


def _in_rgb(image: Image.Image) -> Image.Image:
    # A palette with transparency goes by way of RGBA: Pillow warns about the direct way.
    whole = image.convert("RGBA") if "transparency" in image.info else image
    return whole.convert("RGB")


def _check(path: str | Path, image: Image.Image) -> None:
    pixels = image.width * image.height
    if pixels > MAX_PIXELS:
        raise UserError(
            f"{path}: has {image.width:,} x {image.height:,} = {pixels:,} pixels; at most {MAX_PIXELS:,} are decoded. Scale it down."
        )
    if image.mode.startswith(("I", "F")):
        raise UserError(
            f"{path}: has more than 8 bits a channel (Pillow's mode {image.mode}). Convert it to 8 bits."
        )


def open_class_folders(root: Path, tests: Sequence[str], what: str) -> Folder:
    """A data set of the form ``train/<class>/*``, ``test/<class>/*``; classes in sorted order.

    Parameters
    ----------
    tests
        The folders that the test images may be in; the first that has class folders is taken.
    what
        The kind of data set, for messages.

    Raises
    ------
    UserError
        The folder has another form, the two parts have different classes, or a class has no image.
    """
    expected = f"{what} is expected as train/<class>/<images> and {' or '.join(tests)}/<class>/<images>"
    train_classes = _classes(root / "train")
    test = next((name for name in tests if subfolders(root / name)), "")
    if not train_classes or not test:
        raise UserError(
            f"{root}: {expected}. Found: {found(root)}. Lay the folder out so, or name another with --set data.root=FOLDER."
        )
    test_classes = _classes(root / test)
    if list(train_classes) != list(test_classes):
        only_train, only_test = (
            sorted(set(train_classes) - set(test_classes)),
            sorted(set(test_classes) - set(train_classes)),
        )
        raise UserError(
            f"{root}: train/ and {test}/ must have the same class folders."
            f" Only in train/: {some(only_train)}. Only in {test}/: {some(only_test)}."
        )
    parts = [
        list_classes(root, {f"{part}/{name}": number for number, name in enumerate(named.values())})
        for part, named in (("train", train_classes), (test, test_classes))
    ]
    return Folder(root, tuple(train_classes), *parts)


def _composed(name: str) -> str:
    """A name as most systems write it: a Mac may write a letter and its accent as two characters, which look like the one."""
    return unicodedata.normalize("NFC", name)


def _classes(folder: Path) -> dict[str, str]:
    """The folders of classes by the classes' names, in order."""
    found: dict[str, str] = {}
    for name in subfolders(folder):
        if (told := _composed(name)) in found:
            raise UserError(
                f"{folder}: has two folders of the name '{told}', whose accents are written as one character in one and as two in"
                " the other. Put their images into one of them."
            )
        found[told] = name
    return dict(sorted(found.items()))


def list_classes(root: Path, folders: Mapping[str, int]) -> Listing:
    """All images of some class folders, folder by folder as given and by name in each.

    Parameters
    ----------
    folders
        Relative path of each class folder, and its class number.
    """
    names: list[str] = []
    sizes: list[int] = []
    labels: list[int] = []
    for folder, label in folders.items():
        files = image_sizes(root / folder)
        if not files:
            raise UserError(
                f"{root / folder}: has no image. Every class needs one; take the data set anew, or remove the class."
            )
        names += [f"{folder}/{name}" for name in files]
        sizes += files.values()
        labels += [label] * len(files)
    return Listing(tuple(names), tuple(sizes), np.array(labels, np.int64))


def image_sizes(folder: Path) -> dict[str, int]:
    """The image files right in a folder: name and size in bytes, sorted by name.

    Raises
    ------
    UserError
        It is missing or unreadable, or holds something else than images; hidden files and the file
        manager's (``Thumbs.db``) do not count.
    """
    sizes = {}
    for entry in _entries(folder):
        if _is_none(entry.name):
            continue
        if os.path.splitext(entry.name)[1].lower() not in _SUFFIXES or not _is(entry.is_file):  # noqa: PTH122 - of a million names
            path = Path(entry.path)
            kind = (
                "a folder"
                if path.is_dir()
                else "a broken link"
                if not path.exists()
                else "no image by its name"
                if path.is_file()
                else "no ordinary file"
            )
            raise UserError(
                f"{path}: lies among the images of a class and is {kind}. Take it out, or name another folder as the data set."
            )
        sizes[entry.name] = entry.stat().st_size
        if not sizes[entry.name]:
            raise UserError(
                f"{entry.path}: is empty. Replace this file by a good copy; images are never skipped."
            )
    return dict(sorted(sizes.items(), key=lambda one: _composed(one[0])))


def subfolders(folder: Path) -> tuple[str, ...]:
    """The names of the folders in a folder, sorted; none where it does not exist."""
    if not folder.is_dir():
        return ()
    return tuple(
        sorted(entry.name for entry in _entries(folder) if _is(entry.is_dir) and not _is_none(entry.name))
    )


def found(folder: Path) -> str:
    """What a folder holds, for a message."""
    names = [entry.name + "/" * _is(entry.is_dir) for entry in _entries(folder)]
    return some(sorted(names)) if names else "an empty folder"


def some(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    everything = list(names)
    rest = len(everything) - _SHOWN
    return listed(everything[:_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def _is(kind: Callable[[], bool]) -> bool:
    """What an entry says of itself; a link that leads round in a circle is nothing, and Python raises for it."""
    try:
        return kind()
    except OSError:
        return False


def _is_none(name: str) -> bool:
    """Whether it is neither an image nor a class: hidden, or what systems leave in folders."""
    return name.startswith(".") or is_clutter(name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be listed ({error.strerror}). It is expected to be a folder of the data set."
        ) from error
