"""The soak, short: a study of small runs killed a few times at random moments; `make soak` does it two hundred times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SOAK = Path(__file__).with_name("soak.py")
SMALL = {
    "model.width": 0.03,
    "data.train_limit": 600,
    "data.test_limit": 60,
    "data.holdout": 20,
    "training.stop_after": 6,
    "training.patience": 3,
    "optimizer.schedule": "plateau",
    "optimizer.plateau_patience": 0,
}
"""Held-out images decide when they stop and when their rates move, so that this too is killed at random moments."""
ARGUMENTS = ["--only", "tiny-design*", "--plan", "none", "--seeds", "1"]
ARGUMENTS += [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]


def soaked(folder: Path, kills: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SOAK), "--kills", str(kills), "--folder", str(folder), "--seed", "0"]
    command += ["--least", "1", "--most", "4", "--", *ARGUMENTS]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def soak(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("soak")
    return folder, soaked(folder, 2)


def test_runs_killed_at_random_moments_and_their_report_come_out_the_same(
    soak: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = soak
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["mismatches"] == 0
    assert told["kills"] >= 2
    assert told["runs_compared"] == 2 * told["passes"] >= 2


def test_a_folder_that_no_soak_made_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "pass-1").mkdir()
    (tmp_path / "pass-1" / "notes.txt").write_text("mine")
    refused = soaked(tmp_path, 1)
    assert refused.returncode != 0
    assert "was not made by tinyexp" in refused.stderr
    assert (tmp_path / "pass-1" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["metrics.csv", "predictions.npz"])
def test_a_byte_that_differs_is_counted(
    soak: tuple[Path, subprocess.CompletedProcess[str]], name: str
) -> None:
    """The comparison itself: an untouched run that is not what it was no longer compares equal."""
    sys.path.insert(0, str(SOAK.parent))
    try:
        from soak import Soak
    finally:
        sys.path.pop(0)
    folder, _ = soak
    path = next(folder.glob(f"untouched/*/*/*/{name}"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    other = Soak(folder, ARGUMENTS, 0, (1, 1))
    other._reported = lambda runs: runs.with_name(f"{runs.name}-report")  # type: ignore[method-assign]
    try:
        other._compare(folder / "untouched", folder / "pass-1")
    finally:
        path.write_bytes(content)
    assert [Path(wrong.split(": ")[1]).name for wrong in other.told.mismatches] == [name]
