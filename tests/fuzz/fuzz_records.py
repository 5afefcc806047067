"""Fuzzers of what runs leave behind: the records, the report made from them, and a report's own file."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from harness import Fuzzer
from hypothesis import strategies as st
from mutations import edited, edited_table, json_bytes, spoiled
from records_maker import make_run, write_status

from tinyexp.files import json_text
from tinyexp.launch.speed import measured_speed
from tinyexp.launch.verify import verify
from tinyexp.report import check
from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.pages import html_page, markdown_page, summary_page
from tinyexp.report.select import select_runs
from tinyexp.report.svg import Picture
from tinyexp.runs.folder import find_runs
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.overview import overview
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import Status, read_predictions, read_section

TIMING = "epoch,train_s,evaluate_s,images_per_s\n1,0.5,0.25,3600.0\n2,0.4,0.2,4500.0\n"


def make_records(place: Path, seeds: tuple[int, ...] = (0,)) -> Path:
    """A finished run of each of the two designs and of each seed."""
    for seed in seeds:
        for name in ("tiny-design1", "tiny-design2"):
            folder = make_run(place / "runs", name, seed)
            folder.timing.write_text(TIMING)
    return place / "runs"


@cache
def _example() -> dict[str, bytes]:
    """The records of one run, as they are before anything is done to them."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        folder = next(find_runs(make_records(Path(place))))
        return {path.name: path.read_bytes() for path in folder.path.iterdir()}


HEADERS = (
    "{'descr': '<i4', 'fortran_order': False, 'shape': (1000,), }",
    "{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000,), }",
    "{'descr': '<i4', 'fortran_order': False, 'shape': (3000000000,), }",
    "{'descr': '<i4', 'fortran_order': False, 'shape': (-1,), }",
    "{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '<i0', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': '|V2000000000', 'fortran_order': False, 'shape': (3,), }",
    "{'descr': [('a', '<i4'), ('b', '|b1')], 'fortran_order': True, 'shape': (), }",
    "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (3,), }",
    "[" * 9000,
    "(" * 150 + ")" * 150,
    "{'descr': '<i4', 'fortran_order': False, 'shape': (True,), }",
    "",
)


@st.composite
def member(draw: st.DrawFn) -> bytes:
    """A file in the format of numpy's arrays: of another shape or kind, with a false head, or spoiled."""
    if draw(st.booleans()):
        kind = draw(st.sampled_from(("<i4", ">i4", "<i8", "|b1", "<f8", "<U3", "|u1", "<M8[s]", "<c16")))
        shape = draw(st.sampled_from(((1000,), (0,), (), (10, 100), (999,), (1000, 1))))
        content = io.BytesIO()
        fill = draw(st.integers(-2, 300))
        np.save(content, np.full(shape, fill, dtype="<i8").astype(kind))
        return content.getvalue()
    head = draw(st.sampled_from(HEADERS)).encode() + b"\n"
    version = draw(st.sampled_from((1, 2, 3, 9)))
    length = len(head).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes((version, 0)) + length + head + bytes(draw(st.sampled_from((0, 1000, 4000))))


@st.composite
def archive(draw: st.DrawFn) -> bytes:
    """A file like predictions.npz of which some members are others."""
    whole = zipfile.ZipFile(io.BytesIO(_example()["predictions.npz"]))
    content = io.BytesIO()
    with zipfile.ZipFile(
        content, "w", draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))
    ) as made:
        for name in whole.namelist():
            what = draw(st.sampled_from(("keep", "keep", "other", "none", "spoiled")))
            if what != "none":
                own = whole.read(name)
                own = draw(member()) if what == "other" else draw(spoiled(own)) if what == "spoiled" else own
                made.writestr(draw(st.sampled_from((name, name, name, f"../{name}"))), own)
    return content.getvalue()


def _of(name: str) -> st.SearchStrategy[bytes]:
    content = _example()[name]
    if name.endswith(".csv"):
        return edited_table(content)
    if name.endswith(".json"):
        return edited(json.loads(content), json_bytes)
    return st.one_of(archive(), archive(), spoiled(content), st.binary(max_size=100))


def _files(*names: str) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.one_of(*(st.tuples(st.just(name), st.deferred(lambda name=name: _of(name))) for name in names))


def read_records(runs: Path, given: tuple[str, bytes]) -> None:
    """Read the runs of a folder, one record of which is another, by every reader there is."""
    name, content = given
    path = next(find_runs(runs)).path / name
    whole = path.read_bytes()
    try:
        path.write_bytes(content)
        overview(runs)
        measured_speed(runs / "embedded")
        verify(runs)
        found = read_runs(runs)
        metrics_frame(found)
        for run in found:
            read_predictions(run.folder)
    finally:
        path.write_bytes(whole)


def write_pages(runs: Path, given: tuple[str, bytes]) -> None:
    """Make the pages from records one of which is another, with the digests put right, so that it is believed."""
    name, content = given
    folder = next(find_runs(runs))
    path = folder.path / name
    whole, status = path.read_bytes(), folder.status.read_bytes()
    try:
        path.write_bytes(content)
        if name != folder.status.name:
            write_status(folder, read_section(folder.status, Status))
        view = build_view(gather(select_runs(read_runs(runs))))
        markdown_page(view)
        summary_page(view)
        html_page(view, {panel.name: Picture(panel.name, "", "", 1, 1, "") for panel in view.panels()})
        json_text(view.values)
    finally:
        path.write_bytes(whole)
        folder.status.write_bytes(status)


def make_report(place: Path) -> tuple[Path, Path]:
    """A report, and another copy of it that stands for the one that is rendered again."""
    from tinyexp.report.render import write_report

    runs = make_records(place)
    write_report(runs, place / "out")
    shutil.copytree(place / "out", place / "again")
    return place / "out", place / "again"


def check_report(place: tuple[Path, Path], content: bytes) -> None:
    """Check a report whose report.json is another; drawing its figures again takes too long to do a million times."""
    out, again = place
    path = out / "report.json"
    whole = path.read_bytes()

    def render(_selection: Any, folder: Path, _baseline: Any = None, **_: Any) -> None:
        shutil.copytree(again, folder, dirs_exist_ok=True)

    try:
        path.write_bytes(content)
        with mock.patch.object(check, "render_into", render):
            checked = check.examine(out)
        assert content == whole or checked.found or json.loads(content) == json.loads(whole) or checked.notes
    finally:
        path.write_bytes(whole)


def _report_json() -> st.SearchStrategy[bytes]:
    told = {
        "format": "tinyexp-report",
        "schema_version": 1,
        "made_with": dict(check.makers()),
        "verdict": "x",
        "values": {"runs": [{"name": "embedded/tiny-design1/0-00000000"}], "studies": []},
    }
    return edited(told, json_bytes)


NAMES = (".json", ".csv", ".npz")
RECORDS = Fuzzer(
    _files("run.json", "environment.json", "status.json", "metrics.csv", "timing.csv", "predictions.npz"),
    make_records,
    read_records,
    NAMES,
)
PAGES = Fuzzer(
    _files("run.json", "environment.json", "status.json", "metrics.csv", "predictions.npz"),
    lambda place: make_records(place, (0, 1)),
    write_pages,
    (*NAMES, "report: ", "the runs: "),
)
REPORT_FILES = Fuzzer(st.deferred(_report_json), make_report, check_report, ("out", "report.json"))
