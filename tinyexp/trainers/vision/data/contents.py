"""What image files hold, so that other images of the same names and sizes are other data.

Of a small data set every byte is read. Of a large one that would take longer than many a run, and the bytes of a sample
are; how far the digest goes is said in the run's record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tinyexp.errors import UserError

MOST_BYTES = 1 << 26
"""64 MiB: a part of a data set that has no more is read whole, in a fraction of a second."""
MOST_FILES = 4_096
SAMPLE = 512
"""Files of a larger part, evenly over it: whoever replaces its images replaces some of these."""
END = 1 << 16
"""Bytes that are read of the beginning and of the end of each."""


def is_read_whole(sizes: Sequence[int]) -> bool:
    """Whether the digest is of every byte of a part whose files have these sizes."""
    return len(sizes) <= MOST_FILES and sum(sizes) <= MOST_BYTES


def contents_digest(root: Path, names: Sequence[str], sizes: Sequence[int]) -> str:
    """SHA-256, hexadecimal, of what the files of a part hold; raises UserError that names one that cannot be read."""
    whole, digest = is_read_whole(sizes), hashlib.sha256()
    places = range(len(names)) if whole else np.linspace(0, len(names) - 1, SAMPLE).astype(int).tolist()
    for place in places:
        path = root / names[place]
        try:
            for piece in _pieces(path, sizes[place], whole=whole):
                digest.update(piece)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}). Images are never skipped."
            ) from error
    return digest.hexdigest()


def covered(parts: dict[str, Sequence[int]]) -> str:
    """How far digests of parts go, by name and the sizes of their files, in words."""
    words = [
        f"every byte of {len(sizes):,} {name} images"
        if is_read_whole(sizes)
        else f"the first and last {END:,} bytes of {SAMPLE} of {len(sizes):,} {name} images, and the names and sizes of all"
        for name, sizes in parts.items()
    ]
    return "; ".join(words)


def _pieces(path: Path, size: int, *, whole: bool) -> Iterator[bytes]:
    with path.open("rb") as file:
        if whole or size <= 2 * END:
            yield file.read(size)
            return
        yield file.read(END)
        file.seek(size - END)
        yield file.read(END)
