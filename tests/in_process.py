"""An executor of a few lines, in the test's own process: what any other must be able to do, and nothing else."""

from tinyexp.launch.executor import Cancelled, RunEnded
from tinyexp.launch.job import run_job


class InProcess:
    """Carries out one job a poll; ``asked`` is what the test wants to happen between the steps of the runs."""

    def __init__(self, asked=lambda: None):
        self.jobs, self.cancelled, self.closed, self._asked = {}, [], False, asked
        self._handle, self._stop = 0, 0

    side_by_side = 1

    def submit(self, job):
        self._handle += 1
        self.jobs[self._handle] = job
        return self._handle

    def poll(self, wait_s):
        events = [Cancelled(handle) for handle in self.cancelled]
        self.cancelled.clear()
        if not events and self.jobs:
            handle = next(iter(self.jobs))
            end = run_job(self.jobs.pop(handle), self._stop_code)
            events = [RunEnded(handle, end.exit_code, end.message)]
        return events

    def cancel(self, handle):
        if self.jobs.pop(handle, None):
            self.cancelled.append(handle)

    def close(self):
        self.closed = True

    def _stop_code(self):
        self._stop = self._asked() or self._stop
        return self._stop
