from __future__ import annotations

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from data_folders import inventory, make_fashion_mnist, make_imagenet, make_tiny_imagenet
from filelock import FileLock
from PIL import Image

from tinyexp import files
from tinyexp.cli_data import data
from tinyexp.errors import TinyexpError, UserError
from tinyexp.ownership import MARK
from tinyexp.trainers.vision.data import folders
from tinyexp.trainers.vision.data import pack as packing
from tinyexp.trainers.vision.data.build import find_folder, open_dataset, open_whole
from tinyexp.trainers.vision.data.folders import FileImages, Folder
from tinyexp.trainers.vision.data.pack import pack
from tinyexp.trainers.vision.data.packed import PackedImages, check_pack, open_packed
from tinyexp.trainers.vision.data.sources import ImageSource, Stack
from tinyexp.trainers.vision.settings import Data

TINY = "tiny-imagenet"


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A data folder with Tiny ImageNet in it, 12 + 6 images, some of them grey."""
    make_tiny_imagenet(tmp_path / "data" / "tiny-imagenet-200")
    return tmp_path / "data"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A data folder with photos of many sizes, wide and tall, some of them grey."""
    make_imagenet(tmp_path / "data" / "imagenet", size=40)
    return tmp_path / "data"


def packed(name: str, data_folder: Path, progress: packing.Progress = lambda *_: None) -> Path:
    return pack(name, find_folder(name, data_folder), data_folder, progress, lambda _: None)


def opened(name: str, data_folder: Path) -> tuple[PackedImages, PackedImages]:
    folder = find_folder(name, data_folder)
    parts = open_packed(name, folder, folder.fingerprint(), data_folder)
    assert parts is not None
    return parts


def content(place: Path) -> dict[str, bytes]:
    """Every file of a pack, hidden ones too; its mark is another in each."""
    return {name: (place / name).read_bytes() for name in inventory(place) if name != MARK}


def require_equal(one: ImageSource, other: ImageSource) -> None:
    assert one.labels.tolist() == other.labels.tolist()
    for order in (range(len(one)), reversed(range(len(one))), np.random.default_rng(0).permutation(len(one))):
        for index in order:
            assert one.image(int(index)).mode == "RGB"
            assert one.image(int(index)).tobytes() == other.image(int(index)).tobytes()
            assert one.image(int(index)).size == other.image(int(index)).size
            assert one.describe(int(index)) == other.describe(int(index))


