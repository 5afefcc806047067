"""What is installed only with an extra of this package, and the words for where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from tinyexp.errors import UserError

_DISTRIBUTIONS: Mapping[str, str] = {"lightning_fabric": "lightning-fabric", "PIL": "Pillow"}
"""What a module is installed as, where that is called otherwise."""


def absent(*modules: str) -> tuple[str, ...]:
    """Those of the modules that are not installed, as they are called where one installs them; none is imported.

    >>> absent("json", "no_such_module")
    ('no_such_module',)
    """
    return tuple(_DISTRIBUTIONS.get(name, name) for name in modules if not _is_there(name))


def require(extra: str, *modules: str, purpose: str) -> None:
    """Raise UserError, in one line, where one of the modules is not installed.

    Parameters
    ----------
    extra
        The extra of this package that brings them.
    purpose
        What needs them, as the subject of a sentence: ``training images``.

    >>> require("train", "no_such_module", purpose="training images")
    Traceback (most recent call last):
    tinyexp.errors.UserError: training images needs no_such_module, not installed here. To install: pip install 'tinyexp[train]'
    """
    if names := absent(*modules):
        raise UserError(f"{purpose} needs {', '.join(names)}, not installed here. {how(extra)}")


def how(extra: str) -> str:
    """The sentence that says how an extra is installed.

    >>> how("train")
    "To install: pip install 'tinyexp[train]'"
    """
    return f"To install: pip install 'tinyexp[{extra}]'"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
    except ValueError:  # it was imported, by whoever keeps no note of where from
        return True
