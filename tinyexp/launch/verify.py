"""Is a folder of runs sound? Records, checkpoints, and whether everything is there that ``run-all`` was to train."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import DamagedError, UserError
from tinyexp.extras import absent, how
from tinyexp.files import Stamp, entries, stamp_of
from tinyexp.runs.asked import NAME, read_asked
from tinyexp.runs.folder import RunFolder, find_folders, is_just_begun, is_run_name
from tinyexp.runs.holder import holder_of
from tinyexp.runs.records import Environment, Status, read_bounded, read_section
from tinyexp.runs.verify import Finding, cures, finding, verify_records
from tinyexp.terminal import say
from tinyexp.trainers.vision.training.code import code_digest

_PATIENCE_S = 20.0
"""Of a run that is trained: for so long what seems to be wrong is looked at again."""
_AGAIN_S = 0.1


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what is not as it should be."""

    runs: int
    checkpoints: int
    """Runs whose checkpoints were looked at."""
    found: tuple[Finding, ...]
    next_step: str = ""
    """What puts it right; empty for a sound folder."""


def _on_stderr(words: str) -> None:
    say(f"tinyexp: {words}", err=True)


def verify(folder: Path, note: Callable[[str], None] = _on_stderr) -> Verified:
    """Check one run's folder, or all runs below a folder.

    Parameters
    ----------
    note
        Called with what could not be looked at: without torch, checkpoints; of a folder in which runs are trained, those to come; runs that other code trained.

    Raises
    ------
    UserError
        There is no run.
    """
    folders = (
        [RunFolder(folder)]
        if is_run_name(folder.resolve().name) and folder.is_dir()
        else [one for one in find_folders(folder) if not is_just_begun(one)]
    )
    with_checkpoints = [one for one in folders if _has_checkpoints(one)]
    looked_at = _readable(with_checkpoints, note)
    found = [finding for one in folders for finding in _verify_run(one, checkpoints=one in looked_at)]
    _tell_of_code(folders, note)
    missing = _missing(folder, folders)
    is_trained = any(map(holder_of, (*folders, *(RunFolder(one.path) for one in missing))))
    if missing and is_trained:
        note(f"{len(missing)} of the runs that are to be trained have not begun; others are being trained.")
        missing = []
    found += missing
    if not folders and not found and not is_trained:
        raise UserError(
            f"{folder}: there is neither a run nor a report of tinyexp in it. Name a folder of runs, such as runs, one run's"
            " folder, or the folder that `tinyexp report --out` wrote."
        )
    unique = tuple(dict.fromkeys(found))
    return Verified(
        len(folders), len(looked_at), unique, _next_step(unique, checkpoints=bool(with_checkpoints))
    )


def _tell_of_code(folders: Iterable[RunFolder], note: Callable[[str], None]) -> None:
    """Which runs the trainer's code that is installed here may give other numbers for; no fault of the records."""
    codes: Counter[str] = Counter()
    for folder in folders:
        with contextlib.suppress(DamagedError):
            codes[read_section(folder.environment, Environment).code] += 1
    del codes[""]
    other = codes.total() - codes[code_digest()] if codes else 0
    if other:
        versions = f", {len(codes)} versions of it" if len(codes) > 1 else ""
        note(
            f"{other} of the runs were trained by other code of the trainer than is installed here{versions}. Whether it gives the"
            " same numbers is not known: train one of them anew, into another folder, before comparing with new runs."
        )


def _has_checkpoints(folder: RunFolder) -> bool:
    """Whether there are any, or there may be some and nobody can tell."""
    try:
        return any(
            path.suffix == ".ckpt" and not is_clutter(path.name) for path in entries(folder.checkpoints)
        )
    except DamagedError:
        return True


def _verify_run(folder: RunFolder, *, checkpoints: bool) -> list[Finding]:
    """What is wrong with one run, of one view of it: what is written meanwhile is looked at again."""
    started = time.monotonic()
    while True:
        before = _stamps(folder)
        found = _look(folder, checkpoints=checkpoints)
        changed = _stamps(folder) != before
        # Between two records that belong together a run that is trained writes for milliseconds, on slow disks for longer.
        if not found or not (changed or holder_of(folder)) or time.monotonic() - started > _PATIENCE_S:
            return found
        time.sleep(_AGAIN_S)


def _look(folder: RunFolder, *, checkpoints: bool) -> list[Finding]:
    found = verify_records(folder)
    if not checkpoints:
        return found
    # Only here is torch needed, which takes seconds to load.
    from tinyexp.trainers.vision.training.verify import verify_checkpoints  # noqa: PLC0415

    known, own = {finding.path for finding in found}, verify_checkpoints(folder)
    if not own and folder.metrics in known and _was_cut_between_records(folder):
        found = [finding for finding in found if finding.path != folder.metrics]
    return found + [finding for finding in own if finding.path not in known]


def _was_cut_between_records(folder: RunFolder) -> bool:
    """Whether a run was ended after its table, which its checkpoint has found right, and before its status was written."""
    try:
        read_bounded(folder.metrics)
        return read_section(folder.status, Status).state != "finished"
    except DamagedError:
        return False


def _stamps(folder: RunFolder) -> list[tuple[str, Stamp]]:
    try:
        paths = [*entries(folder.path), *entries(folder.checkpoints)]
    except DamagedError:
        return []
    return [(str(path), stamp_of(path)) for path in paths if path.suffix != ".tmp"]


def _readable(folders: list[RunFolder], note: Callable[[str], None]) -> list[RunFolder]:
    """The runs whose checkpoints can be read here; records are checked in any case."""
    missing = absent("torch")
    if not folders or not missing:
        return folders
    note(
        f"the checkpoints of {len(folders)} run{'s' * (len(folders) != 1)} were not looked at: that needs"
        f" {', '.join(missing)}, not installed here. {how('train')}"
    )
    return []


def _missing(runs: Path, folders: Iterable[RunFolder]) -> list[Finding]:
    """Runs that the last ``run-all`` of a profile was to train and that have no folder."""
    there = {folder.name for folder in folders}
    found = []
    for note in sorted(runs.glob(f"*/{NAME}")):
        try:
            wanted = read_asked(note.parent)
        except DamagedError as error:
            found.append(Finding.of(error, note))
            continue
        found += [finding(runs / name, "missing") for name in wanted if name not in there]
    return found


def _next_step(found: tuple[Finding, ...], *, checkpoints: bool) -> str:
    if not found:
        return ""
    if known := cures(found):
        return " ".join(known)
    if checkpoints:
        return (
            "Run the command that trained them again: a record is rebuilt from the checkpoint, a damaged checkpoint is set"
            " aside for the one before it, a missing run is trained. Where that is refused it says why; --fresh trains anew."
        )
    return (
        "There are no checkpoints to rebuild from in this folder. Take the files from the folder that the runs were trained"
        " in, or run the command that trained them again."
    )
