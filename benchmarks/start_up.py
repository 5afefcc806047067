"""`tinyexp --help` beside a Python that does nothing: what a user waits for before anything happens."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from fair import Side, command, compare

if __name__ == "__main__":
    compare(
        "start-up",
        Side("tinyexp --help", command(str(Path(sysconfig.get_path("scripts")) / "tinyexp"), "--help")),
        Side("python -c pass", command("-c", "pass")),
        goal=5,
        at_most=True,
        rounds=15,
    )
