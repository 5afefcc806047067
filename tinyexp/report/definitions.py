"""The files that a report is made from beside its records: experiments, studies, their profile and their source.

They are copied into the report, and from then on only the copies are read: so whoever has the report's folder can
make the same bytes again, whatever experiments lie elsewhere.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from tinyexp.analysis.study import study_names
from tinyexp.config.load import experiment_names, profile_names
from tinyexp.config.names import SOURCE
from tinyexp.errors import UnreadableError, UserError
from tinyexp.report.select import Selection
from tinyexp.resources import experiments_folder, experiments_from
from tinyexp.runs.records import read_bounded


def copy_definitions(selection: Selection, into: Path) -> None:
    """Copy what decides a selection's pages; nothing where no file is about its runs. Raises DamagedError where one cannot be read."""
    folder = experiments_folder()
    for name in _names(selection, folder):
        content = read_bounded(folder / name)
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_bytes(content)


@contextlib.contextmanager
def reading_definitions(copies: Path) -> Iterator[None]:
    """For as long as the block lasts only the copies are read; what is wrong with one is told of the file that it was copied from."""
    own = experiments_folder()
    try:
        with experiments_from(copies):
            yield
    except (UserError, UnreadableError) as error:
        raise type(error)(str(error).replace(str(copies), str(own))) from error


def _names(selection: Selection, folder: Path) -> list[str]:
    """Every experiment and study, as a report names those that were not trained; of the profiles the one that the runs have."""
    if not selection.of_files:
        return []
    names = [f"{name}.toml" for name in experiment_names(folder)]
    names += [f"studies/{name}.toml" for name in study_names(folder)]
    profile, source = f"profiles/{selection.profile}.toml", f"{SOURCE}.toml"
    if selection.profile in profile_names(folder) and (folder / profile).is_file():
        names.append(profile)
    return [*names, source] if (folder / source).is_file() else names
