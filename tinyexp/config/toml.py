"""TOML files of a folder: which there are, by name, and what is in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

from tinyexp.config.names import NAME, NAME_RULE, toml_stems, usable_names
from tinyexp.errors import UnreadableError, UserError, listed, nearest
from tinyexp.files import read_bounded, read_error
from tinyexp.resources import shipped
from tinyexp.terminal import say, visible

_MAX_BYTES = 1_000_000
_SAID: set[Path] = set()
"""Files that were named as unusable; once is enough."""


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file of at most a megabyte.

    Raises
    ------
    UserError
        It is too large, or not TOML; the message names file, line and column.
    UnreadableError
        It could not be read this time: a page that goes on without it would say something else.
    """
    try:
        # Editors on Windows put a byte order mark before the text.
        return deepcopy(_parsed(read_bounded(path, _MAX_BYTES).decode("utf-8-sig")))
    except OSError as error:
        told = read_error(path, error)
        raise (told if isinstance(told, UnreadableError) else UserError(str(told))) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: is not UTF-8, which TOML takes. Save it as UTF-8 in your editor."
        ) from error
    except (ValueError, RecursionError) as error:  # what is no TOML, or has too many digits
        raise UserError(f"{path}: is not valid TOML: {error}.") from error


@lru_cache(maxsize=128)
def _parsed(text: str) -> dict[str, Any]:
    """A report asks for the same files many times over, and parsing takes longer than all else that is done with them."""
    return tomllib.loads(text)


def toml_names(folder: Path) -> list[str]:
    """The names of a folder's TOML files. One that cannot be used is skipped, and named once on standard error."""
    for name in toml_stems(folder):
        path = folder / f"{name}.toml"
        if not re.fullmatch(NAME, name) and path.absolute() not in _SAID:
            _SAID.add(path.absolute())
            say(f"tinyexp: {_unusable(path)}", err=True)
    return usable_names(folder)


def find_toml(folder: Path, name: str, kind: str, known: Callable[[], list[str]]) -> Path:
    """The file of that name; UserError with the choices, or with the rule where it is there but cannot be used."""
    if name in toml_stems(folder) and not re.fullmatch(NAME, name):
        raise UserError(_unusable(folder / f"{name}.toml"))
    names = known()
    if name not in names:
        near = nearest(Path(name).name.removesuffix(".toml"), names)
        hint = near or _of_another_kind(folder, name, kind) or _not_here(folder, kind)
        raise UserError(f"{folder}: unknown {kind} '{name}'. Known: {listed(names)}.{hint}")
    return folder / f"{name}.toml"


def _of_another_kind(folder: Path, name: str, kind: str) -> str:
    """What a name stands for that was given where another kind is wanted, with the command that takes it."""
    if not re.fullmatch(NAME, name):
        return ""
    if kind == "experiment" and (folder / "studies" / f"{name}.toml").is_file():
        return f" '{name}' is a study: `tinyexp run-all --study {name}`."
    if kind == "study" and (folder.parent / f"{name}.toml").is_file():
        return f" '{name}' is an experiment: `tinyexp run {name}`."
    return ""


def _not_here(folder: Path, kind: str) -> str:
    """Where the shipped files were looked through, as the current folder has none: whoever has some is elsewhere."""
    if kind == "profile" or not folder.is_relative_to(shipped("experiments")):
        return ""
    return (
        f" These come with tinyexp: {Path.cwd()} has no experiments/*.toml. Go to the folder that has, or write the first: "
        "`tinyexp init`."
    )


def _unusable(path: Path) -> str:
    return f"{visible(str(path), one_line=True)}: cannot be used by this name. {NAME_RULE} Rename the file."
