"""Where the experiment files and the templates are: in the checkout, in the wheel, or of one's own."""

from __future__ import annotations

from pathlib import Path

from tinyexp.clutter import is_clutter

_PACKAGE = Path(__file__).parent


def experiments_folder() -> Path:
    """The folder of experiment files: ``./experiments`` if it has any, or ``profiles/`` or ``studies/``; else the shipped one."""
    own = Path("experiments")
    has_files = any((own / name).is_dir() for name in ("profiles", "studies")) or (
        own.is_dir() and any(path.suffix == ".toml" and not is_clutter(path.name) for path in own.iterdir())
    )
    return own if has_files else shipped("experiments")


def shipped(name: str) -> Path:
    """A top-level folder of the project as it was shipped: inside the wheel, else in the checkout."""
    in_wheel = _PACKAGE / f"_{name}"
    return in_wheel if in_wheel.is_dir() else _PACKAGE.parent / name