def change_manifest(place: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((place / "manifest.json").read_text())
    change(manifest)
    (place / "manifest.json").write_text(json.dumps(manifest))


# The same images


@pytest.mark.parametrize(
    ("name", "make"), [(TINY, make_tiny_imagenet), ("imagenet", make_imagenet)], ids=["even", "ragged"]
)
def test_packed_images_are_those_of_the_files(tmp_path: Path, name: str, make: Callable[..., Path]) -> None:
    section = Data.model_validate({"dataset": name, "holdout": 3, "train_limit": 7})
    make(tmp_path / {TINY: "tiny-imagenet-200"}.get(name, name))
    before = open_dataset(section, tmp_path)
    packed(name, tmp_path)
    after = open_dataset(section, tmp_path)
    assert isinstance(after.train._source, PackedImages)
    assert isinstance(before.train._source, FileImages)
    assert after.fingerprint == before.fingerprint
    assert after.classes == before.classes
    for part in ("train", "holdout", "test"):
        require_equal(getattr(before, part), getattr(after, part))


@pytest.mark.parametrize("index", [-1, -6, 5])
def test_numbers_mean_what_they_mean_to_files(photos: Path, index: int) -> None:
    packed("imagenet", photos)
    files_ = open_whole("imagenet", photos / "imagenet").test
    assert opened("imagenet", photos)[1].image(index).tobytes() == files_.image(index).tobytes()


def test_a_number_that_there_is_not_is_refused(photos: Path) -> None:
    packed("imagenet", photos)
    with pytest.raises(IndexError):
        opened("imagenet", photos)[1].image(6)


def test_images_of_one_size_are_one_array_that_nothing_was_copied_to(tiny: Path) -> None:
    packed(TINY, tiny)
    train, test = opened(TINY, tiny)
    assert train.array is not None
    assert test.array is not None
    assert (train.array.shape, test.array.shape) == ((12, 64, 64, 3), (6, 64, 64, 3))
    assert np.shares_memory(train.array, train.array)
    assert not train.array.flags.writeable
    stack = train.pixels(np.array([7, 2, 7]))
    assert isinstance(stack, Stack)
    assert np.shares_memory(stack.array, train.array)
    assert stack.places.tolist() == [7, 2, 7]
    assert train.image(7).tobytes() == stack.array[7].tobytes()


def test_images_of_many_sizes_are_views_one_by_one(photos: Path) -> None:
    packed("imagenet", photos)
    train, _ = opened("imagenet", photos)
    assert train.array is None
    indices = np.array([5, 0, 11])
    pixels = train.pixels(indices)
    wanted = FileImages(photos / "imagenet", train._listing.names, train.labels).pixels(indices)
    assert len({one.shape for one in pixels}) > 1
    assert all(np.array_equal(one, other) for one, other in zip(pixels, wanted, strict=True))
    assert not pixels[0].flags.owndata


def test_a_part_with_one_odd_image_is_no_array(tmp_path: Path) -> None:
    root = make_tiny_imagenet(tmp_path / "tiny-imagenet-200")
    odd = max(root.glob("train/*/images/*"))
    with Image.open(odd) as image:
        image.resize((64, 65)).save(odd, "JPEG")
    packed(TINY, tmp_path)
    train, test = opened(TINY, tmp_path)
    assert train.array is None
    assert test.array is not None
    require_equal(train, open_whole(TINY, root).train)


def test_images_travel_to_other_processes_without_their_pixels(photos: Path) -> None:
    packed("imagenet", photos)
    train, _ = opened("imagenet", photos)
    wanted = train.image(3).tobytes()
    assert train._map is not None
    travelling = pickle.dumps(train)
    assert len(travelling) < 5000 < train._layout.bytes
    assert pickle.loads(travelling).image(3).tobytes() == wanted  # noqa: S301  (our own, of just now)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert pool.submit(train.image, 3).result().tobytes() == wanted


def test_a_pack_is_made_once_and_found_again(tiny: Path) -> None:
    place = packed(TINY, tiny)
    before = {path.name: path.stat().st_mtime_ns for path in place.iterdir()}
    assert sorted(before) == [MARK, "manifest.json", "test.pixels", "train.pixels"]
    assert packed(TINY, tiny) == place
    assert {path.name: path.stat().st_mtime_ns for path in place.iterdir()} == before
    assert inventory(tiny / "packed") == [place.name, *(f"{place.name}/{name}" for name in sorted(before))]


def test_the_manifest_says_what_is_in_the_pack(tiny: Path) -> None:
    place = packed(TINY, tiny)
    manifest = json.loads((place / "manifest.json").read_text())
    assert place == tiny / "packed" / manifest["fingerprint"][:16]
    assert manifest["fingerprint"] == find_folder(TINY, tiny).fingerprint()
    assert manifest["dataset"] == TINY
    assert manifest["train"] == {
        "images": 12,
        "heights": [64],
        "widths": [64],
        "bytes": 12 * 64 * 64 * 3,
        "sha256": files.sha256_of_file(place / "train.pixels"),
    }


def test_other_files_do_not_use_the_pack(tiny: Path) -> None:
    packed(TINY, tiny)
    shutil.copytree(tiny / "tiny-imagenet-200", tiny / "other")
    next((tiny / "other").glob("train/*/images/*")).unlink()
    section = Data(dataset="tiny-imagenet", root=str(tiny / "other"))
    assert isinstance(open_dataset(section, tiny).train._source, FileImages)


def test_verify_reads_the_files_and_not_the_pack(tiny: Path) -> None:
    packed(TINY, tiny)
    assert isinstance(open_whole(TINY, tiny / "tiny-imagenet-200").train, FileImages)


# What is refused


def test_a_corrupt_image_stops_packing_and_is_named(tiny: Path) -> None:
    damaged = sorted(tiny.glob("tiny-imagenet-200/train/*/images/*"))[7]
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-30] + bytes(30))
    with Image.open(damaged) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    with pytest.raises(UserError, match=f"{damaged.name}: cannot be decoded"):
        packed(TINY, tiny)
    assert not list((tiny / "packed").glob("[0-9a-f]*[0-9a-f]/"))
    damaged.write_bytes(whole)
    packed(TINY, tiny)
    require_equal(opened(TINY, tiny)[0], open_whole(TINY, tiny / "tiny-imagenet-200").train)


