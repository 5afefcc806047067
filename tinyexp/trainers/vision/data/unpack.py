"""Zip archives from strangers: looked through before a byte is written, and written inside one folder only."""

from __future__ import annotations

import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from tinyexp.errors import TinyexpError, UserError

_CHUNK = 1 << 20
_ENCRYPTED = 0x1
_HEAD_BYTES = 30
"""Of an entry, before its name."""
_MAX_RATIO = 100
"""Photos hardly shrink in an archive; text does by ten."""


@dataclass(frozen=True)
class Bounds:
    """What an archive may hold at most; more is a bomb or another archive."""

    files: int
    bytes: int


def unpack(
    archive: Path,
    folder: Path,
    bounds: Bounds,
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
) -> None:
    """Unpack a zip archive into a folder that exists. Links, permissions and owners are not taken over.

    Raises
    ------
    TinyexpError
        It is damaged, or an entry of it is refused: an absolute path, one with ``..``, a link, a device, a
        password, a name that comes twice, bytes shared with another, more entries or bytes than ``bounds``, or a
        hundred times the bytes of the archive. After a refusal nothing was written.
    UserError
        The disk has too little room.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _checked(archive, opened.infolist(), bounds)
            _require_apart(archive, entries, opened.start_dir)
            total = sum(entry.file_size for entry in entries)
            check_room(folder, total, f"to unpack {archive.name}")
            done = 0
            for entry in entries:
                done += _write(opened, entry, folder)
                progress(f"unpacking {archive.name}", done, total)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError) as error:
        raise TinyexpError(
            f"{archive}: is no whole zip archive ({error}). Remove it and fetch it anew."
        ) from error
    except OSError as error:
        raise TinyexpError(
            f"{folder}: cannot be unpacked into ({error.strerror or error}). Free some space, then fetch again."
        ) from error


def check_room(folder: Path, needed: int, purpose: str) -> None:
    """Stop before the disk is full.

    Raises
    ------
    UserError
        The folder's disk has fewer free bytes than needed.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: {needed:,} bytes are needed {purpose} and {free:,} are free."
            " Free some space, or name a folder on another disk with --data-folder."
        )


def _checked(archive: Path, entries: list[zipfile.ZipInfo], bounds: Bounds) -> list[zipfile.ZipInfo]:
    total = sum(entry.file_size for entry in entries)
    if len(entries) > bounds.files or total > bounds.bytes:
        raise TinyexpError(
            f"{archive}: refused: it holds {len(entries):,} entries of {total:,} bytes in all;"
            f" at most {bounds.files:,} and {bounds.bytes:,} are unpacked."
        )
    packed = archive.stat().st_size
    if total > _MAX_RATIO * packed + _CHUNK:
        raise TinyexpError(
            f"{archive}: refused: its {packed:,} bytes unpack to {total:,}, more than {_MAX_RATIO} times as many; images"
            " do not. Nothing of it was unpacked."
        )
    seen: set[PurePosixPath] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        reason = "its name comes twice" if path in seen else _objection(entry)
        if reason:
            raise TinyexpError(
                f"{archive}: refused: entry {entry.filename!r}: {reason}. Nothing of it was unpacked."
            )
        seen.add(path)
    return entries


def _require_apart(archive: Path, entries: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse entries that share bytes, by which a small archive unpacks to a large one; Python looks only since 3.11.8."""
    places = sorted(entries, key=lambda entry: entry.header_offset)
    starts = [*(entry.header_offset for entry in places[1:]), end]
    for entry, following in zip(places, starts, strict=False):
        if entry.header_offset + _HEAD_BYTES + entry.compress_size > following:
            raise TinyexpError(
                f"{archive}: refused: entry {entry.filename!r} shares bytes with another. Nothing of it was unpacked."
            )


def _objection(entry: zipfile.ZipInfo) -> str:
    """Why this entry must not be unpacked; empty if it may."""
    name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
    path = PurePosixPath(name)
    if not name or path.is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root:
        return "an absolute path"
    if ".." in path.parts or "\\" in name or not path.parts:
        return "a path that leaves the folder"
    if any(ord(letter) < 32 for letter in name):
        return "a control character in its name"
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return "a link or a device"
    if entry.flag_bits & _ENCRYPTED:
        return "it needs a password"
    usual = entry.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    return "" if usual else "packed in a way that is seldom used"


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> int:
    """Write one entry and give its size; never over something that is there."""
    target = folder.joinpath(*PurePosixPath(entry.filename).parts)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as source, target.open("xb") as out:
        # zipfile reads no more than the size in the entry's head, and then checks its CRC.
        shutil.copyfileobj(source, out, _CHUNK)
    return entry.file_size
