"""Batches on their way to a GPU while it works on the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from tinyexp.trainers.vision.data.loader import Batch


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches on ``device``; to an NVIDIA GPU each is sent while the step before it runs.

    Sent straight from a batch's memory, it would have the processor wait for the GPU, and the GPU for it. Pinned memory and
    a stream of its own let both go on: https://docs.pytorch.org/docs/stable/notes/cuda.html#use-pinned-memory-buffers.
    """
    if device.type == "cuda":
        yield from _one_ahead(batches, device)
        return
    for images, labels in batches:
        yield images.to(device), labels.to(device)


def _one_ahead(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    sending = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    waiting: tuple[Batch, torch.cuda.Event] | None = None
    for images, labels in batches:
        with torch.cuda.stream(sending):
            # torch keeps the pinned copies until they are sent.
            sent = _sent(images, device), _sent(labels, device)
            arrived = sending.record_event()
        if waiting is not None:
            yield _arrived(*waiting)
        waiting = sent, arrived
    if waiting is not None:
        yield _arrived(*waiting)


def _sent(values: torch.Tensor, device: torch.device) -> torch.Tensor:
    return values.pin_memory().to(device, non_blocking=True)


def _arrived(batch: Batch, arrived: torch.cuda.Event) -> Batch:
    """The batch, for the stream that computes; its memory is used again only after that stream is done with it."""
    computing = torch.cuda.current_stream()
    computing.wait_event(arrived)
    for values in batch:
        values.record_stream(computing)
    return batch
