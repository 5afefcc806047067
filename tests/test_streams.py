"""Whatever becomes of standard output and standard error: runs are trained, and the exit code tells of them alone."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from faults.disks import small_disk

from tinyexp.cli import main

TRAIN = """
import sys
folder, seed = sys.argv[1:]
open(f"{folder}/metrics.csv", "w").write("epoch,test_loss\\n1,0.5\\n2,0.25\\n")
"""
MINE = f"""
title = "Mine"
trainer = "command"
[command]
run = "{sys.executable} train.py {{folder}} {{seed}}"
metrics = "metrics.csv"
inputs = ["train.py"]
"""
COMMAND = f"{sys.executable} -m tinyexp"
RUN = f"{COMMAND} run mine --seed 0 --seed 1"


def laid_out(place: Path) -> Path:
    (place / "train.py").write_text(TRAIN)
    (place / "experiments").mkdir()
    (place / "experiments" / "mine.toml").write_text(MINE)
    return place


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return laid_out(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = laid_out(tmp_path_factory.mktemp("trained"))
    assert bash(RUN, place).returncode == 0
    return place


def bash(script: str, place: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, timeout=60, cwd=place
    )


def states(place: Path) -> list[str]:
    found = (place / "runs").glob("*/mine/*/status.json")
    return [json.loads(path.read_text())["state"] for path in found]


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2>&- >&- <&-", "2>&1 | head -c 5"])
def test_runs_are_trained_where_nothing_can_be_told_of_them(mine: Path, where: str) -> None:
    done = bash(f"{RUN} {where}; exit ${{PIPESTATUS[0]}}")
    assert states(mine) == ["finished", "finished"]
    assert done.returncode == (1 if ">&- <&-" in where else 0), (
        done.stderr
    )  # there its results are lost as well
    assert "Traceback" not in done.stderr


def test_runs_are_trained_where_the_log_of_progress_is_on_a_full_disk(mine: Path) -> None:
    with small_disk(mine / "disk", "4k") as disk:
        disk.fill()
        done = bash(f"{RUN} 2>>disk/log")
    assert (done.returncode, states(mine)) == (0, ["finished", "finished"])
    assert "finished" in done.stdout


def test_runs_are_trained_where_the_terminal_vanishes_and_its_signal_is_ignored(mine: Path) -> None:
    """As in ``nohup tinyexp run ... `` in a window that is closed: what is written to it is an error from then on."""
    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        RUN.split(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),  # noqa: PLW1509 - a test has one thread
    )
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    assert asked.wait(60) == 1, "its table of results reached nobody"
    assert states(mine) == ["finished", "finished"]


PRINTING = ["status", "status --json", "show mine", "schema", "--help", "check runs", "export --to csv"]


@pytest.mark.parametrize("words", PRINTING)
def test_results_that_cannot_be_printed_are_one_line_and_exit_code_1(trained: Path, words: str) -> None:
    for where, why in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
        done = bash(f"{COMMAND} {words} {where}", trained)
        assert done.returncode == 1
        assert done.stderr == (
            f"tinyexp: standard output: cannot be written ({why}), so what was to be printed is not complete.\n"
        )


def test_a_reader_who_has_seen_enough_changes_no_exit_code(mine: Path) -> None:
    done = bash(f"{COMMAND} schema | head -c 5; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (0, "")
    bash(RUN)
    for path in (mine / "runs").glob("*/mine/*/metrics.csv"):
        path.write_text("epoch\n")
    assert bash(f"{COMMAND} check runs 2>&1 | head -c 5; exit ${{PIPESTATUS[0]}}").returncode == 1


def test_a_name_that_the_terminals_encoding_lacks_is_escaped(mine: Path) -> None:
    file = mine / "experiments" / "mine.toml"
    file.write_text(file.read_text().replace("Mine", "实验"))
    done = bash(f"PYTHONIOENCODING=latin-1 {COMMAND} show mine")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"\u5b9e\u9a8c" in done.stdout


def test_a_command_without_standard_input_asks_nothing(tmp_path: Path) -> None:
    done = bash(f"{COMMAND} init <&-", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("tinyexp: init: --run is needed where there is no terminal to ask at.")


def test_input_that_ends_at_a_question_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tinyexp.cli_init._is_answered", lambda: True)
    done = CliRunner().invoke(main, ["init"], input="")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1] == (
        "tinyexp: init: the question was not answered. Give the answer as an option: --help lists them."
    )
    assert "Aborted" not in done.stderr
