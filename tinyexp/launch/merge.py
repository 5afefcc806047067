"""Joins folders of runs that were trained apart, such as those of shards: whole runs, verified, each once.

Merging again does nothing. A run that is in several places is taken from where it came furthest; where two places do not
agree about it neither is touched, and both are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tinyexp.analysis.frozen import SUFFIX
from tinyexp.clutter import is_clutter
from tinyexp.errors import DamagedError, LockedError, TinyexpError, UnreadableError, UserError, call_failed
from tinyexp.files import copy_file, entries, sha256_of_file
from tinyexp.launch.copied import copy_run
from tinyexp.runs.asked import NAME, read_asked, write_asked
from tinyexp.runs.folder import RunFolder, find_folders
from tinyexp.runs.holder import holder_of
from tinyexp.runs.records import Status, read_section
from tinyexp.runs.verify import verify_records

What = Literal[
    "copied", "went_on", "there", "behind", "empty", "damaged", "contradicts", "in_use", "unreadable"
]
"""What became of a run of a source; the last four are problems, and nothing was done about them."""

_PROBLEMS = ("damaged", "contradicts", "in_use", "unreadable")
_TOLD = {
    "copied": "copied",
    "went_on": "further on than before",
    "there": "there already",
    "behind": "less far",
    "empty": "not begun",
}
_RESULT = ("run.json", "metrics.csv", "predictions.npz")
"""What two runs of one identity have in common, wherever they were trained."""


@dataclass(frozen=True)
class Merged:
    """A run, or a file beside the runs, and what became of it."""

    path: Path
    """Where it was."""
    what: What
    why: str = ""
    """A sentence without its beginning, which is the path."""

    @property
    def is_problem(self) -> bool:
        """Whether the user has to do something about it."""
        return self.what in _PROBLEMS


def merge(sources: Sequence[Path], into: Path) -> list[Merged]:
    """Copy the runs of the sources into one folder of runs; the sources are only read.

    Returns
    -------
    list[Merged]
        One a run of each source, and one a file beside runs that could not be joined.

    Raises
    ------
    UserError
        A source is missing, has no runs, or is the target itself; nothing was copied.
    TinyexpError
        The target cannot be written to; what was copied before is whole.
    """
    found = {source: _runs_in(source, into) for source in sources}
    outcomes: list[Merged] = []
    for source, folders in found.items():
        outcomes += _merge_notes(source, into)
        outcomes += [_merged(folder, into) for folder in folders]
    return outcomes


def sentence(outcomes: Sequence[Merged]) -> str:
    """As in ``12 runs: 8 copied, 4 there already``."""
    runs = [one for one in outcomes if one.what in _TOLD]
    counts = {what: sum(one.what == what for one in runs) for what in _TOLD}
    parts = ", ".join(f"{count} {_TOLD[what]}" for what, count in counts.items() if count)
    problems = sum(one.is_problem for one in outcomes)
    left = f"{', ' if parts else ''}{problems} not merged" if problems else ""
    said = f": {parts}{left}" if outcomes else ""
    return f"{len(outcomes)} run{'s' * (len(outcomes) != 1)}{said}"


def _runs_in(source: Path, into: Path) -> list[RunFolder]:
    if not source.is_dir():
        raise UserError(f"{source}: there is no such folder. Name the folders that the shards' --runs named.")
    if into.exists() and source.samefile(into):
        raise UserError(
            f"{source}: is what is merged into. Name the other folders, and this one after --into."
        )
    folders = find_folders(source)
    if folders or any(source.glob(f"*/{NAME}")):  # a shard may have had nothing to train
        return folders
    below = next((path.parent for path in source.glob(f"*/*/{NAME}")), None)
    hint = f" Did you mean {below.parent}?" if below else ""
    raise UserError(
        f"{source}: has no runs of tinyexp. Name the folders that the shards' --runs named.{hint}"
    )


def _merged(source: RunFolder, into: Path) -> Merged:
    """As :func:`_merge_run`; what cannot be read at the moment is a problem of this run, and says nothing of what is in it."""
    try:
        return _merge_run(source, into)
    except UnreadableError as error:
        why: TinyexpError = error
    except OSError as error:
        why = call_failed(error)
    return Merged(source.path, "unreadable", f"is not merged: {why}")


def _merge_run(source: RunFolder, into: Path) -> Merged:
    target = RunFolder(into / source.name)
    own, there = _Standing.of(source), _Standing.of(target)
    empty = Merged(source.path, "empty") if own.is_empty else None
    if problem := _unseen(source) or empty or _problem(source, target, own, there):
        return problem
    if own.rank <= there.rank:
        return Merged(source.path, "there" if own.rank == there.rank else "behind")
    try:
        changed = copy_run(source, target, finished=own.is_finished)
    except LockedError as error:
        return Merged(source.path, "in_use", f"is not merged: {error}")
    if changed:
        return Merged(
            source.path, "in_use", f"is not merged: {changed} changed while it was copied. Merge again."
        )
    return Merged(source.path, "copied" if there.is_empty else "went_on")


def _unseen(source: RunFolder) -> Merged | None:
    """A folder that may not be listed looks like an empty one."""
    try:
        for folder in (source.path, source.checkpoints):
            entries(folder)
    except UnreadableError:
        raise
    except DamagedError as error:
        return Merged(error.path or source.path, "damaged", f"is not merged: {error.reason}")
    return None


def _problem(source: RunFolder, target: RunFolder, own: _Standing, there: _Standing) -> Merged | None:
    """Why a run cannot be merged; None where it can."""
    if holder := holder_of(source):
        return Merged(
            source.path, "in_use", f"is being trained by {holder}. Merge again when that has ended."
        )
    if own.fault:
        return Merged(source.path, "damaged", f"is not merged. {own.fault}")
    if there.fault:
        why = f"has its like in {target.path}, which is damaged: {there.fault} Remove that folder, then merge again."
        return Merged(source.path, "damaged", why)
    if differing := _differing(source, target, both_finished=own.is_finished and there.is_finished):
        why = f"contradicts {target.path}: {differing}. Both are left as they are. Remove the one that is wrong, then merge again."
        return Merged(source.path, "contradicts", why)
    return None


@dataclass(frozen=True)
class _Standing:
    """How far a run is, as its folder says."""

    rank: tuple[bool, tuple[int, int], bool]
    """Whether it is finished; the epoch under way with its steps that are done; whether all its records say so."""
    fault: str = ""
    """What keeps it from being used, as a sentence."""

    @property
    def is_finished(self) -> bool:
        return self.rank[0]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was committed."""
        finished, position, _ = self.rank
        return not finished and position == (0, 0)

    @classmethod
    def of(cls, folder: RunFolder) -> _Standing:
        """Of any folder, also of one that is not there."""
        try:
            status: Status | None = read_section(folder.status, Status)
        except UnreadableError:
            raise
        except DamagedError:
            status = None
        finished = status is not None and status.state == "finished"
        epochs = status.epochs_done if status else 0
        position = max(folder.position, (epochs + 1, 0) if epochs else (0, 0))
        if not finished and position == (0, 0):
            return cls((False, position, False))
        found = verify_records(folder)
        if unknown := next((one for one in found if one.is_unknown), None):
            raise UnreadableError(unknown.what, unknown.path)
        # Until a run is finished a kill may leave its records behind its checkpoint, from which they are made again.
        wanted = None if finished else {folder.path, folder.record, folder.environment}
        faults = [one for one in found if wanted is None or one.path in wanted]
        return cls((finished, position, not found), str(faults[0]) if faults else "")


