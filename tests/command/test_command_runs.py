"""An experiment whose trainer is a command: trained, ended, gone on with, and refused where it says something else than it means."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import warm
from commands import tinyexp
from thinned import thinned

from tinyexp.trainers.command import process

TRAIN = '''
"""A trainer of a few lines: its loss falls, at a height that the seed gives."""
import argparse, os, random, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
for name, kind in (("rate", float), ("seed", int), ("out", Path), ("epochs", int), ("pause", float)):
    parser.add_argument(f"--{name}", type=kind, required=True)
parser.add_argument("--half", action="store_true")
parser.add_argument("--resume", action="store_true")
asked = parser.parse_args()
log = asked.out / "metrics.csv"
lines = log.read_text().splitlines() if asked.resume and log.exists() else ["epoch,train_loss,test_loss"]
for epoch in range(len(lines), asked.epochs + 1):
    height = random.Random(asked.seed).random() + asked.rate - (0.25 if asked.half else 0)
    lines.append(f"{epoch},{height / epoch!r},{2 * height / epoch!r}")
    aside = log.with_suffix(".tmp")
    aside.write_text("\\n".join(lines) + "\\n")
    os.replace(aside, log)
    print("epoch", epoch, flush=True)
    time.sleep(asked.pause)
'''
FILE = """
title = "Mine"
trainer = "command"
[command]
run = "{python} train.py --rate {{rate}} {{half?--half}} --epochs {{epochs}} --pause {{pause}} --seed {{seed}} --out {{folder}}"
{resume}
metrics = "metrics.csv"
inputs = ["train.py"]
[settings]
rate = 0.5
half = false
epochs = 4
pause = 0.0
"""
RESUME = 'resume = "{python} train.py --rate {{rate}} {{half?--half}} --epochs {{epochs}} --pause {{pause}} --seed {{seed}} --out {{folder}} --resume"'


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder as a user has it: a trainer, and an experiment of it; it is the current one."""
    (tmp_path / "train.py").write_text(TRAIN)
    write(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))  # where a run that was tried and failed is kept
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(place, name="mine", *, resume=False, **changes):
    text = FILE.format(python=sys.executable, resume=RESUME.format(python=sys.executable) if resume else "")
    for old, new in changes.pop("replace", {}).items():
        assert old in text
        text = text.replace(old, new)
    path = place / "experiments" / f"{name}.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def folder_of(place, seed=0, name="mine"):
    (found,) = (place / "runs").glob(f"*/{name}/{seed}-*")
    return found


def records(folder):
    return {name: (folder / name).read_bytes() for name in ("run.json", "metrics.csv")}


def test_a_command_is_trained_and_its_log_is_recorded(place):
    done = tinyexp("run", "mine", "--seed", "0", "--seed", "1", "--set", "rate=0.75", "--set", "half=true")
    assert done.returncode == 0, done.stderr
    assert "test loss" in done.stdout
    folder = folder_of(place)
    assert (folder / "metrics.csv").read_text().splitlines()[0] == "epoch,train_loss,test_loss"
    assert len((folder / "metrics.csv").read_text().splitlines()) == 5
    told = json.loads((folder / "run.json").read_text())
    assert told["experiment"]["settings"]["rate"] == 0.75
    assert list(told["data"]["files"]) == ["train.py"]
    assert "--rate 0.75 --half" in (folder / "log.txt").read_text()
    assert tinyexp("check", "runs").returncode == 0
    again = tinyexp("run", "mine", "--set", "rate=0.75", "--set", "half=true")
    assert "1 finished before, 0 to train" in again.stderr


def test_the_command_that_shows_the_runs_works_as_printed(place):
    done = tinyexp("run", "mine", "--runs", "my runs")
    assert done.returncode == 0, done.stderr
    printed = (done.stdout + done.stderr).split("To see them: tinyexp ")[1].splitlines()[0]
    shown = tinyexp(*shlex.split(printed))
    assert shown.returncode == 0, shown.stderr
    assert (place / "reports" / "latest" / "report.html").is_file()


