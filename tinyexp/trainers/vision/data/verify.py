"""Looking through a whole data set: its counts, and whether every image can be decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyexp.errors import UserError, unknown
from tinyexp.trainers.vision.data.build import Whole, open_whole
from tinyexp.trainers.vision.data.catalogue import CATALOGUE, Entry
from tinyexp.trainers.vision.data.download import Progress
from tinyexp.trainers.vision.data.folders import FileImages
from tinyexp.trainers.vision.data.places import located
from tinyexp.trainers.vision.data.reductions import reductions
from tinyexp.trainers.vision.data.sources import ImageSource

VERIFIABLE = (*CATALOGUE, "image-folder")
_MAX_PROBLEMS = 100
_EVERY = 256


@dataclass(frozen=True)
class Verification:
    """What was found; no problem means that the data set is whole."""

    name: str
    root: str
    classes: int
    train_images: int
    test_images: int
    fingerprint: str
    problems: tuple[str, ...]
    reduced: Mapping[str, int]
    """How many images hold more than is taken of them, by kind."""


def verify(
    name: str,
    data_folder: Path,
    root: str = "",
    progress: Progress = lambda _what, _done, _total: None,
) -> Verification:
    """Check a data set where it lies; reads everything and changes nothing.

    Parameters
    ----------
    root
        Its folder; empty: looked for in the standard places under ``data_folder``.

    Raises
    ------
    UserError
        The name is unknown, or the data set is not there.
    """
    if name not in VERIFIABLE:
        raise unknown("tinyexp data", "data set", name, VERIFIABLE)
    place = located(name, data_folder, root)
    try:
        whole = open_whole(name, place)
    except UserError as error:
        return Verification(name, str(place), 0, 0, 0, "", (str(error),), {})
    problems = _wrong_counts(whole, CATALOGUE.get(name))
    reduced = Counter[str]()
    problems += _undecodable(whole.train, f"{name} train", progress, reduced)
    problems += _undecodable(whole.test, f"{name} test", progress, reduced)
    if len(problems) > _MAX_PROBLEMS:
        problems[_MAX_PROBLEMS:] = [f"and {len(problems) - _MAX_PROBLEMS:,} problems more"]
    return Verification(
        name=name,
        root=str(place),
        classes=len(whole.classes),
        train_images=len(whole.train),
        test_images=len(whole.test),
        fingerprint=whole.fingerprint,
        problems=tuple(problems),
        reduced=dict(reduced),
    )


def _wrong_counts(whole: Whole, entry: Entry | None) -> list[str]:
    """Where the numbers of classes and images differ from the published ones."""
    if entry is None:
        return []
    problems = []
    if len(whole.classes) != entry.classes:
        problems.append(f"{len(whole.classes):,} classes, {entry.classes:,} are expected")
    for part, source, wanted in (
        ("train", whole.train, entry.train_images),
        ("test", whole.test, entry.test_images),
    ):
        if len(source) != wanted:
            problems.append(f"{part}: {len(source):,} images, {wanted:,} are expected")
        if wanted % entry.classes == 0:
            problems += _uneven(part, source, whole.classes, wanted // entry.classes)
    return problems


def _uneven(part: str, source: ImageSource, classes: tuple[str, ...], wanted: int) -> list[str]:
    """The classes that have another number of images than each has as published."""
    counts = np.bincount(source.labels, minlength=len(classes)).tolist()
    return [
        f"{part}: class {name} has {count:,} images, {wanted:,} are expected"
        for name, count in zip(classes, counts, strict=True)
        if count != wanted
    ]


def _undecodable(source: ImageSource, what: str, progress: Progress, reduced: Counter[str]) -> list[str]:
    problems = []
    for index in range(len(source)):
        try:
            source.image(index)
            if isinstance(source, FileImages):
                reduced.update(reductions(source.describe(index)))
        except UserError as error:
            problems.append(str(error))
        if index % _EVERY == 0 or index == len(source) - 1:
            progress(f"decoding {what}", index + 1, len(source))
    return problems