def test_an_image_that_changes_while_it_is_packed_is_named(tiny: Path) -> None:
    last = max(tiny.glob("tiny-imagenet-200/train/*/images/*"))

    def replace(what: str, done: int, total: int) -> None:
        if what.startswith("packing"):
            Image.new("RGB", (8, 8)).save(last)

    with pytest.raises(UserError, match=f"{last.name}: has changed while it was packed"):
        packed(TINY, tiny, replace)


def test_too_little_room_is_said_before_anything_is_written(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tiny)
    needed = 18 * 64 * 64 * 3
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed - 1))
    with pytest.raises(
        UserError, match=f"{needed:,} bytes are needed to pack tiny-imagenet and {needed - 1:,} are free"
    ):
        packed(TINY, tiny)
    assert inventory(tiny / "packed") == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=needed))
    packed(TINY, tiny)


def test_what_is_written_already_needs_no_room(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tiny)
    interrupted(tiny)
    there = sum(path.stat().st_size for path in (tiny / "packed").rglob("*.pixels"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=18 * 64 * 64 * 3 - there))
    packed(TINY, tiny)


def test_a_disk_that_fills_up_keeps_what_is_there(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = os.fsync, iter(range(9))

    def fsync(handle: int) -> None:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        real(handle)

    monkeypatch.setattr(packing, "_COMMIT_BYTES", 1)
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(TinyexpError, match=r"No space left on device\)[;.] .*the same command"):
        packed(TINY, tiny)
    monkeypatch.setattr(os, "fsync", real)
    (record,) = (tiny / "packed").glob(".*.packing/train.begun.json")
    assert json.loads(record.read_text())["images"] >= 2
    require_untouched(tiny, packed(TINY, tiny))


def test_a_folder_that_cannot_be_written_to_is_named(tiny: Path) -> None:
    (tiny / "packed").write_text("in the way")
    with pytest.raises(TinyexpError, match=r"packed: cannot be written to \(File exists\)\. .*--data-folder"):
        packed(TINY, tiny)


def test_a_second_process_does_not_pack_the_same(tiny: Path) -> None:
    place = packed(TINY, tiny)
    shutil.rmtree(place)
    with (
        FileLock(place.with_name(f"{place.name}.lock")),
        pytest.raises(UserError, match=r"another process is packing tiny-imagenet\. Wait for it"),
    ):
        packed(TINY, tiny)
    assert inventory(tiny / "packed") == []


def _shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "pixels one byte short": lambda place: _shorten(place / "train.pixels"),
    "pixels one byte long": lambda place: (place / "test.pixels").write_bytes(bytes(18 * 64 * 64 * 3 + 1)),
    "pixels gone": lambda place: (place / "test.pixels").unlink(),
    "pixels a broken link": lambda place: (
        (place / "test.pixels").unlink(),
        (place / "test.pixels").symlink_to("nowhere"),
    ),
    "another first image": lambda place: (place / "test.pixels").write_bytes(bytes(6 * 64 * 64 * 3)),
    "no manifest": lambda place: (place / "manifest.json").unlink(),
    "torn manifest": lambda place: _shorten(place / "manifest.json") or _shorten(place / "manifest.json"),
    "empty manifest": lambda place: (place / "manifest.json").write_bytes(b""),
    "binary manifest": lambda place: (place / "manifest.json").write_bytes(bytes(range(256))),
    "nested manifest": lambda place: (place / "manifest.json").write_text("[" * 100_000),
    "a list": lambda place: (place / "manifest.json").write_text("[]"),
    "a file instead": lambda place: (shutil.rmtree(place), place.write_text("x")),
    "an empty folder": lambda place: (shutil.rmtree(place), place.mkdir()),
}
HOSTILE: dict[str, Callable[[dict[str, Any]], object]] = {
    "another fingerprint": lambda m: m.update(fingerprint=m["fingerprint"][:16] + "0" * 48),
    "another format": lambda m: m.update(format="zip"),
    "a later version": lambda m: m.update(version=2),
    "a version that is true": lambda m: m.update(version=True),
    "an unknown key": lambda m: m.update(offset=-5),
    "a missing part": lambda m: m.pop("test"),
    "fewer images": lambda m: m["train"].update(images=11),
    "huge images": lambda m: m["train"].update(images=10**30),
    "images as text": lambda m: m["train"].update(images="12"),
    "negative height": lambda m: m["train"].update(heights=[-64]),
    "no height": lambda m: m["train"].update(heights=[]),
    "zero height": lambda m: m["train"].update(heights=[0]),
    "fractional height": lambda m: m["train"].update(heights=[64.0]),
    "height null": lambda m: m["train"].update(heights=None),
    "another size": lambda m: m["train"].update(heights=[32], widths=[128]),
    "heights for others": lambda m: m["train"].update(heights=[64] * 11),
    "huge height": lambda m: m["train"].update(heights=[10**9], widths=[10**9]),
    "overflowing height": lambda m: m["train"].update(heights=[2**63]),
    "enormous height": lambda m: m["train"].update(heights=[10**400]),
    "negative bytes": lambda m: m["train"].update(bytes=-1),
    "other bytes": lambda m: m["train"].update(bytes=12 * 64 * 64 * 3 - 1),
    "digest with a path": lambda m: m["train"].update(sha256="../../etc/passwd"),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a pack in it, of which tests replace the manifest and nothing else."""
    folder = tmp_path_factory.mktemp("kept")
    make_tiny_imagenet(folder / "tiny-imagenet-200")
    packed(TINY, folder)
    return folder


def require_refused(tiny: Path, place: Path) -> None:
    """Never used, never passed over; the words name the pack and the command, which mends it."""
    with pytest.raises(UserError) as caught:
        open_dataset(Data(dataset=TINY), tiny)
    assert str(caught.value).startswith(f"{place}: is no whole pack of this data set: ")
    assert f"`tinyexp data pack {TINY} --root {tiny / 'tiny-imagenet-200'} --data-folder {tiny}`" in str(
        caught.value
    )
    assert "or delete this folder" in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pack_is_refused_and_can_be_made_anew(tiny: Path, damage: str) -> None:
    place = packed(TINY, tiny)
    wanted = content(place)
    DAMAGES[damage](place)
    require_refused(tiny, place)
    if damage == "a file instead":
        with pytest.raises(UserError, match=r"something else than a pack is there\. Move it away"):
            packed(TINY, tiny)
        assert place.read_text() == "x"
    else:
        assert content(packed(TINY, tiny)) == wanted


@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_manifest_is_refused(kept: Path, change: str) -> None:
    (path,) = (kept / "packed").glob("*/manifest.json")
    whole = path.read_bytes()
    assert open_dataset(Data(dataset=TINY), kept)
    try:
        change_manifest(path.parent, HOSTILE[change])
        require_refused(kept, path.parent)
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("heights", [[], [64] * 11, [64] * 13])
def test_sizes_for_another_number_of_images_are_named(tiny: Path, heights: list[int]) -> None:
    place = packed(TINY, tiny)
    change_manifest(place, lambda m: m["train"].update(heights=heights))
    with pytest.raises(
        UserError, match="speaks of another number of train images than the 12 that there are"
    ):
        opened(TINY, tiny)


def test_a_manifest_of_any_number_of_digits_is_refused(tiny: Path) -> None:
    place = packed(TINY, tiny)
    text = (place / "manifest.json").read_text()
    (place / "manifest.json").write_text(text.replace('"images":12', f'"images":1{"0" * 5000}'))
    require_refused(tiny, place)


def test_an_enormous_manifest_is_not_read(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = packed(TINY, tiny)
    monkeypatch.setattr("tinyexp.trainers.vision.data.packed._MAX_MANIFEST_BYTES", 100)
    with pytest.raises(
        UserError, match=r"manifest\.json cannot be read: it has .* bytes; at most 100 are read"
    ):
        open_dataset(Data(dataset=TINY), tiny)
    assert place.is_dir()


def test_sizes_whose_bytes_overflow_are_refused(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = packed("imagenet", photos)
    change_manifest(place, lambda m: m["train"]["heights"].__setitem__(3, 10**9))
    with pytest.raises(UserError, match=f"an image with more than {folders.MAX_PIXELS:,} pixels"):
        opened("imagenet", photos)


@pytest.mark.parametrize("stranger", ["notes.txt", "train.pixels/notes.txt"])
def test_a_stranger_in_the_packs_folder_is_left_alone(tiny: Path, stranger: str) -> None:
    place = packed(TINY, tiny)
    (place / "train.pixels").unlink()
    (place / stranger).parent.mkdir(exist_ok=True)
    (place / stranger).write_text("mine")
    with pytest.raises(UserError, match=r"something else than a pack is there\. Move it away"):
        packed(TINY, tiny)
    assert (place / stranger).read_text() == "mine"


def test_a_pack_behind_a_link_is_used_and_never_removed(tiny: Path) -> None:
    """As where somebody has moved it to a larger disk."""
    place = packed(TINY, tiny)
    elsewhere = place.rename(tiny.parent / "elsewhere")
    place.symlink_to(elsewhere)
    require_equal(opened(TINY, tiny)[1], open_whole(TINY, tiny / "tiny-imagenet-200").test)
    _shorten(elsewhere / "train.pixels")
    with pytest.raises(UserError, match="something else than a pack is there"):
        packed(TINY, tiny)
    assert len(inventory(elsewhere)) == 4


def test_a_damaged_file_is_not_the_packs_fault(tiny: Path) -> None:
    """The image that opening compares with is broken now: the pack stays."""
    place = packed(TINY, tiny)
    first = tiny / "tiny-imagenet-200" / find_folder(TINY, tiny).train.names[0]
    first.write_bytes(b"x" * first.stat().st_size)
    with pytest.raises(UserError, match=f"{first.name}: cannot be decoded"):
        packed(TINY, tiny)
    assert place.is_dir()


def test_a_pack_that_goes_away_under_a_run_is_a_message(tiny: Path) -> None:
    place = packed(TINY, tiny)
    train, test = opened(TINY, tiny)
    _shorten(place / "train.pixels")
    (place / "test.pixels").unlink()
    for images in (train, test):
        with pytest.raises(UserError, match=r"cannot be mapped any more .* Start the command again"):
            images.image(0)


DAMAGED_BY_NAME = {"train.pixels": b"x", "test.pixels": b"y", "manifest.json": b"{}"}


@pytest.mark.parametrize("mark", [None, "{}", "copied"])
def test_a_folder_with_the_names_of_a_pack_and_no_mark_of_it_is_left_alone(
    tiny: Path, mark: str | None
) -> None:
    place = packed(TINY, tiny)
    copied = (place / MARK).read_text().replace(place.name, "0123456789abcdef")
    shutil.rmtree(place)
    place.mkdir()
    for name, mine in DAMAGED_BY_NAME.items():
        (place / name).write_bytes(mine)
    if mark is not None:
        (place / MARK).write_text(copied if mark == "copied" else mark)
    with pytest.raises(UserError, match=r"something else than a pack is there\. Move it away"):
        packed(TINY, tiny)
    assert content(place) == DAMAGED_BY_NAME


def test_a_folder_in_the_place_for_packing_that_is_not_ours_is_refused_and_left_as_it_is(tiny: Path) -> None:
    place = packed(TINY, tiny)
    shutil.rmtree(place)
    aside = place.with_name(f".{place.name}.packing")
    aside.mkdir()
    (aside / "train.pixels").write_text("mine")
    with pytest.raises(
        UserError, match=r"packing: is needed for working in, and what is there was not made by"
    ):
        packed(TINY, tiny)
    assert content(aside) == {"train.pixels": b"mine"}
    (aside / "train.pixels").unlink()
    packed(TINY, tiny)
    assert not aside.exists(), "an empty one is used: in it nothing can be lost"


def test_what_comes_into_the_place_for_packing_meanwhile_is_named_and_kept(tiny: Path) -> None:
    def brought(what: str, done: int, total: int) -> None:
        for aside in (tiny / "packed").glob(".*.packing"):
            (aside / ".notes.abcdefgh.tmp").write_text("mine")

    for progress in (brought, lambda *_: None):
        with pytest.raises(UserError, match=r"holds \.notes\.abcdefgh\.tmp, which is no part of a pack"):
            packed(TINY, tiny, progress)
    (notes,) = (tiny / "packed").glob(".*.packing/.notes.abcdefgh.tmp")
    assert notes.read_text() == "mine"
    notes.unlink()
    require_untouched(tiny, packed(TINY, tiny))


# Kills


def interrupted(data_folder: Path) -> None:
    """Stop after the training images, as by Ctrl-C."""

    def interrupt(what: str, done: int, total: int) -> None:
        if what == f"packing {TINY} test":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        packed(TINY, data_folder, interrupt)


def require_untouched(data_folder: Path, place: Path) -> None:
    """Byte for byte a pack that was never interrupted, and nothing else lies about."""
    other = data_folder.parent / "untouched"
    shutil.copytree(data_folder / "tiny-imagenet-200", other / "tiny-imagenet-200")
    assert content(place) == content(packed(TINY, other))
    assert inventory(data_folder / "packed") == inventory(other / "packed")


FATAL = """
import os, re, signal, sys
from pathlib import Path
from tinyexp import files
from tinyexp.trainers.vision.data import pack
from tinyexp.trainers.vision.data.build import find_folder
pack._COMMIT_BYTES = 3 * 64 * 64 * 3
when, fatal, left = sys.argv[2], sys.argv[3], int(sys.argv[4])
def watched(real, verb):
    def call(*arguments, **options):
        global left
        name = Path(arguments[-1] if isinstance(arguments[-1], Path) else os.readlink(f"/proc/self/fd/{arguments[0]}")).name
        met = re.fullmatch(fatal, f"{verb} {name}") is not None
        left -= met
        if met and not left and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        real(*arguments, **options)
        if met and not left:
            os.kill(os.getpid(), signal.SIGKILL)
    return call
os.fsync, Path.replace, Path.unlink = watched(os.fsync, "flush"), watched(Path.replace, "name"), watched(Path.unlink, "remove")
files.rename_anew = watched(files.rename_anew, "name")
folder = find_folder("tiny-imagenet", Path(sys.argv[1]))
pack.pack("tiny-imagenet", folder, Path(sys.argv[1]), lambda what, done, total: None, lambda words: None)
"""


def gets_to_the_end(data_folder: Path, when: str, step: str, occurrence: int) -> bool:
    """Pack in another process, which SIGKILL meets right before or after a step that shows on the disk."""
    result = subprocess.run(
        [sys.executable, "-c", FATAL, str(data_folder), when, step, str(occurrence)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode in {0, -signal.SIGKILL}, result.stderr
    return result.returncode == 0


@pytest.mark.parametrize(
    ("when", "step", "occurrence"),
    [
        ("before", "flush train.pixels", 1),
        ("before", "flush .*train.begun.*tmp", 1),
        ("before", "flush .*train.begun.*tmp", 3),
        ("after", "name train.begun.json", 2),
        ("after", "flush test.pixels", 1),
        ("before", "name manifest.json", 1),
        ("after", "name manifest.json", 1),
        ("after", "remove t.*.begun.json", 1),
        ("before", "flush .tinyexp-owner.json", 1),
        ("after", "flush .tinyexp-owner.json", 1),
        ("before", "name [0-9a-f]{16}", 1),
        ("after", "name [0-9a-f]{16}", 1),
    ],
)
def test_a_kill_at_one_step_leaves_what_the_next_pack_makes_whole(
    tiny: Path, when: str, step: str, occurrence: int
) -> None:
    """Where there is a pack after the kill, it is whole; where there is none, packing goes on."""
    assert not gets_to_the_end(tiny, when, step, occurrence)
    whole = [place for place in (tiny / "packed").iterdir() if re.fullmatch("[0-9a-f]{16}", place.name)]
    assert bool(whole) == ((when, step) == ("after", "name [0-9a-f]{16}"))
    for place in whole:
        assert check_pack(TINY, find_folder(TINY, tiny), tiny, lambda *_: None) == place
    require_untouched(tiny, packed(TINY, tiny))


def test_a_pack_that_is_killed_again_and_again_gets_done(tiny: Path) -> None:
    kills = 0
    while not gets_to_the_end(tiny, "after", "name .*.begun.json", 2):
        kills += 1
        assert kills < 4, "it goes on and does not start over"
    assert kills == 3, "of six commits, two a time"
    require_untouched(tiny, packed(TINY, tiny))


def test_a_kill_in_the_middle_of_an_image_is_gone_on_from(tiny: Path) -> None:
    """Half an image lies behind the last one that is safe."""
    interrupted(tiny)
    (pixels,) = (tiny / "packed").glob(".*.packing/train.pixels")
    with pixels.open("ab") as out:
        out.write(bytes(1000))
    steps: list[str] = []
    place = packed(TINY, tiny, lambda what, done, total: steps.append(what))
    assert f"packing {TINY} train" not in steps, "it is all there"
    require_untouched(tiny, place)


@pytest.mark.parametrize("spoiled", ["train.pixels", "train.begun.json"])
@pytest.mark.parametrize("way", ["flipped", "short", "empty", "gone"])
def test_what_was_spoiled_meanwhile_is_written_anew(tiny: Path, spoiled: str, way: str) -> None:
    interrupted(tiny)
    (path,) = (tiny / "packed").glob(f".*.packing/{spoiled}")
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    if way == "gone":
        path.unlink()
    else:
        path.write_bytes({"flipped": flipped, "short": whole[:-100], "empty": b""}[way])
    require_untouched(tiny, packed(TINY, tiny))


@pytest.mark.parametrize("images", [0, -1, 13, 10**30, "12", None])
def test_a_hostile_record_of_progress_is_not_believed(tiny: Path, images: Any) -> None:
    interrupted(tiny)
    (record,) = (tiny / "packed").glob(".*.packing/train.begun.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"images": images}))
    require_untouched(tiny, packed(TINY, tiny))


def test_progress_with_another_data_set_is_not_gone_on_from(tiny: Path) -> None:
    interrupted(tiny)
    (record,) = (tiny / "packed").glob(".*.packing/train.begun.json")
    begun = json.loads(record.read_text())
    record.write_text(json.dumps(begun | {"fingerprint": begun["fingerprint"][:16] + "0" * 48}))
    steps: list[str] = []
    packed(TINY, tiny, lambda what, done, total: steps.append(what))
    assert f"packing {TINY} train" in steps


# The command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(data, ["pack", *arguments])


def test_the_command_says_how_much_it_writes_and_prints_the_folder(tiny: Path) -> None:
    result = run(TINY, "--data-folder", str(tiny))
    assert result.exit_code == 0, result.output
    place = next((tiny / "packed").glob("*/"))
    assert result.stdout == f"{place}\n"
    assert f"{place}: 221,184 bytes of pixels will be written, 0 of them are there." in result.stderr
    assert "measuring tiny-imagenet train: 100 % of 12" in result.stderr
    assert "packing tiny-imagenet test: 100 % of 6" in result.stderr
    again = run(TINY, "--data-folder", str(tiny))
    assert (again.stdout, again.stderr) == (f"{place}\n", "")


def test_the_command_takes_a_root(tmp_path: Path) -> None:
    root = make_imagenet(tmp_path / "own", size=20)
    result = run("image-folder", "--root", str(root), "--data-folder", str(tmp_path / "data"))
    assert result.exit_code == 0, result.output
    section = Data(dataset="image-folder", root=str(root))
    assert isinstance(open_dataset(section, tmp_path / "data").train._source, PackedImages)


def test_check_reads_every_byte(tiny: Path) -> None:
    place = packed(TINY, tiny)
    result = run(TINY, "--check", "--data-folder", str(tiny))
    assert result.stdout == f"{place}: whole: every byte is what was written\n"
    assert "checking tiny-imagenet train: 100 % of 147,456" in result.stderr
    pixels = bytearray((place / "train.pixels").read_bytes())
    pixels[-1] ^= 1
    (place / "train.pixels").write_bytes(pixels)
    assert open_dataset(Data(dataset=TINY), tiny), "opening looks at sizes alone"
    with pytest.raises(UserError, match=r"train\.pixels is not what was written. Pack again with"):
        check_pack(TINY, find_folder(TINY, tiny), tiny, lambda *_: None)


def test_check_says_that_nothing_is_packed(tiny: Path) -> None:
    result = run(TINY, "--check", "--data-folder", str(tiny))
    assert isinstance(result.exception, UserError)
    assert re.search(
        r"packed/[0-9a-f]{16}: is not there. Make it with `tinyexp data pack", str(result.exception)
    )


def test_what_is_no_data_set_of_files_is_not_packed(tmp_path: Path) -> None:
    make_fashion_mnist(tmp_path / "fashion-mnist")
    for name in ("fashion-mnist", "patterns", "tiny-imagnet"):
        with pytest.raises(
            UserError,
            match=f"unknown data set of image files '{name}'. Known: tiny-imagenet, imagenet, image-",
        ):
            find_folder(name, tmp_path)


def test_what_is_not_there_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Tiny ImageNet is not there"):
        find_folder(TINY, tmp_path)
    assert isinstance(find_folder("imagenet", make_imagenet(tmp_path / "imagenet").parent), Folder)
