"""How tasks that SLURM has end: by the word that they leave on disk, else by SLURM's having them no longer.

Disks that machines share show a file later than it was written, and squeue fails at times: neither loses a job.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from tinyexp.launch.executor import Cancelled, Event, Handle, RunEnded, WorkerLost
from tinyexp.launch.slurm import client
from tinyexp.launch.slurm.client import Queued, SlurmError
from tinyexp.launch.slurm.pace import Pace
from tinyexp.launch.slurm.submission import STOPPED_CODE, Submission, TaskEnd
from tinyexp.launch.slurm.tracked import Tell, Tracked, Trouble
from tinyexp.runs.heartbeat import STALE_S

GRACE_S = STALE_S
"""Longer than network disks take to show a file that was written elsewhere."""
_CANCELLED_GRACE_S = 10.0


class Watcher:
    """Looks at tasks, and takes out those that have ended."""

    def __init__(self, tell: Tell) -> None:
        self._trouble = Trouble(tell)
        self._disk = Pace(shortest_s=0.5, longest_s=5.0)
        # One question is about all tasks, and its answer has a line for each.
        self._queue = Pace(shortest_s=1.0, longest_s=60.0, each_s=0.02)

    def soon(self) -> None:
        """Something is about to happen."""
        for pace in (self._disk, self._queue):
            pace.soon(time.monotonic())

    def look(self, tracked: dict[Handle, Tracked]) -> list[Event]:
        """What happened to these tasks, where a look is due."""
        began = time.monotonic()
        events: list[Event] = []
        if tracked and began >= self._disk.due:
            events += self._on_disk(tracked)
            self._disk.looked(began, time.monotonic(), len(tracked))
        if tracked and began >= self._queue.due:
            events += self._in_queue(tracked, began)
            missing = any(one.missing_since is not None for one in tracked.values())
            self._queue.looked(began, time.monotonic(), len(tracked), GRACE_S / 4 if missing else None)
        if events:
            for pace in (self._disk, self._queue):
                pace.changed(began)
        return events

    def _on_disk(self, tracked: dict[Handle, Tracked]) -> list[Event]:
        ended = {
            submission: submission.ended() for submission in {one.submission for one in tracked.values()}
        }
        events: list[Event] = []
        for handle, one in [*tracked.items()]:
            # Whether one that was stopped begins again is for SLURM to say.
            if (
                one.index in ended[one.submission]
                and (end := one.submission.end(one.index))
                and end.exit_code != STOPPED_CODE
            ):
                del tracked[handle]
                events.append(_told(handle, end))
        return events

    def _in_queue(self, tracked: dict[Handle, Tracked], began: float) -> list[Event]:
        try:
            queue = client.queued(sorted({one.submission.name for one in tracked.values()}))
        except SlurmError as error:
            self._trouble.tell(f"{error}; the runs go on, and SLURM is asked again")
            return []
        self._trouble.over("SLURM answers again")
        events: list[Event] = []
        lost: dict[Handle, Tracked] = {}
        for handle, one in [*tracked.items()]:
            if (found := queue.get((one.submission.name, one.index))) is not None:
                _note(one, found)
            elif (event := _gone(handle, one, began)) is not None:
                del tracked[handle]
                events.append(event)
            elif one.missing_since is not None and began - one.missing_since >= GRACE_S:
                lost[handle] = tracked.pop(handle)
        return events + _lost(lost)


def _note(one: Tracked, found: Queued) -> None:
    one.missing_since = None
    one.array = found.array
    one.began = one.began or found.state != "PENDING"


def _gone(handle: Handle, one: Tracked, now: float) -> Event | None:
    """How a task ended that SLURM has no longer; None where that is not known yet."""
    if end := one.submission.end(one.index):
        return _told(handle, end)
    if one.missing_since is None:
        one.missing_since = now
    if one.cancelled and (not one.began or now - one.missing_since >= _CANCELLED_GRACE_S):
        return Cancelled(handle)
    # Its end may be gone with its submission, where two launchers waited for it.
    if not one.job.fresh and one.job.plan.is_finished():
        return RunEnded(handle, 0)
    return None


def _told(handle: Handle, end: TaskEnd) -> Event:
    return RunEnded(handle, end.exit_code, end.message)


def _lost(lost: Mapping[Handle, Tracked]) -> list[Event]:
    """Tasks that ended without a word; SLURM is asked once for each array."""
    known = {array: client.endings(array) for array in {one.array for one in lost.values()}}
    return [
        WorkerLost(
            handle,
            known[one.array].get(one.index, "SLURM knows it no longer") + _output(one.submission, one.index),
        )
        for handle, one in lost.items()
    ]


def _output(submission: Submission, index: int) -> str:
    log = submission.log(index)
    return f"; what it said: {log}" if log.exists() else ""
