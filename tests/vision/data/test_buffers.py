"""Batches whose memory is used again: never while anything still refers to it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tinyexp.trainers.vision.data.buffers import Buffers


def test_memory_that_nothing_refers_to_is_used_again() -> None:
    buffers = Buffers()
    place = buffers.images(8, 4, channels_last=False).data_ptr()
    again = buffers.images(8, 4, channels_last=True)
    assert again.data_ptr() == place
    assert again.shape == (8, 3, 4, 4)
    assert again.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    "kept",
    [
        lambda batch: batch,
        lambda batch: batch[3:],
        lambda batch: batch.detach(),
        lambda batch: batch.numpy()[0],
        lambda batch: batch.view(-1)[:1],
        lambda batch: batch.untyped_storage(),
    ],
    ids=["itself", "slice", "detached", "numpy", "view", "storage"],
)
def test_memory_is_left_alone_while_anything_refers_to_it(kept: Callable[[Tensor], object]) -> None:
    buffers = Buffers()
    first = buffers.images(8, 4, channels_last=False)
    place, held = first.data_ptr(), kept(first)
    del first
    assert buffers.images(8, 4, channels_last=False).data_ptr() != place
    del held
    both = [buffers.images(8, 4, channels_last=False) for _ in range(2)]
    assert place in {batch.data_ptr() for batch in both}, "let go of, it is used again"


def test_memory_is_left_alone_that_a_graph_needs_for_its_backward_pass() -> None:
    buffers = Buffers()
    batch = buffers.images(8, 4, channels_last=False)
    place, weight = batch.data_ptr(), torch.ones((), requires_grad=True)
    loss = (batch * weight).sum()
    del batch
    assert buffers.images(8, 4, channels_last=False).data_ptr() != place
    loss.backward()


def test_a_last_smaller_batch_takes_the_same_memory_and_a_larger_one_gets_its_own() -> None:
    buffers = Buffers()
    place = buffers.images(8, 4, channels_last=False).data_ptr()
    assert buffers.images(3, 4, channels_last=False).data_ptr() == place
    larger = buffers.images(16, 4, channels_last=False)
    assert larger.shape == (16, 3, 4, 4)
    larger.fill_(1)  # the memory is there


def test_whoever_keeps_all_batches_gets_all_of_them() -> None:
    buffers = Buffers()
    batches = [buffers.images(1, 2, channels_last=False).fill_(number) for number in range(40)]
    assert [float(batch.mean()) for batch in batches] == list(range(40))
    assert all(float(batch.std()) == 0 for batch in batches)
