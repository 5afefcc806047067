"""The folder of a report: what in it is ours, and how a new one takes the place of the old."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tinyexp.commits import reached
from tinyexp.errors import TinyexpError, UserError, listed
from tinyexp.files import flush_to_disk, read_json, sync_folder
from tinyexp.runs.folder import RECORD_NAMES

REPORT_FORMAT = "tinyexp-report"
BASELINE_FILE = "baseline.json"
"""Where a report keeps the report.json that it was held against, so that it can be made again."""
_PAGES = ("report.html", "report.md", "summary.md", "report.json", BASELINE_FILE)
_RECORDS = "|".join(re.escape(name) for name in RECORD_NAMES)
_OURS = re.compile(rf"^(figures/[a-z0-9-]+\.svg|runs/[^/]+/[^/]+/\d+-[0-9a-f]{{8}}/({_RECORDS}))$")
_EXCHANGE = 2
"""RENAME_EXCHANGE of renameat2(2)."""
_HERE = -100
"""AT_FDCWD."""


@contextlib.contextmanager
def replaced_whole(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out`` that takes its place when the block ends without an error.

    Raises
    ------
    UserError
        ``out`` is a file, holds files that are no report's, or cannot be written beside or replaced.
    """
    refuse_foreign(out)
    target = out.resolve()
    _remove_leftovers(target)
    fresh = _folder_beside(target, out)
    try:
        reached("report begun")
        yield fresh
        flush_to_disk()
        reached("report written")
        _put_in_place(fresh, target, out)
        reached("report named")
        sync_folder(target.parent)
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written ({error.strerror}); what it held is intact. Free some space or choose another folder."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)  # what was there before, where the two were exchanged
    reached("report done")


def refuse_foreign(out: Path) -> None:
    """A folder is replaced only where all that it holds was written by an earlier report."""
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"{out}: is a file. Name a folder for the report.")
    names = files_below(out)
    foreign = [name for name in names if name not in _PAGES and not _OURS.match(name)]
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise UserError(
            f"{out}: holds files that no report wrote ({listed(foreign[:3])}{more}), and a report replaces its folder "
            "whole. Choose a new folder, or move them away."
        )
    if names and not is_report(out):
        raise UserError(f"{out}: is not empty and not a report of tinyexp. Choose a new folder, or empty it.")


def is_report(folder: Path) -> bool:
    """Whether a folder has a report.json of ours."""
    try:
        content = read_json(folder / "report.json")
    except TinyexpError:
        return False
    return isinstance(content, dict) and content.get("format") == REPORT_FORMAT


def files_below(folder: Path) -> list[str]:
    """Every file below a folder, by its path from there with slashes, sorted."""
    found = [path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _folder_beside(target: Path, out: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.{os.getpid()}-"))
        # mkdtemp's folders are private; a report is for whoever may read the folder it lies in.
        fresh.chmod(0o777 & ~_umask())
    except OSError as error:
        raise UserError(
            f"{out}: cannot be written ({error.strerror}). Choose another folder for the report."
        ) from error
    return fresh


def _remove_leftovers(target: Path) -> None:
    """Remove what reports into this place left whose processes were killed; their numbers stand in the names."""
    for path in target.parent.glob(f".{glob.escape(target.name)}.*-*"):
        number = path.name[len(target.name) + 2 :].partition("-")[0]
        if number.isdigit() and not path.is_symlink() and path.is_dir() and not _is_alive(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _put_in_place(fresh: Path, target: Path, out: Path) -> None:
    try:
        if not target.exists():
            fresh.rename(target)
        elif not _exchange(fresh, target):
            _two_renames(fresh, target)
    except OSError as error:
        raise UserError(
            f"{out}: cannot be replaced ({error.strerror}); what it held is intact. Choose another folder for the report."
        ) from error


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders in one step, so that neither name is ever without a whole one; Linux can."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    return rename is not None and rename(_HERE, bytes(one), _HERE, bytes(other), _EXCHANGE) == 0


def _two_renames(fresh: Path, target: Path) -> None:
    """The same in two steps, put back where the second fails."""
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.{os.getpid()}-old-"))
    old = aside / target.name
    target.rename(old)
    try:
        fresh.rename(target)
    except BaseException:
        old.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    # The only portable way to read it is to set it.
    current = os.umask(0o022)
    os.umask(current)
    return current
