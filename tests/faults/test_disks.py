"""A disk that is full or read-only: nothing lost, what was needed is named, and afterwards the same bits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import warm
from disks import Disk, small_disk
from small_runs import SET, results, small_plan, trained

from tinyexp import failpoints
from tinyexp.errors import TinyexpError, UserError
from tinyexp.files import write_bytes
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint
from tinyexp.trainers.vision.training.run import Listener


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return results(trained(tmp_path_factory.mktemp("untouched")))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk", "16m") as mounted:
        yield mounted


@pytest.fixture
def at_place() -> Iterator[object]:
    """Have something done at a named place of a commit."""

    def arrange(wanted: str, occurrence: int, act: object) -> None:
        seen: list[str] = []

        def watch(place: str) -> None:
            seen.append(place)
            if place == wanted and seen.count(place) == occurrence:
                act()

        failpoints.watch(watch)

    yield arrange
    failpoints.watch(None)


FAULTS = {
    "full": (Disk.fill, Disk.free, "No space left on device"),
    "read-only": (Disk.turn_read_only, Disk.turn_writable, "Read-only file system"),
}
PLACES = {
    "at the first checkpoint": ("status.json done", 1, "epoch-000002-step-00000000.ckpt", 0),
    "at a later checkpoint": ("status.json done", 2, "epoch-000003-step-00000000.ckpt", 1),
    "inside a checkpoint": ("epoch-000003-step-00000000.ckpt begun", 1, "epoch-000003-step-00000000.ckpt", 1),
    "at the metrics": ("epoch-000003-step-00000000.ckpt done", 1, "metrics.csv", 2),
    "at the timings": ("metrics.csv done", 2, "timing.csv", 1),
    "at the predictions": ("timing.csv done", 5, "predictions.npz", 2),
    "at the last status": ("predictions.npz done", 1, "status.json", 2),
}
"""When the disk fails: at which place, the how manieth time; what cannot be written then; how many checkpoints are there."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("moment", PLACES)
def test_a_disk_that_fails_in_the_middle_loses_nothing(
    disk: Disk, untouched: dict[str, bytes], at_place: object, fault: str, moment: str
) -> None:
    begin, end, words = FAULTS[fault]
    place, occurrence, named, kept = PLACES[moment]
    at_place(place, occurrence, lambda: begin(disk))
    with pytest.raises(
        TinyexpError, match=rf"{named}: cannot be written \({words}\); [\d,]+ bytes were needed"
    ):
        trained(disk.path / "runs")
    failpoints.watch(None)
    folder = small_plan(disk.path / "runs").folder
    assert not list(folder.path.rglob("*.tmp")), "no temporary file is left"
    assert len([load_checkpoint(path) for path in checkpoints(folder.checkpoints)]) == kept
    end(disk)
    assert results(trained(disk.path / "runs")) == untouched


def test_a_disk_that_fails_at_the_first_write_says_so_before_anything_is_trained(disk: Disk) -> None:
    disk.turn_read_only()
    heard: list[object] = []
    with pytest.raises(
        UserError, match=r"cannot be written to .Read-only file system.. Choose another folder with --runs"
    ):
        trained(disk.path / "runs", listener=Listener(epoch_done=lambda *_: heard.append(1)))
    assert not heard


def command(runs: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = [
        sys.executable,
        "-m",
        "tinyexp",
        "run-all",
        "--only",
        "tiny-design*",
        "--plan",
        "none",
        "--seeds",
        "1",
    ]
    return warm.run(
        [*arguments, *SET, "--runs", str(runs), *options], check=False, capture_output=True, text=True
    )


@pytest.mark.slow
def test_run_all_on_a_disk_that_is_too_small_names_what_was_needed_and_goes_on_where_it_stopped(
    tmp_path: Path, untouched: dict[str, bytes]
) -> None:
    with small_disk(tmp_path / "small", "60k") as disk:
        failed = command(disk.path / "runs", "--jobs", "2")
        assert failed.returncode == 1, failed.stderr
        assert "cannot be written (No space left on device)" in failed.stdout + failed.stderr
        assert "bytes were needed" in failed.stdout + failed.stderr
        assert "Traceback" not in failed.stderr
        disk.resize("16m")
        assert command(disk.path / "runs").returncode == 0
        assert results(small_plan(disk.path / "runs")) == untouched


def test_run_all_on_a_read_only_disk_says_so_before_anything_is_trained(disk: Disk) -> None:
    disk.turn_read_only()
    failed = command(disk.path / "runs")
    assert failed.returncode == 2, failed.stderr
    assert "cannot be written to (Read-only file system). Choose another folder with --runs." in failed.stderr
    assert "to train" not in failed.stderr


def report(runs: Path, out: Path) -> subprocess.CompletedProcess[str]:
    return warm.run(
        [sys.executable, "-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out)],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("fault", FAULTS)
def test_a_report_on_a_disk_that_fails_leaves_the_old_one(tmp_path: Path, fault: str) -> None:
    trained(tmp_path / "runs")
    begin, end, words = FAULTS[fault]
    with small_disk(tmp_path / "reports", "16m") as disk:
        out = disk.path / "latest"
        assert report(tmp_path / "runs", out).returncode == 0
        old = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        trained(tmp_path / "runs", seed=1)
        begin(disk)
        failed = report(tmp_path / "runs", out)
        assert failed.returncode == 2
        assert f"{out}: cannot be written ({words})" in failed.stderr
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == old
        assert {path.name for path in disk.path.iterdir()} <= {"latest", "filler"}
        end(disk)
        assert report(tmp_path / "runs", out).returncode == 0
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} != old


def test_a_file_larger_than_the_disk_leaves_the_old_one_and_no_other(disk: Disk) -> None:
    path = disk.path / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(TinyexpError, match=r"a.bin: cannot be written .*; 33,554,432 bytes were needed"):
        write_bytes(path, bytes(1 << 25))
    assert path.read_bytes() == b"old"
    assert [found.name for found in disk.path.iterdir()] == ["a.bin"]
