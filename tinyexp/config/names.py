"""What experiments, profiles and studies may be called, and which there are. It loads nothing: a shell that completes them waits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tinyexp.clutter import is_clutter

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""What experiments, profiles and studies may be called, as their files are."""
NAME_RULE = "A name begins with a letter or a digit and has up to 80 letters (a to z, A to Z), digits, '-', '_' and '.'."
SOURCE = "source"
"""Name of the file beside the experiments that is none of them."""
NO_PROFILE = "default"
"""What the profile of a folder without ``profiles/`` is called; it changes nothing."""


def toml_stems(folder: Path) -> Iterator[str]:
    """The names of a folder's TOML files, usable or not. Hidden ones are the operating system's or an editor's.

    Raises
    ------
    OSError
        There is a folder and it cannot be listed, of which ``Path.glob`` says nothing: others would stand for its files.
    """
    try:
        there = [*folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (
        path.stem
        for path in there
        if path.suffix == ".toml" and not (path.name.startswith(".") or is_clutter(path.name))
    )


def usable_names(folder: Path) -> list[str]:
    """Those that are names by the rule, in order."""
    return sorted(name for name in toml_stems(folder) if re.fullmatch(NAME, name))
