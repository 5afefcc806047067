"""The executor of a SLURM cluster; see :mod:`tinyexp.launch.slurm`.

A launcher that is killed leaves its tasks to themselves; the next one finds them. One that ends otherwise leaves none of its own.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence

from tinyexp.errors import UserError, listed
from tinyexp.launch.engines import Placement
from tinyexp.launch.executor import Cancelled, Event, Handle
from tinyexp.launch.job import Job
from tinyexp.launch.slurm import client
from tinyexp.launch.slurm.client import SlurmError
from tinyexp.launch.slurm.script import require_options, script_text
from tinyexp.launch.slurm.submission import new_submission
from tinyexp.launch.slurm.submitter import Submitter, parts, profile_runs
from tinyexp.launch.slurm.tracked import Tell, Tracked
from tinyexp.launch.slurm.watcher import Watcher
from tinyexp.terminal import counted, say

_NAP_S = 0.05
_CANCEL_EVERY_S = 5.0


def slurm_executor(placement: Placement) -> SlurmExecutor:
    """The executor of the cluster that this machine belongs to; see :mod:`tinyexp.launch.engines`."""
    missing = [name for name in client.PROGRAMS if shutil.which(name) is None]
    if missing:
        raise UserError(
            f"--on slurm: {listed(missing)} not found. Give the command on a machine from which SLURM jobs are submitted;"
            " --dry-run prints the script on any."
        )
    return SlurmExecutor(placement)


def rehearsal(placement: Placement, jobs: Sequence[Job]) -> str:
    """The scripts that would be submitted, each after a line that says where it would be written."""
    require_options(placement.sbatch)
    try:
        largest = client.max_array()
    except SlurmError:  # as where there is none
        largest = client.DEFAULT_MAX_ARRAY
    texts: list[str] = []
    for part, chained in parts(dict(enumerate(jobs)), largest, placement.jobs):
        one = new_submission(profile_runs(part.values()))
        after = "JOB" if chained and texts else ""
        text = script_text(one, len(part), placement.jobs, placement.sbatch, after)
        texts.append(f"# {counted(len(part), 'run')}: {str(one.script)!r}\n{text}")
    return "\n".join(texts)


def _say(words: str) -> None:
    say(words, err=True)


class SlurmExecutor:
    """Submits what it was given at the first poll, as one array; see :class:`tinyexp.launch.executor.Executor`."""

    def __init__(self, placement: Placement, tell: Tell = _say) -> None:
        self._tell, self._jobs = tell, placement.jobs
        self._submitter, self._watcher = Submitter(placement, tell), Watcher(tell)
        self._handles = itertools.count()
        self._waiting: dict[Handle, Job] = {}
        self._tracked: dict[Handle, Tracked] = {}
        self._to_cancel: set[Handle] = set()
        self._cancel_due = 0.0
        self._events: list[Event] = []
        self._left: set[str] = set()

    @property
    def side_by_side(self) -> int:
        """See :class:`tinyexp.launch.executor.Executor`."""
        return self._jobs

    def submit(self, job: Job) -> Handle:
        """See :class:`tinyexp.launch.executor.Executor`."""
        handle = next(self._handles)
        self._waiting[handle] = job
        return handle

    def poll(self, wait_s: float) -> list[Event]:
        """See :class:`tinyexp.launch.executor.Executor`."""
        until = time.monotonic() + wait_s
        while True:
            if self._waiting and (submitted := self._submitter.submit(self._waiting)):
                self._tracked |= submitted
                self._watcher.soon()
            self._submitter.beat(self._tracked.values())
            self._cancel_tasks()
            events, self._events = self._events + self._watcher.look(self._tracked), []
            left_s = until - time.monotonic()
            if events or left_s <= 0:
                return events
            time.sleep(min(left_s, _NAP_S))

    def cancel(self, handle: Handle) -> None:
        """See :class:`tinyexp.launch.executor.Executor`. What another launcher submitted, and watches, goes on."""
        if self._waiting.pop(handle, None) is not None:
            self._events.append(Cancelled(handle))
        if (one := self._tracked.get(handle)) is None:
            return
        if one.submission in self._submitter.own:
            one.cancelled = True
            self._to_cancel.add(handle)
            self._watcher.soon()
        else:
            del self._tracked[handle]
            self._left.add(one.array)
            self._events.append(Cancelled(handle))

    def close(self) -> None:
        """See :class:`tinyexp.launch.executor.Executor`."""
        own = self._submitter.own
        open_ones = {one.submission for one in self._tracked.values()}
        for one in (open_ones & own) | self._submitter.unsure:
            try:
                client.cancel_all(one.name)
            except SlurmError as error:
                self._tell(f"{error}; to end what is left: scancel --name={one.name}")
        for one in own - open_ones - self._submitter.unsure:
            if one.is_done():
                one.remove()
        if self._left:
            self._tell(f"runs of another tinyexp go on; to end them: scancel {' '.join(sorted(self._left))}")
        self._waiting.clear()
        self._tracked.clear()

    def _cancel_tasks(self) -> None:
        """Cancel all that is to be cancelled with one call; where SLURM does not answer, again later."""
        self._to_cancel &= self._tracked.keys()
        if not self._to_cancel or time.monotonic() < self._cancel_due:
            return
        tasks: dict[str, list[int]] = defaultdict(list)
        for handle in self._to_cancel:
            tasks[self._tracked[handle].array].append(self._tracked[handle].index)
        try:
            client.cancel(tasks)
            self._to_cancel.clear()
        except SlurmError as error:
            self._tell(f"{error}; asking again")
            self._cancel_due = time.monotonic() + _CANCEL_EVERY_S
