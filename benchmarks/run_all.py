"""`tinyexp run-all` as a whole process beside a plain PyTorch script that does the same epochs and evaluations.

Both train the four embedded experiments once, one after the other on one thread, and measure after each epoch what
`metrics.csv` holds. The script has no checkpoints, no records, no resume.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from fair import Side, command, compare

ROUNDS = 3

if __name__ == "__main__":
    place = Path(tempfile.mkdtemp(prefix="tinyexp-bench-"))

    def run_all() -> None:
        arguments = (
            "run-all",
            "--plan",
            "none",
            "--seeds",
            "1",
            "--jobs",
            "1",
            "--runs",
            str(place / "runs"),
        )
        command("-m", "tinyexp", *arguments)()
        shutil.rmtree(place / "runs")

    script = str(Path(__file__).with_name("plain_training.py"))
    try:
        compare(
            "run-all",
            Side("tinyexp run-all --plan none --seeds 1 --jobs 1", run_all),
            Side("a plain script, torchvision's transforms", command(script, OMP_NUM_THREADS="1")),
            goal=0.65,
            at_most=True,
            rounds=ROUNDS,
        )
    finally:
        shutil.rmtree(place)
