"""`tinyexp clean`: it lists before it removes, and touches nothing that is not a run's, is under way, or that a file describes."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_runs import small_plan

from tinyexp.cli import main
from tinyexp.resources import shipped
from tinyexp.runs.asked import read_asked, write_asked
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, write_section

CHECKPOINTS = ("epoch-000002-step-00000000.ckpt", "epoch-000003-step-00000000.ckpt")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with experiments of its own, one of which is about to lose its file."""
    for name in ("tiny-design1.toml", "tiny-design2.toml", "source.toml"):
        (tmp_path / "experiments").mkdir(exist_ok=True)
        shutil.copy(shipped("experiments") / name, tmp_path / "experiments" / name)
    shutil.copytree(shipped("experiments") / "profiles", tmp_path / "experiments" / "profiles")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(
    name: str = "tiny-design1", seed: int = 0, state: str = "finished", **overrides: object
) -> RunFolder:
    """A run's folder with everything that a run leaves; its numbers are of no account here."""
    plan = small_plan(Path("runs"), name, seed, **overrides)
    folder = plan.folder
    write_section(folder.record, plan.record)
    write_section(folder.status, Status(state=state, epochs_done=3, epochs=3))  # type: ignore[arg-type]
    folder.checkpoints.mkdir()
    for path in (
        folder.metrics,
        folder.timing,
        folder.log,
        folder.lock,
        *(folder.checkpoints / one for one in CHECKPOINTS),
    ):
        path.write_text("x" * 100)
    return folder


def clean(*words: str, code: int = 0) -> tuple[str, str]:
    done = CliRunner().invoke(main, ["clean", *words])
    assert done.exit_code == code, done.output
    return done.stdout, done.stderr


def files(folder: RunFolder) -> list[str]:
    return sorted(
        path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()
    )


def test_what_no_file_describes_is_listed_and_goes_only_when_that_is_confirmed(place: Path) -> None:
    gone, kept = made(), made("tiny-design2")
    write_asked(Path("runs/embedded"), [gone.name, kept.name])
    (place / "experiments" / "tiny-design1.toml").unlink()
    before = files(gone)
    said, _ = clean()
    assert f"{gone.name}  the run" in said
    assert "there is no experiment 'tiny-design1'" in said
    assert kept.name not in said
    assert "Nothing was removed" in said
    assert files(gone) == before
    size = sum((gone.path / name).stat().st_size for name in before if name != ".lock")
    assert f"{size:,} bytes were removed" in clean("--yes")[0]
    assert not gone.path.parent.exists()
    assert kept.record.exists()
    assert read_asked(Path("runs/embedded")) == (kept.name,)
    assert "there is nothing to remove" in clean("--yes")[0]


def test_a_run_of_other_settings_than_its_file_has_by_now_is_described_by_nothing(place: Path) -> None:
    gone, also = made(), made(seed=1, training__stop_after=2)
    file = place / "experiments" / "tiny-design1.toml"
    file.write_text(file.read_text().replace("fc_width = 1024", "fc_width = 512"))
    assert "fc_width = 512" in file.read_text()
    rows = json.loads(clean("--json")[0])
    assert [(row["run"], row["why"]) for row in rows] == [
        (one.name, "its experiment has other settings by now") for one in (gone, also)
    ]


def test_what_else_lies_in_a_runs_folder_stays_and_is_named(place: Path) -> None:
    gone = made()
    strangers = {
        "notes.txt": "mine",
        "checkpoints/best.ckpt": "mine",
        "before-fresh-1/metrics.old": "mine",
        "work/model.bin": "m",
    }
    for name, text in strangers.items():
        (gone.path / name).parent.mkdir(exist_ok=True)
        (gone.path / name).write_text(text)
    (gone.path / "before-fresh-1" / "metrics.csv").write_text("old")
    outside = place / "outside.csv"
    outside.write_text("mine")
    gone.timing.unlink()
    gone.timing.symlink_to(outside)
    (place / "experiments" / "tiny-design1.toml").unlink()
    _, said = clean("--yes")
    assert (
        "before-fresh-1, checkpoints, notes.txt, timing.csv, work was not written by tinyexp, and is there still"
        in said
    )
    assert files(gone) == sorted([*strangers, "timing.csv"])
    assert outside.read_text() == "mine"


def test_a_folder_whose_record_is_of_another_run_is_left_alone(place: Path) -> None:
    one, other = made(), made(seed=1)
    shutil.copy(other.record, one.record)
    other.record.write_text(other.record.read_text().replace('"seed": 1', '"seed": 7'))
    (place / "experiments" / "tiny-design1.toml").unlink()
    before = [files(one), files(other)]
    _, said = clean("--yes")
    assert (
        said.count("its record is not of the run that this folder is called after. It is left as it is.") == 2
    )
    assert [files(one), files(other)] == before


@pytest.mark.parametrize("option", ["--yes", "--checkpoints"])
def test_a_run_that_is_being_trained_is_left_alone(place: Path, option: str) -> None:
    held, says = made(), made(seed=1, state="running")
    (held.path / ".owner").write_text("process 123\ntoken 0123456789abcdef\n")
    (place / "experiments" / "tiny-design1.toml").unlink()
    with held.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said, left = clean("--yes", option)
    assert f"{held.name}: is being trained by process 123. It is left as it is." in left
    assert f"{says.name}: says that it is being trained. It is left as it is." in left
    assert held.record.exists()
    assert "nothing to remove" in said


def test_checkpoints_of_finished_runs_go_alone(place: Path) -> None:
    done, open_ = made(), made(seed=1, state="interrupted")
    (done.checkpoints / "mine.ckpt").write_text("mine")
    assert "nothing to remove" in clean()[0]
    said, _ = clean("--checkpoints", "--yes")
    assert "2 checkpoints" in said
    assert "200 bytes were removed" in said
    assert [path.name for path in done.checkpoints.iterdir()] == ["mine.ckpt"]
    assert done.record.exists()
    assert len(list(open_.checkpoints.iterdir())) == 2


def test_a_report_that_was_made_of_a_run_is_named_and_the_records_in_one_are_left_alone(place: Path) -> None:
    gone = made()
    (place / "experiments" / "tiny-design1.toml").unlink()
    told = {"format": "tinyexp-report", "values": {"runs": [{"name": gone.name}]}}
    report = place / "reports" / "latest"
    report.mkdir(parents=True)
    (report / "report.json").write_text(json.dumps(told))
    assert json.loads(clean("--json")[0])[0]["report"] == os.path.join("reports", "latest")  # noqa: PTH118 - as it is printed
    shutil.copytree("runs", report / "runs")
    _, said = clean("--runs", str(report / "runs"), "--yes", code=2)
    assert "are the records that the report in" in said
    assert RunFolder(report / "runs" / gone.name).record.exists()


def test_a_removal_that_was_killed_is_gone_on_with(place: Path) -> None:
    gone = made()
    (place / "experiments" / "tiny-design1.toml").unlink()
    gone.status.unlink()
    gone.metrics.unlink()
    clean("--yes")
    assert not gone.path.exists()


def test_a_file_that_cannot_be_read_keeps_its_runs(place: Path) -> None:
    kept = made()
    (place / "experiments" / "tiny-design1.toml").write_text("title = ")
    _, said = clean("--yes")
    assert f"{kept.name}: cannot be judged: " in said
    assert kept.record.exists()
