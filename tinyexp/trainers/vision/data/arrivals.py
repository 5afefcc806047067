"""Which files in a folder of downloads are ours: it is the user's as well, who may bring by hand what we cannot fetch.

The names stand in the folder's mark before the files are made. A file that was whole is told by inode, size and time too, so
that one of the user's in its place is not taken for it.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from tinyexp.files import remove_leftovers
from tinyexp.ownership import MARK, Mark, Stamp, read_mark, require_mark, rewrite_mark, stamp_of, write_mark


class Arrivals:
    """The files in a folder that we downloaded, and nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = read_mark(folder, "downloads", folder.name)
        if self._mark:
            remove_leftovers(folder, self._mark.token)

    def claims(self, path: Path) -> bool:
        """Whether a file is ours: recorded before it was made, and, where it was whole, still the same."""
        names = self._mark.names if self._mark else {}
        if path.name not in names or path.is_symlink() or not path.is_file():
            return False
        return names[path.name] in {None, stamp_of(path)}

    def claim(self, name: str, stamp: Stamp | None = None) -> None:
        """Record a file before it gets this name; the stamp where it is whole by then."""
        if self._mark is None:
            require_mark(self._folder, "downloads", self._folder.name)
            mark = Mark(purpose="downloads", target=self._folder.name, names={name: stamp})
            os.close(write_mark(self._folder, mark))
            self._mark = mark
        elif (name, stamp) not in self._mark.names.items():
            self._keep({**self._mark.names, name: stamp})

    def release(self, name: str) -> None:
        """Forget a file that is gone; with the last one the record goes."""
        if self._mark and name in self._mark.names:
            self._keep({known: stamp for known, stamp in self._mark.names.items() if known != name})

    def remove(self) -> None:
        """Remove our files, and the folder where nothing else is in it."""
        names = list(self._mark.names) if self._mark else []
        for path in (self._folder / name for name in names):
            if self.claims(path):
                path.unlink()
        for name in names:
            self.release(name)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _keep(self, names: dict[str, Stamp | None]) -> None:
        assert self._mark is not None
        if names:
            self._mark = dataclasses.replace(self._mark, names=names)
            rewrite_mark(self._folder, self._mark)
        else:
            (self._folder / MARK).unlink()
            self._mark = None
