"""Each call to the system fails in turn, the power fails, the disk knows little: the same bits or an error in words, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from failing_calls import compiled

HERE = Path(__file__).parent
SAMPLE = {"command": 53}
MORE = {"command": 17, "run-all": 47, "merge": 23, "pack": 13, "report": 199, "vision": 89}
"""Every how manieth call fails, by command; `calls.py WORK FOLDER 1` is all of them."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("library"))


def tried(library: Path, program: str, *arguments: object) -> dict[str, Any]:
    """What a program of this folder prints at its end; problems fail the test."""
    paths = [str(HERE), str(HERE.parent), str(HERE.parent / "report"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, str(HERE / program), *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not told["problems"], "\n".join(told["problems"][:20])
    sys.stdout.write(f"{program} {arguments[0]}: {told['tries']} tries, {told['outcomes']}\n")
    return told


@pytest.mark.parametrize("work", SAMPLE)
def test_a_call_that_fails_costs_no_bit_and_is_told_in_words(
    library: Path, tmp_path: Path, work: str
) -> None:
    assert tried(library, "calls.py", work, tmp_path / "tries", SAMPLE[work])["tries"] > 5


@pytest.mark.slow
@pytest.mark.parametrize("work", MORE)
def test_more_calls_that_fail_cost_no_bit_and_are_told_in_words(
    library: Path, tmp_path: Path, work: str
) -> None:
    assert tried(library, "calls.py", work, tmp_path / "tries", MORE[work])["tries"] > 20


@pytest.mark.parametrize(
    ("work", "disk"),
    [
        ("command", "without-locks"),
        ("merge", "without-locks"),
        ("pack", "plain"),
        pytest.param("report", "without-locks", marks=pytest.mark.slow),
    ],
)
def test_a_disk_without_rights_links_exchange_and_flush_of_folders_gives_the_same(
    library: Path, tmp_path: Path, work: str, disk: str
) -> None:
    tried(library, "calls.py", work, tmp_path / "tries", disk)


@pytest.mark.parametrize(("work", "every"), [("merge", 19), ("pack", 9)])
def test_after_a_power_cut_the_same_command_ends_with_the_same(
    library: Path, tmp_path: Path, work: str, every: int
) -> None:
    assert tried(library, "power.py", work, tmp_path / "tries", every)["tries"] > 5


@pytest.mark.slow
@pytest.mark.parametrize(("work", "every"), [("merge", 5), ("pack", 3), ("report", 13), ("vision", 13)])
def test_after_more_power_cuts_the_same_command_ends_with_the_same(
    library: Path, tmp_path: Path, work: str, every: int
) -> None:
    assert tried(library, "power.py", work, tmp_path / "tries", every)["tries"] > 20