def test_numbers_come_through_to_the_last_bit(place):
    tinyexp("run", "mine")
    folder = folder_of(place)
    assert (folder / "metrics.csv").read_bytes() == (folder / "work" / "metrics.csv").read_bytes()


@pytest.mark.parametrize("resume", thinned([False, True], [True]), ids=["starts anew", "goes on"])
def test_a_command_that_was_killed_comes_out_the_same(place, resume):
    write(place, resume=resume, replace={"pause = 0.0": "pause = 0.4", "epochs = 4": "epochs = 6"})
    killed = warm.Popen(
        [sys.executable, "-m", "tinyexp", "run", "mine"],
        start_new_session=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: list((place / "runs").glob("*/mine/*/work/metrics.csv")))
    time.sleep(0.9)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    wait_for(lambda: not commands_of(place))
    done = tinyexp("run", "mine")
    assert done.returncode == 0, done.stderr
    folder = folder_of(place)
    assert ("goes on: " in (folder / "log.txt").read_text()) == resume
    assert (folder / "ended-1" / "work").is_dir() != resume
    untouched = tinyexp("run", "mine", "--runs", "other")
    assert untouched.returncode == 0
    (other,) = (place / "other").glob("*/mine/0-*")
    assert records(folder) == records(other)


def test_a_signal_ends_the_whole_group_and_the_same_command_goes_on(place):
    write(place, replace={"pause = 0.0": "pause = 30.0"})
    asked = warm.Popen([sys.executable, "-m", "tinyexp", "run", "mine"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: list((place / "runs").glob("*/mine/*/work/metrics.csv")))
    asked.send_signal(signal.SIGTERM)
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 143
    assert "To go on: tinyexp run mine" in said
    assert not commands_of(place)
    assert json.loads((folder_of(place) / "status.json").read_text())["state"] == "interrupted"


def test_a_command_that_takes_too_long_is_ended_and_has_failed(place):
    write(
        place,
        replace={
            "pause = 0.0": "pause = 30.0",
            'metrics = "metrics.csv"': 'metrics = "metrics.csv"\ntimeout_s = 1.5',
        },
    )
    done = tinyexp("run", "mine")
    assert done.returncode == 1
    assert "ended after command.timeout_s = 1.5 seconds" in done.stderr
    assert not commands_of(place)


def test_a_command_that_fails_is_named_with_its_last_words(place):
    (place / "train.py").write_text(
        "import sys\nprint('reading')\nsys.exit('no such data set: \\x1b[31mcats')\n"
    )
    done = tinyexp("run", "mine")
    assert done.returncode == 1
    assert (
        "its command ended with code 1; it last said: reading | no such data set: \\u001b[31mcats"
        in done.stderr
    )
    assert "output.txt" in done.stderr


def test_a_command_that_leaves_no_log_or_another_one_is_named(place):
    (place / "train.py").write_text("print('done')\n")
    assert "left no log" in tinyexp("run", "mine").stderr
    (place / "train.py").write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[-1], 'metrics.csv').write_text('time,loss\\n1,2\\n')\n"
    )
    assert "no column says where a row stands" in tinyexp("run", "mine").stderr


