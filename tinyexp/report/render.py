"""A report written: records and definitions copied, pages made from the copies, the folder swapped into its place.

The pages are made from the copies and from nothing else, so that whoever
has the report's folder can make the same bytes again.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp.errors import DamagedError, UserError, listed
from tinyexp.files import BYTES_AS_THEY_ARE, GIT_ATTRIBUTES, json_text, sha256_of_file
from tinyexp.report.badge import badge
from tinyexp.report.baseline import Baseline, read_baseline
from tinyexp.report.build import Makers, build_view
from tinyexp.report.content import SCHEMA_VERSION, GateResult
from tinyexp.report.copies import copy_records, study_notes
from tinyexp.report.definitions import copy_definitions, reading_definitions
from tinyexp.report.digest import report_digest
from tinyexp.report.evidence import Evidence, gather
from tinyexp.report.figures import draw_panels
from tinyexp.report.junit import junit_page
from tinyexp.report.kept_images import ENDING, keep_images
from tinyexp.report.pages import html_page, markdown_page, summary_page
from tinyexp.report.place import (
    BASELINE_FILE,
    DEFINITIONS,
    REPORT_FORMAT,
    Held,
    held_by,
    is_of_a_run,
    listing,
    replaced_whole,
)
from tinyexp.report.select import Selection, profile_folder, select_runs
from tinyexp.report.values import record_names
from tinyexp.report.view import ReportView
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.recorded import read_runs
from tinyexp.words import CODE, END_CODE, NBSP


@dataclass(frozen=True)
class ReportResult:
    """What was written."""

    folder: Path
    profile: str
    verdict: str
    """The report's first sentence."""
    next_words: str
    """What stands under it: how sure that is or why nothing was compared, and what to type where a step is left."""
    runs: tuple[str, ...]
    """Names of the runs it is about."""
    left_out: tuple[str, ...]
    """Names of the runs of other profiles and configurations."""
    since: str
    """What changed since the baseline, in a line; empty without one."""
    gates: tuple[GateResult, ...]
    """The gates of the studies, those that failed among them."""
    digest: str
    """SHA-256 of the whole report, by :func:`tinyexp.report.digest.report_digest`: kept elsewhere, it shows whether anything was changed."""
    faults: tuple[str, ...]
    """Of each metric that has values which it cannot have: what, where, and what to do. It was not compared."""


def write_report(
    runs: Path,
    out: Path,
    *,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    baseline: Path | None = None,
    data_folder: Path | None = None,
) -> ReportResult:
    """Write ``report.html``, ``report.md``, ``summary.md``, ``report.json``, ``junit.xml``, ``badge.svg``, ``figures/``, ``runs/`` and ``definitions/``.

    ``out`` has the old report or the new one, whole, whenever this is interrupted. ``runs`` may lie
    inside ``out``: a report can be made again in its place, and be its own baseline, where it has all of the old one's records.

    Parameters
    ----------
    baseline
        An earlier report, or its ``report.json``: what changed since is told.
    data_folder
        Where data sets are, for the few test images that a report shows; None to show those that are kept with the runs.

    Raises
    ------
    UserError
        Nothing or more than one thing to report about, a folder with files that are no report's or with the
        only copy of records that the report leaves out, or one that cannot be written.
    DamagedError
        A finished run's records are not what the run wrote.
    """
    before = read_baseline(baseline) if baseline else None
    held = held_by(out)  # before anything is read: a record that comes later is no part of the new report
    found = read_runs(runs)
    selection = select_runs(found, profile, overrides)
    if _lies_within(out, [runs, *(run.folder.path for run in found)]):
        _refuse_loss(out, held, selection)
    with replaced_whole(out, held) as folder:
        try:
            view = render_into(selection, folder, before, data_folder)
        except DamagedError as error:
            # Told of a copy, which will be gone; of what it was copied from the same is told by its own path.
            if error.path is None or error.path.is_relative_to(folder):
                metrics_frame([run for run in selection.runs if run.status.state == "finished"])
            raise
    return ReportResult(
        folder=out,
        profile=selection.profile,
        verdict=_typeable(view.head.verdict.sentence),
        next_words=_typeable(_next_words(view, selection, runs, is_overridden=bool(overrides))),
        runs=tuple(run.name for run in selection.runs),
        left_out=selection.left_out,
        since=_typeable(view.since),
        gates=view.gates,
        digest=report_digest(out),
        faults=view.faults,
    )


