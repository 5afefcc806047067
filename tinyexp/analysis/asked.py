"""Questions that no file of experiments holds: they were asked with the runs, and lie beside them."""

from __future__ import annotations

from pathlib import Path

from tinyexp.analysis.study import Study
from tinyexp.clutter import is_clutter
from tinyexp.files import entries
from tinyexp.runs.records import read_section, write_section

SUFFIX = ".asked.json"


def asked_path(profile_runs: Path, study: str) -> Path:
    """Where a study is kept that was asked with its runs."""
    return profile_runs / f"{study}{SUFFIX}"


def keep_asked(profile_runs: Path, study: Study) -> None:
    """Write a whole study beside the runs that it is about."""
    write_section(asked_path(profile_runs, study.name), study)


def asked_with(profile_runs: Path) -> list[Study]:
    """The studies that were asked with these runs, by name; raises DamagedError where one cannot be read."""
    names = [
        path for path in entries(profile_runs) if path.name.endswith(SUFFIX) and not is_clutter(path.name)
    ]
    return [read_section(path, Study) for path in names]
