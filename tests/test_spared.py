"""What the tests are spared changes nothing that they see."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import pytest
import small_runs  # noqa: F401 - images are opened once from then on

from tinyexp.trainers.vision.data import build
from tinyexp.trainers.vision.data.catalogue import CATALOGUE

NAME = "fashion-mnist-small"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CATALOGUE[NAME].folder, tmp_path / "images"))


def test_a_folder_with_the_same_bytes_is_opened_once_and_one_with_another_byte_anew(folder: Path) -> None:
    if os.environ.get("TINYEXP_TESTS_COLD"):
        pytest.skip("nothing is spared")
    once, again = (build.open_whole(NAME, folder) for _ in range(2))
    assert again is once
    path = folder / "t10k-labels-idx1-ubyte.gz"
    labels = bytearray(gzip.decompress(path.read_bytes()))
    labels[-1] ^= 1
    path.write_bytes(gzip.compress(labels))
    changed = build.open_whole(NAME, folder)
    assert changed.fingerprint != once.fingerprint
    assert changed.test.labels[-1] != once.test.labels[-1]


def test_what_cannot_be_opened_is_an_error_each_time(folder: Path) -> None:
    build.open_whole(NAME, folder)
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    for _ in range(2):
        with pytest.raises(build.UserError, match="t10k-labels"):
            build.open_whole(NAME, folder)


def test_flushing_what_is_not_open_is_an_error() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(999_999)
