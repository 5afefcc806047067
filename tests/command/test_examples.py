"""The examples are what their pages say: run as printed, on a copy."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import warm

PROJECT = Path(__file__).parents[2]
FASHION = Path("/usr/share/datasets/fashion-mnist")


def tinyexp(*words, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the examples say `python`
    done = warm.run(
        [sys.executable, "-m", "tinyexp", *words],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def digits(tmp_path):
    return Path(shutil.copytree(PROJECT / "examples" / "digits", tmp_path / "digits"))


@pytest.mark.slow
def test_the_digits_train_by_two_designs_and_the_report_can_be_checked(digits):
    """With twelve epochs in place of twenty, and without the mixtures: what takes long is the slow test's."""
    tinyexp("run-all", "--plan", "none", "--set", "epochs=12", folder=digits)
    tinyexp("report", "--out", "reports/latest", "--set", "epochs=12", folder=digits)
    page = (digits / "reports" / "latest" / "report.md").read_text(encoding="utf-8")
    assert page.startswith("# Tuned net beats Plain net")
    assert "source" not in page.lower().replace("as the source does", "")
    assert "the report is what its records give" in tinyexp("check", "reports/latest", folder=digits)


def test_every_command_of_the_page_is_one_of_the_examples():
    page = (PROJECT / "docs" / "your-own-trainer.md").read_text(encoding="utf-8")
    file = (PROJECT / "examples" / "digits" / "experiments" / "plain.toml").read_text(encoding="utf-8")
    shown = page.split("```toml")[1].split("```")[0]
    for line in shown.splitlines():
        key = line.partition(" = ")[0]
        assert not key or key.startswith("[") or f"\n{key} = " in f"\n{file}"
    shell = page.split("## Five commands")[1].split("```sh")[1].split("```")[0]
    assert [line.split()[1] for line in shell.splitlines() if line.startswith("tinyexp ")] == [
        "try", "plan", "run-all", "report", "check",
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.long
def test_the_five_commands_of_the_page_with_a_kill_in_the_middle(digits):
    assert "20 rows by epoch" in tinyexp("try", "plain", folder=digits)
    assert "24 to train" in tinyexp("plan", "why-tuned", folder=digits)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    killed = warm.Popen(
        [sys.executable, "-m", "tinyexp", "run-all"],
        cwd=digits,
        env=os.environ | {"PATH": path},
        start_new_session=True,
    )
    time.sleep(12)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    rows = json.loads(tinyexp("run-all", "--json", folder=digits))
    assert {row["state"] for row in rows} == {"finished"}
    assert len(rows) == 24
    tinyexp("report", "--out", "reports/latest", folder=digits)
    page = (digits / "reports" / "latest" / "report.md").read_text(encoding="utf-8")
    assert re.search(r"Shares of the gap in test accuracy", page)
    assert "standardized pixels" in page
    tinyexp("check", "reports/latest", folder=digits)


@pytest.mark.slow
@pytest.mark.skipif(
    not FASHION.is_dir() and not os.environ.get("CI"), reason="Debian's dataset-fashion-mnist is not there"
)
def test_a_pytorch_script_is_driven_by_a_metric_where_lower_is_better(tmp_path):
    folder = shutil.copytree(PROJECT / "examples" / "fashion-mnist", tmp_path / "fashion")
    tinyexp("run-all", folder=folder)
    tinyexp("report", "--out", "reports/latest", folder=folder)
    page = (folder / "reports" / "latest" / "report.md").read_text(encoding="utf-8")
    assert "test loss (lower is better)" in page
    tinyexp("check", "reports/latest", folder=folder)
