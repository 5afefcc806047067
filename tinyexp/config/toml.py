"""TOML files of a folder: which there are, by name, and what is in them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tinyexp.config.names import NAME, NAME_RULE, toml_stems, usable_names
from tinyexp.errors import UserError, unknown
from tinyexp.files import read_bounded
from tinyexp.terminal import say, visible

_MAX_BYTES = 1_000_000
_SAID: set[Path] = set()
"""Files that were named as unusable; once is enough."""


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file of at most a megabyte.

    Raises
    ------
    UserError
        It cannot be read, is too large, or is not TOML; the message names file, line and column.
    """
    try:
        return tomllib.loads(read_bounded(path, _MAX_BYTES).decode())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # what is no UTF-8 or TOML, or has too many digits
        raise UserError(f"{path}: is not valid TOML: {error}.") from error


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
        raise unknown(str(folder), kind, name, names)
    return folder / f"{name}.toml"


def _unusable(path: Path) -> str:
    return f"{visible(str(path), one_line=True)}: cannot be used by this name. {NAME_RULE} Rename the file."
