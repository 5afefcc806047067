from __future__ import annotations

import io
import os
import re
import shutil
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
from data_folders import make_imagenet, make_tiny_imagenet, save_image, wnids_of
from PIL import Image

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data import folders
from tinyexp.trainers.vision.data.folders import (
    FileImages,
    decode,
    decode_pixels,
    image_shape,
    open_class_folders,
)
from tinyexp.trainers.vision.data.imagenet import open_imagenet
from tinyexp.trainers.vision.data.tiny_imagenet import open_tiny_imagenet

FIRST = wnids_of(1)[0]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return make_tiny_imagenet(tmp_path / "tiny-imagenet-200")


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    return make_imagenet(tmp_path / "imagenet")


def replace_line(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def opened(path: Path | str) -> tuple[str, tuple[int, int]]:
    """Mode and size of an image as it lies on the disk."""
    with Image.open(path) as image:
        return image.mode, image.size


# Decoding


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_usual_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode in {"CMYK", "YCbCr"} else "a.png")
    Image.new("RGB", (9, 5), (255, 255, 255)).convert(mode).save(path)
    image = decode(path)
    assert image.mode == "RGB"
    assert image.size == (9, 5)
    assert min(np.asarray(image).min(axis=(0, 1))) > 250


def test_a_palette_with_transparency_keeps_its_colours(tmp_path: Path) -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.save(tmp_path / "a.png", transparency=bytes((0, 128)))
    assert decode(tmp_path / "a.png").getpixel((0, 0)) == (200, 100, 50)


def test_more_than_eight_bits_a_channel_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: has more than 8 bits a channel"):
        decode(tmp_path / "a.png")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff\xe0", b"GIF89a", b"<html>404</html>", bytes(5000)])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.JPEG").write_bytes(content)
    with pytest.raises(UserError, match=rf"{re.escape(str(tmp_path))}/a\.JPEG: cannot be decoded"):
        decode(tmp_path / "a.JPEG")


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp", "webp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_image_is_named(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=rf"a\.{suffix}: cannot be decoded"):
        decode(path)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.JPEG: cannot be decoded"):
        decode(tmp_path / "gone.JPEG")


def test_too_many_pixels_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("L", (40, 30)).save(tmp_path / "a.png")
    monkeypatch.setattr(folders, "MAX_PIXELS", 1200)
    decode(tmp_path / "a.png")
    monkeypatch.setattr(folders, "MAX_PIXELS", 1199)
    with pytest.raises(UserError, match="has 40 x 30 = 1,200 pixels; at most 1,199"):
        decode(tmp_path / "a.png")


@pytest.mark.parametrize("side", [9_440, 10_001, 20_000])
def test_a_decompression_bomb_is_refused(tmp_path: Path, side: int) -> None:
    """Below Pillow's own bounds, where it warns and where it raises: the answer is ours all the same."""
    (tmp_path / "bomb.pgm").write_bytes(b"P5\n%d %d\n255\n" % (side, side))
    with pytest.raises(UserError, match=r"bomb\.pgm: .* pixels"):
        decode(tmp_path / "bomb.pgm")


# Tiny ImageNet


def test_tiny_imagenet_is_listed_as_it_unpacks(tiny: Path) -> None:
    folder = open_tiny_imagenet(tiny)
    assert len(folder.train.names) == 12
    assert len(folder.test.names) == 6
    assert all((tiny / name).is_file() for name in (*folder.train.names, *folder.test.names))
    assert np.bincount(folder.train.labels).tolist() == [4, 4, 4]
    assert np.bincount(folder.test.labels).tolist() == [2, 2, 2]


def test_classes_are_the_sorted_wnids(tiny: Path) -> None:
    lines = (tiny / "wnids.txt").read_text().split()
    assert lines != sorted(lines)
    folder = open_tiny_imagenet(tiny)
    assert list(folder.classes) == sorted(lines)
    for name, label in zip(folder.train.names, folder.train.labels, strict=True):
        assert name.startswith(f"train/{folder.classes[label]}/images/")


def test_val_labels_are_those_of_the_annotations(tiny: Path) -> None:
    folder = open_tiny_imagenet(tiny)
    rows = [line.split("\t") for line in (tiny / "val" / "val_annotations.txt").read_text().splitlines()]
    wanted = {f"val/images/{row[0]}": row[1] for row in rows}
    assert {
        name: folder.classes[label] for name, label in zip(folder.test.names, folder.test.labels, strict=True)
    } == wanted


def test_the_order_of_annotation_lines_changes_nothing(tiny: Path) -> None:
    before = open_tiny_imagenet(tiny)
    path = tiny / "val" / "val_annotations.txt"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    after = open_tiny_imagenet(tiny)
    assert after.test.names == before.test.names
    assert after.fingerprint() == before.fingerprint()


