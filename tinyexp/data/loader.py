"""Batches: in keyed order, from keyed views, the same for any number of workers."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from tinyexp.data.draws import Draws
from tinyexp.data.sources import ImageSource
from tinyexp.data.transforms import as_input, as_pixels, test_view, train_view
from tinyexp.data.views import draw_views
from tinyexp.errors import UserError
from tinyexp.spec.schema import Spec

Batch = tuple[Tensor, Tensor]
"""Images, float32 of shape (images, 3, side, side), and labels, int64 of shape (images,)."""

_CACHE_BYTES = 1 << 29


class TrainBatches:
    """The training batches of any epoch, from any step on.

    Parameters
    ----------
    seed
        Keys order and views; together with epoch and image it decides everything.
    workers
        Processes that prepare batches; cannot change one.
    """

    def __init__(self, source: ImageSource, spec: Spec, seed: int, workers: int) -> None:
        """Raises UserError where the last batch would hold one image, of which batch norm has no spread."""
        self._views = _TrainViews(source, spec, seed)
        self._order = Draws(seed, "order")
        self._size, self._batch_size = len(source), spec.training.batch_size
        self._workers = workers
        if self._size % self._batch_size == 1:
            raise UserError(
                f"{self._size} training images in batches of {self._batch_size} leave a last batch of one image,"
                " on which batch normalization cannot train. Change training.batch_size or data.train_limit by one."
            )

    @property
    def steps(self) -> int:
        """Batches in an epoch; the last one may be smaller, as it is in the source."""
        return -(-self._size // self._batch_size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch`` (from 1) from ``first_step`` (from 0) on."""
        order = self._order.permutation(epoch, self._size)
        starts = range(first_step * self._batch_size, self._size, self._batch_size)
        wanted = [(epoch, order[start : start + self._batch_size]) for start in starts]
        return _loaded(self._views, wanted, self._workers)


class EvaluationBatches:
    """Images under the test transform, in their own order; kept as pixels where they fit into memory."""

    def __init__(
        self, source: ImageSource, spec: Spec, workers: int, indices: NDArray[np.int64] | None = None
    ) -> None:
        """``indices`` picks some of the images; all by default."""
        self._views = _TestViews(source, spec)
        self._shape = spec.input
        self._indices = np.arange(len(source)) if indices is None else indices
        self._batch_size, self._workers = spec.training.evaluation_batch_size, workers
        self._keep = len(self._indices) * 3 * spec.input.image_size**2 <= _CACHE_BYTES
        self._kept: list[Batch] = []

    def __len__(self) -> int:
        """How many images."""
        return len(self._indices)

    def __iter__(self) -> Iterator[Batch]:
        """Every image once."""
        if self._kept:
            batches: Iterator[Batch] = iter(self._kept)
        else:
            starts = range(0, len(self._indices), self._batch_size)
            batches = _loaded(
                self._views, [(0, self._indices[s : s + self._batch_size]) for s in starts], self._workers
            )
        gathered: list[Batch] = []
        for pixels, labels in batches:
            if self._keep:
                gathered.append((pixels, labels))
            yield as_input(pixels, self._shape), labels
        self._kept = gathered  # only once the pass is complete


Wanted = tuple[int, NDArray[np.int64]]
"""An epoch and the numbers of a batch's images."""


class _TrainViews(TorchDataset[Batch]):
    def __init__(self, source: ImageSource, spec: Spec, seed: int) -> None:
        self._source, self._spec = source, spec
        self._draws = Draws(seed, "view")

    def __getitem__(self, wanted: Wanted) -> Batch:
        epoch, indices = wanted
        images = [self._source.image(index) for index in indices.tolist()]
        widths, heights = np.array([image.size for image in images], dtype=np.int64).T
        views = draw_views(self._draws, epoch, indices, heights, widths, self._spec.augmentation)
        pixels = as_pixels(
            [
                train_view(image, views, place, self._spec.augmentation, self._spec.input)
                for place, image in enumerate(images)
            ]
        )
        return as_input(pixels, self._spec.input), torch.from_numpy(self._source.labels[indices])


class _TestViews(TorchDataset[Batch]):
    """Gives pixels, not inputs: a quarter of the memory to keep."""

    def __init__(self, source: ImageSource, spec: Spec) -> None:
        self._source, self._spec = source, spec

    def __getitem__(self, wanted: Wanted) -> Batch:
        _, indices = wanted
        pixels = as_pixels(
            [test_view(self._source.image(index), self._spec.input) for index in indices.tolist()]
        )
        return pixels, torch.from_numpy(self._source.labels[indices])


def _loaded(views: TorchDataset[Batch], wanted: list[Wanted], workers: int) -> Iterator[Batch]:
    loader = DataLoader(
        views,
        batch_size=None,
        sampler=wanted,
        num_workers=workers,
        # The loader draws a seed for its workers from the generator it is given; none of ours is touched.
        generator=torch.Generator().manual_seed(0),
        # A slot is a spawned process, whose children would be spawned too: each would load torch, for seconds,
        # at every epoch.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
    )
    return iter(loader)