REFUSED = {
    "a setting that nothing uses": (
        {"rate = 0.5": "rate = 0.5\nraet = 1"},
        "does not use raet.*Did you mean 'rate'",
    ),
    "a place that nothing fills": (
        {"{{rate}}"[1:-1]: "{raet}"},
        r"no setting fills the place \{raet\}.*Did you mean 'rate'",
    ),
    "a missing program": ({sys.executable: "no-such-python"}, "there is no program 'no-such-python' on PATH"),
    "no seed": ({"--seed {seed} ": ""}, r"no place \{seed\}, so every seed would be the same training"),
    "no such input": ({'"train.py"]': '"*.cfg"]'}, r"no file matches '\*\.cfg'"),
    "a log elsewhere": ({'"metrics.csv"': '"../metrics.csv"'}, "must be a path below"),
    "an unknown key": (
        {'metrics = "': 'metric = "'},
        "unknown key 'metric' in .command..*Did you mean 'metrics'",
    ),
    "a reserved name": (
        {"rate = 0.5": "rate = 0.5\nseed = 1"},
        "'seed' is filled by every run itself|does not use",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_only_mislead_is_refused_before_anything_runs(place, case):
    replace, said = REFUSED[case]
    write(place, replace=replace)
    done = tinyexp("run", "mine")
    assert done.returncode == 2, done.stderr
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not list((place / "runs").glob("*/mine")) if (place / "runs").exists() else True


def test_a_command_that_ignores_the_seed_is_an_error(place):
    write(place, replace={"--out {folder}": "--seed 7 --out {folder}"})
    done = tinyexp("run", "mine", "--seed", "0", "--seed", "1", "--jobs", "1")
    assert done.returncode == 2
    assert (
        "the command ignores the seed: the curve of seed 1 is that of seed 0 to the last digit" in done.stderr
    )


PERCENT = TRAIN.replace("train_loss,test_loss", "test_loss,test_accuracy").replace(
    "{2 * height", "{50 + height"
)
"""Accuracies that nobody would write as fractions."""
TOLD = (
    "'test_accuracy' is 5",
    " at mine, seed 0, epoch ",
    "/work/metrics.csv, and a 'fraction' by its unit: this looks like percent. Give unit = \"percent\" in [metrics.test_accuracy]",
    "Units: fraction, percent, plain",
)


@pytest.mark.parametrize("command", ["run", "try"])
def test_percents_that_are_taken_for_fractions_are_an_error_until_the_unit_is_given(place, command):
    (place / "train.py").write_text(PERCENT)
    done = tinyexp(command, "mine")
    assert done.returncode == 2, done.stderr
    assert all(words in done.stderr for words in TOLD), done.stderr
    assert "Traceback" not in done.stderr
    if command == "run":
        assert json.loads((folder_of(place) / "status.json").read_text())["state"] == "failed"
    write(place, replace={"[settings]": '[metrics.test_accuracy]\nunit = "percent"\n[settings]'})
    again = tinyexp(command, "mine")
    assert again.returncode == 0, again.stderr


def test_a_value_beyond_its_bounds_is_an_error_and_of_several_kinds_of_failure_the_exit_code_is_1(place):
    (place / "train.py").write_text(TRAIN.replace("test_loss", "test_perplexity"))
    done = tinyexp("run-all", "--seeds", "1")
    assert done.returncode == 2, done.stderr
    assert re.search(
        r"'test_perplexity' is 0\.\d+ at mine, seed 0, epoch \d of \S+metrics.csv, outside its bounds, 1 to any",
        done.stderr,
    )
    write(place, "other", replace={f"{sys.executable} train.py": "false"})
    assert tinyexp("run-all", "--seeds", "1").returncode == 1


def test_a_run_whose_log_cannot_be_right_is_ended_long_before_its_end(place):
    (place / "train.py").write_text(PERCENT)
    write(place, replace={"pause = 0.0": "pause = 30.0"})
    begun = time.monotonic()
    done = tinyexp("run", "mine")
    assert done.returncode == 2, done.stderr
    assert time.monotonic() - begun < 25
    assert not commands_of(place)


def test_what_a_metric_means_may_be_said_for_all_experiments_and_no_two_files_may_contradict_each_other(
    place,
):
    (place / "train.py").write_text(PERCENT)
    source = place / "experiments" / "source.toml"
    source.write_text('title = "Ours"\n[metrics.test_accuracy]\nunit = "percent"\nlabel = "right answers"\n')
    assert tinyexp("try", "mine").returncode == 0
    write(place, replace={"[settings]": '[metrics.test_accuracy]\nunit = "fraction"\n[settings]'})
    done = tinyexp("try", "mine")
    assert done.returncode == 2
    assert "mine.toml: [metrics.test_accuracy] unit = 'fraction' contradicts " in done.stderr
    assert "source.toml, which has unit = 'percent'" in done.stderr
    assert "say the same in both, or take it out of one" in done.stderr


STUDY = 'title = "t"\nquestion = "q"\nbaseline = "mine"\ncontender = "other"\nmetric = "test_accuracy"\n'


def test_a_report_over_percents_taken_for_fractions_is_written_and_ends_with_2(place):
    (place / "train.py").write_text(PERCENT)
    unit = {"[settings]": '[metrics.test_accuracy]\nunit = "percent"\n[settings]'}
    write(place, replace=unit)
    write(place, "other", replace={**unit, "rate = 0.5": "rate = 0.25"})
    assert tinyexp("run-all", "--seeds", "3").returncode == 0
    sound = tinyexp("report", "--out", "sound")
    assert sound.returncode == 0, sound.stderr
    write(place)
    write(place, "other", replace={"rate = 0.5": "rate = 0.25"})
    (place / "experiments" / "studies").mkdir()
    study = place / "experiments" / "studies" / "why.toml"
    study.write_text(STUDY)
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [said] = [line for line in done.stderr.splitlines() if "looks like percent" in line]
    assert re.search(
        r"^tinyexp: .* at experiment \w+, seed \d, epoch \d of \w+/\w+/\S+/metrics\.csv, and a", said
    )
    assert 'Give unit = "percent" in [metrics.test_accuracy]' in said
    assert "this looks like percent" in (place / "out" / "report.html").read_text()
    assert tinyexp("check", "out").returncode == 0
    study.write_text(f'{STUDY}[metrics.test_accuracy]\nunit = "percent"\n')
    assert tinyexp("report", "--out", "out").returncode == 0


def test_a_study_that_contradicts_its_experiment_is_refused_with_both_files(place):
    write(place, replace={"[settings]": '[metrics.test_accuracy]\nunit = "percent"\n[settings]'})
    write(place, "other", replace={"rate = 0.5": "rate = 0.25"})
    (place / "experiments" / "studies").mkdir()
    study = place / "experiments" / "studies" / "why.toml"
    study.write_text(f'{STUDY}[metrics.test_accuracy]\nunit = "fraction"\n')
    done = tinyexp("plan", "why")
    assert done.returncode == 2
    assert "why.toml: [metrics.test_accuracy] unit = 'fraction' contradicts " in done.stderr
    assert "mine.toml, which has unit = 'percent'" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unusual_metric_is_explained_by_the_experiment_for_its_study(place):
    (place / "train.py").write_text(TRAIN.replace("test_loss", "oddity"))
    write(place, replace={"[settings]": '[metrics.oddity]\ndirection = "lower"\n[settings]'})
    write(place, "other", replace={"rate = 0.5": "rate = 0.25"})
    (place / "experiments" / "studies").mkdir()
    study = place / "experiments" / "studies" / "why.toml"
    study.write_text(f"{STUDY.replace('test_accuracy', 'oddity')}margin = 0.001\n")
    assert tinyexp("run-all", "--seeds", "3").returncode == 0
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "(lower is better)" in (place / "out" / "report.md").read_text()


def test_a_profile_cannot_change_what_a_metric_means(place):
    done = tinyexp("run", "mine", "--set", "metrics.test_loss.direction=higher")
    assert done.returncode == 2
    assert "--set: metrics.test_loss.direction: what a metric means is said in a table" in done.stderr


def test_an_input_that_changes_makes_another_run_and_one_that_changes_meanwhile_spoils_it(place):
    tinyexp("run", "mine")
    (place / "train.py").write_text(TRAIN + "# changed\n")
    assert "0 finished before, 1 to train" in tinyexp("run", "mine").stderr
    assert len(list((place / "runs").glob("*/mine/0-*"))) == 2
    write(
        place,
        "self",
        replace={f"{sys.executable} train.py": f"{sys.executable} own.py", '"train.py"]': '"own.py"]'},
    )
    (place / "own.py").write_text(TRAIN + "Path('own.py').write_text('print()')\n")
    done = tinyexp("run", "self")
    assert done.returncode == 2
    assert "own.py changed while the command ran" in done.stderr


def test_one_seed_that_does_not_repeat_is_told_as_noise_with_its_size(place):
    noisy = TRAIN.replace("random.Random(asked.seed)", "random.Random(os.urandom(8))")
    (place / "train.py").write_text(noisy)
    tinyexp("run", "mine")
    done = tinyexp("run", "mine", "--fresh")
    assert done.returncode == 0, done.stderr
    assert (
        "the command does not repeat under one seed; run-to-run noise at its end: train_loss" in done.stderr
    )
    assert (folder_of(place) / "before-fresh-1" / "work" / "metrics.csv").is_file()


def test_only_usual_and_named_variables_are_passed_on_and_the_named_ones_recorded(place):
    (place / "train.py").write_text(
        TRAIN + "(asked.out / 'variables').write_text(' '.join(sorted(os.environ)))\n"
    )
    write(place, replace={'metrics = "': 'environment = ["MINE"]\nmetrics = "'})
    done = tinyexp("run", "mine", env=os.environ | {"MINE": "yes", "OTHER": "no"})
    assert done.returncode == 0, done.stderr
    folder = folder_of(place)
    seen = (folder / "work" / "variables").read_text().split()
    assert "MINE" in seen
    assert "OTHER" not in seen
    assert json.loads((folder / "environment.json").read_text())["switches"] == {"MINE": "yes"}


def test_try_shows_what_is_read_and_keeps_nothing(place):
    done = tinyexp("try", "mine")
    assert done.returncode == 0, done.stderr
    assert "mine seed 0: 4 rows by epoch, 2 metrics. Nothing was kept." in done.stdout
    assert "test_loss   metric" in done.stdout
    assert not (place / "runs").exists()


def test_two_experiments_and_a_study_of_factors_plan_what_is_trained(place):
    write(place, "other", replace={"rate = 0.5": "rate = 0.25", "half = false": "half = true"})
    (place / "experiments" / "studies").mkdir()
    (place / "experiments" / "studies" / "why.toml").write_text(
        'title = "t"\nquestion = "q"\nbaseline = "mine"\ncontender = "other"\nmetric = "test_loss"\nmargin = 0.01\nplan = "full"\n'
        '[[factors]]\nname = "rate"\nkeys = ["rate"]\n[[factors]]\nname = "half"\nkeys = ["half"]\n'
    )
    done = tinyexp("plan", "why")
    assert done.returncode == 0, done.stderr
    assert "full: 4 mixtures of 2 factors" in done.stdout
    assert tinyexp("run-all", "--seeds", "3").returncode == 0
    assert len(list((place / "runs").glob("*/*/*/metrics.csv"))) == 12
    said = json.loads(tinyexp("plan", "why", "--seeds", "4", "--jobs", "1", "--json").stdout)
    assert (said["to_train"], said["measured_runs"]) == (4, 12)
    assert 0.1 < said["expected_s"] < 60, "four runs, as long as the twelve before"


def commands_of(place: Path) -> list[str]:
    """Processes whose command line names the trainer in this folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(place).encode() in path.read_bytes() and b"train.py" in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_a_command_that_failed_as_the_run_was_asked_to_stop_was_stopped():
    """A cluster signals all processes of a job, the command's as well; which hears it first is chance."""
    asked = iter([False, False, True])
    assert process._ended_with_us(128 + signal.SIGTERM, lambda: next(asked))
    assert not process._ended_with_us(128 + signal.SIGTERM, lambda: False)
    assert process._ended_with_us(1, lambda: True)
    assert not process._ended_with_us(1, lambda: False)
    assert not process._ended_with_us(0, lambda: True)
