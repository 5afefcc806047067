from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from data_folders import idx_bytes, make_fashion_mnist

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.idx import read_folder, read_idx

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize("packing", ["gzipped", "plain"])
def test_four_files_give_images_and_labels(tmp_path: Path, packing: str) -> None:
    train, test = read_folder(make_fashion_mnist(tmp_path, packed=packing == "gzipped"), 10)
    assert train.pixels.shape == (40, 28, 28)
    assert test.pixels.shape == (20, 28, 28)
    assert train.labels.tolist() == [*range(10)] * 4
    assert train.labels.dtype == np.int64


def test_pixels_come_row_by_row(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "a").write_bytes(idx_bytes(array))
    assert np.array_equal(read_idx(tmp_path / "a", 3), array)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debians_files_are_read() -> None:
    train, test = read_folder(DEBIAN, 10)
    assert train.pixels.shape == (60_000, 28, 28)
    assert test.pixels.shape == (10_000, 28, 28)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(UserError, match=r"neither t10k-labels-idx1-ubyte\.gz nor t10k-labels-idx1-ubyte\."):
        read_folder(tmp_path, 10)


@pytest.mark.parametrize("keep", [0, 1, 2, 9, 30, -1, -9])
def test_a_truncated_gzip_file_is_named(tmp_path: Path, keep: int) -> None:
    make_fashion_mnist(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte\.gz: .*tinyexp data fetch fashion-mnist"):
        read_folder(tmp_path, 10)


@pytest.mark.parametrize("keep", [0, 3, 4, 15, 16, 100, -1])
def test_a_truncated_plain_file_is_named(tmp_path: Path, keep: int) -> None:
    make_fashion_mnist(tmp_path, packed=False)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="train-images-idx3-ubyte: "):
        read_folder(tmp_path, 10)


def test_bytes_after_the_end_are_an_error(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path, packed=False)
    with (tmp_path / "t10k-labels-idx1-ubyte").open("ab") as file:
        file.write(b"x")
    with pytest.raises(UserError, match="its head says 20 bytes, and 21 follow"):
        read_folder(tmp_path, 10)


def test_images_in_place_of_labels_are_an_error(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path)
    shutil.copy(tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte.gz")
    with pytest.raises(UserError, match="it starts with 00 00 08 03 and not with 00 00 08 01"):
        read_folder(tmp_path, 10)


def test_a_head_that_claims_more_than_memory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes((0, 0, 8, 3)) + b"\xff" * 12 + b"few")
    with pytest.raises(UserError, match="its head says 4,294,967,295 x 4,294,967,295 x 4,294,967,295 bytes"):
        read_idx(tmp_path / "a", 3)


def test_a_gzip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinyexp.trainers.vision.data.idx._MAX_BYTES", 1000)
    (tmp_path / "a").write_bytes(gzip.compress(bytes(2000)))
    with pytest.raises(UserError, match="more than 1,000 bytes"):
        read_idx(tmp_path / "a", 3)


def test_unequal_numbers_of_images_and_labels_are_an_error(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(39, np.uint8)))
    with pytest.raises(UserError, match="has 40 images, and train-labels-idx1-ubyte has 39 labels"):
        read_folder(tmp_path, 10)


def test_a_label_that_is_no_class_is_an_error(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path, packed=False)
    labels = np.zeros(40, np.uint8)
    labels[7] = 10
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    with pytest.raises(UserError, match="label 7 is 10; labels are 0 to 9"):
        read_folder(tmp_path, 10)


def test_images_of_another_size_are_an_error(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path, packed=False)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((20, 32, 32), np.uint8)))
    with pytest.raises(UserError, match="has images of 32 x 32 pixels; 28 x 28 are expected"):
        read_folder(tmp_path, 10)
