"""Where data sets lie, and the words for one that is not there."""

from __future__ import annotations

from pathlib import Path

from tinyexp.clutter import is_clutter
from tinyexp.errors import UserError
from tinyexp.trainers.vision.data.catalogue import CATALOGUE, Entry
from tinyexp.trainers.vision.data.imagenet import LAYOUT
from tinyexp.trainers.vision.settings import Data

INSTALL_ANEW = "It comes with tinyexp: install tinyexp anew."
_NO_ROOT = (
    "data.root: an image-folder data set needs its folder. Name one with train/<class>/ and test/<class>/"
    " (or val/<class>/) in it: --set data.root=FOLDER."
)


def locate(data: Data, data_folder: Path) -> Path | None:
    """The folder of a data set: the one that the user names, else the first standard place that has it.

    Raises
    ------
    UserError
        ``data.root`` is given and is no folder.
    """
    if data.root:
        return _within(data.dataset, given(data.root))
    entry = CATALOGUE.get(data.dataset)
    return standard_place(entry, data_folder) if entry else None


def located(name: str, data_folder: Path, root: str = "") -> Path:
    """As :func:`locate`; raises UserError, with how to take it, where it is not there."""
    data = Data.model_validate({"dataset": name, "root": root})
    place = locate(data, data_folder)
    if place is None:
        raise UserError(missing(data, data_folder) or "")
    return place


def standard_place(entry: Entry, data_folder: Path) -> Path | None:
    """The first of :func:`standard_places` that holds the data set.

    A folder of the right name that holds something else counts where nothing better is found: opening
    it then says what is wrong with it, which helps more than to be told that it is not there.
    """
    places = standard_places(entry, data_folder)
    whole = (place for place in places if is_there(entry, place))
    begun = (
        place
        for place in places
        if place.is_dir() and not all(is_clutter(path.name) for path in place.iterdir())
    )
    return next(whole, None) or next(begun, None)


def standard_places(entry: Entry, data_folder: Path) -> tuple[Path, ...]:
    """Where a data set is looked for when the user names no folder; absolute places stay as they are."""
    return tuple(data_folder / place for place in (entry.folder, *entry.elsewhere))


def is_there(entry: Entry, folder: Path) -> bool:
    """Whether a folder has the files by which the data set is recognised; looks at a few names only."""
    return all(any((folder / name).exists() for name in group) for group in entry.markers)


def given(root: str) -> Path:
    """The folder that the user names.

    Raises
    ------
    UserError
        There is no such folder.
    """
    path = Path(root).expanduser()
    if path.is_dir():
        return path
    reason = "is a file; unpack it and name the folder" if path.exists() else "does not exist; check the path"
    raise UserError(
        f"data.root = '{root}': {reason}. Or leave data.root out: the standard places are then looked in."
    )


def missing(data: Data, data_folder: Path) -> str | None:
    """The words that say that a data set is not there and how to take it; None when it is there.

    Opens nothing. Whether what is there is whole is found out when it is opened.

    Raises
    ------
    UserError
        ``data.root`` is given and is no folder.
    """
    if data.dataset == "patterns" or locate(data, data_folder) is not None:
        return None
    if data.dataset == "image-folder":
        return _NO_ROOT
    return absence(data.dataset, data_folder)


def absence(name: str, data_folder: Path) -> str:
    """What to tell a reader who does not have the data set of this name."""
    entry = CATALOGUE[name]
    if entry.built_in:
        return f"{entry.title} is not whole in {entry.folder}. {INSTALL_ANEW}"
    looked = ", ".join(str(place) for place in standard_places(entry, data_folder))
    files = "\n".join(f"    {file}" for file in entry.files)
    take = (
        f"Take it with `tinyexp data fetch {name}`, or name a folder that has it: --set data.root=FOLDER."
        if entry.fetchable
        else f"It cannot be fetched by tinyexp: {entry.home} asks for an account. {LAYOUT}"
        " Then name the folder: --set data.root=FOLDER."
    )
    lines = [
        f"{entry.title} is not there. Looked for in: {looked}.",
        f"  What it is: {entry.summary}. Licence: {entry.licence}.",
        f"  It comes from {entry.home}, {entry.bytes:,} bytes:",
        files,
        f"  {take}",
    ]
    return "\n".join([*lines, f"  {entry.hint}"] if entry.hint else lines)


def _within(name: str, root: Path) -> Path:
    """The data set in a folder that the user names: the folder itself, or one of the usual ones in it."""
    entry = CATALOGUE.get(name)
    inside = entry.inside if entry else ()
    return next((root / place for place in inside if entry and is_there(entry, root / place)), root)
