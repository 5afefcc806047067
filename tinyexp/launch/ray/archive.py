"""A run's folder as bytes: a zip of its files, so that a run can travel where no folder is shared.

Equal folders give equal bytes. What comes out of an archive is checked name by name before anything is written, as the
bytes came from another machine.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import DamagedError

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The first instant that a zip can say: no clock is in it."""
_MODE = (stat.S_IFREG | 0o644) << 16
MAX_FILES = 100_000
_ENCRYPTED = 0x1


def packed(folder: Path) -> bytes:
    """The ordinary files below a folder, sorted by name; no bytes where there are none.

    Links are left out, and so is every name that begins with a dot: locks, marks and files that are being written belong to
    one machine.
    """
    files, content = sorted(_files(folder, "")), io.BytesIO()
    if not files:
        return b""
    # Not compressed: most of it are weights, which are noise, and what is not compressed cannot swell when it is read.
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # the same bytes whatever system wrote them
            archive.writestr(entry, path.read_bytes())
    return content.getvalue()


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in folder.iterdir():
        if path.name.startswith(".") or is_clutter(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path, f"{prefix}{path.name}/")
        elif path.is_file():
            yield f"{prefix}{path.name}", path


def unpacked(content: bytes, where: str) -> dict[str, bytes]:
    """The files of an archive by their names below the run's folder, all of them checked.

    Parameters
    ----------
    where
        What the archive is of, for the message.

    Raises
    ------
    DamagedError
        It is no archive of ours, is cut off, or holds a name that leads anywhere but below one folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            for entry in entries:
                _require_plain(entry)
            _require_tree([entry.filename for entry in entries])
            return {entry.filename: archive.read(entry) for entry in entries}
    # NotImplementedError, RuntimeError: methods and encryption that zipfile knows of and cannot do.
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedError(f"{where}: came back as no archive of ours ({error}).") from error


def _require_plain(entry: zipfile.ZipInfo) -> None:
    """Raise ValueError unless it is an ordinary file, stored as it is, under a name below the folder."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    parts = entry.filename.split("/")
    if kind not in {0, stat.S_IFREG}:
        raise ValueError(f"'{entry.filename}' is no ordinary file")
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & _ENCRYPTED:
        raise ValueError(f"'{entry.filename}' is not stored as it is")
    # A dot at the beginning stands for '.' and '..' too, and for the lock that whoever unpacks may hold.
    if any(not part or part.startswith(".") for part in parts) or set(entry.filename) & set("\\:\0"):
        raise ValueError(f"'{entry.filename}' is no name below a run's folder")


def _require_tree(names: list[str]) -> None:
    """Raise ValueError where a name stands twice, or is a file and a folder."""
    if len(names) > MAX_FILES:
        raise ValueError(f"it has {len(names):,} files, and at most {MAX_FILES:,} are read")
    files = set(names)
    if len(files) < len(names):
        raise ValueError("a name stands twice")
    for name in names:
        parts = name.split("/")
        above = {"/".join(parts[:count]) for count in range(1, len(parts))}
        if above & files:
            raise ValueError(f"'{min(above & files)}' is a file and a folder")
