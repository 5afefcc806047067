from __future__ import annotations

from pathlib import Path

import pytest
from data_folders import make_tiny_imagenet, wnids_of
from data_server import Server

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.fetch import fetch
from tinyexp.trainers.vision.data.verify import verify


def test_verify_names_every_image_that_cannot_be_decoded(tiny: Server, tmp_path: Path) -> None:
    place = fetch("tiny-imagenet", tmp_path, tiny.url)
    assert verify("tiny-imagenet", tmp_path).problems == ()
    first = place / "train" / wnids_of(1)[0] / "images" / f"{wnids_of(1)[0]}_2.JPEG"
    second = place / "val" / "images" / "val_1.JPEG"
    for path in (first, second):
        path.write_bytes(path.read_bytes()[:400])
    steps: list[tuple[str, int, int]] = []
    result = verify("tiny-imagenet", tmp_path, progress=lambda *step: steps.append(step))
    assert [problem.partition(":")[0] for problem in result.problems] == [str(first), str(second)]
    assert steps[-1] == ("decoding tiny-imagenet test", 6, 6)


def test_verify_counts_the_images_of_every_class(tiny: Server, tmp_path: Path) -> None:
    place = fetch("tiny-imagenet", tmp_path, tiny.url)
    wnid = wnids_of(1)[0]
    (place / "train" / wnid / "images" / f"{wnid}_2.JPEG").unlink()
    assert verify("tiny-imagenet", tmp_path).problems == (
        "train: 11 images, 12 are expected",
        f"train: class {wnid} has 3 images, 4 are expected",
    )


def test_verify_reports_a_folder_that_cannot_be_opened(tiny: Server, tmp_path: Path) -> None:
    place = fetch("tiny-imagenet", tmp_path, tiny.url)
    (place / "val" / "images" / "val_1.JPEG").unlink()
    (problem,) = verify("tiny-imagenet", tmp_path).problems
    assert "lists images that are not in" in problem


def test_verify_takes_a_root(tmp_path: Path) -> None:
    root = make_tiny_imagenet(tmp_path / "own", classes=2)
    result = verify("tiny-imagenet", tmp_path / "data", str(root))
    assert result.root == str(root)
    assert "2 classes, 200 are expected" in result.problems


def test_verify_says_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Tiny ImageNet is not there"):
        verify("tiny-imagenet", tmp_path)
    with pytest.raises(UserError, match=r"unknown data set 'x'\. Known: .*image-folder"):
        verify("x", tmp_path)
