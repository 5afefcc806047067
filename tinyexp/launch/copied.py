"""Copies one run's folder, such that what is half copied is never taken for whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import DamagedError
from tinyexp.failpoints import failpoint
from tinyexp.files import GIT_ATTRIBUTES, copy_file
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, read_section
from tinyexp.runs.verify import changed_records
from tinyexp.trainers.owned import owned
from tinyexp.trees import below


def copy_run(source: RunFolder, target: RunFolder, *, finished: bool) -> str:
    """Put a run in a target's place, which may hold an earlier state of it.

    The target's status goes first and the source's comes last: between the two the target does not say how far it is, so
    that it is taken for begun and no more, and the same again puts it right. As in training, what the run is comes first, then
    its checkpoints, then the records that are made from them. Where a kill left the source's records behind its checkpoint, its status is left out.

    Parameters
    ----------
    finished
        Every record has to be as the status says.

    Returns
    -------
    str
        The name of a record that changed while it was copied; then the target has no status. Empty where all is well.

    Raises
    ------
    LockedError
        Another process holds the target.
    UnreadableError
        A file or folder of the source cannot be read.
    TinyexpError
        It cannot be written.
    """
    with owned(target):
        target.status.unlink(missing_ok=True)
        failpoint("copy begun")
        for name in sorted(_files(source.path), key=_order):
            if name != Path(source.status.name):
                copy_file(source.path / name, target.path / name)
        failpoint("copy made")
        try:
            changed = changed_records(target, read_section(source.status, Status))
        except DamagedError:
            changed = {source.status.name: "missing"}
        if not changed:
            copy_file(source.status, target.status)
    return min(changed, default="") if finished else ""


def _order(name: Path) -> tuple[int, Path]:
    first = ("run.json", "environment.json", "checkpoints")
    return (first.index(name.parts[0]) if name.parts[0] in first else len(first)), name


def _files(folder: Path) -> Iterator[Path]:
    """The ordinary files below a run's folder that are the run's, relative to it; no links. Raises UnreadableError where it cannot see all."""
    for path in below(folder):
        name = path.relative_to(folder)
        hidden = is_clutter(name) or (name.parts[0].startswith(".") and name.parts[0] != GIT_ATTRIBUTES)
        unfinished = path.name.startswith(".") and path.suffix == ".tmp"
        if path.is_file() and not path.is_symlink() and not hidden and not unfinished:
            yield name
