"""The folder of a report: what in it is ours, and how a new one takes the place of the old.

A new report is made in a marked room beside its place and exchanged with what is there. What then lies in the room
is removed file by file: only what was listed as a report's own when the new one was begun, and is still the same.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

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
DEFINITIONS = "definitions"
"""The folder of experiments, studies, profile and source that a report was made with; ``experiments`` would be its user's."""
_TOP = (*_PAGES, GIT_ATTRIBUTES, "figures", "runs", DEFINITIONS)
"""All that can stand in a report's folder itself."""
_RECORDS = "|".join(re.escape(name) for name in (*RECORD_NAMES, TIMING))
_OURS = re.compile(
    rf"^(figures/[A-Za-z0-9][A-Za-z0-9._-]*\.svg|{DEFINITIONS}/((profiles|studies)/)?[A-Za-z0-9][A-Za-z0-9._-]*\.toml"
    rf"|runs/[^/]+/[^/]+/\d+-[0-9a-f]{{8}}/({_RECORDS})|runs/[^/]+/[^/]+\.(study|asked)\.json|runs/[^/]+/[0-9a-f]{{8}}\.images\.npz)$"
)
_FOLDERS = re.compile(rf"^(figures|{DEFINITIONS}(/profiles|/studies)?|runs(/[^/]+){{0,3}})/$")
_NEW, _OLD, _COPY = "report", "old", "copy"
"""Folders in the room: the report that is made, the old one where the two cannot be exchanged in one step, and a copy of it that is not whole yet."""

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
            try:
                fresh.mkdir()
                failpoint("report begun")
                yield fresh
                flush_to_disk()
                failpoint("report written")
                _refuse_appeared(target, held, out)
                old = _put_in_place(room, target, out, held)
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
    _refuse_around(out, target)
    try:
        # First what is in it itself: of a whole disk, or somebody's home, no more is walked through.
        top = [path.name for path in out.iterdir() if not is_clutter(path.name)]
        if others := sorted(name for name in top if name not in _TOP):
            _refuse_foreign(out, others)
        held = contents_of(out)
        foreign = [name for name in held if not _is_own(out / name, name)]
    except OSError as error:
        raise UserError(
            f"{out}: cannot be read ({error.strerror}). Choose another folder for the report."
        ) from error
    if foreign:
        _refuse_foreign(out, foreign)
    if held and not is_report(out):
        raise UserError(f"{out}: is not empty and not a report of tinyexp. Choose a new folder, or empty it.")
    return held


def _refuse_around(out: Path, target: Path) -> None:
    """What a command is given in must not be replaced under it."""
    if Path.cwd().is_relative_to(target):
        raise UserError(
            f"{out}: is the folder that this command is given in, or one around it, and a report replaces its folder whole:"
            " your shell would stand in one that is gone. Go to another folder, or name a new one, as --out report."
        )


def _refuse_foreign(out: Path, names: list[str]) -> NoReturn:
    raise UserError(
        f"{out}: holds files that no report wrote ({_few(names)}), and a report replaces its folder "
        "whole. Choose a new folder, or move them away."
    )


def is_report(folder: Path) -> bool:
    """Whether a folder has a report.json of ours."""
    try:
        content = read_json(folder / "report.json")
    except TinyexpError:
        return False
    return isinstance(content, dict) and content.get("format") == REPORT_FORMAT


def is_of_a_run(name: str) -> bool:
    """Whether a path in a report is that of a run's record."""
    return name.startswith("runs/") and name.count("/") == 4


def listing(folder: Path) -> Held:
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


def contents_of(folder: Path) -> Held:
    """As :func:`listing`, but for what operating systems leave in folders, which is none of a report's."""
    return {name: stamp for name, stamp in listing(folder).items() if not is_clutter(name)}


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


