"""A slot: one process that trains many runs, one after the other, so that torch is loaded once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from tinyexp.errors import DivergedError, InterruptedRunError, TinyexpError
from tinyexp.files import append_text
from tinyexp.launch.messages import Ended, EpochDone, Task, Warned
from tinyexp.launch.outcome import mark_failed
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status, headline, read_section
from tinyexp.terminal import visible
from tinyexp.trainers.base import Listener, Row, trainer_of

_SIGTERM_CODE = 128 + signal.SIGTERM


class _StopRequest:
    """Set by SIGTERM; the run in training commits and leaves at its next step."""

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.code = _SIGTERM_CODE


def serve(connection: Connection) -> None:
    """Train what the launcher sends until it sends None or closes its end."""
    stop = _StopRequest()
    signal.signal(signal.SIGTERM, stop)
    # A terminal sends SIGINT to all its processes; the launcher decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_launcher, daemon=True).start()
    while (task := _received(connection)) is not None:
        connection.send(_train(task, connection, stop))
        if stop.code:
            return


def _train(task: Task, connection: Connection, stop: _StopRequest) -> Ended:
    listener = Listener(
        epoch_done=lambda row, timing: connection.send(_progress(row, timing)),
        warn=lambda message: connection.send(Warned(message)),
        stop_code=lambda: stop.code,
    )
    try:
        status = trainer_of(task.plan.experiment.trainer).train(
            task.plan,
            Path(task.data_folder),
            listener,
            fresh=task.fresh,
            accept_environment=task.accept_environment,
        )
    except InterruptedRunError as error:
        return Ended(read_section(task.plan.folder.status, Status), error.exit_code)
    except DivergedError as error:
        return Ended(read_section(task.plan.folder.status, Status), error.exit_code)
    except TinyexpError as error:
        return Ended(mark_failed(task.plan, str(error)), error.exit_code)
    except Exception as error:  # noqa: BLE001 - whatever one run dies of, the others go on
        _log_traceback(task.plan)
        return Ended(mark_failed(task.plan, f"{type(error).__name__}: {error}"), 1)
    return Ended(status, 0)


def _progress(row: Row, timing: Row) -> EpochDone:
    metric = headline(row)
    return EpochDone(
        epoch=int(row.get("epoch") or row.get("step") or 0),
        seconds=sum(
            float(value or 0) for name, value in timing.items() if name.endswith("_s") and "per" not in name
        ),
        metric=metric,
        value=float(row[metric] or 0) if metric else 0.0,
        index="step" if row.get("epoch") is None else "epoch",
    )


def _received(connection: Connection) -> Task | None:
    try:
        task: Task | None = connection.recv()
    except EOFError:
        return None
    return task


def _leave_with_launcher() -> None:
    """End at once when the launcher is gone: an orphan would hold its run against the next launcher."""
    launcher = parent_process()
    assert launcher is not None, "a slot is started by a launcher"
    launcher.join()
    os._exit(1)


def _log_traceback(plan: RunPlan) -> None:
    if plan.folder.path.is_dir():
        with contextlib.suppress(TinyexpError):  # its message has been told
            append_text(plan.folder.log, visible(traceback.format_exc()))