def test_windows_line_ends_are_read(tiny: Path) -> None:
    before = open_tiny_imagenet(tiny).fingerprint()
    for path in (tiny / "wnids.txt", tiny / "val" / "val_annotations.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert open_tiny_imagenet(tiny).fingerprint() == before


@pytest.mark.parametrize("inner", ["", "images/"])
def test_a_val_folder_rearranged_by_class_is_read(tiny: Path, inner: str) -> None:
    rows = [line.split("\t") for line in (tiny / "val" / "val_annotations.txt").read_text().splitlines()]
    for name, wnid, *_ in rows:
        (tiny / "val" / wnid / inner).mkdir(parents=True, exist_ok=True)
        (tiny / "val" / "images" / name).rename(tiny / "val" / wnid / inner / name)
    (tiny / "val" / "images").rmdir()
    folder = open_tiny_imagenet(tiny)
    found = {
        name.rpartition("/")[2]: folder.classes[label]
        for name, label in zip(folder.test.names, folder.test.labels, strict=True)
    }
    assert found == {name: wnid for name, wnid, *_ in rows}


def test_opening_changes_no_file(tiny: Path) -> None:
    def state() -> list[tuple[str, int]]:
        return sorted((str(path), path.stat().st_mtime_ns) for path in tiny.rglob("*"))

    before = state()
    open_tiny_imagenet(tiny)
    assert state() == before


def test_grey_images_come_as_rgb(tiny: Path) -> None:
    folder = open_tiny_imagenet(tiny)
    images = FileImages(tiny, folder.train.names, folder.train.labels)
    modes = {opened(images.describe(index))[0] for index in range(len(images))}
    assert modes == {"L", "RGB"}
    assert {images.image(index).mode for index in range(len(images))} == {"RGB"}


def test_another_folder_is_not_taken_for_tiny_imagenet(imagenet: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"imagenet: Tiny ImageNet is expected as .* Found: train/, val/\. .*data\.root=FOLDER",
    ):
        open_tiny_imagenet(imagenet)


def test_an_annotated_class_that_is_unknown_is_named(tiny: Path) -> None:
    replace_line(tiny / "val" / "val_annotations.txt", f"val_0.JPEG\t{FIRST}", "val_0.JPEG\tn99999999")
    with pytest.raises(
        UserError, match=r"line 1 gives val_0\.JPEG the class 'n99999999', which is not in wnids\.txt"
    ):
        open_tiny_imagenet(tiny)


def test_an_annotated_image_that_is_missing_is_named(tiny: Path) -> None:
    (tiny / "val" / "images" / "val_3.JPEG").unlink()
    with pytest.raises(UserError, match=r"lists images that are not in .*: val_3\.JPEG"):
        open_tiny_imagenet(tiny)


def test_an_image_without_annotation_is_named(tiny: Path) -> None:
    save_image(tiny / "val" / "images" / "val_99.JPEG", 0, 3, (64, 64))
    with pytest.raises(UserError, match=r"says no class for images in .*: val_99\.JPEG"):
        open_tiny_imagenet(tiny)


def test_an_image_that_is_annotated_twice_is_named(tiny: Path) -> None:
    path = tiny / "val" / "val_annotations.txt"
    path.write_text(path.read_text() + path.read_text().splitlines()[0])
    with pytest.raises(UserError, match=r"line 7 lists val_0\.JPEG a second time"):
        open_tiny_imagenet(tiny)


@pytest.mark.parametrize("line", ["val_0.JPEG", "val_0.JPEG n01443537 0 0 63 63"])
def test_an_annotation_without_tabs_is_named(tiny: Path, line: str) -> None:
    (tiny / "val" / "val_annotations.txt").write_text(line + "\n")
    with pytest.raises(UserError, match=r"line 1 is .*expected is file, wnid and box with tabs between"):
        open_tiny_imagenet(tiny)


def test_missing_annotations_are_named(tiny: Path) -> None:
    (tiny / "val" / "val_annotations.txt").unlink()
    with pytest.raises(UserError, match=r"val_annotations\.txt: cannot be read"):
        open_tiny_imagenet(tiny)


def test_a_missing_class_folder_is_named(tiny: Path) -> None:
    shutil.rmtree(tiny / "train" / FIRST)
    with pytest.raises(UserError, match=rf"train: has no folder for classes of wnids\.txt: {FIRST}"):
        open_tiny_imagenet(tiny)


def test_an_empty_class_folder_is_named(tiny: Path) -> None:
    for path in (tiny / "train" / FIRST / "images").iterdir():
        path.unlink()
    with pytest.raises(UserError, match=rf"train/{FIRST}/images: has no image"):
        open_tiny_imagenet(tiny)


def test_a_class_folder_that_no_wnid_names_is_not_skipped(tiny: Path) -> None:
    (tiny / "train" / "n00000001").mkdir()
    with pytest.raises(UserError, match=r"folders that are no class of wnids\.txt: n00000001"):
        open_tiny_imagenet(tiny)


def test_an_empty_image_is_named_before_training(tiny: Path) -> None:
    path = tiny / "train" / FIRST / "images" / f"{FIRST}_1.JPEG"
    path.write_bytes(b"")
    with pytest.raises(UserError, match=rf"{FIRST}_1\.JPEG: is empty"):
        open_tiny_imagenet(tiny)


@pytest.mark.parametrize("wnid", ["../../etc", "/etc", "a b", "n1\tn2"])
def test_a_wnid_that_is_a_path_is_refused(tiny: Path, wnid: str) -> None:
    replace_line(tiny / "wnids.txt", FIRST, wnid)
    with pytest.raises(UserError, match=r"wnids\.txt: line \d is .* which is no class name"):
        open_tiny_imagenet(tiny)


def test_a_wnid_that_comes_twice_is_named(tiny: Path) -> None:
    with (tiny / "wnids.txt").open("a") as file:
        file.write(FIRST + "\n")
    with pytest.raises(UserError, match=f"lists {FIRST} more than once"):
        open_tiny_imagenet(tiny)


# ImageNet and other class folders


def test_imagenet_is_listed_by_class_folder(imagenet: Path) -> None:
    folder = open_imagenet(imagenet)
    assert folder.classes == tuple(wnids_of(3))
    assert np.bincount(folder.train.labels).tolist() == [4, 4, 4]
    assert np.bincount(folder.test.labels).tolist() == [2, 2, 2]
    shapes = {opened(imagenet / name)[1] for name in folder.train.names}
    assert all(width != height for width, height in shapes)


def test_a_flat_val_folder_is_recognised(imagenet: Path) -> None:
    shutil.rmtree(imagenet / "val")
    save_image(imagenet / "val" / "ILSVRC2012_val_00000001.JPEG", 0, 3, (40, 30))
    with pytest.raises(UserError, match=r"val/ is flat, .*ILSVRC2012_validation_ground_truth\.txt"):
        open_imagenet(imagenet)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("ILSVRC2012_img_train.tar", "holds the archives, still packed"),
        ("train/n01440764.tar", "train/ holds the class archives, still packed"),
        ("ILSVRC2012_devkit_t12/readme.txt", "is the devkit"),
        ("data/ILSVRC2012_validation_ground_truth.txt", "is the devkit"),
        ("something.txt", r"ImageNet is expected as train/<class>/<images> .* Found: something\.txt\."),
    ],
)
def test_what_is_not_yet_imagenet_is_explained(tmp_path: Path, file: str, words: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).touch()
    with pytest.raises(UserError, match=words):
        open_imagenet(tmp_path)


