"""A report that is not what its records give is found out, file by file."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from page_reader import sample
from records_maker import with_status

from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.files import json_text
from tinyexp.report import check
from tinyexp.report.check import examine
from tinyexp.report.digest import report_digest
from tinyexp.runs.folder import RunFolder


def check_report(folder: Path) -> list[str]:
    return list(examine(folder).found)


CHANGED = "is not what the run wrote: its SHA-256 is not the one in status.json."


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
    assert check_report(out) == [f"{run}/metrics.csv: {CHANGED}"]


def test_a_run_edited_together_with_its_digest_is_found(out: Path) -> None:
    metrics = next(out.glob("runs/*/tiny-design1/1-*/metrics.csv"))
    metrics.write_bytes(metrics.read_bytes().replace(b"0.5", b"0.6", 1))
    with_status(RunFolder(metrics.parent))
    assert "report.json: differs from what the records give." in check_report(out)


def test_a_missing_run_is_found_by_name(out: Path) -> None:
    run = next(out.glob("runs/*/tiny-design2/2-*"))
    shutil.rmtree(run)
    assert check_report(out) == [f"runs/embedded/tiny-design2/{run.name}: is missing."]


def test_missing_records_are_found(out: Path) -> None:
    shutil.rmtree(out / "runs")
    assert check_report(out) == ["runs: is missing, and with it the records of every run."]


def told_versions(out: Path, **versions: str) -> None:
    """Have report.json name other versions than it was made with."""
    told = json.loads((out / "report.json").read_text())
    told["made_with"] |= versions
    (out / "report.json").write_text(json_text(told))


def made_by(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """As if these were installed here."""
    here = {**dict(check.makers()), **versions}
    monkeypatch.setattr(check, "makers", lambda: tuple(here.items()))


def test_a_version_in_report_json_does_not_switch_the_comparison_of_pages_off(out: Path) -> None:
    told_versions(out, jinja2="99")
    page = out / "report.html"
    page.write_bytes(page.read_bytes().replace(b"beats", b"loses to"))
    result = examine(out)
    assert "report.html: differs from what the records give." in result.found
    assert "made with jinja2 99 (here " in result.notes[-1]
    assert "--values-only" in result.notes[-1]


@pytest.mark.parametrize("made_with", [{}, {"tinyexp": "0.1"}, {"another": "1"}])
def test_versions_that_report_json_lacks_switch_nothing_off(out: Path, made_with: dict[str, str]) -> None:
    told = json.loads((out / "report.json").read_text())
    (out / "report.json").write_text(json_text({**told, "made_with": made_with}))
    assert "report.json: differs from what the records give." in examine(out).found


def test_a_report_whose_bytes_come_out_under_other_versions_too_is_right_and_that_is_said(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by(monkeypatch, matplotlib="99")
    result = examine(out)
    assert result.found == ()
    assert re.fullmatch(
        r"The report says .* matplotlib \S+ \(here 99\); the same bytes come out here\.", *result.notes
    )


def test_only_who_checks_can_ask_for_the_values_alone(out: Path) -> None:
    (out / "report.html").write_text("made by another matplotlib")
    result = examine(out, values_only=True)
    assert result.found == ()
    assert "not the pages: what these say may be anything" in result.notes[0]
    said = CliRunner().invoke(main, ["check", "--values-only", str(out)])
    assert (said.exit_code, said.stdout.strip()) == (
        0,
        f"{out}: the report is what its records give in values.",
    )
    edit(out, lambda values: values["studies"][0]["comparison"].update(mean=0.5))
    first, second = examine(out, values_only=True).found
    assert first == "report.json: other values than the records give."
    assert re.fullmatch(
        r"report\.json: values\.studies\[0\]\.comparison\.mean: 0\.5 here, 0\.\d+ by the records", second
    )


def test_of_values_alone_last_digits_are_told_and_pass(out: Path) -> None:
    edit(out, lambda values: scale_mean(values, 1 + 5e-10))
    result = examine(out, values_only=True)
    assert result.found == ()
    assert "1 number differs from what the records give, in the last digits only" in result.notes[1]


def test_the_digest_of_the_whole_report_is_compared_with_the_one_that_is_expected(out: Path) -> None:
    digest = examine(out).digest
    assert examine(out, expect=digest).found == ()
    assert examine(out, expect="0" * 64).found == (
        f"the SHA-256 of the whole report is {digest}, and {'0' * 64} was expected.",
    )


@pytest.mark.parametrize(
    "name", ["report.html", "badge.svg", "definitions/source.toml", "runs/embedded/*/*/timing.csv"]
)
def test_any_byte_of_any_file_changes_the_digest(out: Path, name: str) -> None:
    path = next(iter(sorted(out.glob(name))), out / "summary.md")
    path.write_bytes(path.read_bytes() + b" ")
    assert report_digest(out) not in {"", report_digest(sample() / "out")}


def test_the_digest_is_that_of_the_list_which_sha256sum_prints(out: Path) -> None:
    names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    names.remove(".gitattributes")
    listed = subprocess.run(["sha256sum", *names], cwd=out, check=True, capture_output=True).stdout
    assert report_digest(out) == hashlib.sha256(listed).hexdigest()
    (out / ".gitattributes").unlink()  # as where a folder was packed up without hidden files
    assert report_digest(out) == hashlib.sha256(listed).hexdigest()


def edit(out: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the values in report.json, written as a report writes them."""
    told = json.loads((out / "report.json").read_text())
    change(told["values"])
    (out / "report.json").write_text(json_text(told))


