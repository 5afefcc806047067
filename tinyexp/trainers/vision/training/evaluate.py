"""A net's loss and accuracy on a set of images, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tinyexp.trainers.vision.data.loader import Batch


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
    batches: Iterable[Batch],
    to_device: Callable[[Tensor], Tensor],
    between: Callable[[], None],
) -> Evaluation:
    """Run the net over the batches.

    Parameters
    ----------
    between
        Called before each batch; may raise to leave early.
    """
    model.eval()
    losses, labels, predictions, tops = [], [], [], []
    for images, label in batches:
        between()
        logits = model(to_device(images)).float()
        target = to_device(label)
        losses.append(nn.functional.cross_entropy(logits, target, reduction="none").double())
        top = logits.topk(min(5, logits.shape[1]), dim=1).indices
        predictions.append(top[:, 0])
        tops.append((top == target[:, None]).any(dim=1))
        labels.append(target)
    label, predicted = torch.cat(labels), torch.cat(predictions)
    in_top5 = torch.cat(tops)
    return Evaluation(
        loss=float(torch.cat(losses).mean()),
        accuracy=float((label == predicted).double().mean()),
        top5_accuracy=float(in_top5.double().mean()),
        label=label.cpu().numpy().astype(np.int32),
        predicted=predicted.cpu().numpy().astype(np.int32),
        in_top5=in_top5.cpu().numpy(),
    )
