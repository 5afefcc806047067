"""An epoch of batches from JPEG files of 64 px: our loader beside ImageFolder, PIL and torchvision v1.

The second epoch on is what a run spends nearly all its time in; the first one decodes. With workers the clock is
the measure, as they work side by side.
"""

from __future__ import annotations

import shutil
import sys
import tempfile

from fair import Side, compare, one_thread, repeated, wall_time

one_thread()

from pathlib import Path

import torch
from pictures import class_folders
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.build import find_folder, open_dataset
from tinyexp.trainers.vision.data.loader import TrainBatches
from tinyexp.trainers.vision.data.pack import pack
from tinyexp.trainers.vision.settings import vision_settings

CLASSES, EACH, BATCH = 20, 160, 256
IMAGES = CLASSES * EACH


def spec_of(root: Path, workers: int):
    """Design 1 as in the source, on these files."""
    overrides = {
        "data.dataset": "image-folder",
        "data.root": str(root),
        "model.classes": CLASSES,
        "execution.workers": workers,
    }
    return vision_settings(load_experiment("tiny-design1", "paper", overrides))


def ours(root: Path, data_folder: Path, workers: int = 0):
    """Epochs of our loader, one after the other."""
    spec = spec_of(root, workers)
    batches = TrainBatches(open_dataset(spec.data, data_folder).train, spec, 0, workers)
    epochs = iter(range(1, 10**9))
    return lambda: drained(batches.epoch(next(epochs)))


def peers(root: Path, workers: int = 0):
    """ImageFolder and torchvision's transforms, as the source lists them."""
    pipeline = transforms.Compose(
        [
            transforms.RandomResizedCrop(64),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(18),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    folder = datasets.ImageFolder(str(root / "train"), pipeline)
    loader = DataLoader(
        folder, batch_size=BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    return lambda: drained(loader)


def packed(root: Path, data_folder: Path) -> None:
    """As `tinyexp data pack`, silently."""
    folder = find_folder("image-folder", data_folder, str(root))
    pack("image-folder", folder, data_folder, lambda *_: None, lambda _: None)


def drained(batches) -> int:
    """How many images came."""
    return sum(len(labels) for _, labels in batches)


def first_epoch(root: Path):
    """Packing from nothing, opening, and one epoch."""

    def run():
        with tempfile.TemporaryDirectory() as place:
            packed(root, Path(place))
            assert ours(root, Path(place))() == IMAGES

    return run


if __name__ == "__main__":
    torch.set_num_threads(1)
    base = Path(tempfile.mkdtemp(prefix="tinyexp-bench-"))
    try:
        root = base / "images"
        class_folders(root, CLASSES, EACH, 2, 64)
        packed(root, base / "data")
        notes = {"images": IMAGES, "batch": BATCH, "px": 64, "unit": "images"}
        compare(
            "loader-second-epoch",
            Side("tinyexp, packed, workers 0", repeated(ours(root, base / "data"), 10), 10 * IMAGES),
            Side("ImageFolder + PIL + v1, workers 0", peers(root), IMAGES),
            goal=30,
            **notes,
        )
        compare(
            "loader-second-epoch-side-by-side",
            Side("tinyexp, packed, two threads", repeated(ours(root, base / "data", 2), 10), 10 * IMAGES),
            Side("ImageFolder + PIL + v1, two processes", peers(root, 2), IMAGES),
            goal=25,
            measure=wall_time,
            **notes,
        )
        compare(
            "loader-first-epoch",
            Side("tinyexp, packing included", first_epoch(root), IMAGES),
            Side("ImageFolder + PIL + v1, workers 0", peers(root), IMAGES),
            goal=4,
            **notes,
        )
    finally:
        shutil.rmtree(base)
    sys.exit()
