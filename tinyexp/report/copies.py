"""The records of a report's runs copied beside its pages; each file is read once, verified and written.

What the pages are made of is what the copies say: where a run changed after it was chosen, as one that is
being trained does, it is read again from its copy.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tinyexp.analysis.asked import asked_path
from tinyexp.analysis.frozen import frozen_path
from tinyexp.errors import DamagedError, listed
from tinyexp.files import sha256_of_bytes
from tinyexp.report.select import Selection, profile_folder, set_options
from tinyexp.report.values import record_names
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.recorded import RecordedRun, read_run
from tinyexp.runs.records import read_bounded
from tinyexp.runs.verify import changed_records, cures, finding, verify_records

_READ = ("run.json", "environment.json", "status.json")
"""What a recorded run was read from."""


def copy_records(selection: Selection, runs: Path) -> list[RecordedRun]:
    """Copy the records of all runs of a selection; the copies as :func:`~tinyexp.runs.frame.read_runs` would read them.

    Raises
    ------
    DamagedError
        A record is missing, not what the run wrote, or contradicts another; or two folders hold the same run.
    """
    copies = [_copied(run, runs) for run in selection.runs]
    for path in study_notes(selection):
        (runs / selection.profile / path.name).write_bytes(read_bounded(path))
    return sorted(copies, key=lambda run: run.folder.order)


def study_notes(selection: Selection) -> list[Path]:
    """The files that say what the studies were when their first runs started."""
    folder = profile_folder(selection)
    names = [design.study.name for design in selection.studies]
    paths = [path for name in names for path in (frozen_path(folder, name), asked_path(folder, name))]
    return [path for path in paths if path.is_file()]


def _copied(run: RecordedRun, runs: Path) -> RecordedRun:
    experiment = run.record.experiment
    target = runs / experiment.profile / experiment.name / run.folder.path.name
    _refuse_twice(run, target)
    target.mkdir(parents=True)
    digests = {}
    for name in record_names(run):
        content = read_bounded(run.folder.path / name)
        digests[name] = sha256_of_bytes(content)
        (target / name).write_bytes(content)
    if run.status.state == "finished":
        _refuse_changed(run, digests)
    copy = RunFolder(target)
    _refuse_unsound(run, copy)
    if any(digests.get(name) != run.digests.get(name) for name in _READ):
        return read_run(copy)
    return replace(run, folder=copy, digests=digests)


def _refuse_twice(run: RecordedRun, target: Path) -> None:
    if target.exists():
        raise DamagedError(
            "holds a run that another folder holds too. Move one of them out of the runs.", run.folder.path
        )


def _refuse_unsound(run: RecordedRun, copy: RunFolder) -> None:
    """A report is made of what `tinyexp check` of the runs finds nothing in; of a run that is trained the tables are not settled yet."""
    settled = None if run.status.state == "finished" else (copy.record, copy.status, copy.path)
    found = [one for one in verify_records(copy) if settled is None or one.path in settled]
    if found:
        name = "" if found[0].path == copy.path else f"{found[0].path.name} "
        raise DamagedError(
            f"{name}{found[0].what} `tinyexp check` tells of everything that is wrong with runs.",
            run.folder.path,
        )


def _refuse_changed(run: RecordedRun, digests: Mapping[str, str]) -> None:
    """A finished run's records must be those that it wrote: a report of edited ones would be worth nothing."""
    if not (changed := changed_records(run.folder, run.status, digests)):
        return
    experiment = run.record.experiment
    again = (
        f"The command that trained it puts it right from its checkpoint: tinyexp run {experiment.name}"
        f" --profile {experiment.profile} --seed {run.record.seed}{set_options(experiment.overrides)}"
        f" --runs {shlex.quote(str(run.folder.path.parent.parent.parent))}."
    )
    known = cures(finding(Path(name), state) for name, state in changed.items())
    cure = " ".join(known) or again
    raise DamagedError(f"{listed(changed)} is not what the run wrote. {cure}", run.folder.path)
