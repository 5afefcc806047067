"""How the processes of one run share its batches: each takes a slice of every one, as even as can be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinyexp.errors import listed

FEWEST = 2
"""Images of a slice: of one image batch normalization has no spread."""
_TOLD = 4


def slice_of(batch: NDArray[np.int64], rank: int, size: int) -> NDArray[np.int64]:
    """The images that a process takes of a batch: every ``size``-th from its own rank on.

    >>> slice_of(np.arange(5), 1, 2).tolist()
    [1, 3]
    """
    return batch[rank::size]


def slice_problem(images: int, batch_size: int, size: int) -> str:
    """Why so many processes cannot share these batches, with the batch sizes that fit; empty where they can.

    >>> slice_problem(60, 16, 2)
    ''
    >>> slice_problem(33, 16, 2).partition(".")[0]
    '33 training images in batches of 16 leave a last batch of 1 for 2 processes, each of which needs 2 images for batch normalization'
    """
    smallest = _smallest_batch(images, batch_size)
    if smallest >= FEWEST * size:
        return ""
    which = "a last batch" if images > batch_size else "one batch"
    return (
        f"{images:,} training images in batches of {batch_size:,} leave {which} of {smallest:,} for {size:,} processes, each of"
        f" which needs {FEWEST} images for batch normalization. {_that_fit(images, batch_size, size)}"
    )


def _smallest_batch(images: int, batch_size: int) -> int:
    return images % batch_size or min(images, batch_size)


def _that_fit(images: int, batch_size: int, size: int) -> str:
    """The nearest batch sizes that would do."""
    least = FEWEST * size
    fit = [one for one in range(least, images + 1) if _smallest_batch(images, one) >= least]
    nearest = sorted(fit, key=lambda one: abs(one - batch_size))[:_TOLD]
    if not nearest:
        return f"With fewer than {least:,} training images no batch size fits: use fewer processes."
    return f"Batch sizes that fit: {listed(map(str, sorted(nearest)))}. Use --set training.batch_size={nearest[0]}."
