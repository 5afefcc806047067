"""The source's two designs, trained in shards and merged: the records of one machine, to the last byte."""

from __future__ import annotations

import pytest
from commands import tinyexp
from small_runs import SET

from tinyexp.runs.folder import RECORD_NAMES, find_runs

DESIGNS = ("--only", "tiny-design1", "--only", "tiny-design2", "--plan", "none", "--seeds", "3", *SET)


def succeed(*words):
    done = tinyexp(*words)
    assert done.returncode == 0, done.stderr


def records(runs):
    return {
        folder.name: {name: (folder.path / name).read_bytes() for name in RECORD_NAMES}
        for folder in find_runs(runs)
    }


@pytest.mark.slow
def test_three_shards_merged_have_the_bytes_of_one_machine(tmp_path):
    succeed("run-all", *DESIGNS, "--runs", str(tmp_path / "local"))
    shards = [str(tmp_path / f"shard-{index}") for index in (1, 2, 3)]
    for index, shard in enumerate(shards, 1):
        succeed("run-all", *DESIGNS, "--runs", shard, "--shard", f"{index}/3")
    succeed("merge", *shards, "--into", str(tmp_path / "merged"))
    assert len(records(tmp_path / "local")) == 6
    assert records(tmp_path / "merged") == records(tmp_path / "local")
    succeed("check", str(tmp_path / "merged"))
