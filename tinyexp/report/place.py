"""The folder of a report: what in it is ours, and how a new one takes the place of the old.

A new report is made in a marked room beside its place and exchanged with what is there. What then lies in the room
is removed file by file: only what was listed as a report's own when the new one was begun, and is still the same.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import TinyexpError, UserError, listed
from tinyexp.failpoints import failpoint
from tinyexp.files import (
    BYTES_AS_THEY_ARE,
    GIT_ATTRIBUTES,
    exchange,
    flush_to_disk,
    read_json,
    rename_anew,
    sync_folder,
)
from tinyexp.ownership import Stamp, remove_abandoned, room_beside, stamp_of
from tinyexp.runs.folder import RECORD_NAMES, TIMING

REPORT_FORMAT = "tinyexp-report"
BASELINE_FILE = "baseline.json"
"""Where a report keeps the report.json that it was held against, so that it can be made again."""
_PAGES = ("report.html", "report.md", "summary.md", "report.json", "junit.xml", "badge.svg", BASELINE_FILE)
_RECORDS = "|".join(re.escape(name) for name in (*RECORD_NAMES, TIMING))
_OURS = re.compile(
    rf"^(figures/[A-Za-z0-9][A-Za-z0-9._-]*\.svg|runs/[^/]+/[^/]+/\d+-[0-9a-f]{{8}}/({_RECORDS})|runs/[^/]+/[^/]+\.study\.json|runs/[^/]+/[0-9a-f]{{8}}\.images\.npz)$"
)
_FOLDERS = re.compile(r"^(figures|runs(/[^/]+){0,3})/$")
_NEW, _OLD = "report", "old"
"""Folders in the room: the report that is made, and the old one where the two cannot be exchanged in one step."""

Held = Mapping[str, Stamp]
"""What a report's folder holds: files by their path from there, folders with nothing in them with a slash at the end."""


@contextlib.contextmanager
def replaced_whole(out: Path, held: Held) -> Iterator[Path]:
    """An empty folder that takes the place of ``out`` when the block ends without an error.

    Parameters
    ----------
    held
        What ``out`` held before anything was read from it, by :func:`held_by`. Nothing else is removed.

    Raises
    ------
    UserError
        ``out`` cannot be written beside or replaced, or something appeared in it meanwhile, which is not deleted.
    """
    target = out.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with room_beside(target, "report") as room:
            fresh = room / _NEW
            fresh.mkdir()
            try:
                failpoint("report begun")
                yield fresh
                flush_to_disk()
                failpoint("report written")
                _refuse_appeared(target, held, out)
                old = _put_in_place(room, target, out)
                failpoint("report named")
            except BaseException:
                with contextlib.suppress(OSError):  # what cannot be removed now goes with the next report
                    _dissolve(fresh, _is_own)
                raise
            sync_folder(target.parent)
            _leave_behind(old, target, held, out)
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written ({error.strerror}); what it held is intact. Free some space or choose another folder."
        ) from error
    failpoint("report done")


def held_by(out: Path) -> Held:
    """What a report's folder holds; all of it was written by an earlier report. What reports left beside it that were killed is removed.

    Raises
    ------
    UserError
        ``out`` is a file, holds files that are no report's, or cannot be read.
    """
    target = out.resolve()
    remove_abandoned(target, "report", lambda room: _tidy(room, target))
    if not out.exists():
        return {}
    if not out.is_dir():
        raise UserError(f"{out}: is a file. Name a folder for the report.")
    try:
        held = {name: stamp for name, stamp in _listing(out).items() if not is_clutter(name)}
        foreign = [name for name in held if not _is_own(out / name, name)]
    except OSError as error:
        raise UserError(
            f"{out}: cannot be read ({error.strerror}). Choose another folder for the report."
        ) from error
    if foreign:
        raise UserError(
            f"{out}: holds files that no report wrote ({_few(foreign)}), and a report replaces its folder "
            "whole. Choose a new folder, or move them away."
        )
    if held and not is_report(out):
        raise UserError(f"{out}: is not empty and not a report of tinyexp. Choose a new folder, or empty it.")
    return held


def is_report(folder: Path) -> bool:
    """Whether a folder has a report.json of ours."""
    try:
        content = read_json(folder / "report.json")
    except TinyexpError:
        return False
    return isinstance(content, dict) and content.get("format") == REPORT_FORMAT


def files_below(folder: Path) -> list[str]:
    """Every file below a folder but clutter, by its path from there with slashes, sorted."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    names = (path.relative_to(folder).as_posix() for path in found)
    return sorted(name for name in names if not is_clutter(name))


def _listing(folder: Path) -> Held:
    """Files, links and empty folders below a folder, sorted."""

    def fail(error: OSError) -> None:
        raise error

    found: dict[str, Stamp] = {}
    for place, folders, names in os.walk(folder, onerror=fail):
        path = Path(place)
        links = [name for name in folders if (path / name).is_symlink()]
        for name in (*names, *links):
            found[(path / name).relative_to(folder).as_posix()] = stamp_of(path / name)
        if not folders and not names and path != folder:
            found[f"{path.relative_to(folder).as_posix()}/"] = (0, 0, 0)
    return dict(sorted(found.items()))


def _is_own(path: Path, name: str) -> bool:
    """Whether it is called as a report's files and folders are, and is such a file or folder."""
    mode = path.lstat().st_mode
    if name.endswith("/"):
        return stat.S_ISDIR(mode) and _FOLDERS.match(name) is not None
    if not stat.S_ISREG(mode):
        return False
    if name == GIT_ATTRIBUTES:  # one that says something else is the user's
        return path.read_bytes() == BYTES_AS_THEY_ARE.encode()
    return name in _PAGES or _OURS.match(name) is not None


