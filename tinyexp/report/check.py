"""Is a report what its records give? It is rendered again from them and compared byte for byte.

Its numbers have the same digits on every machine, but for compiled functions whose last ones may differ (see
:func:`tinyexp.report.values.rounded`): where nothing else is other than it should be, that is a note and no error.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinyexp.errors import DamagedError, TinyexpError, UserError
from tinyexp.files import MAX_JSON_BYTES, json_text, read_bounded, read_json, sha256_of_bytes
from tinyexp.report.baseline import Baseline, read_baseline
from tinyexp.report.build import makers
from tinyexp.report.differences import Differences, differences
from tinyexp.report.place import BASELINE_FILE, files_below, is_report
from tinyexp.report.render import render_into
from tinyexp.report.select import select_runs
from tinyexp.runs.plan import changed_records
from tinyexp.runs.recorded import RecordedRun, read_runs


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


_OTHER = "differs from what the records give"
_ONLY_ENDS = "differs only in line ends"
_LINE_ENDS = (
    "Line ends are rewritten by git where core.autocrlf is set. Put a line `* -text` into a .gitattributes beside the "
    "report, or run `git config core.autocrlf false`; then remove the report's folder and check it out again."
)
_TEXTS = (".json", ".csv")
"""What of a run's records git may take for text."""


def check_report(folder: Path) -> list[str]:
    """One line for each file of a report that differs from what its records give, is missing or is extra.

    Raises
    ------
    UserError
        The folder is no report of tinyexp.
    """
    return list(examine(folder).found)


def examine(folder: Path) -> Checked:
    """As :func:`check_report`, and what could not be compared.

    The pages' bytes depend on the versions of tinyexp, matplotlib and jinja2; under others than made
    the report, only the values in ``report.json`` are compared.
    """
    if not is_report(folder):
        raise UserError(
            f"{folder}: is not a report of tinyexp: it has no report.json of ours. Name the folder that `tinyexp report --out` wrote."
        )
    told = read_json(folder / "report.json")
    try:
        named = [run.name for run in _Told.model_validate(told).values.runs]
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return Checked((f"report.json: is not what a report has: {place}: {first['msg']}.",))
    found = _records(folder, named)
    if found:
        notes = ("The pages were not compared: the records they were made from are not whole.",)
        return _with_next_step(Checked(tuple(found), notes))
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
        return _with_next_step(_compared(folder, again, told))


def _baseline(folder: Path, told: dict[str, Any]) -> Baseline | None:
    """What the report was held against, as it keeps it; its digest stands in report.json."""
    kept = folder / BASELINE_FILE
    if not told.get("values", {}).get("changes") and not kept.exists():
        return None
    try:
        return read_baseline(kept)
    except UserError as error:
        raise DamagedError(str(error).removeprefix("--baseline ")) from error


def _records(folder: Path, named: list[str]) -> list[str]:
    """Runs that the report names and the folder lacks, and records that are not what their run wrote."""
    if not (folder / "runs").is_dir():
        return ["runs: is missing, and with it the records of every run."]
    try:
        runs = read_runs(folder / "runs")
    except TinyexpError as error:
        return [str(error)]
    there = {run.name for run in runs}
    missing = [f"runs/{name}: is missing." for name in named if name not in there]
    return missing + [line for run in runs for line in _changed(run)]


def _changed(run: RecordedRun) -> list[str]:
    if run.status.state != "finished":  # of these only the status was taken along
        return []
    changed = changed_records(run.folder, run.status)
    return [f"runs/{run.name}/{name}: {_what_happened(run, name)}." for name in changed]


def _what_happened(run: RecordedRun, name: str) -> str:
    path = run.folder.path / name
    if name.endswith(_TEXTS) and path.is_file():
        try:
            content = _with_plain_ends(read_bounded(path, MAX_JSON_BYTES))
        except OSError:
            content = b""
        if sha256_of_bytes(content) == run.status.digests[name]:
            return _ONLY_ENDS
    return "was changed or lost after the run wrote it"


def _with_plain_ends(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n")


def _with_next_step(checked: Checked) -> Checked:
    if not any(line.endswith(f"{_ONLY_ENDS}.") for line in checked.found):
        return checked
    return Checked(checked.found, (*checked.notes, _LINE_ENDS))


def _other_versions(told: dict[str, Any]) -> list[str]:
    made_with, now = told.get("made_with", {}), dict(makers())
    return [
        f"{name} {made_with.get(name)} (here {now[name]})" for name in now if made_with.get(name) != now[name]
    ]


def _compared(folder: Path, again: Path, told: dict[str, Any]) -> Checked:
    """Every file that differs, is missing or is extra; of report.json also which values differ."""
    here, there = files_below(folder), files_below(again)
    lines: list[str] = []
    notes: tuple[str, ...] = ()
    for name in sorted({*here, *there}):
        if name not in here:
            lines.append(f"{name}: is missing.")
        elif name not in there:
            lines.append(f"{name}: is no part of the report.")
        elif (what := _difference(folder / name, again / name)) == _OTHER and name == "report.json":
            found = differences(told, read_json(again / name))
            if found.near and not found.lines and _is_written_as(told, folder / name):
                notes = (found.note,)
            else:
                lines += [f"{name}: {what}.", *_named(found)]
        elif what:
            lines.append(f"{name}: {what}.")
    return Checked(tuple(lines), notes)


def _difference(there: Path, again: Path) -> str:
    """How a report's file differs from the one that was made again; never reads more than twice what that one has."""
    wanted = again.read_bytes()
    try:
        content = read_bounded(there, 2 * len(wanted))
    except OSError:  # a folder, a pipe or a larger file in its place
        return _OTHER
    if content == wanted:
        return ""
    return _ONLY_ENDS if _with_plain_ends(content) == wanted else _OTHER


def _is_written_as(told: dict[str, Any], path: Path) -> bool:
    """Whether nothing but values can differ: not the spaces between them, nor a key that stands twice."""
    wanted = json_text(told).encode()
    try:
        return read_bounded(path, len(wanted)) == wanted
    except OSError:
        return False


def _named(found: Differences) -> list[str]:
    return [f"report.json: {line}" for line in found.lines]


def _values_compared(told: dict[str, Any], again: dict[str, Any], other: list[str]) -> Checked:
    versions = ", ".join(other)
    note = f"The report was made with {versions}: only the values in report.json were compared, not the pages' bytes."
    found = differences(told.get("values", {}), again["values"], "values")
    notes = (note, found.note) if found.note else (note,)
    if not found.lines:
        return Checked((), notes)
    first = f"report.json: other values than the records give (made with {versions})."
    return Checked((first, *_named(found)), notes)
