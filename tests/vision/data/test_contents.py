"""Images that are replaced by others of the same names and sizes are other data, in a large data set too."""

import numpy as np
import pytest
from data_folders import make_imagenet
from PIL import Image
from small_runs import SMALL

from tinyexp.config.load import load_experiment
from tinyexp.errors import TinyexpError, UserError
from tinyexp.runs.plan import plan_run
from tinyexp.runs.records import Status, read_section
from tinyexp.trainers.vision.data import contents
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.contents import contents_digest, covered, is_read_whole
from tinyexp.trainers.vision.data.imagenet import open_imagenet
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.trainer import describe
from tinyexp.trainers.vision.training.run import Listener, train_run


def written(folder, count, size):
    folder.mkdir()
    names = [f"{number:06d}.png" for number in range(count)]
    for name in names:
        (folder / name).write_bytes(name.encode() * (size // 10))
    return names, [size] * count


@pytest.mark.parametrize("part", ["train", "val"])
def test_one_other_byte_in_an_image_of_the_same_size_is_another_fingerprint(tmp_path, part):
    root = make_imagenet(tmp_path / "imagenet")
    before = open_imagenet(root)
    assert before.covers().startswith("every byte of ")
    path = next((root / part).rglob("*.JPEG"))
    whole = bytearray(path.read_bytes())
    whole[-3] ^= 1
    fingerprint = before.fingerprint()
    path.write_bytes(whole)
    assert open_imagenet(root).fingerprint() != fingerprint


def test_a_time_of_change_is_no_content(tmp_path):
    root = make_imagenet(tmp_path / "imagenet")
    before = open_imagenet(root).fingerprint()
    next(root.rglob("*.JPEG")).touch()
    assert open_imagenet(root).fingerprint() == before


def test_of_a_large_part_a_sample_is_read_and_replacing_all_of_it_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "MOST_FILES", 50)
    monkeypatch.setattr(contents, "SAMPLE", 10)
    names, sizes = written(tmp_path / "data", 100, 100)
    assert not is_read_whole(sizes)
    before = contents_digest(tmp_path / "data", names, sizes)
    assert "10 of 100 training images" in covered({"training": sizes})
    for name in names:
        (tmp_path / "data" / name).write_bytes(b"other" * 20)
    assert contents_digest(tmp_path / "data", names, sizes) != before


@pytest.mark.parametrize(("place", "noticed"), [(0, True), (-1, True), (500, False)])
def test_of_large_files_in_a_sample_both_ends_are_read(tmp_path, monkeypatch, place, noticed):
    monkeypatch.setattr(contents, "MOST_BYTES", 10)
    monkeypatch.setattr(contents, "SAMPLE", 1)
    monkeypatch.setattr(contents, "END", 100)
    names, sizes = written(tmp_path / "data", 1, 1000)
    before = contents_digest(tmp_path / "data", names, sizes)
    path = tmp_path / "data" / names[0]
    whole = bytearray(path.read_bytes())
    whole[place] ^= 1
    path.write_bytes(whole)
    assert (contents_digest(tmp_path / "data", names, sizes) != before) is noticed


def test_a_file_that_is_gone_is_named(tmp_path):
    names, sizes = written(tmp_path / "data", 2, 100)
    (tmp_path / "data" / names[1]).unlink()
    with pytest.raises(UserError, match=names[1]):
        contents_digest(tmp_path / "data", names, sizes)


def image_folder(root):
    draw = np.random.default_rng(0)
    for part, count in (("train", 8), ("test", 3)):
        for name in ("a", "b"):
            folder = root / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 255, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.bmp")


def test_images_that_are_replaced_while_a_run_trains_on_them_end_it_as_failed(tmp_path):
    image_folder(root := tmp_path / "images")
    settings = SMALL | {
        "data.dataset": "image-folder",
        "data.root": str(root),
        "data.holdout": 0,
        "data.train_limit": 0,
        "data.test_limit": 0,
        "model.classes": 2,
        "training.stop_after": 2,
    }
    experiment = load_experiment("tiny-design1", "embedded", settings)
    dataset = open_dataset(vision_settings(experiment).data, tmp_path)
    plan = plan_run(experiment, 0, describe(dataset), tmp_path / "runs")
    assert plan.record.data.covers == "every byte of 16 training images; every byte of 6 test images"

    def replace(*_):
        for path in root.rglob("*.bmp"):
            content = bytearray(path.read_bytes())
            content[-5] ^= 255
            path.write_bytes(content)

    with pytest.raises(TinyexpError, match="the images were changed while the run was trained"):
        train_run(plan, dataset, Listener(epoch_done=lambda row, _: replace() if row["epoch"] == 1 else None))
    assert read_section(plan.folder.status, Status).state == "failed"
    again = plan_run(
        experiment, 0, describe(open_dataset(vision_settings(experiment).data, tmp_path)), tmp_path / "runs"
    )
    assert again.record.identity != plan.record.identity
