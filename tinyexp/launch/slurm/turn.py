"""One launcher at a time looks which runs are submitted and submits the others: by a lock, and a lease where locks reach no other machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

from tinyexp.errors import LockedError, UserError
from tinyexp.lease import holder_elsewhere, leased


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[bool]:
    """Have the turn in a folder, which is made where it is missing; False while another process has it.

    Raises
    ------
    UserError
        The folder cannot be written to.
    """
    with contextlib.ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mine = not holder_elsewhere(folder)
            if mine:
                held.enter_context(filelock.FileLock(folder / "submitting", timeout=0))
                held.enter_context(leased(folder))
        except (filelock.Timeout, LockedError):
            mine = False
        except OSError as error:
            raise UserError(
                f"{folder}: cannot be written to ({error.strerror}). Choose another folder with --runs."
            ) from error
        yield mine
