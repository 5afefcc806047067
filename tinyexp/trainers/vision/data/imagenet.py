"""ImageNet as class folders, and the words for the forms in which it arrives and cannot be used yet."""

from __future__ import annotations

from pathlib import Path

from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.folders import Folder, found, open_class_folders, subfolders

LAYOUT = (
    "It is expected as train/<wnid>/*.JPEG and val/<wnid>/*.JPEG:"
    " unpack ILSVRC2012_img_train.tar in train/, each of the 1,000 archives in it in a folder of its own name;"
    " unpack ILSVRC2012_img_val.tar in val/ and move each image to its class's folder, as the devkit's"
    " ILSVRC2012_validation_ground_truth.txt says (torchvision.datasets.ImageNet does both from the archives)."
)


def open_imagenet(root: Path) -> Folder:
    """List ``train/<wnid>/*`` and ``val/<wnid>/*``; classes are the sorted folder names.

    Raises
    ------
    UserError
        The folder has another form; where it is one of the usual ones, the message says what to do.
    """
    if not (subfolders(root / "train") and subfolders(root / "val")):
        reason = _diagnosis(root)
        if reason:
            raise UserError(f"{root}: {reason} {LAYOUT}")
    return open_class_folders(root, ("val",), "ImageNet")


def _diagnosis(root: Path) -> str:
    """Which of the known unfinished forms this is; empty if none."""
    train, val = root / "train", root / "val"
    if any(root.glob("ILSVRC2012_img_*.tar")):
        return "holds the archives, still packed."
    if train.is_dir() and any(train.glob("n*.tar")):
        return "train/ holds the class archives, still packed."
    if val.is_dir() and any(val.glob("ILSVRC2012_val_*.*")):
        return f"val/ is flat, its images not yet in class folders. Found in it: {found(val)}."
    if (
        any(root.glob("ILSVRC2012_devkit*"))
        or (root / "data" / "ILSVRC2012_validation_ground_truth.txt").is_file()
    ):
        return "is the devkit, which holds labels and tools and no images."
    return ""
