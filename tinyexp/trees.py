"""Folders with all that is in them: what there is, and moving one that cannot be renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def below(folder: Path) -> Iterator[Path]:
    """Everything below a folder, folders before what is in them, by name; links are not followed.

    Raises
    ------
    OSError
        A folder cannot be listed, of which ``Path.rglob`` says nothing: what is in it would count for not there.
    """

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        yield from (Path(place, name) for name in sorted((*folders, *names)))


def move_by_parts(source: Path, target: Path) -> None:
    """Copy a folder to a new name, and then remove it: for one in a lower layer of an overlay, which no call renames.

    A kill leaves the source, the target, or both whole. What appears in the source meanwhile stays there.

    Raises
    ------
    FileExistsError
        Something has the new name; nothing was done.
    OSError
        The disk refused something; the source is as it was, or what stays of it appeared meanwhile.
    """
    parts = [*below(source)]
    target.mkdir()
    try:
        for path in parts:
            there = target / path.relative_to(source)
            if path.is_dir() and not path.is_symlink():
                there.mkdir()
            else:
                shutil.copy2(path, there, follow_symlinks=False)
        if hasattr(os, "sync"):
            os.sync()
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)  # nothing but copies of ours is in it
        raise
    for path in reversed(parts):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    source.rmdir()
