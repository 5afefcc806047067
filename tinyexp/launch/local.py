"""The executor of one machine: jobs side by side in worker processes, each of which serves many."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.resource_tracker import ensure_running

from tinyexp import stopping
from tinyexp.launch.engines import Placement
from tinyexp.launch.executor import Cancelled, Event, Handle, RunEnded, WorkerLost
from tinyexp.launch.job import Job, JobEnd
from tinyexp.launch.worker import serve

_PATIENCE_S = 10.0
_CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang


@dataclass
class _Worker:
    """A worker process, and the job that it is busy with."""

    process: SpawnProcess
    connection: Connection
    handle: Handle | None = None
    leaving: bool = False
    """It was asked to leave, and gets no other job."""


def local_executor(placement: Placement) -> LocalExecutor:
    """The executor of this machine; see :mod:`tinyexp.launch.engines`."""
    return LocalExecutor(placement.jobs)


class LocalExecutor:
    """Carries out jobs in up to ``workers`` processes, in the order in which they were submitted."""

    def __init__(self, workers: int) -> None:
        self._limit = workers
        self._handles = itertools.count()
        self._waiting: dict[Handle, Job] = {}
        self._workers: list[_Worker] = []
        self._cancelled: list[Event] = []

    @property
    def side_by_side(self) -> int:
        """See :class:`tinyexp.launch.executor.Executor`."""
        return self._limit

    def submit(self, job: Job) -> Handle:
        """See :class:`tinyexp.launch.executor.Executor`."""
        handle = next(self._handles)
        self._waiting[handle] = job
        return handle

    def poll(self, wait_s: float) -> list[Event]:
        """See :class:`tinyexp.launch.executor.Executor`."""
        self._hand_out()
        ready = wait([one.connection for one in self._workers], 0 if self._cancelled else wait_s)
        events, self._cancelled = self._cancelled, []
        heard = [self._heard(one) for one in [*self._workers] if one.connection in ready]
        self._hand_out()  # before anybody looks at what the events say
        return events + [event for event in heard if event is not None]

    def cancel(self, handle: Handle) -> None:
        """See :class:`tinyexp.launch.executor.Executor`."""
        if self._waiting.pop(handle, None) is not None:
            self._cancelled.append(Cancelled(handle))
        for worker in self._workers:
            if worker.handle == handle:
                worker.leaving = True
                worker.process.terminate()

    def close(self) -> None:
        """See :class:`tinyexp.launch.executor.Executor`."""
        for worker in self._workers:
            if worker.handle is not None:
                worker.process.kill()
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():  # a thread of it hangs, as where a disk does
                worker.process.kill()
                worker.process.join()
        self._workers.clear()
        self._waiting.clear()

    def _hand_out(self) -> None:
        while self._waiting and (worker := self._free_worker()) is not None:
            worker.handle = next(iter(self._waiting))
            # One that has just died gives the end of its pipe to the next poll, as one that dies later does.
            with contextlib.suppress(BrokenPipeError):
                worker.connection.send(self._waiting.pop(worker.handle))

    def _free_worker(self) -> _Worker | None:
        for worker in self._workers:
            if worker.handle is None and not worker.leaving:
                return worker
        if len(self._workers) >= self._limit:
            return None
        ours, theirs = _CONTEXT.Pipe()
        # Not a daemon: a worker may have data workers of its own.
        process = _CONTEXT.Process(target=serve, args=(theirs,), name="tinyexp worker")
        ensure_running()  # what it starts now, it would start in the block, and open the gate for signals
        with stopping.held_back():
            process.start()
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]

    def _heard(self, worker: _Worker) -> Event | None:
        """What a worker says; None where it leaves after its last job."""
        try:
            end: JobEnd = worker.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._lost(worker)
        assert worker.handle is not None, "a worker speaks of the job that it was given"
        handle, worker.handle = worker.handle, None
        return RunEnded(handle, end.exit_code, end.message)

    def _lost(self, worker: _Worker) -> Event | None:
        """A worker's process is gone; the next job gets a new one."""
        worker.process.join()
        self._workers.remove(worker)
        worker.connection.close()
        if worker.handle is None:
            return None
        if worker.leaving:  # it was ended on its way out
            return Cancelled(worker.handle)
        code = worker.process.exitcode or 0
        return WorkerLost(
            worker.handle, f"signal {-code}, {signal.Signals(-code).name}" if code < 0 else f"code {code}"
        )
