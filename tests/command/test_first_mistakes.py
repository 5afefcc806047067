"""The mistakes with a command of one's own that are made first, and whether what is said leads on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TRAIN = """
import argparse, random, sys
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--seed", type=int)
parser.add_argument("--out", type=Path, default=Path())
asked = parser.parse_args()
draw = random.Random(asked.seed)
rows = [f"{epoch},{0.5 + draw.random() / 10}" for epoch in (1, 2)]
text = "\\n".join(["epoch,test_acc", *rows])
(asked.out / "metrics.csv").write_text(text)
"""
FILE = """
title = "Mine"
trainer = "command"
[command]
run = "{python} train.py --rate {{rate}} --seed {{seed}} --out {{folder}}"
metrics = "metrics.csv"
[settings]
rate = {rate}
"""
STUDY = 'title = "t"\nquestion = "q"\nbaseline = "mine"\ncontender = "other"\nmetric = "test_accuracy"\n'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A trainer, two experiments of it and a study over them; it is the current folder."""
    (tmp_path / "experiments" / "studies").mkdir(parents=True)
    (tmp_path / "experiments" / "studies" / "why.toml").write_text(STUDY)
    (tmp_path / "train.py").write_text(TRAIN)
    write(tmp_path)
    write(tmp_path, "other", rate=0.5)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place, name="mine", old="", new="", rate=0.25):
    text = FILE.format(python=sys.executable, rate=rate)
    assert old in text
    (place / "experiments" / f"{name}.toml").write_text(text.replace(old, new) if old else text)


def tinyexp(*words):
    return subprocess.run(
        [sys.executable, "-m", "tinyexp", *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_what_a_tried_command_printed_is_kept_where_its_failure_says(place):
    (place / "train.py").write_text("print('begun')\nraise RuntimeError('no GPU')\n")
    done = tinyexp("try", "mine")
    assert done.returncode == 1
    assert "RuntimeError: no GPU. What it printed is in " in done.stderr
    named = Path(re.search(r"is in (\S+output\.txt)", done.stderr)[1])
    assert named.read_text().startswith("begun")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ("results.csv", 'Below {folder} there are: results.csv. In [command], write metrics = "results.csv"'),
        ("logs/log.jsonl", 'there are: logs/log.jsonl. In [command], write metrics = "logs/log.jsonl"'),
        ("model.pt", "Below {folder} there are: model.pt. Have it write"),
        ("", "It left nothing below {folder}. Have it write"),
    ],
)
def test_a_log_that_is_not_there_is_told_with_what_the_command_left_instead(place, left, said):
    text = TRAIN.replace('(asked.out / "metrics.csv")', f'(asked.out / "{left}")') if left else "\n"
    (place / "train.py").write_text(
        text.replace("text = ", f'(asked.out / "{left}").parent.mkdir(exist_ok=True); text = ')
    )
    done = tinyexp("run", "mine")
    assert done.returncode == 1
    assert "left no log: runs/default/mine/0-" in done.stderr
    assert said in done.stderr


def test_a_log_written_elsewhere_is_answered_with_the_place_that_the_command_lacks(place):
    write(place, old=" --out {folder}")
    done = tinyexp("run", "mine")
    assert done.returncode == 1
    assert (
        "It left nothing below {folder}, which command.run does not name: add it, as in --out {folder}."
        in done.stderr
    )


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "./train.py",
            "./train.py is no program: it is not executable. Write python ./train.py, or `chmod +x ./train.py`.",
        ),
        (
            "train.py",
            "there is no program 'train.py' on PATH. Is the file train.py meant? Write python train.py.",
        ),
        ("./trian.py", "there is no program './trian.py' below"),
    ],
)
def test_a_script_that_is_no_program_is_answered_with_what_runs_it(place, program, said):
    write(place, old=f"{sys.executable} train.py", new=program)
    done = tinyexp("run", "mine")
    assert done.returncode == 2
    assert said in done.stderr
    assert ("Did you mean './train.py'?" in done.stderr) == (program == "./trian.py")


def test_a_script_without_a_first_line_that_names_its_interpreter_is_told_so(place):
    (place / "train.py").chmod(0o755)
    write(place, old=f"{sys.executable} train.py", new="./train.py")
    done = tinyexp("run", "mine")
    assert done.returncode == 1
    assert "./train.py: cannot be started (Exec format error). Is it a script whose first line" in done.stderr
    assert "..  " not in done.stderr
    assert ".. " not in done.stderr


def test_try_tells_which_study_asks_for_a_column_that_the_log_does_not_have(place):
    done = tinyexp("try", "mine")
    assert done.returncode == 0, done.stderr
    assert (
        "the study 'why' compares 'test_accuracy', which this log does not have. Known: test_acc. Did you mean 'test_acc'? "
        "Write that in experiments/studies/why.toml, or have the command write the other."
    ) in done.stderr
    (place / "train.py").write_text(TRAIN.replace("test_acc", "test_accuracy"))
    assert "the study" not in tinyexp("try", "mine").stderr


def test_report_says_its_first_sentence_and_why_nothing_could_be_compared(place):
    assert tinyexp("run-all", "--seeds", "1", "--jobs", "1").returncode == 0
    done = tinyexp("report", "--out", "page")
    assert done.returncode == 0
    assert "cannot be compared" in done.stderr
    assert "unknown metric 'test_accuracy'. Known: " in done.stderr
    assert "Did you mean 'test_acc'?" in done.stderr
