"""Taking a data set from where it is published: downloaded, checked, unpacked, and moved into place whole.

Under the data folder, ``downloads/NAME/`` holds what has arrived, or was brought by hand, and ``.FOLDER.unpacking-*`` what is
being unpacked. The data set's own folder comes into being by one rename at the end, so where it exists it
is whole, whatever was interrupted before. Only what we downloaded ourselves is removed.
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from tinyexp import files
from tinyexp.clutter import is_clutter
from tinyexp.errors import TinyexpError, UserError
from tinyexp.failpoints import failpoint
from tinyexp.ownership import empty, remove_abandoned, room_beside
from tinyexp.trainers.vision.data.arrivals import Arrivals
from tinyexp.trainers.vision.data.catalogue import Entry, by_name
from tinyexp.trainers.vision.data.download import Progress, address, download, part_name
from tinyexp.trainers.vision.data.places import absence, is_there, standard_place, standard_places
from tinyexp.trainers.vision.data.unpack import Bounds, check_room, unpack


def fetch(
    name: str,
    data_folder: Path,
    base_url: str | None = None,
    progress: Progress = lambda _what, _done, _total: None,
) -> Path:
    """Take a data set, or go on with taking it; one that is there already, or built in, is left as it is.

    Parameters
    ----------
    base_url
        A mirror: replaces scheme and host of the known addresses.
    progress
        Called with what is being done, how much of it is done, and of how much.

    Returns
    -------
    Path
        The folder of the data set.

    Raises
    ------
    UserError
        The name is unknown, the data set cannot be fetched, the target is something else, or there is no room.
    TinyexpError
        The network or the content fails; the message says what is left and what to do.
    """
    entry = by_name(name)
    if entry.built_in and (place := standard_place(entry, data_folder)):
        return place
    if not entry.fetchable:
        raise UserError(absence(name, data_folder))
    there = _existing(entry, data_folder)
    if there is not None:
        _remove_leftovers(name, entry, data_folder)
        return there
    for file in entry.files:
        address(file.url, base_url)
    downloads = _made(data_folder / "downloads")
    try:
        with FileLock(downloads / f"{name}.lock", timeout=0):
            there = _existing(entry, data_folder)  # another process may have finished meanwhile
            return there or _take(name, entry, data_folder, base_url, progress)
    except Timeout as error:
        raise UserError(
            f"{downloads}: another process is fetching {name}. Wait for it, or stop it first."
        ) from error
    except OSError as error:
        raise TinyexpError(
            f"{data_folder}: cannot be written to ({error.strerror or error}). Free some space or name another"
            " --data-folder; what has arrived is kept."
        ) from error


def _take(name: str, entry: Entry, data_folder: Path, base_url: str | None, progress: Progress) -> Path:
    arrived = _made(data_folder / "downloads" / name)
    possible = [arrived / known for file in entry.files for known in (file.name, part_name(file))]
    there = sum(path.stat().st_size for path in possible if path.is_file())
    check_room(data_folder, max(0, entry.bytes - there) + entry.unpacked_bytes, f"to fetch {entry.title}")
    for file in entry.files:
        download(file, arrived, base_url=base_url, progress=progress)
    target = data_folder / entry.folder
    remove_abandoned(target, "unpacking", empty)
    with room_beside(target, "unpacking") as room:
        try:
            failpoint("data set begun")
            _unpack(arrived, entry, room, progress)
            files.flush_to_disk()
            _remove_empty(target)
            failpoint("data set written")
            files.rename_anew(room / entry.folder, target)
            failpoint("data set named")
        finally:
            with contextlib.suppress(OSError):  # what cannot be removed now goes with the next fetch
                empty(room)
    Arrivals(arrived).remove()
    files.sync_folder(data_folder)
    failpoint("data set done")
    return target


def _unpack(arrived: Path, entry: Entry, room: Path, progress: Progress) -> None:
    """The data set, made in a room from what has arrived, which stays as it is."""
    if not entry.packed:
        (room / entry.folder).mkdir()
        for file in entry.files:
            shutil.copyfile(arrived / file.name, room / entry.folder / file.name)
        return
    archive = arrived / entry.files[0].name
    unpack(archive, room, Bounds(files=2 * entry.unpacked_files, bytes=2 * entry.unpacked_bytes), progress)
    if not is_there(entry, room / entry.folder):
        raise TinyexpError(
            f"{archive}: holds no {entry.folder}/ with {entry.title} in it. Nothing was put in place."
        )


def _remove_leftovers(name: str, entry: Entry, data_folder: Path) -> None:
    """What a process left that was killed after the data set was in place, and before it had tidied up."""
    arrived = data_folder / "downloads" / name
    if not arrived.parent.is_dir():
        return
    with contextlib.suppress(Timeout, OSError), FileLock(arrived.with_name(f"{name}.lock"), timeout=0):
        Arrivals(arrived).remove()
        remove_abandoned(data_folder / entry.folder, "unpacking", empty)


def _existing(entry: Entry, data_folder: Path) -> Path | None:
    """Where the data set is already.

    Raises
    ------
    UserError
        Its place is taken by something else, which we do not touch.
    """
    for place in standard_places(entry, data_folder):
        if is_there(entry, place):
            return place
    target = data_folder / entry.folder
    if target.exists() and not (target.is_dir() and all(is_clutter(path.name) for path in target.iterdir())):
        raise UserError(
            f"{target}: exists and is not {entry.title}, at least not all of it. Move it away, then fetch again;"
            " it is left as it is."
        )
    return None


def _remove_empty(target: Path) -> None:
    if target.is_dir():
        target.rmdir()


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made ({error.strerror}). Name another folder with --data-folder."
        ) from error
    return folder
