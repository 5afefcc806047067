"""What may be removed of a folder of runs: runs that no experiment file describes any more, and checkpoints of finished runs.

A run is ours by its record, which names the folder that it lies in and whose identity can be reckoned again; of its folder
only the files go that a run writes. What else lies there stays, and is named.
"""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp.config.identity import configuration_of, identity_of
from tinyexp.config.load import experiment_names, load_experiment, profile_names
from tinyexp.errors import TinyexpError, UserError
from tinyexp.files import BYTES_AS_THEY_ARE, GIT_ATTRIBUTES, read_json
from tinyexp.report.place import is_report
from tinyexp.runs.asked import read_asked, write_asked
from tinyexp.runs.folder import CHECKPOINT_NAME, RECORD_NAMES, TIMING, RunFolder, find_runs, no_folder
from tinyexp.runs.heartbeat import stale_words
from tinyexp.runs.holder import holder_of, is_abandoned
from tinyexp.runs.records import RunRecord, Status, read_section
from tinyexp.terminal import counted
from tinyexp.trainers.owned import owned

_RECORDS = {*RECORD_NAMES, TIMING, "log.txt"}
_HELD = (".owner", ".lock", ".lease")
"""By which a run is held; they go last."""
_ASIDE = re.compile(r"^before-fresh-[0-9]+$")
_WORK = "work"


@dataclass(frozen=True)
class Removal:
    """Files of one run that may go."""

    folder: RunFolder
    why: str
    files: tuple[Path, ...]
    whole: bool
    """Whether the run goes, and not its checkpoints alone."""
    reports: tuple[str, ...] = ()
    """Reports that were made of the run."""

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(path.lstat().st_size for path in self.files)

    def row(self) -> dict[str, Any]:
        """As a table prints it."""
        return {
            "run": self.folder.name,
            "why": self.why,
            "what": "the run" if self.whole else counted(len(self.files), "checkpoint"),
            "bytes": f"{self.size:,}",
            "report": ", ".join(self.reports) or None,
        }


@dataclass(frozen=True)
class Cleaning:
    """What may go, and why other runs that might have gone stay."""

    removals: tuple[Removal, ...]
    notes: tuple[str, ...]


def cleaning(runs: Path, *, checkpoints: bool, work: bool) -> Cleaning:
    """Look for what may be removed; nothing is written.

    Parameters
    ----------
    checkpoints
        Also the checkpoints of finished runs that stay.
    work
        Also what commands wrote into the work folders of runs that go.

    Raises
    ------
    UserError
        There is no such folder, or it is that of a report, which rests on its records.
    """
    if not runs.is_dir():
        raise no_folder(runs)
    if is_report(runs.resolve().parent):
        raise UserError(
            f"{runs}: are the records that the report in {runs.parent} rests on. They are left as they are."
        )
    removals, notes = [], []
    rest = _reports(runs)
    for folder in find_runs(runs, begun=True):
        try:
            found, note = _removal(folder, checkpoints=checkpoints, work=work)
        except (TinyexpError, OSError) as error:
            found, note = None, f"cannot be judged: {error}"
        if note:
            notes.append(f"{folder.name}: {note}. It is left as it is.")
        if found and found.files:
            removals.append(
                Removal(folder, found.why, found.files, found.whole, tuple(rest.get(folder.name, ())))
            )
    return Cleaning(tuple(removals), tuple(notes))


def remove(removal: Removal) -> str:
    """Remove what was listed; gives what of the run's folder is there still, as it is somebody else's.

    Raises
    ------
    TinyexpError
        It is being trained by now, or cannot be removed.
    """
    folder = removal.folder
    try:
        with owned(folder):
            for path in removal.files:
                path.unlink(missing_ok=True)
        if not removal.whole:
            _drop_empty(folder.checkpoints)
            return ""
        _drop_held(folder)
        _drop_empty(folder.path)
        _forget(folder)
    except OSError as error:
        raise TinyexpError(
            f"could not be removed whole ({error.strerror}). Give the same command again once it can be.",
            folder.path,
        ) from error
    if not folder.path.is_dir():
        _drop_empty(folder.path.parent)
        return ""
    left = ", ".join(sorted(path.name for path in folder.path.iterdir()))
    return f"{folder.path}: {left} was not written by tinyexp, and is there still."


