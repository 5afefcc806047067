"""Fuzzers of data that strangers made: image files, IDX files, archives, lists of Tiny ImageNet, and packs."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import stat
import warnings
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from data_folders import idx_bytes, inventory, make_fashion_mnist, make_tiny_imagenet
from harness import Fuzzer
from hypothesis import strategies as st
from mutations import edited, json_bytes, spoiled, texts
from PIL import Image

from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.folders import decode, decode_pixels, image_shape
from tinyexp.trainers.vision.data.idx import read_folder
from tinyexp.trainers.vision.data.pack import pack
from tinyexp.trainers.vision.data.tiny_imagenet import open_tiny_imagenet
from tinyexp.trainers.vision.data.unpack import Bounds, unpack
from tinyexp.trainers.vision.settings import Data

FORMS = {
    "JPEG": {"quality": 80},
    "PNG": {},
    "GIF": {},
    "BMP": {},
    "PPM": {},
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {"lossless": True},
}
TINY = "tiny-imagenet"


@cache
def _image(form: str, mode: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(content, form, **FORMS[form])
    return content.getvalue()


def _images() -> st.SearchStrategy[tuple[str, bytes]]:
    kinds = [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "P"), ("PNG", "LA")]
    kinds += [("GIF", "P"), ("BMP", "RGB"), ("PPM", "RGB"), ("TIFF", "RGB"), ("WEBP", "RGB")]
    return st.sampled_from(kinds).flatmap(
        lambda kind: st.tuples(
            st.just(f"image.{kind[0].lower()}"),
            spoiled(_image(*kind)) | st.binary(max_size=50).map(_image(*kind)[:20].__add__),
        )
    )


def read_image(place: Path, given: tuple[str, bytes]) -> None:
    """Decode an image in each of the ways there are; they must agree."""
    name, content = given
    path = place / name
    path.write_bytes(content)
    pixels = decode_pixels(path)
    assert np.array_equal(np.asarray(decode(path)), pixels), "two ways to read an image give two images"
    assert image_shape(path) == pixels.shape[:2], "its head has another size"


IDX = {
    "train-images-idx3-ubyte": np.zeros((4, 28, 28), np.uint8),
    "train-labels-idx1-ubyte": np.arange(4, dtype=np.uint8),
    "t10k-images-idx3-ubyte": np.zeros((3, 28, 28), np.uint8),
    "t10k-labels-idx1-ubyte": np.arange(3, dtype=np.uint8),
}


@st.composite
def idx_file(draw: st.DrawFn) -> tuple[str, bytes]:
    """One of the four files, spoiled before or after it is packed, or with a head that says something else."""
    name = draw(st.sampled_from(sorted(IDX)))
    content = idx_bytes(IDX[name])
    sizes = st.sampled_from((0, 1, 2, 3, 4, 27, 28, 29, 2**16, 2**31, 2**32 - 1))
    match draw(st.sampled_from(("spoiled", "head", "labels", "spoiled after"))):
        case "spoiled":
            content = draw(spoiled(content))
        case "head":
            dimensions = draw(st.lists(sizes, min_size=0, max_size=4))
            head = bytes((0, 0, draw(st.sampled_from((8, 8, 8, 9, 13))), len(dimensions)))
            content = head + b"".join(size.to_bytes(4, "big") for size in dimensions) + content[16:]
        case "labels":
            content = content[:8] + bytes(draw(st.lists(st.integers(0, 255), min_size=3, max_size=4)))
        case _:
            return f"{name}.gz", draw(spoiled(gzip.compress(content, mtime=0)))
    return (f"{name}.gz", gzip.compress(content, mtime=0)) if draw(st.booleans()) else (name, content)


def make_idx(place: Path) -> Path:
    """Four plain files."""
    return make_fashion_mnist(place / "fashion", train=4, test=3, packed=False)


def read_idx_files(folder: Path, given: tuple[str, bytes]) -> None:
    """Read the data set with one file replaced, or with a packed one that goes before the plain one."""
    name, content = given
    path = folder / name
    whole = path.read_bytes() if path.exists() else None
    try:
        path.write_bytes(content)
        train, test = read_folder(folder, 10)
        assert train.labels.max() < 10
        assert len(train.pixels) == len(train.labels)
        assert len(test.pixels) == len(test.labels)
    finally:
        path.unlink() if whole is None else path.write_bytes(whole)


ARCHIVE_NAMES = (
    "a",
    "a/b",
    "../evil",
    "/evil",
    "a/../../evil",
    "C:/evil",
    "a\\b",
    ".",
    "",
    "a/",
    "b",
    "\x1b[2J",
    "x" * 300,
)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """A zip archive of any names, kinds and sizes; half of them spoiled besides."""
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as made:
        warnings.simplefilter("ignore")  # that a name comes twice is what is wanted
        for _ in range(draw(st.integers(0, 5))):
            info = zipfile.ZipInfo(
                draw(st.sampled_from(ARCHIVE_NAMES) | texts.filter(lambda t: t.isprintable())) or "a"
            )
            kind = draw(
                st.sampled_from(
                    (stat.S_IFREG, stat.S_IFREG, stat.S_IFREG, 0, stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO)
                )
            )
            info.external_attr = (kind | 0o777) << 16
            info.compress_type = draw(
                st.sampled_from((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2))
            )
            made.writestr(
                info, draw(st.sampled_from((b"", b"x", b"/etc/passwd", bytes(3000), bytes(200_000))))
            )
    return draw(spoiled(content.getvalue())) if draw(st.booleans()) else content.getvalue()


def unpack_archive(place: Path, content: bytes) -> None:
    """Unpack into one folder; nothing may appear outside it, no link in it, and no more bytes than were allowed."""
    (place / "a.zip").write_bytes(content)
    room = place / "inner" / "room"
    room.mkdir(parents=True)
    before = set(inventory(place))
    try:
        unpack(place / "a.zip", room, Bounds(files=50, bytes=100_000))
    finally:
        new = [place / name for name in set(inventory(place)) - before]
        assert all(path.is_relative_to(room) for path in new), "something was written outside the folder"
        assert not any(path.is_symlink() for path in new), "a link was unpacked"
        assert sum(path.stat().st_size for path in new if path.is_file()) <= 100_000, (
            "more was written than is allowed"
        )
        shutil.rmtree(place / "inner")


def make_pack(place: Path) -> Path:
    """A data folder with Tiny ImageNet's layout, packed."""
    make_tiny_imagenet(place / "tiny-imagenet-200", size=8)
    folder = open_tiny_imagenet(place / "tiny-imagenet-200")
    pack(TINY, folder, place, lambda _what, _done, _total: None, lambda _sentence: None)
    return place