def scale_mean(values: dict[str, Any], factor: float) -> None:
    values["studies"][0]["comparison"]["mean"] *= factor


def test_last_digits_alone_are_told_and_pass(out: Path) -> None:
    edit(out, lambda values: scale_mean(values, 1 + 5e-10))
    result = examine(out)
    assert result.found == ()
    (note,) = result.notes
    assert note == (
        "report.json: 1 number differs from what the records give, in the last digits only (the largest relative "
        "difference is 5.0e-10). Compiled functions of another processor or another version may do that."
    )
    told = CliRunner().invoke(main, ["check", str(out)])
    assert told.exit_code == 0
    assert note in told.stderr
    assert told.stdout == f"{out}: the report is what its records give in values.\n"


def test_more_than_last_digits_is_an_error_that_names_the_value(out: Path) -> None:
    edit(out, lambda values: scale_mean(values, 1 + 5e-9))
    first, second = check_report(out)
    assert first == "report.json: differs from what the records give."
    assert second.startswith("report.json: values.studies[0].comparison.mean: 0.")
    assert second.endswith(" by the records")


def test_only_the_first_few_values_are_named(out: Path) -> None:
    edit(out, lambda values: values["studies"][0].update(comparison={}))
    _, *lines = check_report(out)
    assert len(lines) == 6
    assert lines[0] == "report.json: values.studies[0].comparison.at: is missing"
    assert re.fullmatch(r"report\.json: \d+ more values differ", lines[-1])


@pytest.mark.parametrize("other", ["spaces", "page", "key"])
def test_last_digits_excuse_nothing_else(out: Path, other: str) -> None:
    edit(out, lambda values: scale_mean(values, 1 + 5e-10))
    file = out / "report.json"
    if other == "spaces":
        file.write_text(file.read_text().replace(": ", ":  ", 1))
    elif other == "key":
        file.write_text(file.read_text().replace("{", '{\n  "format": "x",', 1))
    else:
        (out / "summary.md").write_text("other")
    named = "summary.md" if other == "page" else "report.json"
    assert check_report(out) == [f"{named}: differs from what the records give."]


def test_a_page_whose_line_ends_git_rewrote_is_found_with_the_next_step(out: Path) -> None:
    for name in ("summary.md", "report.json"):
        (out / name).write_bytes((out / name).read_bytes().replace(b"\n", b"\r\n"))
    result = examine(out)
    assert result.found == (
        "report.json: differs only in line ends.",
        "summary.md: differs only in line ends.",
    )
    assert "core.autocrlf" in result.notes[-1]
    assert ".gitattributes" in result.notes[-1]


def test_records_whose_line_ends_git_rewrote_are_found_with_the_next_step(out: Path) -> None:
    run = next(out.glob("runs/*/tiny-design1/1-*"))
    for name in ("run.json", "metrics.csv"):
        (run / name).write_bytes((run / name).read_bytes().replace(b"\n", b"\r\n"))
    result = examine(out)
    place = f"runs/embedded/tiny-design1/{run.name}"
    assert result.found == (
        f"{place}/metrics.csv: differs only in line ends.",
        f"{place}/run.json: differs only in line ends.",
    )
    assert "core.autocrlf" in result.notes[-1]


def test_git_leaves_the_bytes_of_a_report_as_they_are_wherever_it_rewrites_line_ends(
    out: Path, tmp_path: Path
) -> None:
    def git(*words: str, cwd: Path) -> None:
        subprocess.run(["git", "-c", "core.autocrlf=true", *words], cwd=cwd, check=True, capture_output=True)

    git("init", "-q", cwd=out)
    git("add", "-A", cwd=out)
    git("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "x", cwd=out)
    git("clone", "-q", str(out), str(tmp_path / "clone"), cwd=tmp_path)
    shutil.rmtree(tmp_path / "clone" / ".git")
    assert check_report(tmp_path / "clone") == []


def test_a_report_whose_hidden_files_were_left_out_passes(out: Path) -> None:
    (out / ".gitattributes").unlink()
    assert check_report(out) == []


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
    wanted = {
        "folder": ["summary.md: is missing.", "summary.md: is an empty folder, and no part of the report."],
        "circle": ["summary.md: is a link, and a report has none."],
    }
    assert check_report(out) == wanted.get(kind, ["summary.md: differs from what the records give."])


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
