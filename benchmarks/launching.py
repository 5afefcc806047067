"""The same runs through the adapter of SLURM (beside the stand-in of its tests) and through the local executor, by processor time.

Both have a process for each run, so that what differs is what the adapter does: writing, asking, waiting for ends. Where a worker
serves many runs the local executor loads torch once for all of them; a task of a cluster loads it for itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from pathlib import Path

from fair import Side, command, compare, one_thread

ROUNDS = 5
NAMES = ("tiny-design1", "tiny-design2")
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2)."""


def train_by(engine: str, folder: Path) -> None:
    """Train both designs of the embedded profile, each in a process of its own."""
    from many_jobs import slurm

    from tinyexp.config.load import load_experiment
    from tinyexp.launch.drive import train
    from tinyexp.launch.job import Job
    from tinyexp.launch.local import LocalExecutor
    from tinyexp.launch.progress import PlainProgress
    from tinyexp.runs.plan import plan_run
    from tinyexp.trainers.base import trainer_of

    # The stand-in's tasks are nobody's children once it has answered: they become ours, and their time is counted.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    experiments = [load_experiment(name, "embedded") for name in NAMES]
    data = trainer_of("vision").inputs(experiments, Path("data"))
    plans = [plan_run(one, 0, record, folder / "runs") for one, record in zip(experiments, data, strict=True)]
    jobs = [Job(plan, Path("data")) for plan in plans]
    with contextlib.ExitStack() as stack:
        executor = LocalExecutor(len(jobs))
        if engine == "slurm":
            executor = stack.enter_context(slurm(folder, len(jobs), instant=False)).executor
        outcomes, code = train(jobs, executor, PlainProgress(len(jobs)))
    assert (code, {one.status.state for one in outcomes}) == (0, {"finished"})
    if engine == "slurm":  # the local executor has waited for its own
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)


def side(engine: str, name: str) -> Side:
    """The same in a process of its own, and a folder that is thrown away."""

    def run() -> None:
        folder = tempfile.mkdtemp(prefix="tinyexp-bench-")
        try:
            command(__file__, engine, folder)()
        finally:
            shutil.rmtree(folder)

    return Side(name, run, len(NAMES))


if __name__ == "__main__":
    one_thread()
    if len(sys.argv) == 3:
        train_by(sys.argv[1], Path(sys.argv[2]))
    else:
        compare(
            "launching-slurm",
            side("slurm", "--on slurm, beside a stand-in"),
            side("local", "--on local, a worker a run"),
            goal=1.05,
            at_most=True,
            rounds=int(sys.argv[1]) if len(sys.argv) == 2 else ROUNDS,
        )
