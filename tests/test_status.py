"""`tinyexp status`: what it says of runs whose process is gone, and how it goes on looking."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_runs import small_plan

from tinyexp import cli_runs
from tinyexp.cli import main
from tinyexp.lease import machine
from tinyexp.runs.asked import write_asked
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.overview import overview
from tinyexp.runs.records import Status, write_section


def begun(runs: Path, seed: int = 0, state: str = "running", done: int = 1) -> RunFolder:
    plan = small_plan(runs, seed=seed)
    write_section(plan.folder.record, plan.record)
    told(plan.folder, state, done)
    return plan.folder


def told(folder: RunFolder, state: str, done: int) -> None:
    write_section(folder.status, Status(state=state, epochs_done=done, epochs=3))  # type: ignore[arg-type]


def leased(folder: RunFolder, where: str) -> None:
    lease = {"machine": where, "host": "here", "process": 1, "token": "0123456789abcdef"}
    (folder.path / ".lease").write_text(json.dumps(lease))
    folder.lock.touch()


def test_a_run_whose_process_was_killed_is_not_running(tmp_path: Path) -> None:
    """It left its lease, and the system let go of its lock."""
    folder = begun(tmp_path)
    leased(folder, machine())
    [row] = overview(tmp_path)
    assert (row["state"], row["message"]) == (
        "killed",
        "its process is gone; the command that trained it goes on from the last commit",
    )
    with folder.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert overview(tmp_path)[0]["state"] == "running"


def test_of_another_machines_process_only_the_heartbeat_tells(tmp_path: Path) -> None:
    leased(begun(tmp_path), "another")
    assert overview(tmp_path)[0]["state"] == "running"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_runs, "_LOOK_S", 0.1)
    monkeypatch.setattr(cli_runs, "_STEP_S", 0.01)


def watched(runs: Path) -> str:
    done = CliRunner().invoke(main, ["status", "--watch", "--runs", str(runs)])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("quick")
def test_watching_prints_a_line_for_each_run_that_got_on_and_ends_with_the_last(tmp_path: Path) -> None:
    one, other = begun(tmp_path), begun(tmp_path, 1, "finished", 3)
    write_asked(tmp_path / "embedded", [one.name, other.name])
    later = [
        threading.Timer(0.5, lambda: told(one, "running", 2)),
        threading.Timer(1.0, lambda: told(one, "finished", 3)),
    ]
    for timer in later:
        timer.start()
    assert watched(tmp_path).splitlines() == [
        f"{one.name}: running, 1 of 3 epochs",
        f"{other.name}: finished, 3 of 3 epochs",
        "1 run finished, 1 under way, 0 to come or to be gone on with",
        f"{one.name}: running, 2 of 3 epochs",
        f"{one.name}: finished, 3 of 3 epochs",
        "2 runs finished, 0 under way, 0 to come or to be gone on with",
    ]


@pytest.mark.usefixtures("quick")
def test_watching_waits_for_what_was_asked_for_and_has_not_begun(tmp_path: Path) -> None:
    first, second = begun(tmp_path, 0, "finished", 3), small_plan(tmp_path, seed=1).folder
    write_asked(tmp_path / "embedded", [first.name, second.name])
    timer = threading.Timer(0.5, lambda: begun(tmp_path, 1, "diverged", 1))
    timer.start()
    said = watched(tmp_path)
    assert "1 run finished, 0 under way, 1 to come" in said
    assert said.splitlines()[-2] == f"{second.name}: diverged, 1 of 3 epochs"


@pytest.mark.parametrize(("sent", "code"), [("SIGINT", 0), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_an_interrupt_is_the_way_to_end_watching(tmp_path: Path, sent: str, code: int) -> None:
    begun(tmp_path)
    asked = subprocess.Popen(
        [sys.executable, "-m", "tinyexp", "status", "--watch", "--runs", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - a test has one thread
    )
    assert asked.stdout is not None
    asked.stdout.readline()
    asked.send_signal(getattr(signal, sent))
    _, said = asked.communicate(timeout=30)
    assert (asked.returncode, said.count("\n")) == (code, 1 if code else 0)


def test_a_terminal_shows_the_list_anew(tmp_path: Path) -> None:
    folder = begun(tmp_path, 0, "finished", 3)
    command = f"{sys.executable} -m tinyexp status --watch --runs {tmp_path}"
    done = subprocess.run(
        ["script", "-qec", command, os.devnull], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0
    assert "\x1b[2J" in done.stdout
    assert folder.name in done.stdout
    assert (
        "1 run finished, 0 under way, 0 to come or to be gone on with. Ctrl-C ends this, and no run."
        in done.stdout
    )


def test_watching_is_for_people(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["status", "--watch", "--json", "--runs", str(tmp_path)])
    assert done.exit_code == 2
    assert "--watch: prints for people. Leave --json out" in done.stderr
