"""``run-all --report``: the report is there before all runs are, and in the end it is that of all of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from commands import tinyexp
from test_command_runs import place, wait_for, write
from test_until_decided import STUDY
from thinned import thinned

__all__ = ["place"]  # a fixture

GATE = "\n[fail_on]\nworse_than = { low = 0.0 }\n"
ASKED = ["run-all", "--report", "out", "--jobs", "1"]


@pytest.fixture
def study(place: Path) -> Path:
    """Three experiments, and a study over two of them whose names come last."""
    (place / "experiments" / "mine.toml").unlink()
    write(place, "another")
    write(place, "low", replace={"rate = 0.5": "rate = 0.25"})
    write(place, "high", replace={"rate = 0.5": "rate = 5.0"})
    path = place / "experiments" / "studies" / "rates.toml"
    path.parent.mkdir()
    path.write_text(STUDY)
    return path


def ends(said: str) -> list[str]:
    return [
        line.partition("] ")[2].partition(":")[0]
        for line in said.splitlines()
        if line.startswith("[") and "finished" in line
    ]


def runs_told(place: Path) -> int:
    return len(json.loads((place / "out" / "report.json").read_text())["values"]["runs"])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def strangers(place: Path) -> set[str]:
    return {path.name for path in place.iterdir()} - {"experiments", "train.py", "runs", "out", "tmp"}


def test_the_two_designs_of_the_leading_study_are_trained_before_all_else(place: Path, study: Path) -> None:
    done = tinyexp(*ASKED)
    assert done.returncode == 0, done.stderr
    assert ends(done.stderr) == [
        *(f"{name} seed {seed}" for seed in range(3) for name in ("high", "low")),
        *(f"another seed {seed}" for seed in range(3)),
    ]
    assert done.stdout.splitlines()[-1] == "out/report.html"
    assert "To see them" not in done.stderr
    assert runs_told(place) == 9
    assert tinyexp("check", "out").returncode == 0
    assert not strangers(place)


def test_the_report_has_the_verdict_while_others_are_trained(place: Path, study: Path) -> None:
    write(place, "another", replace={"pause = 0.0": "pause = 30.0"})
    asked = warm.Popen(
        [sys.executable, "-m", "tinyexp", *ASKED], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    wait_for((place / "out" / "report.json").exists)
    values = json.loads((place / "out" / "report.json").read_text())["values"]
    assert [one["comparison"]["verdict"] for one in values["studies"]] == ["beats"]
    before = (place / "out" / "report.html").read_bytes()
    asked.send_signal(signal.SIGINT)
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 130
    assert "To go on: tinyexp run-all --report out --jobs 1" in said
    assert (place / "out" / "report.html").read_bytes() == before
    assert not strangers(place)


@pytest.mark.parametrize("number", thinned([signal.SIGINT, signal.SIGTERM], [signal.SIGINT]))
def test_a_signal_ends_a_report_that_is_being_written_and_the_old_one_stays(
    place: Path, study: Path, number: int
) -> None:
    assert tinyexp(*ASKED).returncode == 0
    before = contents(place / "out")
    write(place, "more", replace={"pause = 0.0": "pause = 30.0"})
    asked = warm.Popen([sys.executable, "-m", "tinyexp", *ASKED], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: strangers(place))
    asked.send_signal(number)
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 128 + number, said
    assert contents(place / "out") == before
    assert not strangers(place)


@pytest.mark.slow
def test_json_is_alone_on_stdout(place: Path, study: Path) -> None:
    done = tinyexp(*ASKED, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 9
    assert "\nout/report.html\n" in done.stderr


def test_a_gate_fails_the_command_once_all_is_trained_and_written(place: Path, study: Path) -> None:
    study.write_text(STUDY + GATE)
    done = tinyexp(*ASKED)
    assert done.returncode == 1
    assert "rates" in done.stderr.splitlines()[-1]
    assert runs_told(place) == 9
    assert tinyexp(*ASKED).returncode == 1, "it counts also where nothing was left to train"


def test_a_run_that_fails_is_in_the_report_and_the_command_fails(place: Path, study: Path) -> None:
    (place / "experiments" / "another.toml").write_text(
        (place / "experiments" / "another.toml").read_text().replace("rate = 0.5", 'rate = "x"')
    )
    done = tinyexp(*ASKED)
    assert done.returncode == 1, done.stderr
    assert (place / "out" / "report.html").exists()


@pytest.mark.slow
def test_the_runs_that_are_trained_look_by_look_are_reported_too(place: Path, study: Path) -> None:
    done = tinyexp(*ASKED, "--until-decided")
    assert done.returncode == 0, done.stderr
    assert "rates: low beats the other" in done.stderr
    assert runs_told(place) == 6


@pytest.mark.slow
def test_a_report_that_cannot_be_written_in_between_ends_nothing(place: Path, study: Path) -> None:
    write(place, "another", replace={"pause = 0.0": "pause = 0.5"})
    asked = warm.Popen(
        [sys.executable, "-m", "tinyexp", *ASKED], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    wait_for((place / "runs").exists)
    (place / "out").mkdir()
    (place / "out" / "thesis.tex").touch()
    _, said = asked.communicate(timeout=120)
    [line] = [line for line in said.splitlines() if line.startswith("no report yet")]
    assert "training goes on: out: holds files that no report wrote (thesis.tex)" in line
    assert len(ends(said)) == 9
    assert asked.returncode == 2, "in the end it is the user's to move it away"
    assert [path.name for path in (place / "out").iterdir()] == ["thesis.tex"]


def test_a_folder_that_is_no_place_for_a_report_is_refused_before_anything_is_trained(
    place: Path, study: Path
) -> None:
    for out, words in (
        ("train.py", "train.py: is a file"),
        ("experiments", "holds files that no report wrote"),
        (".", "--report .: the runs are kept in it (runs)"),
    ):
        done = tinyexp("run-all", "--report", out)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (place / "runs").exists()
