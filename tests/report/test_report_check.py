"""A report that is not what its records give is found out, file by file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from page_reader import sample

from tinyexp.errors import UserError
from tinyexp.report import check
from tinyexp.report.check import check_report, examine


@pytest.fixture
def out(tmp_path: Path) -> Path:
    shutil.copytree(sample() / "out", tmp_path / "out")
    return tmp_path / "out"


def test_a_sound_report_passes(out: Path) -> None:
    assert check_report(out) == []


def test_one_changed_byte_is_found(out: Path) -> None:
    page = out / "report.html"
    page.write_bytes(page.read_bytes().replace(b"beats", b"beatS", 1))
    assert check_report(out) == ["report.html: differs from what the records give."]


def test_missing_and_extra_files_are_found(out: Path) -> None:
    (out / "summary.md").unlink()
    (out / "note.txt").write_text("x")
    assert check_report(out) == ["note.txt: is no part of the report.", "summary.md: is missing."]


def test_an_edited_run_is_found_by_name(out: Path) -> None:
    metrics = next(out.glob("runs/*/tiny-design1/1-*/metrics.csv"))
    metrics.write_bytes(metrics.read_bytes().replace(b"0.5", b"0.6", 1))
    run = f"runs/embedded/tiny-design1/{metrics.parent.name}"
    assert check_report(out) == [f"{run}/metrics.csv: was changed or lost after the run wrote it."]


def test_a_run_edited_together_with_its_digest_is_found(out: Path) -> None:
    from tinyexp.files import sha256_of_file

    metrics = next(out.glob("runs/*/tiny-design1/1-*/metrics.csv"))
    before = sha256_of_file(metrics)
    metrics.write_bytes(metrics.read_bytes().replace(b"0.5", b"0.6", 1))
    status = metrics.with_name("status.json")
    status.write_text(status.read_text().replace(before, sha256_of_file(metrics)))
    assert "report.json: differs from what the records give." in check_report(out)


def test_a_missing_run_is_found_by_name(out: Path) -> None:
    run = next(out.glob("runs/*/tiny-design2/2-*"))
    shutil.rmtree(run)
    assert check_report(out) == [f"runs/embedded/tiny-design2/{run.name}: is missing."]


def test_missing_records_are_found(out: Path) -> None:
    shutil.rmtree(out / "runs")
    assert check_report(out) == ["runs: is missing, and with it the records of every run."]


def test_under_other_versions_only_the_values_are_compared(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (out / "report.html").write_text("made by another matplotlib")
    monkeypatch.setattr(
        check, "makers", lambda: (("tinyexp", "0.1.0"), ("matplotlib", "99"), ("jinja2", "3"))
    )
    result = examine(out)
    assert result.found == ()
    assert "only the values in report.json were compared" in result.notes[0]
    told = json.loads((out / "report.json").read_text())
    told["values"]["studies"][0]["comparison"]["mean"] = 0.5
    (out / "report.json").write_text(json.dumps(told))
    assert examine(out).found[0].startswith("report.json: studies: other values")


def test_a_folder_that_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a report of tinyexp"):
        check_report(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        1,
        "x",
        {"runs": None},
        {"runs": 5},
        {"runs": [1]},
        {"runs": [{}]},
        {"runs": [{"name": 5}]},
        {"runs": {}},
    ],
)
def test_a_report_json_of_another_form_is_found(out: Path, values: object) -> None:
    told = json.loads((out / "report.json").read_text())
    (out / "report.json").write_text(json.dumps({**told, "values": values}))
    (line,) = check_report(out)
    assert line.startswith("report.json: is not what a report has: values")


@pytest.mark.parametrize("made_with", [None, [], {"tinyexp": 1}])
def test_versions_of_another_form_are_found(out: Path, made_with: object) -> None:
    told = json.loads((out / "report.json").read_text())
    (out / "report.json").write_text(json.dumps({**told, "made_with": made_with}))
    assert check_report(out)[0].startswith("report.json: is not what a report has: made_with")


@pytest.mark.parametrize("kind", ["pipe", "folder", "circle", "huge"])
def test_what_is_no_file_in_its_place_is_found(out: Path, kind: str, within_bounds: None) -> None:
    path = out / "summary.md"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "circle":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(3 << 30)
    wanted = "is missing" if kind == "folder" else "differs from what the records give"
    assert check_report(out) == [f"summary.md: {wanted}."]


@pytest.mark.parametrize("kind", ["pipe", "circle", "huge"])
def test_a_report_json_that_is_no_file_is_refused(out: Path, kind: str, within_bounds: None) -> None:
    path = out / "report.json"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "circle":
        path.symlink_to(path)
    else:
        with path.open("wb") as file:
            file.truncate(3 << 30)
    with pytest.raises(UserError, match="is not a report of tinyexp"):
        check_report(out)


def test_links_that_lead_round_in_a_circle_are_named_and_not_followed(out: Path) -> None:
    (out / "round").symlink_to(out)
    (out / "figures" / "itself").symlink_to("itself")
    assert check_report(out) == [
        "figures/itself: is no part of the report.",
        "round: is no part of the report.",
    ]