def _differing(source: RunFolder, target: RunFolder, *, both_finished: bool) -> str:
    """In what two runs of one name differ that both say; empty where they are one run."""
    if not target.record.exists():
        return ""
    if sha256_of_file(source.record) != sha256_of_file(target.record):
        return "run.json is another"
    if both_finished:
        own, there = (read_section(folder.status, Status).digests for folder in (source, target))
        names = [name for name in _RESULT if own.get(name) != there.get(name)]
        return f"{' and '.join(names)} differ{'s' * (len(names) == 1)}" if names else ""
    pairs = zip(_rows(source), _rows(target), strict=False)
    differing = next((row for row, (own_row, row_there) in enumerate(pairs) if own_row != row_there), None)
    return f"row {differing} of metrics.csv differs" if differing is not None else ""


def _rows(folder: RunFolder) -> list[bytes]:
    return folder.metrics.read_bytes().splitlines() if folder.metrics.exists() else []


def _merge_notes(source: Path, into: Path) -> list[Merged]:
    """What stands beside the runs of a profile: what was asked for, studies as they were frozen, test images."""
    problems: list[Merged] = []
    for path in [note for profile in entries(source) if profile.is_dir() for note in entries(profile)]:
        target = into / path.relative_to(source)
        if path.is_dir() or path.name.startswith(".") or is_clutter(path.relative_to(source)):
            continue
        if path.name == NAME and target.exists():
            both = dict.fromkeys([*read_asked(target.parent), *read_asked(path.parent)])
            if tuple(both) != read_asked(target.parent):
                write_asked(target.parent, list(both))
        elif not target.exists():
            copy_file(path, target)
        elif path.name.endswith(SUFFIX) and sha256_of_file(path) != sha256_of_file(target):
            why = f"differs from {target}: the study was changed between the two. Its runs are merged."
            problems.append(Merged(path, "contradicts", why))
    return problems
