"""Batches: in keyed order, from keyed views, the same for any number of workers."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from tinyexp.errors import TinyexpError, UserError
from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.data.makers import ImagePipeline, maker_for
from tinyexp.trainers.vision.data.processes import (
    how_lost,
    leave_where_nothing_can_be_sent,
    make_room_for_sockets,
)
from tinyexp.trainers.vision.data.slices import slice_of, slice_problem
from tinyexp.trainers.vision.data.sources import ImageSource
from tinyexp.trainers.vision.data.transforms import as_input
from tinyexp.trainers.vision.settings import VisionSettings

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
        Threads or processes that prepare batches; cannot change one.
    rank, size
        Which process this is of those that share each batch: an image is the same whoever takes it.
    """

    def __init__(
        self,
        source: ImageSource,
        spec: VisionSettings,
        seed: int,
        workers: int,
        *,
        rank: int = 0,
        size: int = 1,
    ) -> None:
        """Raises UserError where the last batch would hold one image a process, of which batch norm has no spread."""
        self._views = _Views(source, spec, seed)
        self._order = KeyedRng(seed, "order")
        self._size, self._batch_size = len(source), spec.training.batch_size
        self._workers, self._rank, self._ranks = workers, rank, size
        if size > 1 and (problem := slice_problem(self._size, self._batch_size, size)):
            raise UserError(problem)
        if self._size % self._batch_size == 1:
            raise UserError(
                f"{self._size} training images in batches of {self._batch_size} leave a last batch of one image,"
                " on which batch normalization cannot train. Change training.batch_size or data.train_limit by one."
            )

    @property
    def steps(self) -> int:
        """Batches in an epoch; the last one may be smaller, as it is in the source."""
        return -(-self._size // self._batch_size)

    def images(self, step: int) -> int:
        """Images of a step's batch (from 0), over all processes."""
        return min(self._batch_size, self._size - step * self._batch_size)

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of ``epoch`` (from 1) from ``first_step`` (from 0) on: of each the own slice."""
        order = self._order.permutation(epoch, self._size)
        starts = range(first_step * self._batch_size, self._size, self._batch_size)
        batches = (order[start : start + self._batch_size] for start in starts)
        wanted = [(epoch, slice_of(batch, self._rank, self._ranks)) for batch in batches]
        return self._views.loaded(wanted, self._workers)


class EvaluationBatches:
    """Images under the test transform, in their own order; kept as pixels where they fit into memory."""

    def __init__(
        self,
        source: ImageSource,
        spec: VisionSettings,
        workers: int,
        indices: NDArray[np.int64] | None = None,
        *,
        rank: int = 0,
        size: int = 1,
    ) -> None:
        """``indices`` picks some of the images; all by default. Of several processes each takes whole batches in turn."""
        self._views = _Views(source, spec, None)
        self._shape = spec.input
        self._indices = np.arange(len(source)) if indices is None else indices
        self._workers = workers
        places, step = np.arange(len(self._indices)), spec.training.evaluation_batch_size
        batches = [places[start : start + step] for start in range(0, len(places), step)]
        self._own = batches[rank::size]
        self.idle = -(-len(batches) // size) - len(self._own)
        """Turns in which others have a batch, and this process has none."""
        self._keep = len(self.places) * 3 * spec.input.image_size**2 <= _CACHE_BYTES
        self._kept: list[Batch] = []

    def __len__(self) -> int:
        """How many images, over all processes."""
        return len(self._indices)

    @property
    def places(self) -> NDArray[np.int64]:
        """Where the own images stand among all."""
        return np.concatenate([np.arange(0), *self._own])

    def __iter__(self) -> Iterator[Batch]:
        """Every own image once."""
        if self._kept:
            batches: Iterator[Batch] = iter(self._kept)
        else:
            wanted = [(0, self._indices[places]) for places in self._own]
            batches = self._views.loaded(wanted, self._workers)
        gathered: list[Batch] = []
        for pixels, labels in batches:
            if self._keep:
                gathered.append((pixels, labels))
            yield as_input(pixels, self._shape), labels
        self._kept = gathered  # only once the pass is complete


Wanted = tuple[int, NDArray[np.int64]]
"""An epoch and the numbers of a batch's images."""


class _Views(TorchDataset[Batch]):
    """Batches by their epoch and numbers; may be asked from several threads or processes at once."""

    def __init__(self, source: ImageSource, spec: VisionSettings, seed: int | None) -> None:
        """``seed`` keys training views; None for the test transform, which gives pixels, a quarter of the memory to keep."""
        self._source, self._pipeline, self._seed = source, ImagePipeline.of(spec), seed
        self._patience = spec.execution.timeout_seconds or None
        self._maker = maker_for(spec.execution)
        self._own = threading.local()

    def __getitem__(self, wanted: Wanted) -> Batch:
        epoch, indices = wanted
        labels = torch.from_numpy(self._source.labels[indices])
        if self._seed is None:
            return self._maker.test(self._source, indices, self._pipeline), labels
        return self._maker.train(
            self._source, indices, self._draws(self._seed), epoch, self._pipeline
        ), labels

    def loaded(self, wanted: list[Wanted], workers: int) -> Iterator[Batch]:
        """The batches in the order wanted, prepared ahead where there are workers."""
        if not workers:
            return (self[one] for one in wanted)
        if self._maker.threads:
            return _by_threads(self, wanted, workers, self._patience)
        return _by_processes(self, wanted, workers, self._patience)

    def failure(self, wanted: Wanted, what: str) -> TinyexpError:
        """What to say where a batch does not come."""
        epoch, indices = wanted
        return TinyexpError(
            f"epoch {epoch}: a batch of {len(indices)} images, the first of them {self._source.describe(int(indices[0]))}, {what}."
            " The same command goes on from the last commit."
        )

    def _draws(self, seed: int) -> KeyedRng:
        # It is set to a place and then drawn from: two threads must not share one.
        if not hasattr(self._own, "draws"):
            self._own.draws = self._maker.draws(seed)
        draws: KeyedRng = self._own.draws
        return draws

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_own": threading.local()}


def _by_threads(views: _Views, wanted: list[Wanted], workers: int, patience: float | None) -> Iterator[Batch]:
    """A few batches ahead; what a thread raises is raised in its place."""
    waiting, hangs = iter(wanted), False
    pool = ThreadPoolExecutor(workers, thread_name_prefix="tinyexp batches")
    ahead = deque((one, pool.submit(views.__getitem__, one)) for one in islice(waiting, workers + 1))
    try:
        while ahead:
            one, coming = ahead.popleft()
            try:
                batch = coming.result(patience)
            except FutureTimeoutError as error:
                if coming.done():  # it is the batch's own error, of a socket as it may be
                    raise
                hangs = True
                raise views.failure(one, _late(patience)) from error
            ahead.extend((one, pool.submit(views.__getitem__, one)) for one in islice(waiting, 1))
            yield batch
    finally:
        pool.shutdown(wait=not hangs, cancel_futures=True)


def _by_processes(
    views: _Views, wanted: list[Wanted], workers: int, patience: float | None
) -> Iterator[Batch]:
    """The same by processes; one that ends, or whose batch is late, is an error of the run."""
    make_room_for_sockets()
    loader = DataLoader(
        _Sent(views),
        batch_size=None,
        sampler=wanted,
        num_workers=workers,
        worker_init_fn=leave_where_nothing_can_be_sent,
        timeout=patience or 0,
        # The loader draws a seed for its workers from the generator it is given; none of ours is touched.
        generator=torch.Generator().manual_seed(0),
        # A worker is a spawned process, whose children would be spawned too: each would load torch, for seconds,
        # at every epoch.
        multiprocessing_context="fork" if sys.platform == "linux" else None,
    )
    batches = iter(loader)
    for one in wanted:
        try:
            batch = next(batches)
        except RuntimeError as error:
            # torch has no type for this and what follows; what a worker raised itself begins otherwise.
            if str(error).startswith("DataLoader timed out"):
                raise views.failure(one, _late(patience)) from error
            if how := how_lost(error):
                raise views.failure(
                    one, f"was lost: a process that prepares batches ended ({how})"
                ) from error
            raise
        if isinstance(batch, TinyexpError):
            raise batch
        yield batch


class _Sent(TorchDataset[Any]):
    """Errors that have a message for the user travel as they are; the loader would wrap them in a traceback."""

    def __init__(self, views: _Views) -> None:
        self._views = views

    def __getitem__(self, wanted: Wanted) -> Batch | TinyexpError:
        try:
            return self._views[wanted]
        except TinyexpError as error:
            return error


def _late(patience: float | None) -> str:
    return (
        f"was not ready after {patience:g} s (execution.timeout_seconds): a disk or a network folder may hang"
    )