@cache
def _pack_files() -> dict[str, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        folder = make_pack(Path(place))
        found = {f"packed/*/{path.name}": path.read_bytes() for path in folder.glob("packed/*/*")}
        lists = ("wnids.txt", "val/val_annotations.txt")
        return found | {
            f"tiny-imagenet-200/{name}": (folder / "tiny-imagenet-200" / name).read_bytes() for name in lists
        }


@st.composite
def pack_file(draw: st.DrawFn) -> tuple[str, bytes]:
    """The manifest, by its structure; the pixels or the lists of classes and labels, by their bytes."""
    name = draw(st.sampled_from(["packed/*/manifest.json"] * 4 + sorted(_pack_files())))
    content = _pack_files()[name]
    if name.endswith("manifest.json"):
        return name, draw(edited(json.loads(content), json_bytes))
    return name, draw(spoiled(content))


def read_pack(folder: Path, given: tuple[str, bytes]) -> None:
    """Open the packed data set with one file of it replaced, and read every image."""
    name, content = given
    (path,) = folder.glob(name)
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        dataset = open_dataset(Data(dataset=TINY), folder)
        for part in (dataset.train, dataset.test):
            for index in range(len(part)):
                part.image(index)
    finally:
        path.write_bytes(whole)


IMAGES = Fuzzer(st.deferred(_images), lambda place: place, read_image, ("image.",))
IDX_FILES = Fuzzer(idx_file(), make_idx, read_idx_files, ("ubyte",))
ARCHIVES = Fuzzer(archives(), lambda place: place, unpack_archive, ("a.zip", "room"))
PACKS = Fuzzer(
    pack_file(), make_pack, read_pack, ("packed", "wnids.txt", "val_annotations.txt", "tiny-imagenet-200")
)