def test_an_empty_folder_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Found: an empty folder"):
        open_imagenet(tmp_path)


def test_test_is_preferred_to_val_if_it_has_class_folders(imagenet: Path) -> None:
    save_image(imagenet / "test" / "unlabelled.jpg", None, 3, (9, 9))
    assert open_class_folders(imagenet, ("test", "val"), "x").test.names[0].startswith("val/")
    (imagenet / "test" / "unlabelled.jpg").unlink()
    shutil.copytree(imagenet / "val", imagenet / "test", dirs_exist_ok=True)
    assert open_class_folders(imagenet, ("test", "val"), "x").test.names[0].startswith("test/")


def test_classes_of_one_part_only_are_named(imagenet: Path) -> None:
    shutil.rmtree(imagenet / "val" / FIRST)
    with pytest.raises(UserError, match=rf"Only in train/: {FIRST}\. Only in val/: \(none\)"):
        open_imagenet(imagenet)


@pytest.mark.parametrize("name", ["notes.txt", "n01.tar", "inner/a.jpg"])
def test_what_is_no_image_is_not_skipped(imagenet: Path, name: str) -> None:
    path = imagenet / "train" / FIRST / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    with pytest.raises(
        UserError, match=f"{FIRST}/{name.partition('/')[0]}: lies among the images of a class and is"
    ):
        open_imagenet(imagenet)


def test_a_broken_link_is_named(imagenet: Path) -> None:
    (imagenet / "train" / FIRST / "a.jpg").symlink_to(imagenet / "nowhere.jpg")
    with pytest.raises(UserError, match=r"a\.jpg: lies among the images of a class and is a broken link"):
        open_imagenet(imagenet)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("circle", "a broken link"),
        ("pipe", "no ordinary file"),
        ("folder", "a folder"),
        ("device", "no ordinary file"),
    ],
)
def test_what_has_an_images_name_and_is_no_file_is_named(
    imagenet: Path, kind: str, words: str, within_bounds: None
) -> None:
    path = imagenet / "train" / FIRST / "a.jpg"
    if kind == "circle":
        path.symlink_to(path)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(UserError, match=rf"a\.jpg: lies among the images of a class and is {words}"):
        open_imagenet(imagenet)


