"""The power fails after each change of a small command: a disk as it may be then, and the same command again.

Run as a program of its own under the library of failing_calls.c, ``power.py WORK FOLDER EVERY``. The library's log of writes, flushes and
names is replayed up to every EVERYth change. What a disk has then is one of three: only what was flushed, names in the folders that were
flushed; all names, and the bytes of files that were flushed; everything. The same command must end with the bits of an untouched one.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from calls import WORKS, Loop


@dataclass
class File:
    """A file's bytes, and those that are on the disk for sure."""

    data: bytearray = field(default_factory=bytearray)
    kept: bytes = b""


@dataclass
class Folder:
    """Names as programs see them, and those that are on the disk for sure."""

    names: dict[str, File | Folder] = field(default_factory=dict)
    kept: dict[str, File | Folder] = field(default_factory=dict)


class Disk:
    """What becomes of a folder's files, change by change."""

    def __init__(self, begun: Path) -> None:
        self.root = _loaded(begun)

    def change(self, what: str, path: str, other: str, number: int, content: bytes) -> None:
        """Carry out one line of the log."""
        folder, name = self._at(path)
        match what:
            case "create":
                folder.names[name] = File()
            case "mkdir":
                folder.names[name] = Folder()
            case "unlink" | "rmdir":
                del folder.names[name]
            case "rename":
                there, new = self._at(other)
                there.names[new] = folder.names.pop(name)
            case "exchange":
                there, new = self._at(other)
                folder.names[name], there.names[new] = there.names[new], folder.names[name]
            case "sync":
                _flush(self.root)
            case "fsync folder":
                found = folder.names[name] if name else self.root
                found.kept = dict(found.names)
            case _:
                _change(folder.names[name], what, number, content)

    def write(self, place: Path, *, names: str, data: str) -> None:
        """Make the folder anew as it is on the disk: of either, what is ``kept`` or all of it."""
        shutil.rmtree(place, ignore_errors=True)
        _written(self.root, place, names, data)

    def _at(self, path: str) -> tuple[Folder, str]:
        parts = PurePosixPath(path).parts[1:]
        folder: Any = self.root
        for part in parts[:-1]:
            folder = folder.names[part]
        return folder, parts[-1] if parts else ""


def _change(file: Any, what: str, number: int, content: bytes) -> None:
    if what == "write":
        file.data.extend(bytes(max(0, number - len(file.data))))
        file.data[number : number + len(content)] = content
    elif what == "truncate":
        del file.data[number:]
        file.data.extend(bytes(number - len(file.data)))
    else:
        assert what == "fsync", what
        file.kept = bytes(file.data)


def _loaded(path: Path) -> Any:
    if not path.is_dir():
        content = path.read_bytes()
        return File(bytearray(content), content)
    names = {child.name: _loaded(child) for child in path.iterdir()}
    return Folder(names, dict(names))


def _flush(node: Any) -> None:
    if isinstance(node, File):
        node.kept = bytes(node.data)
        return
    node.kept = dict(node.names)
    for child in node.names.values():
        _flush(child)


def _written(node: Any, path: Path, names: str, data: str) -> None:
    if isinstance(node, File):
        path.write_bytes(getattr(node, data))
        return
    path.mkdir()
    for name, child in getattr(node, names).items():
        _written(child, path / name, names, data)


def changes(log: Path) -> Iterator[tuple[str, str, str, int, bytes]]:
    """The lines of a log, each with its bytes."""
    with log.open("rb") as file:
        while line := file.readline():
            what, path, other, number, size = line.decode().rstrip("\n").split("\t")
            yield what, path, other, int(number), file.read(int(size))


VARIANTS = {
    "only what was flushed": ("kept", "kept"),
    "all names": ("names", "kept"),
    "everything": ("names", "data"),
}


def cut(loop: Loop, every: int) -> tuple[int, list[str]]:
    """Cuts tried, and what did not come out the same."""
    log = loop.folder / "log"
    loop.again()
    loop.logged(log)
    disk, tries, problems = Disk(loop.begun), 0, []
    for number, change in enumerate(changes(log)):
        disk.change(*change)
        if number % every:
            continue
        for variant, (names, data) in VARIANTS.items():
            disk.write(loop.place, names=names, data=data)
            tries += 1
            title = f"cut after {number}, {change[0]} {change[1]}, {variant}"
            problems += [f"{title}: {problem}" for problem in loop.carried_on()]
    return tries, problems


if __name__ == "__main__":
    tried, found = cut(Loop(WORKS[sys.argv[1]](), Path(sys.argv[2])), int(sys.argv[3]))
    sys.stdout.write("\n" + json.dumps({"tries": tried, "outcomes": {}, "problems": found}) + "\n")
    os._exit(0)
