"""`tinyexp init`: from a folder with a trainer to a report, with nothing written by hand."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import warm
from commands import tinyexp
from moments import at_each_instruction
from test_command_runs import TRAIN

from tinyexp import starter
from tinyexp.errors import UserError

RUN = f"{sys.executable} train.py --rate {{rate}} --epochs {{epochs}} --pause 0 --seed {{seed}} --out {{folder}}"
OPTIONS = (
    "--run",
    RUN,
    "--change",
    "rate=0.5,0.25",
    "--set",
    "epochs=3",
    "--metric",
    "test_loss",
    "--margin",
    "0.01",
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_it_writes_is_trained_and_reported_by_the_commands_that_it_prints(place):
    done = tinyexp("init", *OPTIONS)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == files(place) - {"train.py"}
    printed = re.findall(r"^  tinyexp (.*)$", done.stderr, re.MULTILINE)
    assert [line.split()[0] for line in printed] == ["try", "run-all", "report"]
    for line in printed:
        step = tinyexp(*shlex.split(line))
        assert step.returncode == 0, step.stderr
    markdown = (place / "reports" / "latest" / "report.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "Does the contender beat the baseline" in markdown
    assert "from which it differs in rate?" in markdown


def test_the_command_of_the_page_writes_a_project(place):
    page = (Path(__file__).parents[2] / "docs" / "your-own-trainer.md").read_text(encoding="utf-8")
    [line] = re.findall(r"^tinyexp (init --run .*)$", page, re.MULTILINE)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where `python` is
    done = tinyexp(*shlex.split(line), env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr
    assert "lr = 0.01" in (place / "experiments" / "contender.toml").read_text()


def test_its_files_pin_the_script_and_keep_git_off_the_records(place):
    assert tinyexp("init", *OPTIONS).returncode == 0
    text = (place / "experiments" / "contender.toml").read_text()
    assert 'inputs = ["train.py"]' in text
    assert "rate = 0.25" in text
    assert "runs/** -text" in (place / ".gitattributes").read_text()


def test_a_script_that_is_not_there_yet_is_named(place):
    assert "train.py" not in tinyexp("init", *OPTIONS).stderr
    for folder in (place / "experiments" / "studies", place / "experiments"):
        for path in folder.glob("*.toml"):
            path.unlink()
    (place / "train.py").unlink()
    done = tinyexp("init", *OPTIONS)
    assert done.returncode == 0
    assert "train.py: is not here yet. Once it is, name it in [command] inputs of both files" in done.stderr


def test_of_several_changes_each_is_a_factor(place):
    options = [one for one in OPTIONS if one not in {"--set", "epochs=3"}]
    assert tinyexp("init", *options, "--change", "epochs=3,4").returncode == 0
    study = (place / "experiments" / "studies" / "contender-against-baseline.toml").read_text()
    assert study.count("[[factors]]") == 2
    assert tinyexp("plan", "contender-against-baseline").returncode == 0


def test_what_a_user_has_already_is_left(place):
    (place / ".gitattributes").write_text("*.png binary\n")
    assert tinyexp("init", *OPTIONS).returncode == 0
    assert (place / ".gitattributes").read_text() == "*.png binary\n"
    before = {path: (place / path).read_bytes() for path in files(place)}
    again = tinyexp("init", *OPTIONS)
    assert again.returncode == 2
    assert "there are experiments here already; they are left as they are" in again.stderr
    assert {path: (place / path).read_bytes() for path in files(place)} == before


ANSWERS = starter.Answers(
    run=RUN,
    changes={"rate": (0.5, 0.25)},
    metric="test_loss",
    settings={"epochs": 3},
    direction="lower",
    margin=0.01,
)


def test_what_was_killed_is_gone_on_with_by_the_same_answers_alone(place):
    written = starter.start_project(ANSWERS)
    whole = {path: path.read_bytes() for path in written}
    for kept in range(len(written)):
        for path in written[kept:]:
            path.unlink(missing_ok=True)
        before = files(place)
        if kept > 1:  # an experiment is there
            with pytest.raises(UserError, match="there are experiments here already"):
                starter.start_project(replace(ANSWERS, settings={"epochs": 4}))
            assert files(place) == before
        starter.require_no_experiments()
        starter.start_project(ANSWERS)
        assert {path: path.read_bytes() for path in written} == whole


def test_a_signal_at_any_moment_leaves_all_or_nothing(place):
    found = set()
    for moment in at_each_instruction(starter.__file__, lambda: starter.start_project(ANSWERS)):
        left = files(place) - {"train.py"}
        assert len(left) in (0, 4), f"at instruction {moment}: {left}"
        found.add(len(left))
        for name in left:
            (place / name).unlink()
    assert 0 in found


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--change", "rate=0.5"), "write KEY=BASELINE,CONTENDER"),
        (("--set", "unused=1"), "unused"),
        (("--metric", "oddity"), "oddity"),
        (
            ("--run", "python train.py --seed {seed} --out {folder} --rate {rate"),
            "brace that belongs to no place",
        ),
        (("--run", RUN.replace("--seed {seed}", "")), "seed"),
        (("--run", RUN + " --width {width}"), "nothing says what width is. Add --set width=VALUE"),
        (("--run", RUN.replace(sys.executable, "no-such-program")), "no-such-program"),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_what_does_not_fit_is_said_and_nothing_is_written(place, options, words):
    done = tinyexp("init", *OPTIONS, *options)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert files(place) == {"train.py"}
    assert not (place / "experiments").exists()


def test_without_a_terminal_what_is_missing_is_named(place):
    done = tinyexp("init", "--run", RUN, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "--metric is needed where there is no terminal to ask at" in done.stderr


@pytest.mark.parametrize(
    ("metric", "given", "words"),
    [
        (
            "test_loss",
            (),
            "--margin is needed where there is no terminal to ask at. What difference in test_loss",
        ),
        ("oddity", ("--margin", "0.1"), "--direction is needed where there is no terminal to ask at"),
    ],
)
def test_without_a_terminal_a_metric_that_says_too_little_has_the_option_named(place, metric, given, words):
    """And not the key of a file, which was never written."""
    done = tinyexp("init", *OPTIONS[:6], "--metric", metric, *given, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert words in done.stderr
    assert files(place) == {"train.py"}


@pytest.mark.parametrize(
    ("metric", "asked_besides"),
    [("test_loss", ["0.01"]), ("oddity", ["lower", "0.01"]), ("test_accuracy", [])],
)
def test_at_a_terminal_it_asks_for_what_was_not_given(place, metric, asked_besides):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "tinyexp", "init", "--run", RUN]
    asked = warm.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(theirs)
    for answer in (metric, *asked_besides, "rate", "0.5,0.25", "3"):
        os.write(ours, answer.encode() + b"\n")
    _, told = asked.communicate(timeout=120)
    os.close(ours)
    assert asked.returncode == 0, told
    assert told.count("?") == 0
    assert ("too small to matter" in told) == bool(asked_besides)
    assert ("higher or a lower" in told) == (metric == "oddity")
    assert tinyexp("plan", "contender-against-baseline").returncode == 0
