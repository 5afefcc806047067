"""One attempt at a task of an array, and what becomes of it: an end that is written down, or another attempt.

SIGTERM has the run commit and leave. Where the job was not cancelled, as two minutes before its time limit, it then goes into
the queue again, so that a run outlives any limit.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from tinyexp.launch.job import JobEnd, run_job
from tinyexp.launch.slurm.client import SlurmError, requeue, state_of
from tinyexp.launch.slurm.submission import STOPPED_CODE, Submission, TaskEnd
from tinyexp.runs.records import write_section

_ASK_S = 60.0
"""Of the two minutes that are left so long is spent on asking a slurmctld that does not answer."""
_PAUSE_S = 2.0


def attempt(folder: Path, index: int, stop_code: Callable[[], int]) -> int:
    """Carry out a task, and write down how it ended unless it begins again; gives the exit code.

    Raises
    ------
    TinyexpError
        The task cannot be read, or its end cannot be written.
    """
    submission = Submission(folder)
    submission.end_path(index).unlink(missing_ok=True)  # that of an attempt before
    again = int(os.environ.get("SLURM_RESTART_COUNT") or 0) > 0
    end = run_job(submission.task(index).job(submission.runs, again=again), stop_code)
    # SLURM signals all processes of a job: one of them that ends of it makes the run fail.
    if stop_code() and end.exit_code:
        if (refusal := _begin_again()) is None:
            return STOPPED_CODE
        end = JobEnd(STOPPED_CODE, refusal)
    write_section(submission.end_path(index), TaskEnd(exit_code=end.exit_code, message=end.message))
    return end.exit_code


def _begin_again() -> str | None:
    """Have SLURM put this task into its queue again; None where it did, else why not: empty where the task was cancelled."""
    task = f"{os.environ.get('SLURM_ARRAY_JOB_ID')}_{os.environ.get('SLURM_ARRAY_TASK_ID')}"
    until = time.monotonic() + _ASK_S
    while True:
        try:
            # One that was cancelled, or that SLURM itself has put into the queue again, is no longer running.
            if state_of(task) != "RUNNING":
                return ""
            requeue(task)
        except SlurmError as error:
            if not error.passing or time.monotonic() > until:
                return (
                    f"stopped by SLURM and not put into its queue again ({error}); the same command goes on"
                )
            time.sleep(_PAUSE_S)
        else:
            return None
