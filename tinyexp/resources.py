"""Where the experiment files and the templates are: in the checkout, in the wheel, or of one's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from tinyexp.clutter import is_clutter

_FROM: ContextVar[Path | None] = ContextVar("experiments", default=None)
_PACKAGE = Path(__file__).parent


@contextlib.contextmanager
def experiments_from(folder: Path) -> Iterator[None]:
    """For as long as the block lasts this is the folder of experiment files, with all that it has and nothing else; it need not exist."""
    before = _FROM.set(folder)
    try:
        yield
    finally:
        _FROM.reset(before)


def experiments_folder() -> Path:
    """The folder of experiment files: ``./experiments`` if it has any, or ``profiles/`` or ``studies/``; else the shipped one."""
    if told := _FROM.get():
        return told
    own = Path("experiments")
    has_files = any((own / name).is_dir() for name in ("profiles", "studies")) or (
        own.is_dir() and any(path.suffix == ".toml" and not is_clutter(path.name) for path in own.iterdir())
    )
    return own if has_files else shipped("experiments")


def shipped(name: str) -> Path:
    """A top-level folder of the project as it was shipped: inside the wheel, else in the checkout."""
    in_wheel = _PACKAGE / f"_{name}"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / name
