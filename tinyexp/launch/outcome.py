"""What became of a run, whoever has to write it down."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from tinyexp.errors import DamagedError, TinyexpError
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status, read_section, write_section


@dataclass(frozen=True)
class Outcome:
    """A run's end, as ``run-all`` reports it."""

    plan: RunPlan
    status: Status
    exit_code: int
    """0; 1 where it failed or diverged; 2 where the input was at fault; 130 or 143 where it was stopped."""
    trained: bool
    """False where a finished run was used again."""


def mark_failed(plan: RunPlan, message: str) -> Status:
    """Write down that a run failed, and why; what it had committed stays as it is."""
    epochs = plan.epochs
    try:
        before = read_section(plan.folder.status, Status)
    except DamagedError:
        before = Status(state="running", epochs_done=0, epochs=epochs)
    status = before.model_copy(update={"state": "failed", "message": message})
    # On a full disk not even this can be written; whoever asked is told all the same.
    with contextlib.suppress(TinyexpError):
        if not plan.folder.record.exists():
            write_section(plan.folder.record, plan.record)
        write_section(plan.folder.status, status)
    return status
