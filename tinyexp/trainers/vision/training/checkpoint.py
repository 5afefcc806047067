"""The one truth about a run: weights, optimizer, position and everything measured so far.

A file is a header line with the SHA-256 of what follows, then what ``torch.save`` writes: tensors and
builtins only, loaded with ``weights_only``. The digest is needed because torch loads a flipped bit silently.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tinyexp.errors import DamagedError, TinyexpError, UnreadableError
from tinyexp.files import entries, read_bounded, read_error, rename_anew, write_bytes
from tinyexp.runs.folder import CHECKPOINT_NAME

_HEADER = re.compile(rb"\Atinyexp-checkpoint-1 ([0-9a-f]{64})\n")
_NAME = "epoch-{epoch:06d}-step-{step:08d}.ckpt"
_HEADER_BYTES = 86
_DAMAGED = re.compile(r"^epoch-\d{6,}-step-\d{8,}\.ckpt\.damaged(-\d+)?$")
_KEPT = 2
MAX_CHECKPOINT_BYTES = 1 << 36
"""64 GiB; a file that claims more is refused unread."""


def save_checkpoint(folder: Path, state: dict[str, Any], *, epoch: int, step: int) -> Path:
    """Commit a state: whole and on the disk when this returns. The last two are kept; a file that only is called as ours are stays.

    Raises
    ------
    TinyexpError
        The disk is full or the folder cannot be written to; earlier checkpoints are intact.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    path = folder / _NAME.format(epoch=epoch, step=step)
    write_bytes(
        path, b"tinyexp-checkpoint-1 " + hashlib.sha256(content).hexdigest().encode() + b"\n" + content
    )
    for old in [found for found in checkpoints(folder) if _has_header(found)][:-_KEPT]:
        old.unlink(missing_ok=True)
    return path


def _has_header(path: Path) -> bool:
    try:
        if not path.is_file():  # a pipe is not waited for
            return False
        with path.open("rb") as file:
            return _HEADER.match(file.read(_HEADER_BYTES)) is not None
    except OSError:
        return False


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints there are, oldest first; raises DamagedError where the folder cannot be listed."""
    return [path for path in entries(folder) if CHECKPOINT_NAME.match(path.name)]


def damaged(folder: Path) -> list[Path]:
    """What was set aside as damaged."""
    return [path for path in entries(folder) if _DAMAGED.match(path.name)]


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read one checkpoint.

    Raises
    ------
    DamagedError
        It is not, to the bit, what was written; an UnreadableError where that is not known.
    """
    try:
        content = read_bounded(path, MAX_CHECKPOINT_BYTES)
    except OSError as error:
        raise read_error(path, error) from error
    header = _HEADER.match(content)
    if not header or hashlib.sha256(body := content[header.end() :]).hexdigest().encode() != header.group(1):
        raise DamagedError("is truncated or damaged; its SHA-256 is not the one it was written with.", path)
    try:
        state = torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except MemoryError as error:
        raise TinyexpError(
            f"{path}: there is not enough memory to read its {len(content):,} bytes. It is left as it is."
        ) from error
    except Exception as error:  # torch's unpickler raises whatever it runs into
        raise DamagedError(f"is not a checkpoint of ours ({type(error).__name__}).", path) from error
    if not isinstance(state, dict):
        raise DamagedError("is not a checkpoint of ours.", path)
    return state


def load_latest(folder: Path, warn: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest whole checkpoint; None where there never was one.

    A damaged file is set aside under the ending ``.damaged``, with a warning; one of an earlier time stays.

    Raises
    ------
    UnreadableError
        The newest one may be whole and could not be read: every file is left as it is.
    DamagedError
        There are checkpoints and none is whole: the run is not started over silently.
    """
    found = checkpoints(folder)
    for path in reversed(found):
        try:
            return load_checkpoint(path)
        except UnreadableError as error:
            raise UnreadableError(
                f"{error.reason} It need not be damaged, and is left as it is: make it readable, then give the same command"
                " again. Where it never will be, move it away: the one before it is then used.",
                path,
            ) from error
        except DamagedError as error:
            aside = _set_aside(path)
            warn(f"{error} It was set aside as {aside.name}; the one before it is used.")
    if found or damaged(folder):
        raise DamagedError(
            "every checkpoint is damaged. Restore one from a copy, or train this run anew with --fresh.",
            folder,
        )
    return None


def _set_aside(path: Path) -> Path:
    """Give a damaged checkpoint a name that nothing has."""
    number = 1
    while True:
        aside = path.with_name(f"{path.name}.damaged" + (f"-{number}" if number > 1 else ""))
        with contextlib.suppress(FileExistsError):
            rename_anew(path, aside)
            return aside
        number += 1
