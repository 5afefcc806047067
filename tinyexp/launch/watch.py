"""How runs under way get on, read from what they write: the same for every executor."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tinyexp.errors import DamagedError
from tinyexp.files import Stamp, read_appended, stamp_of
from tinyexp.launch.progress import Progress, measured
from tinyexp.launch.speed import epoch_seconds
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status, last_result, read_section

_LOOK_S = 0.5
_SHARE = 20
"""Looking takes at most one part in so many of the time, however many runs and however slow the disk."""
_MAX_LOG_BYTES = 1_000_000
_WARNING = "warning: "


@dataclass
class _Seen:
    """What is known of a run."""

    status: Stamp
    log: Stamp
    epochs: int = 0
    started: bool = False


class Watch:
    """Reads the status of runs, and tells a display of progress what is new.

    A file is read only where it changed: a look at a run that did nothing costs two calls of ``stat``.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._seen: dict[RunPlan, _Seen] = {}
        self._due = 0.0

    def begin(self, plan: RunPlan) -> None:
        """Watch a run from now on; what an earlier attempt wrote is known already."""
        seen = _Seen(stamp_of(plan.folder.status), stamp_of(plan.folder.log))
        self._seen[plan] = seen
        if (status := _status(plan)) is not None:
            seen.epochs = status.epochs_done

    def look(self) -> None:
        """Look at all runs, unless the last look is too short a time ago."""
        began = time.monotonic()
        if began < self._due:
            return
        for plan, seen in self._seen.items():
            self._look_at(plan, seen)
        self._due = began + max(_LOOK_S, _SHARE * (time.monotonic() - began))

    def end(self, plan: RunPlan) -> None:
        """Look at a run for the last time."""
        self._look_at(plan, self._seen.pop(plan))

    def _look_at(self, plan: RunPlan, seen: _Seen) -> None:
        self._tell_warnings(plan, seen)
        stamp = stamp_of(plan.folder.status)
        if stamp == seen.status:
            return
        seen.status = stamp
        if not seen.started:
            seen.started = True
            self._progress.started(plan)
        if (status := _status(plan)) is None or status.epochs_done == seen.epochs:
            return  # a heartbeat
        if status.epochs_done > seen.epochs:
            took = epoch_seconds(plan.folder)[seen.epochs : status.epochs_done]
            seconds = sum(took) / len(took) if took else None
            self._progress.epoch_done(plan, status.epochs_done, seconds, measured(*last_result(plan.folder)))
        seen.epochs = status.epochs_done

    def _tell_warnings(self, plan: RunPlan, seen: _Seen) -> None:
        """Of the run's log the whole lines that were added and are warnings."""
        stamp = stamp_of(plan.folder.log)
        if stamp == seen.log:
            return
        # Another file is another log, as after --fresh.
        start = seen.log.size if stamp.inode == seen.log.inode else 0
        added = read_appended(plan.folder.log, start, _MAX_LOG_BYTES)
        whole = added[: added.rfind(b"\n") + 1]
        seen.log = Stamp(stamp.inode, stamp.changed_ns, start + len(whole))
        for line in whole.decode(errors="replace").splitlines():
            if line.startswith(_WARNING):
                self._progress.note(f"{plan.title}: {line.removeprefix(_WARNING)}")


def _status(plan: RunPlan) -> Status | None:
    try:
        return read_section(plan.folder.status, Status)
    except DamagedError:
        return None
