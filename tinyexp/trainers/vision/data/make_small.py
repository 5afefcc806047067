"""Makes the built-in part of Fashion-MNIST from the whole: how its files came about, and can be made again.

python -m tinyexp.trainers.vision.data.make_small FOLDER INTO

FOLDER has the four files that ``tinyexp data fetch fashion-mnist`` takes, or Debian's package dataset-fashion-mnist, and is held
against the digest of what the published ones hold; INTO is where the four small ones go. Of each class the same number of images is
chosen by key, in the order of the whole: nothing about a picture takes part in the choice.
"""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from tinyexp import files
from tinyexp.errors import DamagedError, TinyexpError
from tinyexp.terminal import say
from tinyexp.trainers.vision.data.catalogue import CATALOGUE
from tinyexp.trainers.vision.data.draws import keyed_subset
from tinyexp.trainers.vision.data.idx import IdxImages, read_folder
from tinyexp.trainers.vision.data.verify import verify

NAME, WHOLE = "fashion-mnist-small", "fashion-mnist"
WHOLE_FINGERPRINT = "3610a6fac585a89a3e7669fcf06b077bb4f7b3b45746b7ec67424804b5e52f2f"
"""Of the arrays in the published files, whose own digests the catalogue has; packed in another way they have the same."""


def contents(folder: Path) -> dict[str, bytes]:
    """The four small files by name, as they are once unpacked, from the folder of the whole data set.

    Raises
    ------
    UserError
        The folder does not hold the data set.
    DamagedError
        It holds another one than was published.
    """
    found = verify(WHOLE, Path(), str(folder))
    if found.problems or found.fingerprint != WHOLE_FINGERPRINT:
        told = found.problems[0] if found.problems else f"the images' digest is {found.fingerprint}"
        raise DamagedError(f"is not Fashion-MNIST as published: {told}.", folder)
    entry = CATALOGUE[NAME]
    parts = read_folder(Path(found.root), entry.classes)
    made = {}
    for name, part, count in zip(
        ("train", "t10k"), parts, (entry.train_images, entry.test_images), strict=True
    ):
        chosen = _balanced(f"{NAME} {name}", part, entry.classes, count // entry.classes)
        made[f"{name}-images-idx3-ubyte"] = _idx(part.pixels[chosen])
        made[f"{name}-labels-idx1-ubyte"] = _idx(part.labels[chosen].astype(np.uint8))
    return made


def _balanced(purpose: str, part: IdxImages, classes: int, count: int) -> NDArray[np.int64]:
    """``count`` images of each class, in ascending order."""
    chosen = []
    for label in range(classes):
        own = np.flatnonzero(part.labels == label)
        chosen.append(own[keyed_subset(f"{purpose} {label}", len(own), count)])
    return np.sort(np.concatenate(chosen))


def _idx(array: NDArray[np.uint8]) -> bytes:
    """An array as an IDX file; see :mod:`tinyexp.trainers.vision.data.idx`."""
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def _packed(content: bytes) -> bytes:
    """Gzipped without a name or a time, so that the same zlib gives the same bytes."""
    made = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=made, mtime=0) as file:
        file.write(content)
    return made.getvalue()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("into", type=click.Path(file_okay=False, path_type=Path))
def main(folder: Path, into: Path) -> None:
    """Write the four small files into INTO, from those of the whole data set in FOLDER."""
    try:
        made = contents(folder)
    except TinyexpError as error:
        raise click.ClickException(str(error)) from error
    into.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        packed = _packed(content)
        files.write_bytes(into / f"{name}.gz", packed)
        say(
            f"{name}.gz: {len(packed):,} bytes, sha256 of the unpacked content {files.sha256_of_bytes(content)}"
        )


if __name__ == "__main__":
    main()
