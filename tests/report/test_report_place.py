"""A report takes its folder whole: nothing of the user's is lost, nothing half is left."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from page_reader import contents, sample

from tinyexp.errors import DamagedError, UserError
from tinyexp.report import place, render
from tinyexp.report.render import write_report


def runs() -> Path:
    return sample() / "runs"


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        write_report(runs(), tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"years"}


def test_a_report_with_a_file_of_the_users_in_it_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    (out / "figures" / "mine.png").write_bytes(b"x")
    with pytest.raises(UserError, match=r"mine\.png"):
        write_report(runs(), out)


def test_run_folders_with_weights_are_never_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(runs(), out / "runs")
    checkpoints = next((out / "runs").glob("*/*/*")) / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "epoch-1.ckpt").write_bytes(b"weights")
    with pytest.raises(UserError, match=r"epoch-1\.ckpt"):
        write_report(out / "runs", out)


def test_a_folder_that_only_looks_like_a_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="not a report of tinyexp"):
        write_report(runs(), tmp_path)


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        write_report(runs(), tmp_path / "out")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be written"):
        write_report(runs(), tmp_path / "file" / "out")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    assert write_report(runs(), tmp_path).verdict.startswith("Design 1 beats")
    assert contents(tmp_path) == contents(sample() / "out")


def test_a_render_that_dies_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)

    def dies(view: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "summary_page", dies)
    with pytest.raises(KeyboardInterrupt):
        write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_full_disk_is_named_and_the_old_report_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)

    def full(source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"No space left on device.*intact"):
        write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")


@pytest.mark.parametrize("can_exchange", [True, False])
def test_the_swap_leaves_one_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
) -> None:
    if not can_exchange:
        monkeypatch.setattr(place, "_exchange", lambda one, other: False)
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    (out / "summary.md").write_text("old")
    write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_where_the_second_rename_fails_the_old_report_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_exchange", lambda one, other: False)
    out = tmp_path / "out"
    shutil.copytree(sample() / "out", out)
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if Path(target) == out.resolve() and self.name.startswith(".out.") and ".old." not in str(self):
            raise OSError(16, "Device or resource busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(UserError, match="intact"):
        write_report(runs(), out)
    assert contents(out) == contents(sample() / "out")


def test_records_that_were_edited_are_refused(tmp_path: Path) -> None:
    shutil.copytree(runs(), tmp_path / "runs")
    metrics = next((tmp_path / "runs").glob("*/tiny-design1/0-*/metrics.csv"))
    metrics.write_text(metrics.read_text().replace("0.", "0.9", 1))
    with pytest.raises(DamagedError, match=r"metrics\.csv is not what the run wrote"):
        write_report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out").exists()
