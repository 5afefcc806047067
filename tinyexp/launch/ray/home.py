"""Puts what came back of a run into its folder here, so that an end at any instant leaves a state to go on from."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tinyexp.files import append_text, read_bounded, sync_folder, write_bytes
from tinyexp.launch.ray.archive import unpacked
from tinyexp.runs.folder import RECORD_NAMES, RunFolder

_ALIKE_BYTES = 1 << 40
"""Files here are compared with those that came, whatever their size."""


def bring_home(content: bytes, folder: RunFolder) -> None:
    """Make a run's folder what an archive says.

    Each file is replaced as a whole, in the order in which a trainer commits: checkpoints, records, the status last; what the
    run has no more goes after that. The folder itself stays, as the lock that is held lies in it.

    Raises
    ------
    DamagedError
        The archive is not one of ours; nothing was changed.
    TinyexpError
        The folder cannot be written to; the run can go on from what is there.
    """
    files = unpacked(content, str(folder.path))
    for name in sorted(files, key=lambda name: _rank(name, folder)):
        _put(folder.path / name, files[name], is_log=folder.path / name == folder.log)
    _remove_others(folder, set(files))


def _rank(name: str, folder: RunFolder) -> tuple[int, str]:
    return (0 if "/" in name else 2 if name == folder.status.name else 1), name


def _put(path: Path, content: bytes, *, is_log: bool) -> None:
    before = _content(path)
    if before == content:
        return
    if is_log and before and content.startswith(before):
        # Whoever reads along sees the same file grow, and is not told of its first lines again.
        with contextlib.suppress(UnicodeDecodeError):
            append_text(path, content[len(before) :].decode())
            return
    write_bytes(path, content)


def _content(path: Path) -> bytes | None:
    try:
        return None if path.is_symlink() else read_bounded(path, _ALIKE_BYTES)
    except OSError:
        return None


def _remove_others(folder: RunFolder, names: set[str]) -> None:
    """Remove the checkpoints and records that the run has no more, as after ``--fresh``; whatever else is here stays."""
    ours = [folder.path / name for name in RECORD_NAMES] + [folder.timing, folder.log]
    if folder.checkpoints.is_dir() and not folder.checkpoints.is_symlink():
        ours += [path for path in folder.checkpoints.iterdir() if not path.name.startswith(".")]
    gone = [path for path in ours if path.is_file() and path.relative_to(folder.path).as_posix() not in names]
    for path in gone:
        path.unlink()
    for parent in {path.parent for path in gone}:
        sync_folder(parent)
