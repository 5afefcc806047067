"""A stand-in SLURM on PATH, and a folder as a user has it, whose command waits until the test lets it go on."""

import os
import sys

import pytest
import stand_in
from slurm_helpers import FILE, TRAIN, Cluster, executor, jobs_of, starts, wait_for


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    programs = stand_in.install(tmp_path / "cluster")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    made = Cluster(tmp_path / "cluster")
    yield made
    made.close()


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The folder of somebody who has a trainer and an experiment of it; it is the current one."""
    made = tmp_path / 'it\'s a "place"\nof two lines'
    (made / "experiments").mkdir(parents=True)
    (made / "train.py").write_text(TRAIN)
    (made / "experiments" / "mine.toml").write_text(FILE.format(python=sys.executable))
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def under_way(cluster, place):
    """Two runs under way, the executor that has them, and what it says."""
    heard = []
    one = executor(heard)
    for job in jobs_of((0, 1)):
        one.submit(job)
    wait_for(lambda: one.poll(0.05) == [] and len(starts(place)) == 2)
    yield one, heard
    one.close()
