"""The summary appended to a step of GitHub Actions: all of it or nothing, within what GitHub shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from page_reader import sample

from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.report.digest import report_digest
from tinyexp.report.step_summary import MAX_BYTES, VARIABLE, append_summary


def report(out: Path, variable: str | None) -> Result:
    arguments = ["report", "--runs", str(sample() / "runs"), "--out", str(out), "--step-summary"]
    return CliRunner(env={VARIABLE: variable}).invoke(main, arguments)


def summary() -> bytes:
    return (sample() / "out" / "summary.md").read_bytes()


def digest_line(digest: str) -> bytes:
    return f"\nSHA-256 of the whole report: `{digest}`\n".encode()


@pytest.mark.parametrize(
    ("there", "begins"), [(None, b""), (b"", b""), (b"# Before\n", b"# Before\n\n"), (b"torn", b"torn\n\n")]
)
def test_the_summary_stands_after_what_is_there(tmp_path: Path, there: bytes | None, begins: bytes) -> None:
    step = tmp_path / "step"
    if there is not None:
        step.write_bytes(there)
    said = report(tmp_path / "out", str(step))
    assert said.exit_code == 0, said.output
    assert step.read_bytes() == begins + summary() + digest_line(report_digest(sample() / "out"))


@pytest.mark.parametrize("variable", [None, ""])
def test_without_the_variable_nothing_is_written_and_the_next_step_is_told(
    tmp_path: Path, variable: str | None
) -> None:
    said = report(tmp_path / "out", variable)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "the environment variable GITHUB_STEP_SUMMARY is not set" in said.stderr
    assert "leave the option out" in said.stderr
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_no_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for name in (tmp_path, tmp_path / "absent" / "step"):
        said = report(tmp_path / "out", str(name))
        assert said.exit_code == 2
        assert "names no file that can be written" in said.stderr
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("over", [0, 1])
def test_what_is_there_already_counts_towards_the_limit(tmp_path: Path, over: int) -> None:
    step, page = tmp_path / "step", tmp_path / "summary.md"
    page.write_bytes(summary())
    there = b"x" * (MAX_BYTES - len(summary()) - len(digest_line("d")) - 2 + over)
    step.write_bytes(there)
    if over:
        with pytest.raises(UserError, match="at most 1,048,576 of a step, so nothing was appended"):
            append_summary(page, step, "d")
        assert step.read_bytes() == there
    else:
        append_summary(page, step, "d")
        assert step.stat().st_size == MAX_BYTES


def test_a_step_that_is_full_ends_with_a_message_and_the_report_is_whole(tmp_path: Path) -> None:
    (tmp_path / "step").write_bytes(b"x" * MAX_BYTES)
    said = report(tmp_path / "out", str(tmp_path / "step"))
    assert said.exit_code == 2
    assert "Write the report in a step of its own" in said.stderr
    assert (tmp_path / "out" / "summary.md").read_bytes() == summary()
