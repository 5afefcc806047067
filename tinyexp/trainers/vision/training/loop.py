"""The training loop: the one main path of the project.

An epoch is its steps, then an evaluation, then a commit. Every random number is keyed, so a step needs
the checkpoint and nothing else of what happened before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tinyexp.errors import DivergedError
from tinyexp.trainers.vision.data.draws import keyed_subset
from tinyexp.trainers.vision.data.loader import EvaluationBatches, TrainBatches
from tinyexp.trainers.vision.data.sources import Dataset, ImageSource
from tinyexp.trainers.vision.settings import VisionSettings
from tinyexp.trainers.vision.training.evaluate import Evaluation, evaluate
from tinyexp.trainers.vision.training.moving import on_device
from tinyexp.trainers.vision.training.randomness import key_step
from tinyexp.trainers.vision.training.ranks import Ranks
from tinyexp.trainers.vision.training.state import TrainingState
from tinyexp.trainers.vision.training.watched import Row, best_epoch, stops_early


class Backend(Protocol):
    """What the loop asks of Lightning Fabric."""

    @property
    def device(self) -> torch.device:
        """What is trained on."""

    def backward(self, tensor: Tensor) -> None:
        """Gradients of a loss, scaled as the precision asks."""


@dataclass(frozen=True)
class Batches:
    """All that a run reads: training steps, and the three sets it is measured on."""

    train: TrainBatches
    train_clean: EvaluationBatches
    """A keyed part of the training images, as large as the test set, under the test transform."""
    holdout: EvaluationBatches
    test: EvaluationBatches


@dataclass(frozen=True)
class Hooks:
    """What the loop tells the run that it serves."""

    commit: Callable[[TrainingState], None]
    """Make the state durable."""
    epoch_done: Callable[[TrainingState], None]
    """An epoch is measured and committed."""
    stop_code: Callable[[], int]
    """0 to go on; else the exit code to leave with."""
    stop: Callable[[int], None]
    """Leave with an exit code; raises."""


def open_batches(dataset: Dataset, spec: VisionSettings, seed: int, ranks: Ranks) -> Batches:
    """The batches of a run of this seed, as far as this process takes them."""
    workers, rank, size = spec.execution.workers, ranks.rank, ranks.size
    clean = keyed_subset("train_clean", len(dataset.train), len(dataset.test))

    def measuring(source: ImageSource, indices: NDArray[np.int64] | None = None) -> EvaluationBatches:
        return EvaluationBatches(source, spec, workers, indices, rank=rank, size=size)

    return Batches(
        train=TrainBatches(dataset.train, spec, seed, workers, rank=rank, size=size),
        train_clean=measuring(dataset.train, clean),
        holdout=measuring(dataset.holdout),
        test=measuring(dataset.test),
    )


def train(
    state: TrainingState,
    batches: Batches,
    spec: VisionSettings,
    seed: int,
    backend: Backend,
    hooks: Hooks,
    ranks: Ranks,
) -> None:
    """Train from where ``state`` stands to the last epoch, in step with the other processes of the run if there are any.

    Raises
    ------
    DivergedError
        A loss or a weight is no longer finite; that state was not committed.
    """
    while not _is_over(state, spec):
        _train_steps(state, batches.train, spec, seed, backend, hooks, ranks)
        row, timing, predictions = _measure(state, batches, backend, hooks, ranks)
        _require_finite(state)
        state.rows.append(row)
        state.timings.append(timing)
        if not spec.training.patience or best_epoch(state.rows, spec) == state.epoch:
            state.predictions = predictions
        if state.rates:
            state.rates.after(row)
        state.next_epoch()
        hooks.commit(state)
        hooks.epoch_done(state)
        stop, _ = ranks.agreed(hooks.stop_code())
        if stop and not _is_over(state, spec):
            hooks.stop(stop)


def _is_over(state: TrainingState, spec: VisionSettings) -> bool:
    return state.epoch > spec.training.stop_after or stops_early(state.rows, spec)


def _train_steps(
    state: TrainingState,
    batches: TrainBatches,
    spec: VisionSettings,
    seed: int,
    backend: Backend,
    hooks: Hooks,
    ranks: Ranks,
) -> None:
    execution = spec.execution
    started, before, first = time.perf_counter(), state.train_s, state.step
    state.memory.begin()
    state.model.train()
    for images, labels in on_device(batches.epoch(state.epoch, state.step), backend.device):
        training_step(state, images, labels, batches.images(state.step), spec, seed, backend, ranks)
        state.train_s = before + time.perf_counter() - started
        due = bool(execution.checkpoint_steps) and state.total_steps % execution.checkpoint_steps == 0
        late = time.monotonic() - state.committed_at >= execution.checkpoint_seconds
        stop, commit = ranks.agreed(hooks.stop_code(), commit=due or late)
        if commit or stop:
            ranks.align(state.model)
            _require_finite(state)
            hooks.commit(state)
            stop = stop or ranks.agreed(hooks.stop_code())[0]  # asked for meanwhile
        if stop:
            hooks.stop(stop)
    # A process that goes on where only the evaluation is left takes no step, which needs no memory and says nothing of the net.
    state.peak_memory_mb = state.memory.megabytes() if state.step > first else None


def training_step(
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    whole: int,
    spec: VisionSettings,
    seed: int,
    backend: Backend,
    ranks: Ranks,
) -> None:
    """One step of a run, counted in its state; ``whole`` is how many images the batch has over all processes."""
    key_step(seed, state.epoch, state.step, *ranks.key)
    if spec.training.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    logits = state.model(images)
    loss = nn.functional.cross_entropy(logits, labels)
    state.optimizer.zero_grad()
    backend.backward(ranks.weighted(loss, len(labels), whole))
    ranks.sum_gradients(state.model)
    state.optimizer.step()
    correct = (logits.detach().argmax(dim=1) == labels).sum()
    state.totals.add(*ranks.sums(loss.detach().double() * len(labels), correct), whole)
    state.step += 1
    state.total_steps += 1


def _measure(
    state: TrainingState, batches: Batches, backend: Backend, hooks: Hooks, ranks: Ranks
) -> tuple[Row, Row, dict[str, Tensor]]:
    """The row of ``metrics.csv`` and that of ``timing.csv`` for the epoch whose steps are done, and the predictions."""

    def leave_if_asked() -> None:
        stop, _ = ranks.agreed(hooks.stop_code())
        if stop:
            _require_finite(state)
            hooks.commit(state)  # all steps done, nothing measured: resuming measures
            hooks.stop(stop)

    def measured(on: EvaluationBatches) -> Evaluation | None:
        return evaluate(state.model, on, backend.device, leave_if_asked, ranks) if len(on) else None

    started = time.perf_counter()
    ranks.align(state.model)
    clean, holdout, test = measured(batches.train_clean), measured(batches.holdout), measured(batches.test)
    assert clean is not None, "a training set has images"
    assert test is not None, "a test set has images"
    predictions = {
        "label": torch.from_numpy(test.label),
        "predicted": torch.from_numpy(test.predicted),
        "in_top5": torch.from_numpy(test.in_top5),
    }
    totals = state.totals
    group = state.optimizer.param_groups[0]
    row: Row = {
        "epoch": state.epoch,
        "step": state.total_steps,
        "images_seen": sum(int(past["images_seen"] or 0) for past in state.rows[-1:]) + totals.images,
        "learning_rate": float(group["lr"]),
        "weight_decay": float(group["weight_decay"]),
        "train_loss": float(totals.loss) / totals.images,
        "train_accuracy": int(totals.correct) / totals.images,
        "train_clean_loss": clean.loss,
        "train_clean_accuracy": clean.accuracy,
        "val_loss": holdout.loss if holdout else None,
        "val_accuracy": holdout.accuracy if holdout else None,
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_top5_accuracy": test.top5_accuracy,
    }
    timing: Row = {
        "epoch": state.epoch,
        "train_s": round(state.train_s, 3),
        "evaluate_s": round(time.perf_counter() - started, 3),
        "images_per_s": round(totals.images / state.train_s, 1) if state.train_s else None,
        "peak_memory_mb": state.peak_memory_mb,
    }
    return row, timing, predictions


def _require_finite(state: TrainingState) -> None:
    if not state.is_finite():
        raise DivergedError(
            f"diverged in epoch {state.epoch}, step {state.step}: the loss or a weight is no longer a finite number."
            " A smaller optimizer.learning_rate is the usual remedy."
        )
