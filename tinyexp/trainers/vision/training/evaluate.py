"""A net's loss and accuracy on a set of images, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tinyexp.trainers.vision.data.loader import EvaluationBatches
from tinyexp.trainers.vision.training.moving import on_device
from tinyexp.trainers.vision.training.ranks import Ranks


@dataclass(frozen=True)
class Evaluation:
    """Means over the images, and what was said of each; arrays have shape (images,)."""

    loss: float
    """Mean cross-entropy, in nats."""
    accuracy: float
    top5_accuracy: float
    label: NDArray[np.int32]
    predicted: NDArray[np.int32]
    in_top5: NDArray[np.bool_]


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: EvaluationBatches,
    device: torch.device,
    between: Callable[[], None],
    ranks: Ranks,
) -> Evaluation:
    """Run the net over the batches.

    Parameters
    ----------
    device
        The model's.
    between
        Called before each batch, by all processes equally often; may raise to leave early.
    ranks
        The processes that share the batches.
    """
    model.eval()
    losses = [torch.empty(0, dtype=torch.float64, device=device)]
    labels, predictions = ([torch.empty(0, dtype=torch.int64, device=device)] for _ in range(2))
    tops = [torch.empty(0, dtype=torch.bool, device=device)]
    for images, target in on_device(batches, device):
        between()
        logits = model(images).float()
        losses.append(nn.functional.cross_entropy(logits, target, reduction="none").double())
        top = logits.topk(min(5, logits.shape[1]), dim=1).indices
        predictions.append(top[:, 0])
        tops.append((top == target[:, None]).any(dim=1))
        labels.append(target)
    for _ in range(batches.idle):
        between()
    own = [torch.cat(column) for column in (losses, labels, predictions, tops)]
    loss, label, predicted, in_top5 = ranks.in_order(own, batches.places.tolist(), len(batches))
    return Evaluation(
        loss=float(loss.mean()),
        accuracy=float((label == predicted).double().mean()),
        top5_accuracy=float(in_top5.double().mean()),
        label=label.cpu().numpy().astype(np.int32),
        predicted=predicted.cpu().numpy().astype(np.int32),
        in_top5=in_top5.cpu().numpy(),
    )
