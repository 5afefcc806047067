"""Which runs the last ``run-all`` of a profile was to train, so that one that is missing can be named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyexp.config.section import Section
from tinyexp.runs.records import read_section, write_section

NAME = "run-all.json"


class Asked(Section):
    """``runs/<profile>/run-all.json``."""

    runs: tuple[str, ...] = ()
    """Names of run folders, as in ``embedded/tiny-design1/0-1a2b3c4d``."""


def write_asked(profile_runs: Path, names: Sequence[str]) -> None:
    """Note the runs that are wanted, in the folder of their profile."""
    write_section(profile_runs / NAME, Asked(runs=tuple(names)))


def read_asked(profile_runs: Path) -> tuple[str, ...]:
    """The names of the runs that were wanted; none where no ``run-all`` noted any.

    Raises
    ------
    DamagedError
        The note cannot be read.
    """
    path = profile_runs / NAME
    return read_section(path, Asked).runs if path.exists() else ()
