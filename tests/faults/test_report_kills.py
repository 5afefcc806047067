"""A report that is killed while it is written: the folder has the old one or the new one, whole, and nothing is left to clean."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "report"))
import warm
from records_maker import make_runs

Contents = dict[str, bytes]
KILLED_AT_A_WRITE = """
import os, shutil, signal, sys
from pathlib import Path
from tinyexp.report.render import write_report
left, real_copy, real_write = int(sys.argv[3]), shutil.copyfile, Path.write_bytes
def counted(real):
    def call(*arguments, **keywords):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)
    return call
shutil.copyfile, Path.write_bytes = counted(real_copy), counted(real_write)
write_report(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def contents(folder: Path) -> Contents:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(runs: Path, out: Path, **environment: str) -> int:
    arguments = [sys.executable, "-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out)]
    return warm.run(arguments, env={**os.environ, **environment}, check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two states, and the report of each."""
    base = tmp_path_factory.mktemp("reports")
    for name, seeds in (("old", (0, 1)), ("new", (0, 1, 2))):
        make_runs(base / f"{name}-runs", ("tiny-design1", "tiny-design2"), seeds)
        assert command(base / f"{name}-runs", base / name) == 0
    assert contents(base / "old") != contents(base / "new")
    return base


def require_whole(reports: Path, out: Path, *, new: bool) -> None:
    """The report is the one stated; the next command makes it the new one and leaves nothing beside it."""
    assert contents(out) == contents(reports / ("new" if new else "old"))
    assert command(reports / "new-runs", out) == 0
    assert contents(out) == contents(reports / "new")
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.parametrize(
    ("place", "new"),
    [
        ("report marked", False),
        ("report begun", False),
        ("report written", False),
        ("report named", True),
        ("report done", True),
    ],
)
def test_killed_at_a_place_of_the_commit(reports: Path, tmp_path: Path, place: str, *, new: bool) -> None:
    out = tmp_path / "out"
    shutil.copytree(reports / "old", out)
    assert command(reports / "new-runs", out, TINYEXP_END_AT=f"{place}@1") == -signal.SIGKILL
    require_whole(reports, out, new=new)


@pytest.mark.parametrize("number", [1, 20, 31, 34])
def test_killed_before_a_file_is_written(reports: Path, tmp_path: Path, number: int) -> None:
    """Thirty records are copied, and then pages and figures are written."""
    out = tmp_path / "out"
    shutil.copytree(reports / "old", out)
    program = [sys.executable, "-c", KILLED_AT_A_WRITE, str(reports / "new-runs"), str(out), str(number)]
    assert warm.run(program, check=False).returncode == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] != ["out"], "something was begun beside it"
    require_whole(reports, out, new=False)


def test_a_first_report_that_is_killed_is_no_report(reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command(reports / "new-runs", out, TINYEXP_END_AT="report written@1") == -signal.SIGKILL
    assert not out.exists()
    assert command(reports / "new-runs", out) == 0
    assert contents(out) == contents(reports / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_living_process_is_writing_is_left_alone(reports: Path, tmp_path: Path) -> None:
    """Neither goes the other's work, nor does the one that began later take it for its own."""
    out = tmp_path / "out"
    other = subprocess.Popen(  # a child of this process, which can be told of its stop
        [sys.executable, "-m", "tinyexp", "report", "--runs", str(reports / "new-runs"), "--out", str(out)],
        env={**os.environ, "TINYEXP_END_AT": "report written@1=STOP"},
    )
    try:
        os.waitid(os.P_PID, other.pid, os.WSTOPPED)
        [room] = tmp_path.iterdir()
        half = contents(room)
        assert command(reports / "old-runs", out) == 0
        assert contents(room) == half
    finally:
        other.send_signal(signal.SIGCONT)
    assert other.wait() == 2, "a report has appeared in the place meanwhile"
    assert contents(out) == contents(reports / "old")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