def _removal(folder: RunFolder, *, checkpoints: bool, work: bool) -> tuple[Removal | None, str]:
    """What may go of a run, and why not where it might have."""
    if any(path.is_symlink() for path in (folder.path, *folder.path.parents[:2])):
        return None, ""
    record = read_section(folder.record, RunRecord)
    status = read_section(folder.status, Status) if folder.status.exists() else None
    why = _unnamed(record)
    if not why and not (checkpoints and status and status.state == "finished"):
        return None, ""
    if stays := _why_it_stays(folder, record, status):
        return None, stays
    files = _own_files(folder.path, work=work) if why else _checkpoints(folder.path)
    return Removal(folder, why or "finished", tuple(files), whole=bool(why)), ""


def _why_it_stays(folder: RunFolder, record: RunRecord, status: Status | None) -> str:
    """What keeps a run from being touched; empty where nothing does."""
    if not _is_proven(folder, record):
        return "its record is not of the run that this folder is called after"
    if holder := holder_of(folder):
        return f"is being trained by {holder}"
    is_silent = is_abandoned(folder) or stale_words(folder.status)
    return "says that it is being trained" if status and status.state == "running" and not is_silent else ""


def _unnamed(record: RunRecord) -> str:
    """Why no experiment file describes a run any more; empty where one does, or where it was trained elsewhere."""
    told = record.experiment
    if record.provenance is not None:
        return ""
    if told.name not in experiment_names():
        return f"there is no experiment '{told.name}'"
    if told.profile not in profile_names():
        return f"there is no profile '{told.profile}'"
    try:
        today = load_experiment(told.name, told.profile, told.overrides)
    except UserError as error:
        if any(key in str(error) for key in told.overrides):
            return "its experiment has no such settings any more"
        raise
    described = configuration_of(today, record.numerics_version)
    return "" if described == record.configuration else "its experiment has other settings by now"


def _is_proven(folder: RunFolder, record: RunRecord) -> bool:
    told = record.experiment
    identity = identity_of(told, record.seed, record.data.fingerprint, record.numerics_version)
    name = f"{told.profile}/{told.name}/{record.seed}-{identity[:8]}"
    return record.identity == identity and RunFolder(folder.path.resolve()).name == name


def _own_files(place: Path, *, work: bool) -> Iterator[Path]:
    """What a run writes into its folder, the record last: until it is gone, the same command goes on with removing."""
    for path in sorted(place.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir() and _ASIDE.match(path.name):
            yield from _own_files(path, work=work)
        elif path.is_dir() and work and path.name == _WORK:
            yield from (one for one in sorted(path.rglob("*")) if _is_plain(one))
        elif path.name in _RECORDS - {"run.json"} and _is_plain(path):
            yield path
    yield from _checkpoints(place)
    if _is_plain(place / "run.json"):
        yield place / "run.json"


def _checkpoints(place: Path) -> Iterator[Path]:
    folder = RunFolder(place).checkpoints
    if folder.is_dir() and not folder.is_symlink():
        yield from (
            one for one in sorted(folder.iterdir()) if CHECKPOINT_NAME.match(one.name) and _is_plain(one)
        )


def _is_plain(path: Path) -> bool:
    """Whether it is an ordinary file, and no link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _drop_held(folder: RunFolder) -> None:
    """What is in a folder by which it was held, and that git leaves its bytes alone, where that is all that stands there."""
    attributes = folder.path / GIT_ATTRIBUTES
    if _is_plain(attributes) and attributes.read_bytes() == BYTES_AS_THEY_ARE.encode():
        attributes.unlink()
    for name in _HELD:
        if _is_plain(folder.path / name):
            (folder.path / name).unlink()


def _drop_empty(place: Path) -> None:
    """Remove the folders at and below a place that have nothing in them."""
    for path in sorted(
        (one for one in place.rglob("*") if one.is_dir() and not one.is_symlink()), reverse=True
    ):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        place.rmdir()


def _forget(folder: RunFolder) -> None:
    """A run that was removed is missed by nobody."""
    profile_runs = folder.path.parent.parent
    asked = read_asked(profile_runs)
    if folder.name in asked:
        write_asked(profile_runs, [name for name in asked if name != folder.name])


def _reports(runs: Path) -> dict[str, list[str]]:
    """The reports in the current folder and beside the runs, by the runs that they were made of."""
    found: dict[str, list[str]] = {}
    for root in dict.fromkeys((Path(), runs.parent)):
        for path in sorted({*root.glob("*/report.json"), *root.glob("*/*/report.json")}):
            if not is_report(path.parent):
                continue
            with contextlib.suppress(TinyexpError, LookupError, TypeError):
                for run in read_json(path)["values"]["runs"]:
                    found.setdefault(run["name"], []).append(str(path.parent))
    return {name: list(dict.fromkeys(places)) for name, places in found.items()}
