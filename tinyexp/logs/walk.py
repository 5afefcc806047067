"""Every log below some folders or among some files: found, read, joined; and what looked like a log and was not used."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinyexp.errors import UserError, listed
from tinyexp.logs.cells import shortly
from tinyexp.logs.folder import Folder, Unit, names_below
from tinyexp.logs.hydra import NOTHING, Beside, job_settings
from tinyexp.logs.log import LeftOut, RunLog
from tinyexp.logs.registry import READERS, reader_of
from tinyexp.logs.twins import without_twins

MAX_FOLDERS = 200_000
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_NO_INDEX = (
    "no column of it says where a row stands (epoch, step, iteration, ...), so it was taken for no log."
)
_DIGITS = re.compile(r"(\d+)")
_ANY = "table"
"""The reader of a file that was named and that nobody else knows."""


@dataclass(frozen=True)
class Reading:
    """What was read of what was asked for."""

    runs: tuple[RunLog, ...]
    """In the order of their names."""
    names: tuple[str, ...]
    """Of each run: its log relative to what was asked for, or its own name. No two are equal."""
    left_out: tuple[LeftOut, ...]
    """What looked like a log and was not used."""
    others: int
    """Files of other kinds, which nobody looked into."""


def read_paths(paths: Sequence[str | Path]) -> Reading:
    """Read every log at or below some paths.

    Parameters
    ----------
    paths
        Folders, files, or patterns with ``*`` and ``**``, which need not have been expanded by a shell.

    Raises
    ------
    UserError
        Nothing is there, or no log among it could be read; a file that was named itself cannot be read.
    """
    roots = _expanded(paths)
    search = _Search()
    for root in roots:
        search.look(root)
    runs = search.finished()
    if not runs:
        raise UserError(_nothing(roots, search))
    names = _names(runs, roots)
    order = sorted(range(len(runs)), key=lambda place: _natural(names[place]))
    return Reading(
        runs=tuple(runs[place] for place in order),
        names=tuple(names[place] for place in order),
        left_out=tuple(search.left_out),
        others=search.others,
    )


def _expanded(paths: Sequence[str | Path]) -> list[Path]:
    found: list[Path] = []
    for given in paths:
        path = Path(given).expanduser()
        if path.exists():
            found.append(path)
            continue
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        if not matches:
            raise UserError(
                f"{given}: there is no such file or folder. Name a folder of logs, a log, or a pattern."
            )
        found += map(Path, matches)
    if not found:
        raise UserError("Name a folder of logs, a log, or a pattern.")
    return list(dict.fromkeys(found))


class _Search:
    """One reading of several roots: what is claimed by one log is nobody else's."""

    def __init__(self) -> None:
        self.read: dict[str, list[RunLog]] = {name: [] for name in READERS}
        self.left_out: list[LeftOut] = []
        self.others = 0
        self.unread: dict[Path, str] = {}
        self._claimed: set[Path] = set()
        self._seen: set[tuple[int, int]] = set()
        self._jobs: dict[Path, Beside | None] = {}

    def look(self, root: Path) -> None:
        """Read what lies at or below a path."""
        if not root.is_dir():
            self._file(root)
            return
        for folder in self._folders(root):
            looked = set(map(folder.file, folder.files))
            for name in READERS:
                for unit in reader_of(name).find(folder):
                    if self._claimed.isdisjoint(unit.files):
                        self._take(name, unit, root)
            rest = sorted(looked - self._claimed - self.unread.keys())
            self.left_out += [LeftOut(path, _NO_INDEX) for path in rest if path.suffix.lower() in _TABLES]
            self.others += sum(path.suffix.lower() not in _TABLES for path in rest)

    def _folders(self, root: Path) -> Iterator[Folder]:
        """Folders from the top down, each once however it is linked to, without those that a log claimed."""
        waiting = [Folder(root, self.unread)]
        while waiting:
            folder = waiting.pop()
            if folder.path in self._claimed or not self._is_new(folder.path):
                continue
            if len(self._seen) > MAX_FOLDERS:
                raise UserError(
                    f"{root}: has more than {MAX_FOLDERS:,} folders below it. Name the ones with logs."
                )
            yield folder
            # Links last: what is linked to is best called by its own name.
            waiting += [folder.sub(name) for name in folder.folders if name in folder.links]
            waiting += [folder.sub(name) for name in reversed(folder.folders) if name not in folder.links]

    def _is_new(self, path: Path) -> bool:
        try:
            told = path.stat()
        except OSError as error:
            if not isinstance(error, FileNotFoundError):  # a link that leads nowhere
                self.unread[path] = f"cannot be looked into ({error.strerror})."
            return False
        key = told.st_dev, told.st_ino
        new = key not in self._seen
        self._seen.add(key)
        return new

    def _file(self, path: Path) -> None:
        """A file that was named: whichever log it belongs to, else a table."""
        if path in self._claimed:
            return
        for name in READERS:
            for unit in reader_of(name).find(Folder(path.parent)):
                if path in unit.files:
                    self._take(name, unit, path.parent, named=True)
                    return
        self._take(_ANY, Unit(path, (path,)), path.parent, named=True)

    def _take(self, name: str, unit: Unit, root: Path, *, named: bool = False) -> None:
        self._claimed.update(unit.files, unit.claimed)
        try:
            found = reader_of(name).read(unit)
        except UserError as error:
            if named:
                raise
            self.left_out.append(LeftOut(unit.where, _without(str(error), unit)))
            return
        for log in found:
            beside, own = job_settings(log.where, root, self._jobs), log
            if beside != NOTHING:
                own = replace(
                    log,
                    settings={**beside.settings, **log.settings},
                    files=(*log.files, *beside.files),
                    notes=(*log.notes, *beside.notes),
                )
            if own.epoch:
                self.read[name].append(own)
            else:
                self.left_out.append(LeftOut(log.where, " ".join(("it holds no row.", *log.notes))))

    def finished(self) -> list[RunLog]:
        """All runs, those joined that lie in several folders, and each once that several loggers wrote."""
        told = {one.where for one in self.left_out}
        self.left_out += [LeftOut(path, why) for path, why in self.unread.items() if path not in told]
        found: list[RunLog] = []
        for name, logs in self.read.items():
            join = reader_of(name).join
            found += join(logs) if join and logs else logs
        kept, twins = without_twins(found)
        self.left_out += twins
        trained = [log for log in kept if not log.no_training]
        if not trained:
            return kept
        self.left_out += [LeftOut(log.where, _measured(log)) for log in kept if log.no_training]
        return trained


