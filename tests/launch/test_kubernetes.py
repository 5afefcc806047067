"""The template of a Kubernetes Job: what a cluster accepts, and a command that trains all runs, each once."""

from __future__ import annotations

import os
import sys

import kubernetes_validate
import pytest
import warm
from ruamel.yaml import YAML

from tinyexp.resources import shipped

FILE = shipped("templates") / "kubernetes-job.yaml"
EXPERIMENT = """
title = "Constant"
trainer = "command"
[command]
run = "{python} train.py --seed {{seed}} --out {{folder}}"
metrics = "metrics.csv"
inputs = ["train.py"]
"""
TRAIN = """
import sys
from pathlib import Path
seed, out = int(sys.argv[2]), Path(sys.argv[4])
(out / "metrics.csv").write_text(f"epoch,loss\\n1,{seed + 1}.5\\n")
"""


@pytest.fixture
def job():
    return YAML(typ="safe", pure=True).load(FILE)


def test_clusters_of_these_versions_accept_it(job):
    for version in ("1.31", kubernetes_validate.latest_version()):
        kubernetes_validate.validate(job, version, strict=True)


def test_the_schema_would_refuse_a_key_that_is_none(job):
    job["spec"]["completion"] = job["spec"].pop("completions")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, "1.31", strict=True)


def test_as_many_shares_are_trained_as_there_are_pods(job):
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert f"--shard=auto/{job['spec']['completions']}" in container["command"]
    assert job["spec"]["parallelism"] <= job["spec"]["completions"]


def test_its_pods_train_every_run_once_in_one_folder(job, tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "experiments" / "constant.toml").write_text(EXPERIMENT.format(python=sys.executable))
    [container] = job["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["command"]
    assert program == "tinyexp"
    words = [word.replace("auto/8", "auto/2").replace("=/runs", "=runs") for word in arguments]
    for index in ("0", "1"):
        done = warm.run(
            [sys.executable, "-m", "tinyexp", *words, "--seeds=3"],
            cwd=tmp_path,
            env=os.environ | {"JOB_COMPLETION_INDEX": index},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert f"{2 - int(index)} to train" in done.stderr
    assert len(list((tmp_path / "runs").glob("*/constant/*/status.json"))) == 3


def test_a_mistake_of_the_user_ends_a_share_and_a_moved_pod_does_not(job):
    by_action = {rule["action"]: rule for rule in job["spec"]["podFailurePolicy"]["rules"]}
    assert by_action["FailIndex"]["onExitCodes"]["values"] == [2]  # as tinyexp ends with: UserError.exit_code
    assert by_action["Ignore"]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
