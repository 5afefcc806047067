"""Images of which less is taken than they hold are counted: by `data verify`, and in a run's record, whence the report has it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from small_runs import small_plan

from tinyexp.cli import main
from tinyexp.runs.records import DataRecord, read_section, write_section
from tinyexp.trainers.base import trainer_of
from tinyexp.trainers.vision.data import reductions as module
from tinyexp.trainers.vision.data.reductions import reductions

PIXELS = np.random.default_rng(0).integers(0, 255, (32, 40, 4), dtype=np.uint8)


def plain(path: Path) -> None:
    Image.fromarray(PIXELS[..., :3]).save(path)


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS[..., :3]).save(path, exif=exif)


def animated(path: Path) -> None:
    frames = [Image.fromarray(np.roll(PIXELS[..., :3], shift, 0)) for shift in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def transparent(path: Path) -> None:
    Image.fromarray(PIXELS).save(path)


def see_through_palette(path: Path) -> None:
    Image.fromarray(PIXELS[..., 0] // 2).convert("P").save(path, transparency=3)


def deep(path: Path) -> None:
    """A PNG of 16 bits a channel, which Pillow does not write."""
    rows = b"".join(b"\0" + bytes(PIXELS[0].tobytes()[:96] * 2) for _ in range(32))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


MADE = {
    "plain.png": (plain, []),
    "plain.jpg": (plain, []),
    "turned.jpg": (turned, ["turned"]),
    "turned.png": (turned, ["turned"]),
    "animated.gif": (animated, ["frames"]),
    "animated.webp": (animated, ["frames"]),
    "pages.tif": (animated, ["frames"]),
    "see_through.png": (transparent, ["transparent"]),
    "palette.png": (see_through_palette, ["transparent"]),
    "deep.png": (deep, ["deep"]),
}


@pytest.mark.parametrize("name", MADE)
def test_what_an_image_holds_beside_what_is_taken_is_seen(tmp_path: Path, name: str) -> None:
    make, kinds = MADE[name]
    make(tmp_path / name)
    assert reductions(tmp_path / name) == kinds


def test_what_is_no_image_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no image")
    assert reductions(tmp_path / "x.png") == []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "own" / part / name).mkdir(parents=True)
            for number in range(20):
                plain(tmp_path / "own" / part / name / f"{number}.png")
    for name, (make, _) in MADE.items():
        make(tmp_path / "own" / "train" / "cat" / name)
    return tmp_path / "own"


TOLD = [
    "2 images with an EXIF orientation, which is not followed",
    "3 images with further frames, of which the first is taken",
    "2 images with transparency, of which the colours are taken",
    "1 image with 16 bits a channel, of which the upper 8 are taken",
]


def test_verify_counts_them(folder: Path) -> None:
    done = CliRunner().invoke(main, ["data", "verify", "image-folder", "--root", str(folder)])
    assert done.exit_code == 0
    assert [line.strip() for line in done.stdout.splitlines()[1:5]] == TOLD


def records(folder: Path) -> DataRecord:
    options = {
        "data.dataset": "image-folder",
        "data.root": str(folder),
        "model.classes": 2,
        "data.holdout": 4,
    }
    experiment = small_plan(Path("runs")).experiment
    settings = experiment.settings | {
        "data": experiment.settings["data"]
        | {"dataset": "image-folder", "root": str(folder), "holdout": 4, "train_limit": 0, "test_limit": 0},
        "model": experiment.settings["model"] | {"classes": options["model.classes"]},
    }
    [found] = trainer_of("vision").inputs(
        [experiment.model_copy(update={"settings": settings})], Path("data")
    )
    return found


def test_the_record_of_a_run_says_how_many_and_of_how_many(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = records(folder)
    assert found.reduced == {"turned": 2, "frames": 3, "transparent": 2, "deep": 1, "looked_at": 90}
    write_section(folder / "record.json", found)
    assert read_section(folder / "record.json", DataRecord) == found
    monkeypatch.setattr(module, "MOST_LOOKED_AT", 45)
    assert records(folder).reduced["looked_at"] == 45, "of a large data set some, evenly spread"


def test_a_record_of_images_that_are_taken_whole_is_as_it_always_was(folder: Path) -> None:
    for name in MADE:
        if not name.startswith("plain"):
            (folder / "train" / "cat" / name).unlink()
    write_section(folder / "record.json", records(folder))
    assert "reduced" not in (folder / "record.json").read_text()