def _next_words(view: ReportView, selection: Selection, runs: Path, *, is_overridden: bool) -> str:
    """The first detail of the verdict, and those that name a command; where seeds are too few, the command that trains more."""
    words = [line for place, line in enumerate(view.head.verdict.details) if not place or CODE in line]
    if view.values["verdict"]["kind"] == "too_few_seeds":
        command = f"tinyexp run-all --runs {shlex.quote(str(runs))} --profile {selection.profile} --seeds 3"
        is_trainable = not (selection.imported or is_overridden)
        words.append(
            f"A verdict takes three seeds or more of each{f': `{command}`' if is_trainable else '.'}"
        )
    # The page is a function of the records alone; whoever asked for it keeps them somewhere.
    return " ".join(_of_folder(line, runs) for line in words)


def _of_folder(text: str, runs: Path) -> str:
    """With the folder of runs in each command that trains, where it is not the usual one."""
    if runs == Path("runs"):
        return text
    return re.sub(
        rf"{CODE}tinyexp run(-all)?(?= )", lambda found: f"{found[0]} --runs {shlex.quote(str(runs))}", text
    )


def _typeable(text: str) -> str:
    """As a terminal shows it."""
    return text.translate({ord(CODE): "`", ord(END_CODE): "`", ord(NBSP): " "})


def _lies_within(out: Path, folders: list[Path]) -> bool:
    target = out.resolve()
    return any(folder.resolve().is_relative_to(target) for folder in folders)


def _refuse_loss(out: Path, held: Held, selection: Selection) -> None:
    """A report that takes the place of the records that it is made from must have all of them."""
    taken = {
        f"runs/{run.record.experiment.profile}/{run.record.experiment.name}/{run.folder.path.name}/{name}"
        for run in selection.runs
        for name in record_names(run)
    } | {f"runs/{selection.profile}/{path.name}" for path in study_notes(selection)}
    kept = (name for name in held if name.startswith("runs/") and not name.endswith(ENDING))
    lost = [name for name in kept if name not in taken]
    names = list(dict.fromkeys(name.removeprefix("runs/").rpartition("/")[0] for name in lost))
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise UserError(
            f"{out}: the records are read from this folder, which a report replaces whole, and those of {len(names)}"
            f" of its runs would be lost: {listed(names[:3])}{more} would not be in the new report."
            " Choose another --out, or leave out --set and --profile, so that the report is about all of them."
        )


def render_into(
    selection: Selection,
    folder: Path,
    baseline: Baseline | None = None,
    data_folder: Path | None = None,
    made_with: Makers | None = None,
) -> ReportView:
    """Copy the records of a selection and its definitions below an empty folder, and write the report made from the copies.

    The baseline's report.json is copied too, byte for byte: with it the report can be made again.

    Parameters
    ----------
    made_with
        What the pages say that they were made with; what is installed here, if None.
    """
    copied = copy_records(selection, folder / "runs")
    copy_definitions(selection, folder / DEFINITIONS)
    if baseline:
        (folder / BASELINE_FILE).write_bytes(baseline.content)
    with reading_definitions(folder / DEFINITIONS):
        evidence = gather(select_runs(copied))
        kept = folder / "runs" / selection.profile
        _keep_test_images(evidence, profile_folder(selection), kept, data_folder)
        view = build_view(evidence, baseline, made_with)
    _write_pages(view, folder)
    return view


def _write_pages(view: ReportView, folder: Path) -> None:
    """The pages of a folder in which everything is that they are made from."""
    beside = {name: sha256_of_file(folder / name) for name in listing(folder) if not is_of_a_run(name)}
    pictures = draw_panels(list(view.panels()))
    pages = {
        GIT_ATTRIBUTES: BYTES_AS_THEY_ARE,
        "report.html": html_page(view, pictures),
        "report.md": markdown_page(view),
        "summary.md": summary_page(view),
        "report.json": json_text(_for_programs(view, beside)),
        "junit.xml": junit_page(view),
        "badge.svg": badge(view),
    }
    pages |= {f"figures/{name}.svg": picture.file for name, picture in pictures.items()}
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())


def _keep_test_images(evidence: Evidence, kept: Path, into: Path, data_folder: Path | None) -> None:
    """Those that the leading comparison shows."""
    shown = evidence.lead.predicted if evidence.lead else None
    contender = evidence.selection.find(evidence.lead.study.contender) if evidence.lead else None
    if shown and contender:
        keep_images(kept, into, contender.experiment, shown.fingerprint, shown.places, data_folder)


def _for_programs(view: ReportView, beside: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": REPORT_FORMAT,
        "schema_version": SCHEMA_VERSION,
        "made_with": dict(view.made_with),
        "beside": beside,
        "verdict": view.head.verdict.sentence,
        "values": view.values,
    }
