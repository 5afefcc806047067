"""A worker: a process that carries out jobs one after the other, so that torch is loaded once."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from types import FrameType

from tinyexp import stopping, streams
from tinyexp.launch.job import Job, run_job


class _StopRequest:
    """Set by a signal that asks to stop; the run in training commits and leaves at its next step."""

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self.code = stopping.ASKED


def serve(connection: Connection) -> None:
    """Carry out the jobs that are sent, each answered by how it ended, until the other end is closed or a signal asks to stop."""
    streams.keep()
    stop = _StopRequest()
    stopping.hear_as_worker(stop)
    threading.Thread(target=_leave_with_launcher, daemon=True).start()
    while not stop.code and (job := _received(connection)) is not None:
        connection.send(run_job(job, lambda: stop.code))


def _received(connection: Connection) -> Job | None:
    try:
        job: Job = connection.recv()
    except EOFError:
        return None
    return job


def _leave_with_launcher() -> None:
    """End at once when the launcher is gone: an orphan would hold its run against the next launcher."""
    launcher = parent_process()
    assert launcher is not None, "a worker is started by a launcher"
    launcher.join()
    os._exit(1)