def test_links_that_lead_round_in_a_circle_are_no_classes(imagenet: Path) -> None:
    before = open_imagenet(imagenet).fingerprint()
    (imagenet / "train" / "n99").symlink_to("n99")
    assert open_imagenet(imagenet).fingerprint() == before
    shutil.rmtree(imagenet / "train")
    (imagenet / "train").symlink_to("train")
    with pytest.raises(UserError, match="is expected as train/<class>"):
        open_imagenet(imagenet)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP"])
def test_a_small_file_whose_head_claims_an_enormous_picture_is_refused(
    tmp_path: Path, form: str, within_bounds: None
) -> None:
    """30,000 x 30,000 pixels would be 2.7 gigabytes; the files have less than a kilobyte."""
    buffer = io.BytesIO()
    Image.new("RGB", (9, 7)).save(buffer, form)
    content = bytearray(buffer.getvalue())
    if form == "PNG":
        content[16:24] = (30_000).to_bytes(4, "big") * 2
        content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    elif form == "JPEG":
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = (30_000).to_bytes(2, "big") * 2
    elif form == "GIF":
        content[6:10] = (30_000).to_bytes(2, "little") * 2
    else:
        content[18:26] = (30_000).to_bytes(4, "little") * 2
    path = tmp_path / f"a.{form.lower()}"
    path.write_bytes(content)
    assert len(content) < 1000
    for function in (decode, decode_pixels, image_shape):
        with pytest.raises(UserError, match=r"a\.[a-z]+: .*900,?000,?000 pixels"):
            function(path)


def test_the_file_managers_files_do_not_count(imagenet: Path) -> None:
    before = open_imagenet(imagenet).fingerprint()
    for name in (
        ".DS_Store",
        "Thumbs.db",
        "train/.hidden/x",
        f"train/{FIRST}/.DS_Store",
        f"train/{FIRST}/Thumbs.db",
    ):
        (imagenet / name).parent.mkdir(exist_ok=True)
        (imagenet / name).touch()
    assert open_imagenet(imagenet).fingerprint() == before


# Fingerprints


def test_the_fingerprint_does_not_depend_on_the_place(imagenet: Path) -> None:
    before = open_imagenet(imagenet).fingerprint()
    assert open_imagenet(imagenet.rename(imagenet.with_name("elsewhere"))).fingerprint() == before


@pytest.mark.parametrize("change", ["size", "name", "label", "gone"])
def test_the_fingerprint_depends_on_names_sizes_and_labels(imagenet: Path, change: str) -> None:
    before = open_imagenet(imagenet).fingerprint()
    first = next((imagenet / "train" / FIRST).iterdir())
    match change:
        case "size":
            first.write_bytes(first.read_bytes() + b"x")
        case "name":
            first.rename(first.with_name("other.JPEG"))
        case "label":
            first.rename(imagenet / "train" / wnids_of(2)[1] / first.name)
        case "gone":
            first.unlink()
    assert open_imagenet(imagenet).fingerprint() != before


@pytest.mark.parametrize("parts", [("train", "test"), ("test", "train")])
def test_a_class_whose_accents_are_written_in_another_way_is_the_same_class(
    tmp_path: Path, parts: tuple[str, str]
) -> None:
    """A Mac may write é as two characters: training images copied from there, test images from elsewhere."""
    for root, forms in ((tmp_path / "mixed", ("NFC", "NFD")), (tmp_path / "plain", ("NFC", "NFC"))):
        for part, form in zip(parts, forms, strict=True):
            for name in ("café", "zèbre", "chat"):
                folder = root / part / unicodedata.normalize(form, name)
                folder.mkdir(parents=True)
                for image in ("é.png", "f.png"):
                    (folder / unicodedata.normalize(form, image)).write_bytes(b"x")
    mixed, plain = (open_class_folders(tmp_path / name, ("test",), "It") for name in ("mixed", "plain"))
    assert mixed.classes == plain.classes == ("café", "chat", "zèbre")
    assert mixed.fingerprint() == plain.fingerprint()
    assert all((mixed.root / name).exists() for name in (*mixed.train.names, *mixed.test.names))


def test_two_folders_of_one_class_are_named(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / "train" / unicodedata.normalize(form, "café")).mkdir(parents=True)
        (tmp_path / "test" / "café").mkdir(parents=True, exist_ok=True)
    with pytest.raises(UserError, match="has two folders of the name 'café', whose accents are written"):
        open_class_folders(tmp_path, ("test",), "It")
