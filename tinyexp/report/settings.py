"""Keys of a spec in words, for tables that people read."""

from __future__ import annotations

from collections.abc import Mapping

from tinyexp.report.words import plain

SETTINGS: Mapping[str, str] = {
    "model.architecture": "architecture",
    "model.channels": "channels of the convolutions",
    "model.kernels": "kernels of the convolutions",
    "model.strides": "strides of the convolutions",
    "model.padding": "padding of the convolutions",
    "model.pool_kernels": "pooling windows",
    "model.pool_strides": "pooling strides",
    "model.head_pool": "pooling before the head",
    "model.fc_width": "units of the hidden dense layer",
    "model.hidden_activation": "activation of the hidden dense layer",
    "model.head_order": "order of the head's layers",
    "model.dropout": "dropout",
    "model.classes": "classes",
    "model.width": "width multiplier",
    "model.blocks": "residual blocks a stage",
    "data.dataset": "data set",
    "data.root": "folder of the data (empty for the usual places)",
    "data.train_limit": "training images used (0 for all)",
    "data.test_limit": "test images used (0 for all)",
    "data.holdout": "training images held out",
    "data.packed_side": "shorter side that images were packed at (0 for their own)",
    "input.image_size": "image side in pixels",
    "input.resize": "test transform's resize",
    "input.normalize": "normalization",
    "input.mean": "normalization mean",
    "input.std": "normalization spread",
    "augmentation.random_resized_crop": "random resized crop",
    "augmentation.crop_scale": "crop area",
    "augmentation.crop_ratio": "crop ratio",
    "augmentation.flip_probability": "probability of a flip",
    "augmentation.rotation_degrees": "rotation in degrees",
    "optimizer.name": "optimizer",
    "optimizer.learning_rate": "learning rate",
    "optimizer.momentum": "momentum",
    "optimizer.weight_decay": "weight decay",
    "optimizer.schedule": "schedule of the learning rate",
    "training.epochs": "epochs planned",
    "training.stop_after": "epochs trained",
    "training.batch_size": "batch size",
    "training.evaluation_batch_size": "batch size of the evaluation",
    "training.loss": "loss",
    "training.precision": "precision",
    "training.compile": "compiled",
    "training.channels_last": "channels last",
}


def named(key: str) -> str:
    """A key in words; one that has none stands as itself."""
    if key.startswith("readings."):
        return f"reading of {plain(key.removeprefix('readings.'))}"
    return SETTINGS.get(key, plain(key))