def _refuse_appeared(target: Path, held: Held, out: Path) -> None:
    now = _listing(target) if target.exists() else {}
    if appeared := [name for name, stamp in now.items() if held.get(name) != stamp and not is_clutter(name)]:
        raise UserError(
            f"{out}: {_few(appeared)} appeared or changed while the report was written. Nothing was replaced;"
            " give the same command again, or choose another folder for the report."
        )


def _put_in_place(room: Path, target: Path, out: Path) -> Path | None:
    """Put the new report in its place; where the old one is then, None where there was none."""
    try:
        if not os.path.lexists(target):
            rename_anew(room / _NEW, target)
            return None
        if exchange(room / _NEW, target):
            return room / _NEW
        _two_renames(room, target)
    except OSError as error:
        raise UserError(
            f"{out}: cannot be replaced ({error.strerror}); what it held is intact. Choose another folder for the report."
        ) from error
    return room / _OLD


def _two_renames(room: Path, target: Path) -> None:
    """The same in two steps, put back where the second fails."""
    target.rename(room / _OLD)
    try:
        rename_anew(room / _NEW, target)
    except BaseException:
        try:
            rename_anew(room / _OLD, target)
        except FileExistsError as error:
            kept = _kept_aside(room / _OLD, target)
            raise UserError(
                f"{target}: something else took this place while the report was written. What it held is in {kept}."
            ) from error
        raise


def _leave_behind(old: Path | None, target: Path, held: Held, out: Path) -> None:
    """Remove the old report, and give back what appeared in it after it was last looked at.

    Raises
    ------
    UserError
        Something did: the new report is in place, and the message says where that is.
    """
    if old is None:
        return
    late: list[str] = []
    with contextlib.suppress(OSError):  # what cannot be removed now goes with the next report
        late = _dissolve(old, lambda path, name: _is_held(path, name, held))
        stuck = [name for name in late if not _given_back(old, target, name)]
        _dissolve(old, lambda _path, name: name.endswith("/"))
        late = [name for name in late if not is_clutter(name)]
        if stuck:
            kept = _kept_aside(old, target)
            raise UserError(
                f"{out}: the report is written. While it was, {_few(stuck)} changed in its folder; that is kept in {kept}."
            )
    if late:
        raise UserError(
            f"{out}: the report is written. While it was, {_few(late)} appeared in its folder, and is there still."
            " Move it away before the next report."
        )


def _is_held(path: Path, name: str, held: Held) -> bool:
    return name in held and (path.is_dir() if name.endswith("/") else stamp_of(path) == held[name])


def _given_back(old: Path, target: Path, name: str) -> bool:
    """Move a file or an empty folder to its place in the new report; never over another."""
    try:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        rename_anew(old / name, target / name)
    except OSError:
        return False
    return True


def _kept_aside(folder: Path, target: Path) -> Path:
    """Give a folder a name beside the report that nothing has."""
    number = 1
    while True:
        kept = target.with_name(f"{target.name}.kept-{number}")
        with contextlib.suppress(FileExistsError):
            rename_anew(folder, kept)
            return kept
        number += 1


def _tidy(room: Path, target: Path) -> None:
    """Empty the room of a report that was killed.

    Raises
    ------
    UserError
        Something is in it that no report wrote.
    """
    if (room / _OLD).is_dir() and not os.path.lexists(target):
        rename_anew(room / _OLD, target)  # it was killed between two renames
    for folder in (room / _NEW, room / _OLD):
        if folder.is_dir() and (
            foreign := [name for name in _dissolve(folder, _is_own) if not is_clutter(name)]
        ):
            raise UserError(
                f"{folder}: holds {_few(foreign)}, which appeared in {target} while a report was put there that was"
                " killed. Move it away, then give the same command again."
            )


def _dissolve(folder: Path, is_ours: Callable[[Path, str], bool]) -> list[str]:
    """Remove what is ours below a folder, and the folders that are empty then; the names of what is left."""
    left = []
    for name in _listing(folder):
        if not is_ours(folder / name, name):
            left.append(name)
        elif not name.endswith("/"):
            (folder / name).unlink()
    kept = {str(folder / name) for name in left}
    for place, _, _ in os.walk(folder, topdown=False):
        if place not in kept:
            with contextlib.suppress(OSError):  # there is something in it
                Path(place).rmdir()
    return left


def _few(names: list[str]) -> str:
    return listed(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
