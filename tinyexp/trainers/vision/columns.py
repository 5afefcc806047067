"""The columns of this trainer's records."""

from __future__ import annotations

METRIC_COLUMNS = (
    "epoch",
    "step",
    "images_seen",
    "learning_rate",
    "weight_decay",
    "train_loss",
    "train_accuracy",
    "train_clean_loss",
    "train_clean_accuracy",
    "val_loss",
    "val_accuracy",
    "test_loss",
    "test_accuracy",
    "test_top5_accuracy",
)
"""Losses are mean cross-entropies in nats; accuracies are fractions. ``train_*`` is measured as the
source does (augmented, dropout on, averaged over the epoch); ``train_clean_*`` on a keyed part of the
training images in evaluation mode under the test transform; ``val_*`` on the held-out part, empty without one."""

TIMING_COLUMNS = ("epoch", "train_s", "evaluate_s", "images_per_s", "peak_memory_mb")
"""Seconds of steps and of evaluations, images a second in steps, and the memory that the steps needed beyond what the
process held before them, in millions of bytes: see :class:`tinyexp.trainers.vision.training.peak.PeakMemory`. Of a run that
several processes share, the clock and the memory are rank 0's, and the images those of all."""
