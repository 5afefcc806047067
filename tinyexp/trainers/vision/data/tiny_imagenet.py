"""Tiny ImageNet as it unpacks: ``wnids.txt``, ``train/<wnid>/images/``, ``val/images/`` with ``val_annotations.txt``.

The classes are the wnids in sorted order; ``wnids.txt`` is not sorted. The test images have no public
labels, so ``val`` is what is tested on. A ``val`` folder that was rearranged into ``val/<wnid>/`` is read as well.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from tinyexp.errors import UnreadableError, UserError
from tinyexp.files import read_bounded, read_error
from tinyexp.trainers.vision.data.folders import (
    Folder,
    Listing,
    found,
    image_sizes,
    list_classes,
    some,
    subfolders,
)

_WNID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_BYTES = 100_000_000
_NEXT = "Take the data set anew: `tinyexp data fetch tiny-imagenet`."


def open_tiny_imagenet(root: Path) -> Folder:
    """List the data set in a folder.

    Raises
    ------
    UserError
        Something is missing, unknown or of another form; the message names it.
    """
    if not (root / "wnids.txt").is_file():
        raise UserError(
            f"{root}: Tiny ImageNet is expected as wnids.txt, train/<wnid>/images/ and val/ with val_annotations.txt."
            f" Found: {found(root)}. Name its folder with --set data.root=FOLDER, or `tinyexp data fetch tiny-imagenet`."
        )
    classes = _read_wnids(root / "wnids.txt")
    numbers = {wnid: number for number, wnid in enumerate(classes)}
    return Folder(root, classes, _train(root, numbers), _val(root, numbers))


def _read_wnids(path: Path) -> tuple[str, ...]:
    wnids = _lines(path)
    for number, wnid in enumerate(wnids, start=1):
        if not _WNID.fullmatch(wnid):
            raise UserError(
                f"{path}: line {number} is {wnid!r}, which is no class name such as n01443537. {_NEXT}"
            )
    twice = sorted({wnid for wnid in wnids if wnids.count(wnid) > 1})
    if twice or not wnids:
        raise UserError(f"{path}: {f'lists {some(twice)} more than once' if twice else 'is empty'}. {_NEXT}")
    return tuple(sorted(wnids))


def _train(root: Path, numbers: dict[str, int]) -> Listing:
    _same_classes(root / "train", numbers)
    return list_classes(root, {f"train/{wnid}/images": number for wnid, number in numbers.items()})


def _val(root: Path, numbers: dict[str, int]) -> Listing:
    """``val`` as it unpacks; where ``val/images`` is gone, as class folders, with or without ``images`` in them."""
    if (root / "val" / "images").is_dir():
        return _annotated(root, numbers)
    _same_classes(root / "val", numbers)
    folders = {}
    for wnid, number in numbers.items():
        inner = root / "val" / wnid / "images"
        folders[f"val/{wnid}/images" if inner.is_dir() else f"val/{wnid}"] = number
    return list_classes(root, folders)


def _annotated(root: Path, numbers: dict[str, int]) -> Listing:
    path = root / "val" / "val_annotations.txt"
    label_of = _read_annotations(path, numbers)
    size_of = image_sizes(root / "val" / "images")
    absent, unlabelled = sorted(set(label_of) - set(size_of)), sorted(set(size_of) - set(label_of))
    if absent:
        raise UserError(
            f"{path}: lists images that are not in {root / 'val' / 'images'}: {some(absent)}. {_NEXT}"
        )
    if unlabelled:
        raise UserError(
            f"{path}: says no class for images in {root / 'val' / 'images'}: {some(unlabelled)}. {_NEXT}"
        )
    # By name, so that the numbers do not depend on the order of the lines.
    names = sorted(label_of)
    labels = np.array([label_of[name] for name in names], np.int64)
    return Listing(
        tuple(f"val/images/{name}" for name in names), tuple(size_of[name] for name in names), labels
    )


def _read_annotations(path: Path, numbers: dict[str, int]) -> dict[str, int]:
    """The class number of each file; each line is name, wnid and a box, with tabs between."""
    label_of: dict[str, int] = {}
    for number, line in enumerate(_lines(path), start=1):
        name, _, rest = line.partition("\t")
        wnid = rest.partition("\t")[0]
        if not wnid:
            raise UserError(
                f"{path}: line {number} is {line[:80]!r}; expected is file, wnid and box with tabs between. {_NEXT}"
            )
        if wnid not in numbers:
            raise UserError(
                f"{path}: line {number} gives {name} the class '{wnid}', which is not in wnids.txt. {_NEXT}"
            )
        if name in label_of:
            raise UserError(f"{path}: line {number} lists {name} a second time. {_NEXT}")
        label_of[name] = numbers[wnid]
    if not label_of:
        raise UserError(f"{path}: is empty. {_NEXT}")
    return label_of


def _same_classes(folder: Path, numbers: dict[str, int]) -> None:
    there = set(subfolders(folder))
    absent, strange = sorted(set(numbers) - there), sorted(there - set(numbers))
    if absent:
        raise UserError(f"{folder}: has no folder for classes of wnids.txt: {some(absent)}. {_NEXT}")
    if strange:
        raise UserError(
            f"{folder}: has folders that are no class of wnids.txt: {some(strange)}. Take them out, or take the data set anew."
        )


def _lines(path: Path) -> list[str]:
    try:
        text = read_bounded(path, _MAX_BYTES).decode().replace("\r", "\n")
        return [line for line in text.split("\n") if line.strip()]
    except OSError as error:
        problem = read_error(path, error)
        if isinstance(problem, UnreadableError):  # which another copy of the data would not cure
            raise problem from error
        raise UserError(f"{path}: cannot be read ({error.strerror}). {_NEXT}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read ({error}). {_NEXT}") from error
