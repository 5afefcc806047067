"""Whole runs of the profile ``paper`` on one GPU, over made-up photos in the layouts of Tiny ImageNet and ImageNet.

What a run takes, from epochs that were measured: ``tinyexp run`` for two epochs, its ``timing.csv`` read, the second epoch taken (the
first loads code), times the epochs of the profile. Pixels say nothing of the time; how many there are does. Tiny ImageNet is written in
full, 200 classes of 500, and packed. Of ImageNet 1,000 classes of ten photos of 400 x 300 are written, so that a run of it is reckoned
by images: a tenth of an epoch and less is measured, with files decoded by so many threads, and from a pack of 160 px.

    python benchmarks/gpu_runs.py FOLDER [tiny] [imagenet]     a line of JSON a run; FOLDER takes about 2 GB
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from pictures import photos
from PIL import Image

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.catalogue import CATALOGUE
from tinyexp.trainers.vision.settings import vision_settings

TINY_CLASSES, TINY_EACH, TINY_TEST = 200, 500, 50
PHOTO_CLASSES, PHOTO_EACH, PHOTO_TEST = 1000, 10, 2
DIFFERENT = 20
"""Pictures that are drawn; files repeat them, each of its own class."""
EPOCHS = 2


def _class_of(task: tuple[Path, str, int, tuple[int, int]]) -> None:
    """Files of one class: ``folder/stem_0.JPEG`` and so on."""
    folder, stem, count, (height, width) = task
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [Image.fromarray(one) for one in photos(min(DIFFERENT, count), height, width)]
    for number in range(count):
        drawn[number % len(drawn)].save(folder / f"{stem}_{number}.JPEG", quality=90)


def tiny_imagenet(folder: Path) -> None:
    """In its own layout, with as many images."""
    names = [f"n{number:08}" for number in range(TINY_CLASSES)]
    tasks = [(folder / "train" / name / "images", name, TINY_EACH, (64, 64)) for name in names]
    tests = TINY_CLASSES * TINY_TEST
    with ProcessPoolExecutor() as pool:
        list(pool.map(_class_of, [*tasks, (folder / "val" / "images", "val", tests, (64, 64))]))
    (folder / "wnids.txt").write_text("".join(f"{name}\n" for name in names))
    (folder / "words.txt").write_text("".join(f"{name}\tthing\n" for name in names))
    (folder / "val" / "val_annotations.txt").write_text(
        "".join(
            f"val_{number}.JPEG\t{names[number % TINY_CLASSES]}\t0\t0\t63\t63\n" for number in range(tests)
        )
    )


def imagenet(folder: Path) -> None:
    """In its own layout, with all classes and few photos of each."""
    names = [f"n{number:08}" for number in range(PHOTO_CLASSES)]
    sizes = (300, 400)
    with ProcessPoolExecutor() as pool:
        for part, each in (("train", PHOTO_EACH), ("val", PHOTO_TEST)):
            list(pool.map(_class_of, [(folder / part / name, name, each, sizes) for name in names]))


def command(folder: Path, *words: str) -> str:
    """Carry out ``tinyexp`` there; gives what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tinyexp", *words],
        env={**os.environ, "TINYEXP_DATA": str(folder / "data")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"tinyexp {' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return done.stdout


def run(folder: Path, name: str, title: str, changes: dict[str, object]) -> dict:
    """Train two epochs; what the second took, and what the profile's run would."""
    runs = folder / title.replace(" ", "-").replace(",", "")
    asked = {"training.stop_after": EPOCHS, "execution.device": "cuda"} | changes
    settings = [part for key, value in asked.items() for part in ("--set", f"{key}={value}")]
    command(folder, "run", name, "--profile", "paper", "--runs", str(runs), *settings)
    (timing,) = runs.rglob("timing.csv")
    with timing.open() as lines:
        first, last = csv.DictReader(lines)
    (record,) = runs.rglob("environment.json")
    spec = vision_settings(load_experiment(name, "paper"))
    known = CATALOGUE[spec.data.dataset]
    speed = float(last["images_per_s"])
    trained = (known.train_images - spec.data.holdout) / speed
    # Evaluations read as many clean training images as test images, and the held-out ones.
    here = (
        2 * (TINY_CLASSES * TINY_TEST if "tiny" in name else PHOTO_CLASSES * PHOTO_TEST) + spec.data.holdout
    )
    evaluated = (2 * known.test_images + spec.data.holdout) * float(last["evaluate_s"]) / here
    return {
        "benchmark": "gpu-runs",
        "run": title,
        "card": json.loads(record.read_text())["accelerator"],
        "images_per_s": speed,
        "first_epoch_images_per_s": float(first["images_per_s"]),
        "epoch_s": round(trained + evaluated, 1),
        "evaluations_s": round(evaluated, 1),
        "run_hours": round((trained + evaluated) * spec.training.stop_after / 3600, 2),
        "peak_memory_mb": float(last["peak_memory_mb"]),
        "processors": os.cpu_count(),
    }


def main(folder: Path, parts: Sequence[str]) -> None:
    """Write the data, and train."""
    tiny, large = "tiny-imagenet-200", "imagenet"
    if not parts or "tiny" in parts:
        tiny_imagenet(folder / "data" / tiny)
        print(command(folder, "data", "pack", "tiny-imagenet"), file=sys.stderr)
        for name in ("tiny-design1", "tiny-design2"):
            for precision in ("32-true", "bf16-mixed"):
                print(json.dumps(run(folder, name, f"{name} {precision}", {"training.precision": precision})))
    if not parts or "imagenet" in parts:
        imagenet(folder / "data" / large)
        for workers in (2, os.cpu_count() or 1):
            title = f"imagenet-resnet18 files decoded by {workers} threads"
            print(json.dumps(run(folder, "imagenet-resnet18", title, {"execution.workers": workers})))
        print(command(folder, "data", "pack", "imagenet", "--side", "160"), file=sys.stderr)
        packed = {"data.packed_side": 160}
        print(json.dumps(run(folder, "imagenet-resnet18", "imagenet-resnet18 packed at 160 px", packed)))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
