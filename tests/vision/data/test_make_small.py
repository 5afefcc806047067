"""The built-in part of Fashion-MNIST: what is in it, where it came from, and how it is used."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from data_folders import make_fashion_mnist
from PIL import Image

from tinyexp.cli_data import data
from tinyexp.errors import DamagedError, UserError
from tinyexp.trainers.vision.data.build import missing, open_dataset
from tinyexp.trainers.vision.data.catalogue import CATALOGUE, FASHION_CLASSES
from tinyexp.trainers.vision.data.fetch import fetch
from tinyexp.trainers.vision.data.make_small import NAME, contents, main
from tinyexp.trainers.vision.data.shown import class_names, problem
from tinyexp.trainers.vision.data.verify import verify
from tinyexp.trainers.vision.settings import Data

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ENTRY = CATALOGUE[NAME]
UNPACKED = {
    "train-images-idx3-ubyte": "e936b058685b0999ae417c230f07a3402859a4e4b0cdae477d1258d35631fd6c",
    "train-labels-idx1-ubyte": "4b78a78e7bad6cf4fb23288bfb93ce4f7b1408ba69170f5599ec336f6be57a2c",
    "t10k-images-idx3-ubyte": "72bda8d6954984126a9fae918dcbd37a8eff7e765055fa7451f621f22dc90da1",
    "t10k-labels-idx1-ubyte": "3db82257d7866bb72b98379c4ab659dbab8d9ff55aa7153367099b266aff125c",
}
"""SHA-256 of what the files unpack to, as the script printed them; the packed bytes are another zlib's business."""


def section(**keys: object) -> Data:
    return Data.model_validate({"dataset": NAME, **keys})


@pytest.mark.slow
@pytest.mark.skipif(
    not DEBIAN.is_dir() and not os.environ.get("CI"), reason="Debian's dataset-fashion-mnist is not there"
)
def test_the_built_in_files_are_what_the_script_makes_of_the_whole() -> None:
    made = contents(DEBIAN)
    assert made.keys() == UNPACKED.keys()
    for name, content in made.items():
        assert gzip.decompress((Path(ENTRY.folder) / f"{name}.gz").read_bytes()) == content, name


def test_the_built_in_files_unpack_to_the_digests_that_were_noted() -> None:
    for name, digest in UNPACKED.items():
        content = gzip.decompress((Path(ENTRY.folder) / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == digest, name


def test_they_hold_no_name_and_no_time() -> None:
    for name in UNPACKED:
        assert (Path(ENTRY.folder) / f"{name}.gz").read_bytes()[3:8] == bytes(5)


def test_it_is_opened_without_a_data_folder_with_as_many_images_of_each_class(tmp_path: Path) -> None:
    assert missing(section(), tmp_path / "nowhere") is None
    dataset = open_dataset(section(), tmp_path / "nowhere")
    assert dataset.classes == FASHION_CLASSES
    assert np.bincount(dataset.train.labels).tolist() == [400] * 10
    assert np.bincount(dataset.test.labels).tolist() == [200] * 10
    image = dataset.test.image(0)
    assert isinstance(image, Image.Image)
    assert (image.mode, image.size) == ("RGB", (28, 28))


def test_no_image_is_in_both_parts_and_none_is_there_twice(tmp_path: Path) -> None:
    dataset = open_dataset(section(), tmp_path)
    seen = [
        part.image(index).tobytes() for part in (dataset.train, dataset.test) for index in range(len(part))
    ]
    assert len(set(seen)) == len(seen) == 6000


def test_it_is_whole_by_data_verify_and_damage_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(NAME, tmp_path).problems == ()
    place = shutil.copytree(ENTRY.folder, tmp_path / "copy")
    (place / "t10k-labels-idx1-ubyte.gz").write_bytes(b"\x1f\x8b")
    monkeypatch.setitem(CATALOGUE, NAME, _elsewhere(place))
    (problem_told,) = verify(NAME, tmp_path).problems
    assert "t10k-labels-idx1-ubyte.gz: cannot be read" in problem_told
    assert problem_told.endswith("It comes with tinyexp: install tinyexp anew.")
    shutil.rmtree(place)
    with pytest.raises(UserError, match=r"Fashion-MNIST, small is not whole in .*install tinyexp anew"):
        open_dataset(section(), tmp_path)


def test_there_is_nothing_to_fetch(tmp_path: Path) -> None:
    assert fetch(NAME, tmp_path) == Path(ENTRY.folder)
    assert not list(tmp_path.iterdir())


def test_data_list_says_that_it_is_built_in(tmp_path: Path) -> None:
    told = CliRunner().invoke(data, ["list", "--data-folder", str(tmp_path)]).stdout
    assert f"{NAME}: {ENTRY.folder}\n" in told
    assert "4,000 + 2,000 images, 10 classes, built in. Licence: MIT, Copyright 2017 Zalando SE." in told


def test_its_images_may_be_shown_and_its_classes_have_names() -> None:
    assert problem(section()) == ""
    assert class_names(section()) == FASHION_CLASSES
    assert "Copyright © 2017 Zalando SE" in (Path(ENTRY.folder) / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.slow
def test_another_data_set_than_the_published_one_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    whole = make_fashion_mnist(tmp_path / "whole", train=60_000, test=10_000)
    with pytest.raises(DamagedError, match="is not Fashion-MNIST as published: the images' digest is"):
        contents(whole)
    some = make_fashion_mnist(tmp_path / "some")
    result = CliRunner().invoke(main, [str(some), str(tmp_path / "into")])
    assert result.exit_code == 1
    assert "train: 40 images, 60,000 are expected" in result.stderr
    assert not (tmp_path / "into").exists()


def _elsewhere(place: Path) -> object:
    import dataclasses

    return dataclasses.replace(ENTRY, folder=str(place))
