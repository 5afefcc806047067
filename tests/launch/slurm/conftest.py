"""A stand-in SLURM on PATH, and a folder as a user has it, whose command waits until the test lets it go on."""

import os
import sys

import pytest
import stand_in
from slurm_helpers import FILE, TRAIN, Cluster


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
