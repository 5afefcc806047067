"""The mistakes with a command of one's own that are made first, and whether what is said leads on."""

import re
import sys
from pathlib import Path

import pytest
from commands import tinyexp

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
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))  # where a run that was tried and failed is kept
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place, name="mine", old="", new="", rate=0.25):
    text = FILE.format(python=sys.executable, rate=rate)
    assert old in text
    (place / "experiments" / f"{name}.toml").write_text(text.replace(old, new) if old else text)


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


def test_run_all_tells_it_after_the_first_run_and_once(place):
    said = tinyexp("run-all", "--seeds", "2", "--jobs", "1").stderr
    assert said.count("the study 'why' compares 'test_accuracy', which this log does not have") == 1
    assert said.index("the study 'why'") < said.index("[2/4]")
    study = place / "experiments" / "studies" / "why.toml"
    study.write_text(STUDY.replace("test_accuracy", "test_acc"))
    assert "the study 'why'" not in tinyexp("run-all", "--seeds", "3", "--jobs", "1").stderr


def test_report_says_its_first_sentence_and_why_nothing_could_be_compared(place):
    assert tinyexp("run-all", "--seeds", "1", "--jobs", "1").returncode == 0
    done = tinyexp("report", "--out", "page")
    assert done.returncode == 0
    assert "cannot be compared" in done.stderr
    assert "unknown metric 'test_accuracy'. Known: " in done.stderr
    assert "Did you mean 'test_acc'?" in done.stderr


def test_one_seed_is_answered_with_the_command_that_trains_enough(place):
    (place / "train.py").write_text(TRAIN.replace("test_acc", "test_accuracy"))
    assert tinyexp("run-all", "--seeds", "1", "--jobs", "1").returncode == 0
    said = tinyexp("report", "--out", "page").stderr
    command = "tinyexp run-all --runs runs --profile default --seeds 3"
    assert f"A verdict takes three seeds or more of each: `{command}`" in said
    assert tinyexp(*command.split()[1:], "--jobs", "1").returncode == 0
    assert "A verdict takes" not in tinyexp("report", "--out", "page").stderr


@pytest.mark.parametrize("command", [["status"], ["report", "--out", "page"]])
def test_where_no_runs_are_both_ways_on_are_said(place, command):
    done = tinyexp(*command)
    assert done.returncode == 2
    assert (
        f"runs: there is no such folder in {place}. Train first: `tinyexp run-all --runs runs`; or name the folder that has your "
        "runs: --runs FOLDER."
    ) in done.stderr
    named = tinyexp(*command, "--runs", str(place / "my runs"))
    assert (
        f"there is no such folder. Train first: `tinyexp run-all --runs '{place / 'my runs'}'`"
        in named.stderr
    )


def test_run_all_says_so_where_it_trains_what_comes_with_tinyexp(place):
    words = ("run-all", "--only", "nothing")
    assert "come with tinyexp" not in tinyexp(*words).stderr
    (place / "sub").mkdir()
    said = tinyexp(*words, cwd=place / "sub").stderr
    assert (
        f"{place / 'sub'} has no experiments/*.toml: these are the experiments that come with tinyexp."
        in said
    )


PAGE = Path(__file__).parents[2] / "docs" / "first-mistakes.md"
ROWS = re.findall(r"^\| `(.+?)` \| .+ \| .+ \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
ACCURACY = TRAIN.replace("test_acc", "test_accuracy")


def _nowhere(place):
    (place / "elsewhere").mkdir()
    return tinyexp("run", "mine", cwd=place / "elsewhere")


def _bare(place):
    write(place, old=f"{sys.executable} train.py", new="train.py")
    return tinyexp("try", "mine")


def _with(text, *words):
    def provoke(place):
        (place / "train.py").write_text(text)
        return tinyexp(*words)

    return provoke


def _reported(place):
    tinyexp("run-all", "--seeds", "1", "--jobs", "1")
    return tinyexp("report", "--out", "page")


def _one_log(place):
    (place / "log.csv").write_text("epoch,test_accuracy\n1,0.5\n")
    return tinyexp("compare", "log.csv")


def _full(place):
    (place / "runs").mkdir()
    (place / "full").mkdir()
    (place / "full" / "notes.txt").write_text("mine")
    return tinyexp("report", "--out", "full")


PROVOKED = (
    _nowhere,
    lambda place: tinyexp("init", "--run", "python train.py", "--metric", "loss", "--change", "rate=1,2"),
    lambda place: tinyexp("report", "--out", "page"),
    _bare,
    _with("raise SystemExit('no GPU')\n", "try", "mine"),
    _with(TRAIN.replace("metrics.csv", "results.csv"), "try", "mine"),
    _with(TRAIN, "try", "mine"),
    _with(ACCURACY.replace("{0.5 +", "{50 +"), "try", "mine"),
    _with(
        ACCURACY.replace("Random(asked.seed)", "Random(7)"),
        "run",
        "mine",
        "--seed",
        "0",
        "--seed",
        "1",
        "--jobs",
        "1",
    ),
    lambda place: (place / "train.py").write_text(ACCURACY) and _reported(place),
    _one_log,
    _full,
)
"""How to come by each row of the page, in its order."""


@pytest.mark.parametrize(("told", "provoke"), list(zip(ROWS, PROVOKED, strict=True)))
def test_the_page_on_first_mistakes_has_what_the_program_says(place, told, provoke):
    said = " ".join(provoke(place).stderr.split())
    assert "Traceback" not in said
    pieces = map(re.escape, told.split("…"))
    assert re.search(".*".join(piece.replace(r"\ ", " ").strip() for piece in pieces), said), said
