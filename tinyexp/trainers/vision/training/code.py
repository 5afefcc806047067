"""A digest of the code that decides numbers, so that a run is not carried on by other code than it began with."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from tinyexp.errors import TinyexpError

_VISION = Path(__file__).parents[1]
_PACKAGES = ("data", "models", "training")
DECIDES_NOTHING = frozenset(
    (
        "data/catalogue.py",
        "data/download.py",
        "data/fetch.py",
        "data/make_small.py",
        "data/pack.py",
        "data/places.py",
        "data/shown.py",
        "data/unpack.py",
        "data/verify.py",
        "models/cost.py",
        "models/memory.py",
        "training/checkpoint.py",
        "training/code.py",
        "training/extend.py",
        "training/form.py",
        "training/layout.py",
        "training/meeting.py",
        "training/others.py",
        "training/peak.py",
        "training/project.py",
        "training/resumed.py",
        "training/trial.py",
        "training/verify.py",
        "training/world.py",
    )
)
"""Named one by one, so that a module that is new counts until somebody says that it decides nothing."""


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Sixteen digits, the same for code that differs in comments, docstrings and layout alone.

    Raises
    ------
    TinyexpError
        The installed code cannot be read.
    """
    paths = [path for package in _PACKAGES for path in sorted((_VISION / package).glob("*.py"))]
    counted = [path for path in paths if path.relative_to(_VISION).as_posix() not in DECIDES_NOTHING]
    digest = hashlib.sha256()
    for path in counted:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise TinyexpError(f"cannot be read ({error.strerror}). Install tinyexp again.", path) from error
        digest.update(f"{path.relative_to(_VISION).as_posix()}\0{meaning(text)}\0".encode())
    return digest.hexdigest()[:16]


def meaning(text: str) -> str:
    """What Python makes of a module's text, without positions, comments and docstrings; the same in every version of Python.

    >>> meaning("x = 1  # one") == meaning('''"A doc."
    ... x = (1)'''), meaning("x = 1") == meaning("x = 2")
    (True, False)
    """
    return "".join(_parts(ast.parse(text)))


def _parts(node: ast.AST) -> Iterator[str]:
    yield f"{type(node).__name__}("
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        # What is empty is left out: versions differ in which empty fields they have.
        for one in values:
            if isinstance(one, ast.AST):
                if not _is_docstring(one):
                    yield f"{name}:"
                    yield from _parts(one)
            elif one is not None and name != "kind":
                yield f"{name}={one!r},"
    yield ")"


def _is_docstring(node: ast.AST) -> bool:
    """A text that stands alone does nothing, wherever it is."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
