"""The executor of a Ray cluster: a task a run. Where no folder is shared a run comes back as archives, and is held here meanwhile."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tinyexp.errors import TinyexpError
from tinyexp.launch.executor import Cancelled, Event, Handle, RunEnded, WorkerLost
from tinyexp.launch.job import Job
from tinyexp.launch.ray.archive import packed
from tinyexp.launch.ray.hold import Holding
from tinyexp.launch.ray.home import bring_home
from tinyexp.launch.ray.node import PURPOSE, ROOM
from tinyexp.launch.ray.order import Order, Word, own_version
from tinyexp.launch.ray.seam import Cluster, Failed, Heard, Lost, Need, Stream
from tinyexp.launch.task import Task
from tinyexp.ownership import empty, read_mark, remove_abandoned, room_beside
from tinyexp.runs.folder import RECORD_NAMES

MAX_LOSSES = 3
"""A run whose worker was lost so often is given up: it may be what ends them."""
_USUAL = Need()
MAX_OUT = 500
"""Runs that are out at once at most: each holds an open file here, of which a process has 1,024."""


@dataclass
class _Out:
    """A job that a node has, or that waits for its folder to be free."""

    job: Job
    holding: Holding
    asides: frozenset[str]
    """What was set aside in its folder before."""
    untouched: bool
    """Nothing had been trained before, so that there is nothing for ``fresh`` to set aside."""
    stream: Stream | None = None
    begun: bool = False
    """A node said that it is at it."""
    shared: bool = False
    losses: int = 0
    stopping: bool = False

    def again(self) -> bool:
        """Whether what ``fresh`` asks for was done by an attempt that was lost."""
        return self.losses > 0 and (self.untouched or _asides(self.job) != self.asides)


class RayExecutor:
    """Carries out jobs on a cluster, in the order in which they were submitted."""

    def __init__(
        self,
        cluster: Cluster,
        runs: Path,
        need: Callable[[Job], Need],
        *,
        jobs: int = 0,
        usual: Need = _USUAL,
        say: Callable[[str], None],
    ) -> None:
        """``jobs`` is how many may be out at once, 0 for as many as the cluster has room for; ``usual`` what most of them need."""
        self._cluster, self._runs, self._need, self._jobs, self._say = cluster, runs, need, jobs, say
        self._handles = itertools.count()
        self._waiting: dict[Handle, Job] = {}
        self._out: dict[Handle, _Out] = {}
        self._events: list[Event] = []
        self._told_of_room = False
        self.side_by_side = max(1, jobs or cluster.room(usual))
        """Runs that are trained at once, as the cluster is now."""
        self._marked = contextlib.ExitStack()
        runs.mkdir(parents=True, exist_ok=True)
        remove_abandoned(runs / ROOM, PURPOSE, empty)
        self._room = self._marked.enter_context(room_beside(runs / ROOM, PURPOSE))

    def submit(self, job: Job) -> Handle:
        """See :class:`tinyexp.launch.executor.Executor`."""
        handle = next(self._handles)
        self._waiting[handle] = job
        return handle

    def poll(self, wait_s: float) -> list[Event]:
        """See :class:`tinyexp.launch.executor.Executor`."""
        self._send_out()
        streams = {handle: out.stream for handle, out in self._out.items() if out.stream is not None}
        if not streams and not self._events:
            time.sleep(wait_s)  # until a folder is free
        elif streams:
            for handle, heard in self._cluster.heard(streams, 0 if self._events else wait_s):
                self._take(handle, heard)
        events, self._events = self._events, []
        return events

    def cancel(self, handle: Handle) -> None:
        """See :class:`tinyexp.launch.executor.Executor`."""
        if self._waiting.pop(handle, None) is not None:
            self._events.append(Cancelled(handle))
        elif (out := self._out.get(handle)) is not None:
            out.stopping = True
            if out.begun:
                self._cluster.stop(handle)
            else:  # one for which there is no room would never hear of it
                self._end(handle, Cancelled(handle))

    def close(self) -> None:
        """See :class:`tinyexp.launch.executor.Executor`."""
        try:
            self._cluster.close()
        finally:
            for out in self._out.values():
                out.holding.release()
            self._out.clear()
            self._waiting.clear()
            self._marked.close()

    def _send_out(self) -> None:
        for handle in self._next():
            job = self._waiting.pop(handle)
            self._out[handle] = _Out(job, Holding(job.plan.folder), _asides(job), _is_untouched(job))
        for handle, out in [*self._out.items()]:
            if out.stream is not None:
                continue
            if out.holding.refused is not None:
                self._end(handle, RunEnded(handle, out.holding.refused.exit_code, str(out.holding.refused)))
            elif out.holding.held and out.job.is_done():  # another launcher had it, and is through
                self._end(handle, RunEnded(handle, 0))
            elif out.holding.held:
                out.stream = self._cluster.start(
                    self._order(handle, out), packed(out.job.plan.folder.path), self._need(out.job)
                )

    def _next(self) -> list[Handle]:
        """The jobs that may go out now."""
        if not self._waiting or len(self._out) >= MAX_OUT:
            return []
        most = self._jobs or self._usable(self._need(next(iter(self._waiting.values()))))
        return list(itertools.islice(self._waiting, max(0, min(most, MAX_OUT) - len(self._out))))

    def _usable(self, need: Need) -> int:
        """What there is room for, and a few that wait at the cluster's door: it sees that there is more to do, and never idles."""
        room = self._cluster.room(need)
        if not room and not self._told_of_room:
            self._told_of_room = True
            gpus = f" and {need.gpus:g} GPUs" if need.gpus else ""
            self._say(
                f"no node of the cluster has {need.cpus:g} processors{gpus} now: runs wait until one joins"
            )
        return room + max(2, room // 4)

    def _order(self, handle: Handle, out: _Out) -> Order:
        mark = read_mark(self._room, PURPOSE, ROOM)
        assert mark is not None, "the room was marked when it was made"
        return Order(
            number=handle,
            task=Task.of(replace(out.job, data_folder=out.job.data_folder.absolute())),
            again=out.again(),
            runs=str(self._runs.absolute()),
            room=self._room.name,
            token=mark.token,
            working_folder=str(Path.cwd()),
            version=own_version(),
        )

    def _take(self, handle: Handle, heard: Heard) -> None:
        match heard:
            case Lost(how=how):
                self._lost(handle, self._out[handle], how)
            case Failed(message=message):
                self._end(handle, RunEnded(handle, 1, message))
            case (text, archive):
                try:
                    self._take_word(handle, self._out[handle], Word.model_validate_json(text), archive)
                except (
                    TinyexpError
                ) as error:  # as on a full disk: what is here is what the run will go on from
                    self._end(handle, RunEnded(handle, error.exit_code, str(error)))

    def _take_word(self, handle: Handle, out: _Out, word: Word, archive: bytes) -> None:
        if archive:
            bring_home(archive, out.job.plan.folder)
        if word.kind == "began":
            out.begun, out.shared = True, word.shared
            if word.shared:  # it takes the folder itself
                out.holding.release()
        elif word.kind == "beat":
            with contextlib.suppress(OSError):
                os.utime(out.job.plan.folder.status)
        elif word.kind == "ended":
            out.stream = None  # it is through, and must not be taken back while it goes
            self._end(handle, RunEnded(handle, word.exit_code, word.message))

    def _lost(self, handle: Handle, out: _Out, how: str) -> None:
        """Have a run go on elsewhere from the last commit that is here."""
        out.stream, out.begun = None, False
        out.losses += 1
        if out.stopping:
            self._end(handle, Cancelled(handle))
        elif out.losses >= MAX_LOSSES:
            self._end(handle, WorkerLost(handle, f"{how}; lost {out.losses} times"))
        else:
            self._say(f"{out.job.plan.title}: lost ({how}); it goes on from the last commit that is here")
            if not out.holding.held:
                out.holding = Holding(out.job.plan.folder)

    def _end(self, handle: Handle, event: Event) -> None:
        out = self._out.pop(handle)
        if out.stream is not None:
            self._cluster.forget(out.stream)
        out.holding.release()
        self._events.append(event)


def _asides(job: Job) -> frozenset[str]:
    return frozenset(path.name for path in job.plan.folder.path.glob("before-fresh-*"))


def _is_untouched(job: Job) -> bool:
    folder = job.plan.folder
    return not any((folder.path / name).exists() for name in (*RECORD_NAMES, folder.checkpoints.name))
