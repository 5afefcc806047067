"""What the held-out images decide: when the rates move, and when a run stops early.

Both are functions of the rows that a run has so far. So nothing of them stands in a checkpoint that could disagree with
its rows: a resumed run looks at the same values again.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from tinyexp.runs.taken import best_place
from tinyexp.trainers.vision.settings import VisionSettings

Row = dict[str, int | float | None]


class PlateauRates:
    """Learning rate by torch's ``ReduceLROnPlateau``, any better value counting as better; the weight decay moves whenever it does."""

    def __init__(self, optimizer: Optimizer, spec: VisionSettings) -> None:
        self._optimizer, self._spec = optimizer, spec
        self.replay(())

    def replay(self, rows: Sequence[Row]) -> None:
        """Take the rates as after these epochs, whatever they are now."""
        settings, training = self._spec.optimizer, self._spec.training
        for group in self._optimizer.param_groups:
            group["lr"], group["weight_decay"] = settings.learning_rate, settings.weight_decay
        self._scheduler = ReduceLROnPlateau(
            self._optimizer,
            mode="max" if training.watch == "val_accuracy" else "min",
            factor=settings.learning_rate_factor,
            patience=settings.plateau_patience,
            threshold=0.0,
            threshold_mode="abs",
        )
        for row in rows:
            self.after(row)

    def after(self, row: Row) -> None:
        """Take in an epoch."""
        groups = self._optimizer.param_groups
        before = [group["lr"] for group in groups]
        value = row[self._spec.training.watch]
        assert value is not None, "settings without held-out images were refused"
        self._scheduler.step(value)
        for group, rate in zip(groups, before, strict=True):
            if group["lr"] < rate:
                group["weight_decay"] *= self._spec.optimizer.weight_decay_factor


def best_epoch(rows: Sequence[Row], spec: VisionSettings) -> int:
    """The epoch, from 1, at which what is watched was best so far: the first of equal ones."""
    watch = spec.training.watch
    values = [value for row in rows if (value := row[watch]) is not None]
    return best_place(values, highest=watch == "val_accuracy") + 1


def stops_early(rows: Sequence[Row], spec: VisionSettings) -> bool:
    """Whether so many epochs brought nothing better that the run is over."""
    patience = spec.training.patience
    return bool(patience and rows) and len(rows) - best_epoch(rows, spec) >= patience
