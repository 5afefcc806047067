"""A folder as readers look at it: names, the beginnings of files, and which of them belong to which log."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tinyexp.clutter import is_clutter
from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.log import RunLog

MAX_LOG_BYTES = 200_000_000
_HEAD_BYTES = 4_096


@dataclass(frozen=True)
class Folder:
    """A folder whose names are listed once, and whose files are looked into only where a reader asks."""

    path: Path
    unread: dict[Path, str] = field(default_factory=dict, compare=False)
    """What is there and could not be looked into, with the reason; one for a folder and all that were reached from it."""
    _heads: dict[str, bytes] = field(default_factory=dict, compare=False)
    _subs: dict[str, Folder] = field(default_factory=dict, compare=False)
    _paths: dict[str, Path] = field(default_factory=dict, compare=False)

    @cached_property
    def _listed(self) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]:
        files: list[str] = []
        folders: list[str] = []
        links = set[str]()
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if is_clutter(entry.name):
                        continue
                    (folders if entry.is_dir() else files).append(entry.name)
                    if entry.is_symlink():
                        links.add(entry.name)
        except OSError as error:
            self._note(self.path, "listed", error)
            return (), (), frozenset()
        return tuple(sorted(files)), tuple(sorted(folders)), frozenset(links)

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of what is no folder, sorted."""
        return self._listed[0]

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Names of folders, sorted."""
        return self._listed[1]

    @property
    def links(self) -> frozenset[str]:
        """Names of what is a link, to a file or a folder."""
        return self._listed[2]

    def file(self, name: str) -> Path:
        """The path of a file in it."""
        if name not in self._paths:
            self._paths[name] = self.path / name
        return self._paths[name]

    def sub(self, name: str) -> Folder:
        """A folder below this one; one that is not there has no names."""
        if name not in self._subs:
            self._subs[name] = Folder(self.path / name, self.unread)
        return self._subs[name]

    def head(self, name: str) -> bytes:
        """The first 4,096 bytes of a file, without a byte-order mark; nothing where it cannot be read."""
        if name not in self._heads:
            try:
                with self.file(name).open("rb") as file:
                    self._heads[name] = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf")
            except OSError as error:
                self._note(self.file(name), "read", error)
                self._heads[name] = b""
        return self._heads[name]

    def _note(self, path: Path, what: str, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            self.unread[path] = f"cannot be {what} ({error.strerror})."

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


def names_below(path: Path, root: Path) -> tuple[str, ...] | None:
    """The names that lead from a folder to what lies in it, none for itself; None where it lies elsewhere.

    >>> names_below(Path("logs/a/b.csv"), Path("logs")), names_below(Path("/a"), Path())
    (('a', 'b.csv'), None)
    """
    parts, start = path.parts, root.parts
    return parts[len(start) :] if parts[: len(start)] == start and path.anchor == root.anchor else None


def read_text(path: Path) -> str:
    """The text of a log, without a byte-order mark.

    Raises
    ------
    UserError
        It is larger than 200 MB, is no text, or cannot be read.
    """
    content = read_content(path)
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8 (byte {error.start}).") from error


def read_content(path: Path) -> bytes:
    """The bytes of a log; raises UserError where it is larger than 200 MB or cannot be read."""
    try:
        return read_bounded(path, MAX_LOG_BYTES)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
