"""What may not be read is named by every command, is never taken for damage or for nothing, and stops no other run."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from permissions import permissions_hold
from small_runs import results, small_plan, trained

from tinyexp.cli import main
from tinyexp.launch.job import Job, run_job
from tinyexp.runs.folder import RunFolder
from tinyexp.trainers.vision.training.checkpoint import checkpoints


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("kept") / "runs"
    for seed in (0, 1):
        trained(runs, seed=seed)
    return runs


@pytest.fixture
def runs(kept: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy, for a process for which permissions hold."""
    shutil.copytree(kept, tmp_path / "runs")
    with permissions_hold() as held:
        if not held:
            pytest.skip("the superuser of this system reads everything")
        yield tmp_path / "runs"


def folder_of(runs: Path, seed: int = 0) -> RunFolder:
    return small_plan(runs, seed=seed).folder


def closed(path: Path) -> Path:
    path.chmod(0)
    with pytest.raises(PermissionError):
        list(path.iterdir()) if path.is_dir() else path.read_bytes()
    return path


def command(*words: str | Path) -> Result:
    result = CliRunner().invoke(main, [*map(str, words)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


RECORDS = ("run.json", "environment.json", "metrics.csv", "predictions.npz", "status.json", "timing.csv")


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_may_not_be_read_is_named_and_the_others_are_looked_at(runs: Path, name: str) -> None:
    path = closed(folder_of(runs).path / name)
    checked = command("check", runs)
    assert checked.exit_code == 1
    named = [line for line in checked.stdout.splitlines() if line.startswith(f"{path}: ")]
    assert len(named) == 1
    assert "cannot be read" in named[0]
    assert "1-" not in checked.stdout
    told = command("status", "--runs", runs)
    assert told.exit_code == 0
    assert "finished" in next(line for line in told.stdout.splitlines() if "1-" in line)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_may_not_be_read_stops_no_run_and_is_written_anew(
    runs: Path, kept: Path, name: str
) -> None:
    closed(folder_of(runs).path / name)
    for seed in (0, 1):
        assert run_job(Job(small_plan(runs, seed=seed), runs)).exit_code == 0
    if name != "timing.csv":
        assert results(small_plan(runs)) == results(small_plan(kept))


def newest(folder: RunFolder) -> Path:
    return checkpoints(folder.checkpoints)[-1]


@pytest.mark.parametrize(
    "which",
    [
        lambda folder: folder.checkpoints,
        newest,
        lambda folder: folder.path,
        lambda folder: folder.path.parent,
    ],
    ids=["checkpoints", "newest", "run", "experiment"],
)
def test_a_folder_or_checkpoint_that_may_not_be_read_is_neither_sound_nor_damaged(
    runs: Path, kept: Path, which: Callable[[RunFolder], Path]
) -> None:
    folder = folder_of(runs)
    folder.metrics.unlink()
    mode = stat.S_IMODE((path := which(folder)).stat().st_mode)
    closed(path)
    checked = command("check", runs)
    assert checked.exit_code == 1
    assert str(path) in checked.stdout + checked.stderr
    command("status", "--runs", runs)
    end = run_job(Job(small_plan(runs), runs))
    assert end.exit_code in (1, 2)
    assert "Traceback" not in end.message
    assert "Permission denied" in end.message
    path.chmod(mode)
    assert not list(runs.rglob("*.damaged*"))
    assert run_job(Job(small_plan(runs), runs)).exit_code == 0
    assert results(small_plan(runs)) == results(small_plan(kept))


@pytest.mark.parametrize(
    "which",
    [
        lambda folder: folder.path.parents[2],
        lambda folder: folder.path.parents[1],
        lambda folder: folder.path.parent,
        lambda folder: folder.path,
        lambda folder: folder.checkpoints,
        lambda folder: folder.record,
    ],
    ids=["runs", "profile", "experiment", "run", "checkpoints", "record"],
)
@pytest.mark.parametrize("words", ["check RUNS", "merge RUNS --into INTO", "report --runs RUNS --out OUT"])
def test_what_a_command_may_not_look_at_is_named_and_never_passed_over(
    runs: Path, tmp_path: Path, which: Callable[[RunFolder], Path], words: str
) -> None:
    path, places = which(folder_of(runs)), {"RUNS": runs, "INTO": tmp_path / "into", "OUT": tmp_path / "out"}
    mode = stat.S_IMODE(path.stat().st_mode)
    closed(path)
    result = command(*[places.get(word, word) for word in words.split()])
    path.chmod(mode)
    if words.startswith("report") and path.name == "checkpoints":  # of which a report is not made
        assert result.exit_code == 0
        return
    assert result.exit_code == 1
    assert str(path) in result.stdout + result.stderr
