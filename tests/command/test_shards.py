"""Runs of a command, trained in shards that share no disk, then merged: what one machine gives."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import warm
from commands import tinyexp
from test_command_runs import place, records, wait_for, write
from thinned import thinned

__all__ = ["place"]  # a fixture


def runs_of(folder):
    return {path.relative_to(folder): records(path) for path in folder.glob("*/*/*") if path.is_dir()}


def test_three_shards_merged_are_what_one_machine_trains(place):
    write(place, "half", replace={"half = false": "half = true"})
    for index in (1, 2, 3):
        done = tinyexp("run-all", "--seeds", "4", "--shard", f"{index}/3", "--runs", f"shard {index}")
        assert done.returncode == 0, done.stderr
        assert (
            f"shard {index}/3 is done. Once all shards are, join them with `tinyexp merge FOLDER..."
            in done.stderr
        )
    shares = [set(runs_of(place / f"shard {index}")) for index in (1, 2, 3)]
    assert [len(share) for share in shares] == [3, 3, 2]
    assert len(set.union(*shares)) == 8
    lacking = tinyexp("check", "shard 1")  # of the eight runs that were asked for
    assert (lacking.returncode, lacking.stdout.count("is missing.")) == (1, 5)

    merged = tinyexp("merge", "shard 1", "shard 2", "shard 3")
    assert (merged.returncode, merged.stdout) == (0, "runs: 8 runs: 8 copied.\n"), merged.stderr
    assert tinyexp("check", "runs").returncode == 0
    again = tinyexp("run-all", "--seeds", "4")
    assert "8 runs: 8 finished before, 0 to train" in again.stderr
    assert tinyexp("run-all", "--seeds", "4", "--runs", "local").returncode == 0
    assert runs_of(place / "runs") == runs_of(place / "local")
    assert tinyexp("report", "--out", "out").returncode == 0


def test_a_shard_without_a_run_does_nothing_and_says_so(place):
    done = tinyexp("run-all", "--seeds", "1", "--shard", "2/2")
    assert done.returncode == 0, done.stderr
    assert "0 runs: 0 finished before, 0 to train" in done.stderr
    merged = tinyexp("merge", "runs", "--into", "all")
    assert (merged.returncode, merged.stdout) == (0, "all: 0 runs.\n"), merged.stderr


@pytest.mark.parametrize("resume", thinned([False, True], []), ids=["starts anew", "goes on"])
def test_a_run_that_was_merged_in_its_course_comes_out_the_same(place, resume):
    write(place, resume=resume, replace={"pause = 0.0": "pause = 0.3", "epochs = 4": "epochs = 16"})
    started = warm.Popen(
        [sys.executable, "-m", "tinyexp", "run", "mine", "--runs", "a"], stderr=subprocess.DEVNULL
    )
    wait_for(
        lambda: [
            path for path in (place / "a").glob("*/mine/*/metrics.csv") if path.read_text().count("\n") > 3
        ]
    )
    busy = tinyexp("merge", "a", "--into", "b")
    assert busy.returncode == 1
    assert "is being trained by process" in busy.stderr
    started.send_signal(signal.SIGTERM)
    assert started.wait() == 143
    merged = tinyexp("merge", "a", "--into", "b")
    assert (merged.returncode, merged.stdout) == (0, "b: 1 run: 1 copied.\n"), merged.stderr
    assert tinyexp("run", "mine", "--runs", "b").returncode == 0
    assert tinyexp("run", "mine", "--runs", "c").returncode == 0
    assert list(runs_of(place / "b").values()) == list(runs_of(place / "c").values())


def test_what_needs_the_runs_of_all_shards_is_refused_in_one(place):
    for words in (["--until-decided"], ["--report", "out"]):
        done = tinyexp("run-all", "--shard", "1/2", *words)
        assert done.returncode == 2
        assert f"{words[0]} needs the runs of all shards. Once all shards are, join them" in done.stderr
    assert not (place / "runs").exists()