def _was_begun(path: Path, name: str) -> bool:
    """The same in a folder that a report was being written into: after a power cut a file may have its name and not its bytes."""
    if name == GIT_ATTRIBUTES and stat.S_ISREG(path.lstat().st_mode):
        return BYTES_AS_THEY_ARE.encode().startswith(path.read_bytes())
    return _is_own(path, name)


def _refuse_appeared(target: Path, held: Held, out: Path) -> None:
    now = contents_of(target) if target.exists() else {}
    if appeared := [name for name, stamp in now.items() if held.get(name) != stamp]:
        raise UserError(
            f"{out}: {_few(appeared)} appeared or changed while the report was written. Nothing was replaced;"
            " give the same command again, or choose another folder for the report."
        )


def _put_in_place(room: Path, target: Path, out: Path, held: Held) -> Path | None:
    """Put the new report in its place; where the old one is then, None where there is none left."""
    try:
        if not os.path.lexists(target):
            rename_anew(room / _NEW, target)
            return None
        if exchange(room / _NEW, target):
            return room / _NEW
        try:
            _two_renames(room, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _file_by_file(room, target, held)
            return None
    except OSError as error:
        raise UserError(
            f"{out}: cannot be replaced ({error.strerror}); what it held is intact. Choose another folder for the report."
        ) from error
    return room / _OLD


def _two_renames(room: Path, target: Path) -> None:
    """The same in two steps, put back where the second fails."""
    try:
        target.rename(room / _OLD)
        rename_anew(room / _NEW, target)
    except BaseException:
        # A signal may come before the old one is away, and when the new one is in its place.
        if not (room / _OLD).exists() or not (room / _NEW).exists():
            raise
        try:
            rename_anew(room / _OLD, target)
        except FileExistsError as error:
            kept = _kept_aside(room / _OLD, target)
            raise UserError(
                f"{target}: something else took this place while the report was written. What it held is in {kept}."
            ) from error
        raise


def _file_by_file(room: Path, target: Path, held: Held) -> None:
    """The same where the folder itself cannot be renamed, as one of a lower layer of an overlay (Docker): it is copied, emptied and removed.

    The copy gets its name when it is whole: then the next report can put back what a kill in between has taken away.
    """
    try:
        shutil.copytree(target, room / _COPY, symlinks=True)
        flush_to_disk()
        (room / _COPY).rename(room / _OLD)
        failpoint("report copied")
        _dissolve(target, lambda path, name: _is_held(path, name, held))
        failpoint("report emptied")
        rename_anew(room / _NEW, target)  # not where something slipped in, and the folder is there still
    except BaseException:
        if (room / _OLD).is_dir():
            _fill_up(room / _OLD, target)
        else:
            shutil.rmtree(room / _COPY, ignore_errors=True)
        raise
    _dissolve(room / _OLD, lambda _path, _name: True)  # copies of what was removed


def _fill_up(old: Path, target: Path) -> None:
    """Give a folder back what was removed from it, from its copy; nothing that is there is replaced."""
    for name in listing(old):
        if not os.path.lexists(target / name):
            _given_back(old, target, name)
    _dissolve(old, lambda _path, name: os.path.lexists(target / name))


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
    elif (room / _OLD).is_dir() and (room / _NEW).is_dir():
        _fill_up(room / _OLD, target)  # it was killed while it emptied a folder that cannot be renamed
    for folder, is_ours in ((room / _NEW, _was_begun), (room / _OLD, _is_own), (room / _COPY, _was_begun)):
        if folder.is_dir() and (
            foreign := [name for name in _dissolve(folder, is_ours) if not is_clutter(name)]
        ):
            raise UserError(
                f"{folder}: holds {_few(foreign)}, which appeared in {target} while a report was put there that was"
                " killed. Move it away, then give the same command again."
            )


def _dissolve(folder: Path, is_ours: Callable[[Path, str], bool]) -> list[str]:
    """Remove what is ours below a folder, and the folders that are empty then; the names of what is left."""
    left = []
    for name in listing(folder):
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
