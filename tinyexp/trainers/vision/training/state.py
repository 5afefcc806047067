"""Everything that a run would lose if its process ended: what a checkpoint holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins import Precision
from torch import Tensor, nn
from torch.optim import Optimizer

from tinyexp.errors import DamagedError
from tinyexp.trainers.vision.training.form import require_form
from tinyexp.trainers.vision.training.peak import PeakMemory
from tinyexp.trainers.vision.training.watched import PlateauRates, Row


@dataclass
class Totals:
    """Sums over the steps of the current epoch; on the device, so that no step waits for them."""

    loss: Tensor
    """Sum of the images' losses, float64."""
    correct: Tensor
    """Images whose class was right, int64."""
    images: int = 0

    @classmethod
    def on(cls, device: torch.device) -> Totals:
        return cls(
            torch.zeros((), dtype=torch.float64, device=device),
            torch.zeros((), dtype=torch.int64, device=device),
        )

    def add(self, loss: Tensor, correct: Tensor, images: int) -> None:
        """Take in a step: the sum of its images' losses, how many classes were right, of how many images."""
        self.loss += loss
        self.correct += correct
        self.images += images


@dataclass
class TrainingState:
    """Weights, optimizer, position, measurements."""

    model: nn.Module
    optimizer: Optimizer
    totals: Totals
    memory: PeakMemory
    rates: PlateauRates | None = None
    """What moves the optimizer's rates; None where they are constant."""
    precision: Precision = field(default_factory=Precision)
    """The arithmetic; half precision scales the loss, by a factor that goes by the gradients of earlier steps."""
    epoch: int = 1
    """The epoch under way, from 1."""
    step: int = 0
    """Steps of it that are done."""
    total_steps: int = 0
    rows: list[Row] = field(default_factory=list)
    timings: list[Row] = field(default_factory=list)
    predictions: dict[str, Tensor] = field(default_factory=dict)
    """Of the epoch that the result is taken from: the last one that is done, or the best where a run may stop early."""
    train_s: float = 0.0
    """Wall-clock seconds spent on the steps of this epoch; no part of any result."""
    peak_memory_mb: float | None = None
    """Of this epoch's steps, as far as they were taken by this process; no part of any result."""
    committed_at: float = field(default_factory=time.monotonic)

    def next_epoch(self) -> None:
        """Begin the epoch after this one."""
        self.epoch, self.step, self.train_s = self.epoch + 1, 0, 0.0
        self.totals = Totals.on(self.totals.loss.device)

    def mark_committed(self) -> None:
        """Begin to count the time to the next commit."""
        self.committed_at = time.monotonic()

    def is_finite(self) -> bool:
        """Whether the losses of this epoch and all weights are finite numbers."""
        weights = [value for value in self.model.state_dict().values() if value.is_floating_point()]
        return bool(torch.isfinite(self.totals.loss)) and all(
            bool(torch.isfinite(value).all()) for value in weights
        )

    def to_checkpoint(self) -> dict[str, Any]:
        """As tensors and builtins."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision.state_dict(),
            "position": {"epoch": self.epoch, "step": self.step, "total_steps": self.total_steps},
            "totals": {
                "loss": self.totals.loss,
                "correct": self.totals.correct,
                "images": self.totals.images,
            },
            "rows": self.rows,
            "timings": self.timings,
            "predictions": self.predictions,
            "train_s": self.train_s,
        }

    def restore(self, checkpoint: dict[str, Any], where: Path) -> None:
        """Take over a checkpoint's content; raises DamagedError where it is of another net or version.

        Parameters
        ----------
        where
            The folder that it comes from, for the message.
        """
        try:
            require_form(checkpoint, self.precision.state_dict())
            self.model.load_state_dict(checkpoint["model"])
            self.optimizer.load_state_dict(checkpoint["optimizer"])
            self.precision.load_state_dict(checkpoint["precision"])
            position, totals = checkpoint["position"], checkpoint["totals"]
            self.epoch, self.step = position["epoch"], position["step"]
            self.total_steps = position["total_steps"]
            device = self.totals.loss.device
            self.totals = Totals(totals["loss"].to(device), totals["correct"].to(device), totals["images"])
            self.rows, self.timings = checkpoint["rows"], checkpoint["timings"]
            self.predictions, self.train_s = checkpoint["predictions"], checkpoint["train_s"]
            if self.rates:
                self.rates.replay(self.rows)
        except (LookupError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise DamagedError(
                f"the checkpoint does not fit this run: {error}. Train it anew with --fresh.", where
            ) from error
