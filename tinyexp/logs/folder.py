"""A folder as readers look at it: names, the beginnings of files, and which of them belong to which log."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.log import RunLog

MAX_LOG_BYTES = 200_000_000
_HEAD_BYTES = 4_096


@dataclass(frozen=True)
class Folder:
    """A folder whose names are listed once, and whose files are looked into only where a reader asks."""

    path: Path
    _heads: dict[str, bytes] = field(default_factory=dict, compare=False)

    @cached_property
    def _listed(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        files: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    (folders if entry.is_dir() else files).append(entry.name)
        except OSError:
            return (), ()
        return tuple(sorted(files)), tuple(sorted(folders))

    @property
    def files(self) -> tuple[str, ...]:
        """Names of what is no folder, sorted."""
        return self._listed[0]

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of folders, sorted."""
        return self._listed[1]

    def sub(self, name: str) -> Folder:
        """A folder below this one; one that is not there has no names."""
        return Folder(self.path / name)

    def head(self, name: str) -> bytes:
        """The first 4,096 bytes of a file, without a byte-order mark; nothing where it cannot be read."""
        if name not in self._heads:
            try:
                with (self.path / name).open("rb") as file:
                    self._heads[name] = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
            except OSError:
                self._heads[name] = b""
        return self._heads[name]

    def first_line(self, name: str) -> str:
        """The first line of a text file without its end; at most 4,096 bytes of it."""
        return self.head(name).split(b"\n", 1)[0].decode("utf-8", errors="replace").rstrip("\r")


class Unit(NamedTuple):
    """The files of one run's log, found and not yet read."""

    where: Path
    """What the run is named by."""
    files: tuple[Path, ...]
    """To be read, in order."""
    claimed: tuple[Path, ...] = ()
    """Files and whole folders besides that belong to this log, such as copies of it: nobody else reads them."""


class Reader(NamedTuple):
    """Which logs a reader finds, and how it reads one."""

    find: Callable[[Folder], list[Unit]]
    """The logs of this trainer in a folder; folders above were asked before, and what they claimed is not asked again."""
    read: Callable[[Unit], list[RunLog]]
    """Read one. Raises UserError with the file, what is wrong with it and what to do where it cannot be."""
    join: Callable[[list[RunLog]], list[RunLog]] | None = None
    """Puts runs together that lie in several folders, as after a resume, out of all that this reader read."""


def read_text(path: Path) -> str:
    """The text of a log, without a byte-order mark.

    Raises
    ------
    UserError
        It is larger than 200 MB, is no text, or cannot be read.
    """
    content = read_content(path)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8 (byte {error.start}).") from error


def read_content(path: Path) -> bytes:
    """The bytes of a log; raises UserError where it is larger than 200 MB or cannot be read."""
    try:
        return read_bounded(path, MAX_LOG_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
