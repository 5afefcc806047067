"""Small runs that two processes share, for tests: started, ended at a named place, and looked after."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import warm
from small_runs import run_command

EVALUATED = {"training__evaluation_batch_size": 8}
"""Four batches of test images and three of held-out ones, so that each process has some, and one a turn without."""
TWO = {"execution__devices": 2, **EVALUATED}
TWO_SET = ["--set", "execution.devices=2", "--set", "training.evaluation_batch_size=8"]
"""The same as options of the command line."""
_TRAINED = """
import json, sys
from pathlib import Path
from small_runs import trained
trained(Path(sys.argv[1]), execution__checkpoint_steps=3, **json.loads(sys.argv[2]))
"""
_MARK = "TINYEXP_TEST_RUN"
PATIENCE_S = 30.0


def environment(mark: Path, **variables: str) -> dict[str, str]:
    """That of a test's processes: they are told from any others by the folder of its runs."""
    path = os.pathsep.join(filter(None, ("tests", os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, _MARK: str(mark), **variables}


def trained_elsewhere(
    runs: Path, overrides: Mapping[str, object] | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Train in a process of its own, whose variables may end it, or the other process of the run, at a named place."""
    return _done(
        [sys.executable, "-c", _TRAINED, str(runs), json.dumps({**TWO, **(overrides or {})})], runs, variables
    )


def commanded(runs: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The same by the command line."""
    return _done(run_command(runs, *TWO_SET, *options), runs, variables)


def _done(command: list[str], runs: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return warm.run(
        command, env=environment(runs, **variables), capture_output=True, text=True, check=False, timeout=600
    )


def left_over(mark: Path) -> list[int]:
    """The test's processes that are still there, after as long as they may take to leave."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("without /proc nobody says whose processes there are")
    until = time.monotonic() + PATIENCE_S
    while (found := _marked(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _marked(mark: Path) -> list[int]:
    wanted = f"{_MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # it has ended meanwhile, or is another user's
            continue
    return found
