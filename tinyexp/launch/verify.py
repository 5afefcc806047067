"""Is a folder of runs sound? Records, checkpoints, and whether everything is there that ``run-all`` was to train."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import DamagedError, UserError
from tinyexp.extras import absent, how
from tinyexp.runs.asked import NAME, read_asked
from tinyexp.runs.folder import RunFolder, find_folders, is_run_name
from tinyexp.runs.verify import Finding, cures, finding, verify_records
from tinyexp.terminal import say


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
        Called with what could not be looked at: without torch, checkpoints.

    Raises
    ------
    UserError
        There is no run.
    """
    folders = (
        [RunFolder(folder)]
        if is_run_name(folder.resolve().name) and folder.is_dir()
        else find_folders(folder)
    )
    found = [finding for one in folders for finding in verify_records(one)]
    with_checkpoints = [
        one
        for one in folders
        if one.checkpoints.is_dir()
        and any(not is_clutter(path.name) for path in one.checkpoints.glob("*.ckpt"))
    ]
    known = {finding.path for finding in found}
    looked_at = _readable(with_checkpoints, note)
    for one in looked_at:
        # Only here is torch needed, which takes seconds to load.
        from tinyexp.trainers.vision.training.verify import verify_checkpoints  # noqa: PLC0415

        found += [finding for finding in verify_checkpoints(one) if finding.path not in known]
    found += _missing(folder, folders)
    if not folders and not found:
        raise UserError(
            f"{folder}: there is neither a run nor a report of tinyexp in it. Name a folder of runs, such as runs, one run's"
            " folder, or the folder that `tinyexp report --out` wrote."
        )
    unique = tuple(dict.fromkeys(found))
    return Verified(
        len(folders), len(looked_at), unique, _next_step(unique, checkpoints=bool(with_checkpoints))
    )


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