def _measured(log: RunLog) -> str:
    """Why a log among trainings is none, with what it measured."""
    last = {
        name: next((value for value in reversed(column) if value is not None), None)
        for name, column in log.metrics.items()
    }
    told = [f"{name} {value:g}" for name, value in last.items() if value is not None]
    return f"{log.no_training}: {shortly(told)}."


def _without(message: str, unit: Unit) -> str:
    """A reader's message without the path that it begins with, which is told beside it."""
    for path in (*unit.files, unit.where):
        message = message.removeprefix(f"{path}: ")
    return message


def _nothing(roots: Sequence[Path], search: _Search) -> str:
    where = listed(str(root) for root in roots[:3])
    if search.left_out:
        told = " ".join(f"{one.where}: {one.why}" for one in search.left_out[:5])
        more = f" And {len(search.left_out) - 5} more." if len(search.left_out) > 5 else ""
        return f"{where}: no log could be read. {told}{more}"
    seen = f"{search.others:,} files of other kinds" if search.others else "no file"
    return (
        f"{where}: no log that can be read: {seen}. What is read: {listed(READERS)}, where 'table' is any CSV, TSV or "
        "JSON lines with a column epoch or step."
    )


def _names(runs: Sequence[RunLog], roots: Sequence[Path]) -> list[str]:
    """Each run's log relative to what was asked for; with what was asked for in front where that is more than one."""
    found = []
    for run in runs:
        lies = ((one, names) for one in roots if (names := names_below(run.where, one)) is not None)
        root, names = next(lies, (run.where, ()))
        if not names:
            found.append(run.where.name or run.where.resolve().name)
            continue
        below = "/".join(names)
        found.append(below if len(roots) == 1 else f"{root.name or root.resolve().name}/{below}")
    if len(set(found)) < len(found):
        places = [run.where.absolute() for run in runs]
        common = Path(os.path.commonpath(places))
        common = common.parent if common in places else common
        found = [os.path.relpath(run.where.absolute(), common).replace(os.sep, "/") for run in runs]
    seen: dict[str, int] = {}
    for place, name in enumerate(found):
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            found[place] = f"{name} ({seen[name]})"
    return found


def _natural(name: str) -> list[str | float]:
    """Sorts names as people do: run 9 before run 10. Every second part is a number."""
    return [float(part) if place % 2 else part for place, part in enumerate(_DIGITS.split(f"{name}\0"))]
