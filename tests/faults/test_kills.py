"""Killed at every place of every commit, in evaluations, while resuming: the same bits, nothing lost, nothing left to clean."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import warm
from thinned import LONG

SWEEP = Path(__file__).with_name("sweep.py")
KINDS = {
    ".lease",
    ".owner",
    ".gitattributes",
    "run.json",
    "environment.json",
    "metrics.csv",
    "timing.csv",
    "predictions.npz",
    "status.json",
    "ckpt",
}


EVERY = pytest.mark.parametrize(
    "every",
    [23, pytest.param(5, marks=pytest.mark.slow), pytest.param(1, marks=LONG)],
    ids=["some_places", "more_places", "all_places"],
)
"""A commit has four places, so that every twenty-third and every fifth meet them all; all of them take minutes."""


def swept(folder: Path, every: int, kind: str, *groups: str) -> list[str]:
    """The places of a run at all of which, or some, it was ended; of the groups of kills see ``sweep``."""
    done = warm.run(
        [sys.executable, str(SWEEP), str(folder), str(every), kind, *groups],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(("tests", os.environ.get("PYTHONPATH", "")))},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["problems"] == {group: [] for group in groups}
    return told["places"]


@EVERY
def test_a_run_that_was_ended_comes_out_the_same(tmp_path: Path, every: int) -> None:
    places = swept(
        tmp_path,
        every,
        "plain",
        "at_every_place",
        "in_every_evaluation",
        "while_resuming",
        "asked_during_a_commit",
    )
    kinds = {place.split()[0] for place in places}
    assert {"ckpt" if name.endswith(".ckpt") else name for name in kinds} == KINDS
    assert {place.split()[1] for place in places} == {"begun", "written", "named", "done"}
    assert len(places) == 108, (
        "the lease, what keeps git off, seven checkpoints, four projections of a running run, one of a finished"
    )


@EVERY
def test_a_run_that_its_held_out_images_steer_comes_out_the_same(tmp_path: Path, every: int) -> None:
    """It stops early and its rates move; neither is remembered but as the rows that it goes by."""
    places = swept(tmp_path, every, "watched", "at_every_place", "while_resuming")
    commits = len([place for place in places if place.endswith(".ckpt done")])
    assert 6 < commits < 65, "three epochs at least, and it stopped before the last of thirty"
