"""Installed without the extra `train`: the report works whole, and what trains images says what is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
TRAIN = ("torch", "torchvision", "lightning_fabric", "numba", "simplejpeg")
INSTALL = "To install: pip install 'tinyexp[train]'"

BLOCKED = """
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)

sys.meta_path.insert(0, Blocked())
"""
CALLED = """
from tinyexp.cli import main
main()
"""


def python(folder, code, *arguments, without=TRAIN):
    """A process of its own in ``folder``, in which some modules cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", BLOCKED.format(names=without) + code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )


def tinyexp(folder, *arguments, without=TRAIN):
    return python(folder, CALLED, *arguments, without=without)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The records of the kept report: no checkpoints, as a job that reports gets them."""
    return shutil.copytree(
        PROJECT / "reports" / "embedded" / "runs", tmp_path_factory.mktemp("kept") / "runs"
    )


def test_the_modules_are_blocked(tmp_path):
    for name in (*TRAIN, "PIL"):
        done = python(tmp_path, f"import {name}", without=(*TRAIN, "PIL"))
        assert f"No module named '{name}'" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run-all", "--help"],
        ["data", "fetch", "--help"],
        ["show", "tiny-design1"],
        ["diff", "tiny-design1", "tiny-design2"],
        ["schema"],
        ["status"],
    ],
    ids=" ".join,
)
def test_what_only_reads_experiments_and_records_works(tmp_path, arguments):
    (tmp_path / "runs").mkdir()
    done = tinyexp(tmp_path, *arguments, without=(*TRAIN, "PIL"))
    assert done.returncode == 0, done.stderr


def test_a_study_is_planned(tmp_path):
    done = tinyexp(tmp_path, "plan", "why-design1-beat-design2")
    assert done.returncode == 0, done.stderr
    assert "mixtures" in done.stdout


def test_a_report_is_written_and_checked(runs, tmp_path):
    written = tinyexp(tmp_path, "report", "--runs", str(runs), "--out", "report")
    assert written.returncode == 0, written.stderr
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    checked = tinyexp(tmp_path, "check", "report")
    assert checked.returncode == 0, checked.stderr
    assert "the report is what its records give" in checked.stdout


def test_runs_are_checked_whole_where_there_are_no_checkpoints(runs, tmp_path):
    done = tinyexp(tmp_path, "check", str(runs))
    assert done.returncode == 0, done.stderr
    assert "every record as it was written.\n" in done.stdout
    assert not done.stderr


def test_checkpoints_that_cannot_be_read_are_said_to_be_unread_and_records_are_checked(runs, tmp_path):
    copy = shutil.copytree(runs, tmp_path / "runs")
    first, second = sorted(copy.glob("*/*/*"))[:2]
    for run in (first, second):
        (run / "checkpoints").mkdir()
        (run / "checkpoints" / "00001-00000000.ckpt").write_bytes(b"what only torch reads")
    done = tinyexp(tmp_path, "check", "runs")
    assert done.returncode == 0, done.stdout
    assert "checkpoint" not in done.stdout
    assert done.stderr == (
        "tinyexp: the checkpoints of 2 runs were not looked at: that needs torch, not installed here. "
        f"{INSTALL}\n"
    )
    (second / "metrics.csv").write_bytes(b"")
    done = tinyexp(tmp_path, "check", "runs")
    assert done.returncode == 1
    assert f"{(second / 'metrics.csv').relative_to(tmp_path)}: is not what the run wrote" in done.stdout
    assert "the checkpoints of 2 runs were not looked at" in done.stderr


def test_training_says_what_is_missing_and_how_to_install_it(tmp_path):
    done = tinyexp(tmp_path, "run-all", "--seeds", "1", "--plan", "none")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    [whose, said] = done.stderr.splitlines()
    assert whose.endswith("these are the experiments that come with tinyexp.")
    assert said.endswith(f" needs torch, torchvision, lightning-fabric, not installed here. {INSTALL}")
    assert not list(tmp_path.iterdir()), "it is said before anything is written"


def test_where_some_run_is_finished_only_training_the_others_is_refused(tmp_path):
    shutil.copytree(PROJECT / "reports" / "embedded" / "runs", tmp_path / "runs")
    done = tinyexp(tmp_path, "run-all", "--seeds", "40", "--plan", "none")
    assert done.returncode == 2
    assert "needs torch, torchvision" in done.stderr
    assert not list(tmp_path.glob("runs/*/run-all.json"))


def test_data_are_not_opened_for_what_cannot_be_trained(tmp_path):
    done = tinyexp(tmp_path, "run", "tiny-design1", "--profile", "paper")
    assert "needs torch, torchvision" in done.stderr
    assert "Data are missing" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["run-all"],
        ["plan", "why-design1-beat-design2"],
        ["data", "fetch", "fashion-mnist"],
        ["data", "verify", "fashion-mnist"],
        ["data", "pack", "tiny-imagenet"],
    ],
    ids=" ".join,
)
def test_what_opens_images_says_that_pillow_is_missing(tmp_path, arguments):
    done = tinyexp(tmp_path, *arguments, without=(*TRAIN, "PIL"))
    assert done.returncode == 2
    assert done.stderr.startswith("tinyexp: ")
    assert done.stderr.endswith(f" Pillow, not installed here. {INSTALL}\n")
    assert len(done.stderr.splitlines()) == 1 + (arguments[0] == "run-all"), (
        "run-all says whose experiments they are"
    )


def test_finished_runs_are_used_again(tmp_path):
    shutil.copytree(PROJECT / "reports" / "embedded" / "runs", tmp_path / "runs")
    done = tinyexp(tmp_path, "run", "tiny-design1", "--json")
    assert done.returncode == 0, done.stderr
    assert [row["trained_now"] for row in json.loads(done.stdout)] == [False]


def test_the_python_interface_compares_and_attributes(runs, tmp_path):
    code = """
import pandas as pd
import tinyexp
from tinyexp.errors import UserError

def value(augmentation, width, seed):
    return 0.5 + 0.1 * augmentation + 0.02 * width + 0.001 * (seed + augmentation * seed % 3)

grid = [(a, w, seed) for a in (0, 1) for w in (0, 1) for seed in range(4)]
numbers = pd.DataFrame([(*one, value(*one)) for one in grid], columns=["augmentation", "width", "seed", "accuracy"])
print(tinyexp.attribute(numbers, ["augmentation", "width"], "accuracy").plan.kind)
pair = [("new", seed, 12, value(1, 1, seed)) for seed in range(4)] + [("old", seed, 12, value(0, 0, seed)) for seed in range(4)]
frame = pd.DataFrame(pair, columns=["experiment", "seed", "epoch", "test_accuracy"])
print(tinyexp.compare(frame, "new", "old").verdict)
print(len(tinyexp.load_runs(sys.argv[1])) > 100)
experiment = tinyexp.load_experiment("tiny-design1")
for call in (tinyexp.build_model, lambda one: tinyexp.train(one, 0, "trained")):
    try:
        call(experiment)
    except UserError as error:
        print(error)
"""
    done = python(tmp_path, code, str(runs))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "full",
        "beats",
        "True",
        f"tinyexp.build_model needs torch, torchvision, not installed here. {INSTALL}",
        f"training tiny-design1 needs torch, torchvision, lightning-fabric, not installed here. {INSTALL}",
    ]
