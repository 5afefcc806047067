"""A run of one process stays one: a cluster that it happens to run on, or its programs on PATH, take no part in it."""

from __future__ import annotations

import os
import subprocess

import pytest
from small_runs import results, run_command, small_plan, trained
from thinned import thinned

JOB = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "train",
    "SLURM_NTASKS": "4",
    "SLURM_NTASKS_PER_NODE": "4",
    "SLURM_PROCID": "2",
    "SLURM_LOCALID": "2",
    "SLURM_NODEID": "0",
    "SLURM_NNODES": "1",
    "SLURM_NODELIST": "node[1-2]",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "node[1-2]",
}
TORCHRUN = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "GROUP_RANK": "0",
    "WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "x",
}


ONE_EPOCH = {"training__stop_after": 1}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return results(trained(tmp_path_factory.mktemp("untouched"), **ONE_EPOCH))


@pytest.mark.parametrize(
    "variables", thinned([JOB, TORCHRUN], []), ids=["inside a SLURM job", "under torchrun"]
)
def test_a_run_trains_as_anywhere_and_says_nothing_of_a_cluster(tmp_path, untouched, variables):
    program = tmp_path / "bin" / "srun"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        run_command(tmp_path / "runs", "--set", "training.stop_after=1"),
        env=os.environ | variables | {"PATH": path, "PYTHONWARNINGS": "error::UserWarning:lightning_fabric"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "srun" not in done.stderr
    assert "finished" in done.stdout
    assert results(small_plan(tmp_path / "runs", **ONE_EPOCH)) == untouched
