"""A backend that nobody has, as a notebook's or another machine's variable asks for, does not end a report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

KEPT = Path(__file__).parents[2] / "reports" / "embedded"


def test_a_report_is_checked_under_a_backend_that_does_not_exist() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinyexp", "check", str(KEPT)],
        env=os.environ | {"MPLBACKEND": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert all(line.startswith("tinyexp: ") for line in done.stderr.splitlines()), done.stderr
    assert "the report is what its records give" in done.stdout
