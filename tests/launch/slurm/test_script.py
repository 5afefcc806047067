"""The script that is submitted: what stands in it, what may not, and how `--dry-run` shows it."""

import shlex
import sys
from pathlib import Path

import pytest
from commands import tinyexp
from slurm_helpers import jobs_of

from tinyexp.errors import UserError
from tinyexp.launch.engines import Placement, executor_for
from tinyexp.launch.slurm.executor import rehearsal
from tinyexp.launch.slurm.script import require_options


def test_a_dry_run_prints_the_script_and_where_it_would_stand_and_leaves_nothing(place, cluster):
    done = tinyexp(
        "run", "mine", "--on", "slurm", "--dry-run", "--seed", "0", "--seed", "3", "--jobs", "1",
        "--sbatch=--partition=gpu", "--sbatch=--comment=it's two words",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.split("\n#")
    assert first.startswith("# 2 runs: ")
    assert "runs/default/.slurm/" in first
    token = first.rstrip("'").split("/")[-2]
    assert lines[0] == "!/bin/bash"
    assert [shlex.split(line)[1] for line in lines[1:-1]] == [
        f"--job-name=tinyexp-{token}",
        "--array=0-1%1",
        "--output=%a.log",
        "--open-mode=append",
        "--requeue",
        "--signal=B:TERM@120",
        "--partition=gpu",
    ]
    option, _, body = lines[-1].partition("\n")
    assert shlex.split(option)[1] == "--comment=it's two words"
    words = shlex.split(body)
    assert words[:2] == ["cd", "--"]
    assert Path(words[2]) == place
    assert words[words.index("exec") + 1 :] == [
        sys.executable, "-m", "tinyexp.launch.slurm.task", str(place / "runs/default/.slurm" / token), "$SLURM_ARRAY_TASK_ID",
    ]  # fmt: skip
    assert not (place / "runs").exists()
    assert cluster.calls("sbatch") == []


def test_a_dry_run_works_where_there_is_no_slurm(place):
    text = rehearsal(Placement("slurm", jobs=5), jobs_of(range(1002)))
    assert "--array=0-1000%5" in text
    assert "--array=0-0%1" in text
    assert "--dependency=afterany:JOB" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--sbatch=--partition=gpu"], "--sbatch: is for --on slurm. Add that, or leave it out."),
        (["--dry-run"], "--dry-run: --on local submits nothing that could be shown. Give it with --on slurm."),
        (["--on", "slurm", "--dry-run", "--sbatch=partition=gpu"], "--sbatch partition=gpu: is no option of sbatch"),
        (["--on", "slurm", "--dry-run", "--sbatch=--array=0-9"], "--sbatch --array=0-9: tinyexp sets --array,"),
        (["--on", "slrum"], "--on: unknown engine 'slrum'. Known: local, slurm"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_with_the_next_step_and_nothing_is_written(place, options, words):
    done = tinyexp("run", "mine", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert not (place / "runs" / "default").exists()


@pytest.mark.parametrize("option", ["-a0-3", "-o", "--output", "--job-name=x", "--x\n--y", "gpu", ""])
def test_options_that_tinyexp_sets_and_words_that_are_none_are_refused(option):
    with pytest.raises(UserError, match="--sbatch"):
        require_options([option])


@pytest.mark.parametrize(
    "option", ["--partition=gpu", "-pgpu", "--gres=gpu:1", "--no-requeue", "--signal=B:TERM@300"]
)
def test_any_other_option_may_be_given(option):
    require_options([option])


def test_a_machine_that_knows_no_cluster_is_told_of_though_the_programs_are_installed(place, cluster):
    cluster.failing("scontrol", "scontrol: error: Could not establish a configuration source")
    done = tinyexp("run", "mine", "--on", "slurm")
    assert done.returncode == 2
    assert (
        "--on slurm: scontrol: error: Could not establish a configuration source. Give the command on"
        in done.stderr
    )
    assert cluster.calls("sbatch") == []


def test_where_slurms_programs_are_not_installed_it_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="sbatch, squeue, scancel, scontrol not found"):
        executor_for(Placement("slurm"))
