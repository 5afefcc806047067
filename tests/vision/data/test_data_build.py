from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_folders import make_fashion_mnist, make_imagenet, make_tiny_imagenet
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.build import missing, open_dataset, split
from tinyexp.trainers.vision.data.catalogue import CATALOGUE
from tinyexp.trainers.vision.data.sources import ArrayImages
from tinyexp.trainers.vision.settings import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(autouse=True)
def _no_other_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed on the machine at hand must not be found."""
    for name, entry in CATALOGUE.items():
        places = tuple(place for place in entry.elsewhere if not place.startswith("/"))
        monkeypatch.setitem(CATALOGUE, name, dataclasses.replace(entry, elsewhere=places))


def section(dataset: str, **keys: Any) -> Data:
    return Data.model_validate({"dataset": dataset, **keys})


def numbered(size: int) -> ArrayImages:
    """Images that know their own number."""
    return ArrayImages("x", np.zeros((size, 1, 1), np.uint8), np.arange(size))


# Places


@pytest.mark.parametrize(
    "place", ["fashion-mnist", "FashionMNIST/raw"], ids=["our own folder", "torchvision's folder"]
)
def test_fashion_mnist_is_found_in_the_data_folder(tmp_path: Path, place: str) -> None:
    make_fashion_mnist(tmp_path / place, packed=place == "fashion-mnist")
    assert missing(section("fashion-mnist"), tmp_path) is None
    dataset = open_dataset(section("fashion-mnist"), tmp_path)
    assert (len(dataset.train), len(dataset.holdout), len(dataset.test)) == (40, 0, 20)
    assert dataset.classes[9] == "Ankle boot"
    assert dataset.train.image(0).mode == "RGB"
    assert dataset.train.image(0).size == (28, 28)


@pytest.mark.parametrize("inside", ["", "fashion-mnist", "FashionMNIST/raw", "raw"])
def test_fashion_mnist_is_found_in_the_root_that_is_named(tmp_path: Path, inside: str) -> None:
    make_fashion_mnist(tmp_path / "own" / inside)
    dataset = open_dataset(section("fashion-mnist", root=str(tmp_path / "own")), tmp_path / "empty")
    assert len(dataset.train) == 40


@pytest.mark.parametrize(
    "place", ["tiny-imagenet-200", "tiny-imagenet-200/tiny-imagenet-200", "tiny-imagenet"]
)
def test_tiny_imagenet_is_found_once_and_twice_nested(tmp_path: Path, place: str) -> None:
    make_tiny_imagenet(tmp_path / place)
    dataset = open_dataset(section("tiny-imagenet"), tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (12, 6)


def test_nesting_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    make_tiny_imagenet(tmp_path / "a" / "tiny-imagenet-200")
    make_tiny_imagenet(tmp_path / "b" / "tiny-imagenet-200" / "tiny-imagenet-200")
    roots = [section("tiny-imagenet", root=str(tmp_path / name)) for name in ("a", "b")]
    prints = {open_dataset(root, tmp_path).fingerprint for root in roots}
    assert len(prints) == 1


def test_imagenet_and_image_folder_are_opened(tmp_path: Path) -> None:
    make_imagenet(tmp_path / "imagenet")
    assert len(open_dataset(section("imagenet"), tmp_path).train) == 12
    dataset = open_dataset(section("image-folder", root=str(tmp_path / "imagenet")), tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (12, 6)


def test_patterns_need_no_folder(tmp_path: Path) -> None:
    data = section("patterns", train_limit=20, test_limit=10, holdout=10)
    assert missing(data, tmp_path / "nowhere") is None
    dataset = open_dataset(data, tmp_path / "nowhere")
    assert (len(dataset.train), len(dataset.holdout), len(dataset.test)) == (20, 10, 10)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debians_fashion_mnist_is_opened_in_its_own_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = CATALOGUE["fashion-mnist"]
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", dataclasses.replace(entry, elsewhere=(str(DEBIAN),)))
    assert missing(section("fashion-mnist"), tmp_path) is None
    dataset = open_dataset(section("fashion-mnist", holdout=5000), tmp_path)
    assert (len(dataset.train), len(dataset.holdout), len(dataset.test)) == (55_000, 5_000, 10_000)


# What is missing


@pytest.mark.parametrize("name", ["fashion-mnist", "tiny-imagenet"])
def test_missing_says_where_it_was_looked_for_and_what_takes_it(tmp_path: Path, name: str) -> None:
    words = missing(section(name), tmp_path)
    entry = CATALOGUE[name]
    assert words is not None
    assert str(tmp_path / entry.folder) in words
    assert f"tinyexp data fetch {name}" in words
    assert "--set data.root=FOLDER" in words
    assert f"Licence: {entry.licence}." in words
    for file in entry.files:
        assert file.sha256 in words
        assert f"{file.bytes:,} bytes" in words
    with pytest.raises(UserError) as caught:
        open_dataset(section(name), tmp_path)
    assert str(caught.value) == words


def test_missing_imagenet_says_that_it_needs_an_account_and_how_to_lay_it_out(tmp_path: Path) -> None:
    words = missing(section("imagenet"), tmp_path)
    assert words is not None
    assert "asks for an account" in words
    assert "train/<wnid>/*.JPEG" in words
    assert "data fetch" not in words
    assert "ILSVRC2012_img_val.tar (6,744,924,160 bytes, md5 29b22e2961454d5413ddabcf34fc5622)" in words


def test_an_image_folder_without_root_says_what_to_set(tmp_path: Path) -> None:
    assert "--set data.root=FOLDER" in (missing(section("image-folder"), tmp_path) or "")
    with pytest.raises(UserError, match=r"data\.root: an image-folder data set needs its folder"):
        open_dataset(section("image-folder"), tmp_path)


@pytest.mark.parametrize("name", ["fashion-mnist", "tiny-imagenet", "imagenet", "image-folder"])
def test_a_root_that_does_not_exist_is_an_error(tmp_path: Path, name: str) -> None:
    data = section(name, root=str(tmp_path / "nowhere"))
    for function in (missing, open_dataset):
        with pytest.raises(UserError, match=r"data\.root = '.*nowhere': does not exist"):
            function(data, tmp_path)


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200.zip").touch()
    with pytest.raises(UserError, match="is a file; unpack it"):
        missing(section("tiny-imagenet", root=str(tmp_path / "tiny-imagenet-200.zip")), tmp_path)


def test_a_root_that_is_something_else_is_explained_when_opened(tmp_path: Path) -> None:
    make_imagenet(tmp_path / "imagenet")
    data = section("tiny-imagenet", root=str(tmp_path / "imagenet"))
    assert missing(data, tmp_path) is None
    with pytest.raises(UserError, match="Tiny ImageNet is expected as"):
        open_dataset(data, tmp_path)


def test_an_unfinished_folder_in_the_standard_place_is_explained_when_opened(tmp_path: Path) -> None:
    (tmp_path / "imagenet").mkdir()
    (tmp_path / "imagenet" / "ILSVRC2012_img_train.tar").touch()
    with pytest.raises(UserError, match="holds the archives, still packed"):
        open_dataset(section("imagenet"), tmp_path)


def test_an_empty_standard_folder_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200").mkdir()
    assert "is not there" in (missing(section("tiny-imagenet"), tmp_path) or "")


# Limits and the held-out part


@given(st.integers(1, 60), st.integers(0, 60), st.integers(0, 70), st.integers(0, 70))
def test_parts_are_disjoint_and_as_large_as_asked(
    size: int, holdout: int, train_limit: int, test_limit: int
) -> None:
    data = section("imagenet", holdout=holdout, train_limit=train_limit, test_limit=test_limit)
    if holdout >= size:
        with pytest.raises(UserError, match=f"data.holdout = {holdout}"):
            split(numbered(size), numbered(size), data)
        return
    train, held, test = (part.labels.tolist() for part in split(numbered(size), numbered(size), data))
    assert len(held) == holdout
    assert len(train) == min(train_limit or size, size - holdout)
    assert len(test) == min(test_limit or size, size)
    assert not set(train) & set(held)
    for part in (train, held, test):
        assert part == sorted(set(part))


def test_a_train_limit_does_not_change_what_is_held_out() -> None:
    images = numbered(100)
    first = split(images, images, section("imagenet", holdout=20))
    second = split(images, images, section("imagenet", holdout=20, train_limit=10))
    assert first[1].labels.tolist() == second[1].labels.tolist()
    assert set(second[0].labels.tolist()) < set(first[0].labels.tolist())


def test_limits_choose_by_key_and_not_from_the_front() -> None:
    images = numbered(1000)
    train, _, test = split(images, images, section("imagenet", train_limit=100, test_limit=100))
    assert max(train.labels) > 900
    assert max(test.labels) > 900
    assert train.labels.tolist() != test.labels.tolist()


def test_the_same_images_are_chosen_on_every_machine() -> None:
    """Pinned: another choice would be another data set under the same fingerprint."""
    train, held, test = split(
        numbered(50), numbered(50), section("imagenet", holdout=3, train_limit=3, test_limit=3)
    )
    assert [part.labels.tolist() for part in (held, train, test)] == [[21, 27, 49], [0, 9, 44], [4, 15, 17]]


def test_a_subset_reads_the_right_image(tmp_path: Path) -> None:
    make_tiny_imagenet(tmp_path / "tiny-imagenet-200")
    dataset = open_dataset(section("tiny-imagenet", holdout=4, train_limit=5), tmp_path)
    for index, label in enumerate(dataset.train.labels):
        assert f"/train/{dataset.classes[label]}/" in dataset.train.describe(index)
        assert dataset.train.image(index).size == (64, 64)


# Fingerprints


def test_the_fingerprint_of_arrays_does_not_depend_on_packing_or_place(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path / "a")
    make_fashion_mnist(tmp_path / "b", packed=False)
    prints = {
        open_dataset(section("fashion-mnist", root=str(tmp_path / name)), tmp_path).fingerprint
        for name in "ab"
    }
    assert len(prints) == 1


@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_one_other_byte_is_another_fingerprint(tmp_path: Path, part: str, kind: str) -> None:
    make_fashion_mnist(tmp_path / "fashion-mnist", packed=False)
    before = open_dataset(section("fashion-mnist"), tmp_path).fingerprint
    path = tmp_path / "fashion-mnist" / f"{part}-{kind}-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert open_dataset(section("fashion-mnist"), tmp_path).fingerprint != before


def test_the_fingerprint_is_of_the_whole_and_not_of_the_cut(tmp_path: Path) -> None:
    make_imagenet(tmp_path / "imagenet")
    prints = {
        open_dataset(section("imagenet", train_limit=n, holdout=n), tmp_path).fingerprint for n in (0, 2)
    }
    assert len(prints) == 1


def test_a_damaged_image_is_named_when_it_is_read(tmp_path: Path) -> None:
    make_imagenet(tmp_path / "imagenet")
    dataset = open_dataset(section("imagenet"), tmp_path)
    path = Path(dataset.train.describe(5))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=f"{path.name}: cannot be decoded"):
        dataset.train.image(5)
    shutil.rmtree(path.parent)
    with pytest.raises(UserError, match=f"{path.name}: cannot be decoded"):
        dataset.train.image(5)
