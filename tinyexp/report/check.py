"""Is a report what its records give? It is rendered again from them and compared byte for byte.

Its numbers have the same digits on every machine, but for compiled functions whose last ones may differ (see
:func:`tinyexp.report.values.rounded`): where nothing else is other than it should be, that is a note and no error.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinyexp.config.explain import first_fault
from tinyexp.errors import DamagedError, TinyexpError, UserError
from tinyexp.files import GIT_ATTRIBUTES, json_text, read_bounded, read_json, sha256_of_bytes
from tinyexp.report.baseline import Baseline, read_baseline
from tinyexp.report.build import makers
from tinyexp.report.differences import differences
from tinyexp.report.place import BASELINE_FILE, files_below, is_report
from tinyexp.report.render import render_into
from tinyexp.report.select import select_runs
from tinyexp.runs.folder import find_folders
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.verify import Finding, cures, finding, only_line_ends, verify_records


class _NamedRun(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str


class _Values(BaseModel):
    model_config = ConfigDict(strict=True)
    runs: list[_NamedRun] = Field(default_factory=list)


class _Told(BaseModel):
    """What a check looks up in a report.json; whatever else is in it is compared as it stands."""

    model_config = ConfigDict(strict=True)
    made_with: dict[str, str] = Field(default_factory=dict)
    values: _Values = Field(default_factory=_Values)


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    found: tuple[str, ...]
    """One line for everything that is not as it should be; empty for a sound report."""
    notes: tuple[str, ...] = ()
    """What was not compared, or not exactly, and why; and what to do about what was found."""


_OTHER = "differs from what the records give."


def examine(folder: Path) -> Checked:
    """Compare a report with what its records give; what differs, is missing or is extra, and what could not be compared.

    The pages' bytes depend on the versions of tinyexp, matplotlib and jinja2; under others than made
    the report, only the values in ``report.json`` are compared.

    Raises
    ------
    UserError
        The folder is no report of tinyexp.
    """
    if not is_report(folder):
        raise UserError(
            f"{folder}: is not a report of tinyexp: it has no report.json of ours. Name the folder that `tinyexp report --out` wrote."
        )
    told = read_json(folder / "report.json")
    try:
        named = [run.name for run in _Told.model_validate(told).values.runs]
    except ValidationError as error:
        return Checked((f"report.json: is not what a report has: {first_fault(error)}.",))
    if found := _records(folder, named):
        return _checked(found, "The pages were not compared: the records they were made from are not whole.")
    other = _other_versions(told)
    with tempfile.TemporaryDirectory(prefix="tinyexp-check-") as place:
        again = Path(place) / "report"
        again.mkdir()
        try:
            render_into(select_runs(read_runs(folder / "runs")), again, _baseline(folder, told))
        except TinyexpError as error:
            return Checked((f"no report can be made from what is here: {error}",))
        if other:
            return _values_compared(told, read_json(again / "report.json"), other)
        return _compared(folder, again, told)


def _baseline(folder: Path, told: dict[str, Any]) -> Baseline | None:
    """What the report was held against, as it keeps it; its digest stands in report.json."""
    kept = folder / BASELINE_FILE
    if not told.get("values", {}).get("changes") and not kept.exists():
        return None
    try:
        return read_baseline(kept)
    except UserError as error:
        raise DamagedError(error.reason, error.path) from error


def _records(folder: Path, named: list[str]) -> list[Finding]:
    """Runs that the report names and the folder lacks, and whatever is wrong with the records of those that are there."""
    runs = Path("runs")
    if not (folder / runs).is_dir():
        return [Finding(runs, "is missing, and with it the records of every run.")]
    there = find_folders(folder / runs)
    missing = {*named} - {run.name for run in there}
    found = [finding(runs / name, "missing") for name in named if name in missing]
    for run in there:
        found += [replace(one, path=one.path.relative_to(folder)) for one in verify_records(run)]
    return found


def _checked(found: list[Finding], *notes: str) -> Checked:
    return Checked(tuple(map(str, found)), (*notes, *cures(found)))


def _other_versions(told: dict[str, Any]) -> list[str]:
    made_with, now = told.get("made_with", {}), dict(makers())
    return [
        f"{name} {made_with.get(name)} (here {now[name]})" for name in now if made_with.get(name) != now[name]
    ]


def _compared(folder: Path, again: Path, told: dict[str, Any]) -> Checked:
    """Every file that differs, is missing or is extra; of report.json also which values differ."""
    # Whoever packs a folder up may leave hidden files out, and it is none of the pages.
    here, there = ({*files_below(place)} - {GIT_ATTRIBUTES} for place in (folder, again))
    found: list[Finding] = []
    notes: tuple[str, ...] = ()
    for name in sorted({*here, *there}):
        path = Path(name)
        if name not in here:
            found.append(finding(path, "missing"))
        elif name not in there:
            found.append(Finding(path, "is no part of the report."))
        elif (one := _difference(folder, again, path)) and name == "report.json" and one.what == _OTHER:
            values = differences(told, read_json(again / path))
            if values.near and not values.lines and _is_written_as(told, folder / path):
                notes = (values.note,)
            else:
                found += [one, *(Finding(path, line) for line in values.lines)]
        elif one:
            found.append(one)
    return _checked(found, *notes)


def _difference(folder: Path, again: Path, path: Path) -> Finding | None:
    """How a report's file differs from the one that was made again; never reads more than twice what that one has."""
    wanted = (again / path).read_bytes()
    try:
        content = read_bounded(folder / path, 2 * len(wanted))
    except OSError:  # a folder, a pipe or a larger file in its place
        return Finding(path, _OTHER)
    if content == wanted:
        return None
    if only_line_ends(content, sha256_of_bytes(wanted)):
        return finding(path, "line_ends")
    return Finding(path, _OTHER)


def _is_written_as(told: dict[str, Any], path: Path) -> bool:
    """Whether nothing but values can differ: not the spaces between them, nor a key that stands twice."""
    wanted = json_text(told).encode()
    try:
        return read_bounded(path, len(wanted)) == wanted
    except OSError:
        return False


def _values_compared(told: dict[str, Any], again: dict[str, Any], other: list[str]) -> Checked:
    versions = ", ".join(other)
    note = f"The report was made with {versions}: only the values in report.json were compared, not the pages' bytes."
    found = differences(told.get("values", {}), again["values"], "values")
    notes = (note, found.note) if found.note else (note,)
    if not found.lines:
        return Checked((), notes)
    first = f"report.json: other values than the records give (made with {versions})."
    return Checked((first, *(f"report.json: {line}" for line in found.lines)), notes)
