"""Profiles: named overlays that set scale and data, for all experiments or for some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from tinyexp.config.explain import explained
from tinyexp.config.names import NO_PROFILE
from tinyexp.config.section import Count, Name, PositiveInt, Section
from tinyexp.config.toml import find_toml, read_toml, toml_names
from tinyexp.resources import experiments_folder

_MIN_SEEDS = 3
"""Seeds of that profile: the fewest that a comparison accepts."""


class Profile(Section):
    """A named overlay that sets scale and data, for all experiments or for some."""

    title: str
    summary: str = ""
    """What it scales, in a few words, for the head of the report."""
    evidence: str = ""
    """What results of this profile cannot show, for the head of the report."""
    seeds: PositiveInt
    """Seeds that ``run-all`` trains where the user names no number."""
    studies: Annotated[tuple[Name, ...] | None, Field(strict=False)] = None
    """The studies that ``run-all`` trains where the user names none; all, if none is given."""
    jobs: Count = 0
    """Runs side by side where the user names no number; 0 for one a processor."""
    all: dict[str, Any] = Field(default_factory=dict)
    """Keys set in every experiment."""
    only: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Keys set in the experiments whose name matches the pattern, later tables last."""


def profile_names(folder: Path | None = None) -> list[str]:
    """The profiles there are, by file name; ``default`` alone where the folder has no ``profiles/``."""
    profiles = (folder or experiments_folder()) / "profiles"
    return toml_names(profiles) if profiles.is_dir() else [NO_PROFILE]


def default_profile(preferred: str = "embedded", folder: Path | None = None) -> str:
    """The profile where the user names none: the preferred one, or the first by name if there is no such file."""
    known = profile_names(folder)
    return preferred if preferred in known or not known else known[0]


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Read ``profiles/NAME.toml``.

    Raises
    ------
    UserError
        There is no such profile, or the file is not one.
    """
    profiles = (folder or experiments_folder()) / "profiles"
    path = find_toml(profiles, name, "profile", lambda: profile_names(folder))
    if not profiles.is_dir():
        return Profile(title="", seeds=_MIN_SEEDS)
    try:
        return Profile.model_validate(read_toml(path))
    except ValidationError as error:
        raise explained(error, Profile, lambda _: str(path)) from error
