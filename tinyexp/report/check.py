"""Is a report what its records give? It is rendered again from them and its definitions, and compared byte for byte.

A guard against accident, not against forgery: whoever can rewrite a report can rewrite its digests as well. Nothing that
stands in the report makes the check a weaker one; only whoever asks for it can (``values_only``).

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
from tinyexp.report.build import Makers, makers
from tinyexp.report.differences import differences
from tinyexp.report.digest import report_digest
from tinyexp.report.place import BASELINE_FILE, DEFINITIONS, contents_of, is_report
from tinyexp.report.render import render_into
from tinyexp.report.select import select_runs
from tinyexp.resources import experiments_from
from tinyexp.runs.folder import find_folders
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.verify import Finding, cures, finding, only_line_ends, verify_records
from tinyexp.words import plain


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
    digest: str = ""
    """SHA-256 of the whole folder, see :func:`tinyexp.report.digest.report_digest`; empty where none can be taken."""
    in_values: bool = False
    """Whether only values were compared, or some differ in their last digits."""


_OTHER = "differs from what the records give."
_LINK = "is a link, and a report has none."


def examine(folder: Path, *, values_only: bool = False, expect: str = "") -> Checked:
    """Compare a report with what its records give; what differs, is missing or is extra.

    Parameters
    ----------
    values_only
        Compare the values in ``report.json`` alone: of pages that other versions of tinyexp, matplotlib or jinja2 made.
    expect
        The digest that the report must have, as CI's log shows it.

    Raises
    ------
    UserError
        The folder is no report of tinyexp.
    """
    if not is_report(folder):
        raise UserError(
            f"{folder}: is not a report of tinyexp: it has no report.json of ours. Name the folder that `tinyexp report --out` wrote."
        )
    digest = report_digest(folder)
    checked = replace(_examined(folder, values_only=values_only), digest=digest)
    if not expect or digest == expect:
        return checked
    is_now = f"the SHA-256 of the whole report is {digest}" if digest else "the report has no SHA-256"
    return replace(checked, found=(f"{is_now}, and {expect} was expected.", *checked.found))


def _examined(folder: Path, *, values_only: bool) -> Checked:
    told = read_json(folder / "report.json")
    try:
        known = _Told.model_validate(told)
    except ValidationError as error:
        return Checked((f"report.json: is not what a report has: {first_fault(error)}.",))
    if found := _records(folder, [run.name for run in known.values.runs]):
        return _checked(found, "The pages were not compared: the records they were made from are not whole.")
    made_with = tuple((name, known.made_with.get(name, "")) for name, _ in makers())
    with tempfile.TemporaryDirectory(prefix="tinyexp-check-") as place:
        again = Path(place) / "report"
        again.mkdir()
        try:
            _render(folder, again, told, made_with)
        except TinyexpError as error:
            return Checked((f"no report can be made from what is here: {error}",))
        if values_only:
            return _values_compared(told, read_json(again / "report.json"))
        checked = _compared(folder, again, told)
    return replace(checked, notes=(*checked.notes, *_about_versions(folder, made_with, checked)))


def _render(folder: Path, again: Path, told: dict[str, Any], made_with: Makers) -> None:
    """Make a report again, with the versions in its pages that it names, and from no file that lies elsewhere."""
    baseline = _baseline(folder, told)
    with experiments_from(folder / DEFINITIONS):
        render_into(select_runs(read_runs(folder / "runs")), again, baseline, made_with=made_with)


def _about_versions(folder: Path, made_with: Makers, checked: Checked) -> tuple[str, ...]:
    """What other versions than the report names mean for what was found, and what to do."""
    other = [
        f"{name} {plain(told, 40)} (here {now})"
        for (name, told), (_, now) in zip(made_with, makers(), strict=True)
        if told != now
    ]
    notes = []
    if other and not checked.found:
        notes.append(
            f"The report says that it was made with {', '.join(other)}; the same bytes come out here."
        )
    elif other:
        notes.append(
            f"The report says that it was made with {', '.join(other)}, whose pages may be others: compare it under these"
            " versions, or the values in report.json alone with --values-only."
        )
    if checked.found and not (folder / DEFINITIONS).is_dir():
        notes.append(
            f"The report has no folder {DEFINITIONS}: where an earlier tinyexp wrote it, write it anew from its runs/."
        )
    return tuple(notes)


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


def _compared(folder: Path, again: Path, told: dict[str, Any]) -> Checked:
    """Every file that differs, is missing or is extra; of report.json also which values differ."""
    here, there = contents_of(folder), contents_of(again)
    # Whoever packs a folder up may leave hidden files out, and this one is none of the pages.
    wanted = [name for name in there if name in here or name != GIT_ATTRIBUTES]
    found: list[Finding] = []
    notes: tuple[str, ...] = ()
    for name in sorted({*here, *wanted}):
        path = Path(name)
        if name not in here:
            found.append(finding(path, "missing"))
        elif name not in there:
            what = "an empty folder, and " if name.endswith("/") else ""
            found.append(Finding(path, f"is {what}no part of the report."))
        elif (one := _difference(folder, again, path)) and name == "report.json" and one.what == _OTHER:
            values = differences(told, read_json(again / path))
            if values.near and not values.lines and _is_written_as(told, folder / path):
                notes = (values.note,)
            else:
                found += [one, *(Finding(path, line) for line in values.lines)]
        elif one:
            found.append(one)
    return replace(_checked(found, *notes), in_values=bool(notes))


def _difference(folder: Path, again: Path, path: Path) -> Finding | None:
    """How a report's file differs from the one that was made again; never reads more than twice what that one has."""
    if (folder / path).is_symlink():
        return Finding(path, _LINK)
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


def _values_compared(told: dict[str, Any], again: dict[str, Any]) -> Checked:
    """The verdict, the values and what they are made from; neither pages nor versions."""
    note = "Only the verdict and the values in report.json were compared, not the pages: what these say may be anything."
    left, right = ({key: one.get(key) for key in ("verdict", "values", "beside")} for one in (told, again))
    found = differences(left, right)
    notes = (note, found.note) if found.note else (note,)
    if not found.lines:
        return Checked((), notes, in_values=True)
    first = "report.json: other values than the records give."
    return Checked((first, *(f"report.json: {line}" for line in found.lines)), notes, in_values=True)
