"""One run as a job. It is idempotent: all state is on disk, and the same job again goes on or does nothing."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinyexp.errors import (
    DamagedError,
    DivergedError,
    InterruptedRunError,
    LockedError,
    TinyexpError,
    call_failed,
)
from tinyexp.files import append_text
from tinyexp.lease import holder_elsewhere
from tinyexp.runs.heartbeat import beating
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status, read_section, write_section
from tinyexp.terminal import visible
from tinyexp.trainers.base import Listener, trainer_of
from tinyexp.trainers.owned import owned


@dataclass(frozen=True)
class Job:
    """A run to train, and what that takes besides its plan."""

    plan: RunPlan
    data_folder: Path
    fresh: bool = False
    """Leave aside what was trained before; such a job begins anew each time it is carried out."""
    accept_environment: bool = False

    def is_done(self) -> bool:
        """Whether carrying it out would do nothing."""
        return not self.fresh and self.plan.is_finished()


@dataclass(frozen=True)
class JobEnd:
    """How carrying out a job ended."""

    exit_code: int
    """0; 1 where the run failed or diverged; 2 where the input was at fault; 130 or 143 where it was stopped."""
    message: str = ""
    """What went wrong."""


@dataclass(frozen=True)
class Outcome:
    """A run's end, as ``run-all`` reports it."""

    plan: RunPlan
    status: Status
    exit_code: int
    """As of :class:`JobEnd`."""
    trained: bool
    """False where a finished run was used again."""


def run_job(job: Job, stop_code: Callable[[], int] = lambda: 0) -> JobEnd:
    """Carry out a job in this process; however it ends, the run's status says so.

    Parameters
    ----------
    stop_code
        Asked between steps: 0 to go on, else the exit code to commit and leave with.
    """
    if job.is_done():
        return JobEnd(0)
    plan, listener = job.plan, Listener(stop_code=beating(job.plan.folder.status, stop_code))
    try:
        trainer_of(plan.experiment.trainer).train(
            plan, job.data_folder, listener, fresh=job.fresh, accept_environment=job.accept_environment
        )
    except InterruptedRunError as error:
        return JobEnd(error.exit_code)
    except (DivergedError, LockedError) as error:  # written down already, or another process's to write
        return JobEnd(error.exit_code, str(error))
    except TinyexpError as error:
        mark_failed(plan, str(error))
        return JobEnd(error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - whatever one run dies of, the others go on
        _log_traceback(plan)
        # What the system refused is the disk's or the machine's matter, and no riddle.
        words = str(call_failed(error)) if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        mark_failed(plan, message := words)
        return JobEnd(1, message)
    return JobEnd(0)


def recorded_status(plan: RunPlan) -> Status:
    """The status of a run; that of one that has just begun, where none can be read."""
    try:
        return read_section(plan.folder.status, Status)
    except DamagedError:
        return Status(state="running", epochs_done=0, epochs=plan.epochs)


def failed_status(plan: RunPlan, message: str) -> Status:
    """The status of a run of which it is known that it failed; what it had committed stays as it is."""
    return recorded_status(plan).model_copy(update={"state": "failed", "message": message})


def mark_failed(plan: RunPlan, message: str) -> Status:
    """Write down that a run failed, and why, unless another process has it by now, or finished it.

    A finished run that was refused, as for a record that somebody changed, is what it was; whoever asked hears of it.
    """
    status = failed_status(plan, message)
    # On a full disk not even this can be written; whoever waits for the run hears of it all the same.
    with contextlib.suppress(TinyexpError):
        if holder_elsewhere(plan.folder.path):  # which is not waited for
            return status
        with owned(plan.folder, wait_s=0):
            if recorded_status(plan).state != "finished":
                if not os.path.lexists(plan.folder.record):
                    write_section(plan.folder.record, plan.record)
                write_section(plan.folder.status, status)
    return status


def _log_traceback(plan: RunPlan) -> None:
    if plan.folder.path.is_dir():
        with contextlib.suppress(TinyexpError):  # as above
            append_text(plan.folder.log, visible(traceback.format_exc()))
