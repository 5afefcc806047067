"""Small data sets in the exact layout of the large ones, for tests: real JPEGs, made on the spot."""

from __future__ import annotations

import colorsys
import gzip
import io
import stat
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def make_tiny_imagenet(
    folder: Path,
    *,
    classes: int = 3,
    train_per_class: int = 4,
    val_per_class: int = 2,
    separable: bool = True,
    size: int = 64,
) -> Path:
    """``folder`` in Tiny ImageNet's layout; every fourth image is grey, ``wnids.txt`` is not sorted."""
    wnids = wnids_of(classes)
    shuffled = wnids[1::2][::-1] + wnids[0::2]
    _write(folder / "wnids.txt", "\n".join(shuffled) + "\n")
    _write(folder / "words.txt", "".join(f"{wnid}\tthing {wnid}\n" for wnid in wnids))
    annotations: list[str] = []
    for label, wnid in enumerate(wnids):
        for number in range(train_per_class):
            path = folder / "train" / wnid / "images" / f"{wnid}_{number}.JPEG"
            save_image(path, label if separable else None, classes, (size, size), grey=number % 4 == 3)
        boxes = "".join(
            f"{wnid}_{number}.JPEG\t0\t1\t{size - 1}\t{size - 2}\n" for number in range(train_per_class)
        )
        _write(folder / "train" / wnid / f"{wnid}_boxes.txt", boxes)
    for number in range(classes * val_per_class):
        label = number % classes
        path = folder / "val" / "images" / f"val_{number}.JPEG"
        save_image(path, label if separable else None, classes, (size, size), grey=number % 4 == 3)
        annotations.append(f"{path.name}\t{wnids[label]}\t0\t0\t{size - 1}\t{size - 1}\n")
    _write(folder / "val" / "val_annotations.txt", "".join(annotations))
    save_image(folder / "test" / "images" / "test_0.JPEG", None, classes, (size, size))
    return folder


def make_imagenet(
    folder: Path,
    *,
    classes: int = 3,
    train_per_class: int = 4,
    val_per_class: int = 2,
    separable: bool = True,
    size: int = 96,
) -> Path:
    """``folder`` with ``train/<wnid>/`` and ``val/<wnid>/``; wide and tall photos, ``size`` the short side in pixels."""
    for label, wnid in enumerate(wnids_of(classes)):
        for part, count in (("train", train_per_class), ("val", val_per_class)):
            for number in range(count):
                path = (
                    folder
                    / part
                    / wnid
                    / f"{wnid if part == 'train' else 'ILSVRC2012_val'}_{number:08d}.JPEG"
                )
                long = size + size // (2 + number % 3)
                shape = (long, size) if number % 2 else (size, long)
                save_image(path, label if separable else None, classes, shape, grey=number % 4 == 3)
    return folder


def make_fashion_mnist(
    folder: Path,
    *,
    train: int = 40,
    test: int = 20,
    packed: bool = True,
    name: str = "{part}-{kind}-ubyte",
) -> Path:
    """The four IDX files; image k has class k % 10, which is the brightness of its upper rows."""
    for part, count in (("train", train), ("t10k", test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        pixels = np.random.default_rng(count).integers(0, 20, (count, 28, 28), dtype=np.uint8)
        pixels[:, :14] += (20 * labels)[:, None, None]
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            content = idx_bytes(array)
            path = folder / name.format(part=part, kind=kind)
            path.parent.mkdir(parents=True, exist_ok=True)
            if packed:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(content, mtime=0))
            else:
                path.write_bytes(content)
    return folder


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """An array of unsigned bytes as an IDX file."""
    head = bytes((0, 0, 8, array.ndim)) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def wnids_of(classes: int) -> list[str]:
    """Class names as WordNet's numbers look, in sorted order."""
    return [f"n{1_443_537 + 10_007 * number:08d}" for number in range(classes)]


def save_image(
    path: Path, label: int | None, classes: int, shape: tuple[int, int], *, grey: bool = False
) -> None:
    """A JPEG of ``shape`` (width, height): stripes whose direction and hue are the class's; noise for label None."""
    width, height = shape
    # Keyed by the file's name, so that the same call always makes the same bytes.
    random = np.random.default_rng(zlib.crc32(path.name.encode()))
    noise = random.normal(0, 12, (height, width, 3))
    if label is None:
        pixels = random.uniform(0, 255, (height, width, 3))
    else:
        angle = np.pi * label / classes
        y, x = np.mgrid[:height, :width]
        wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / 12 + random.uniform(0, 2 * np.pi))
        hue = np.array(colorsys.hsv_to_rgb(label / classes, 0.7, 1.0))
        pixels = (140 + 80 * wave)[:, :, None] * hue
    image = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    (image.convert("L") if grey else image).save(path, "JPEG", quality=90)


def zipped(root: Path) -> bytes:
    """A folder as a zip archive, with its own name in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, path.relative_to(root.parent))
    return buffer.getvalue()


def archive_of(entries: dict[str, bytes], *, mode: int = stat.S_IFREG | 0o644) -> bytes:
    """A zip archive of these names and contents; ``mode`` says what kind of file each is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def inventory(folder: Path) -> list[str]:
    """Everything under a folder, hidden things too; lock files do not count."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix != ".lock")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
