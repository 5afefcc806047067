"""What a node does with an order: find out whether it has the folder of runs, train, and say how that gets on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path

from tinyexp.errors import TinyexpError
from tinyexp.launch.job import Job, JobEnd, run_job
from tinyexp.launch.ray.archive import packed
from tinyexp.launch.ray.home import bring_home
from tinyexp.launch.ray.order import Order, Spoken, Word, own_version, spoken
from tinyexp.ownership import empty, read_mark, remove_abandoned, room_beside
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.heartbeat import BEAT_S

ROOM, PURPOSE = "ray", "orders"
"""What the marked folder in the folder of runs is called, and is for."""
RUNS_VARIABLE = "TINYEXP_RAY_RUNS"
"""On a node that has the folder of runs under another path, that path."""
LOOK_S = 0.5
ARCHIVE_S = 5.0
"""Between two archives of a run at least: a loss costs that much more, and an archive costs a look at all of its files."""
_SHARE = 20
"""Packing takes at most one part in so many of the time, however large the run."""
_STOPPED = 128 + signal.SIGTERM
_OWN = "tinyexp-runs"


def carry_out(text: str, state: bytes, stop_asked: Callable[[], bool]) -> Iterator[Spoken]:
    """Carry out an order, and tell of it: ``began``, then of each commit, then ``ended``, exactly once.

    Parameters
    ----------
    text
        An :class:`Order` as JSON.
    state
        What was there of the run; used where the folder of runs is not shared.
    stop_asked
        Asked now and then, whether the run is to commit and leave.
    """
    if problem := _other_version(text):
        yield spoken(Word(kind="ended", exit_code=1, message=problem))
        return
    order = Order.model_validate_json(text)
    if (shared := _shared_runs(order)) is not None:
        yield spoken(Word(kind="began", shared=True))
        with _working_in(Path(order.working_folder)):
            last = yield from _trained(_job(order, shared), stop_asked, ships=False)
    elif order.task.experiment.trainer == "command":
        last = spoken(Word(kind="ended", exit_code=2, message=_no_command(order)))
    else:
        yield spoken(Word(kind="began"))
        with _runs_of_its_own() as runs:
            job = _job(order, runs)
            if state:
                bring_home(state, job.plan.folder)
            last = yield from _trained(job, stop_asked, ships=True)
    yield last  # when nothing is left to be done here: nobody waits for the task after that


def _other_version(text: str) -> str:
    """Told before the order is read, which another version may have in another form."""
    theirs, ours = json.loads(text).get("version"), own_version()
    if theirs == ours:
        return ""
    return (
        f"the node {os.uname().nodename} has tinyexp {ours or 'of no known version'}, and {theirs or 'no known version'} ordered the "
        "run. Install the same version on all nodes."
    )


def _no_command(order: Order) -> str:
    return (
        f"the node {os.uname().nodename} does not have the folder {order.runs}, so it cannot be known to have the command's code. "
        "Put the project on a disk that all nodes share, and start tinyexp there."
    )


def _shared_runs(order: Order) -> Path | None:
    """The folder of runs on this node, proven by the mark in it; None where there is none."""
    runs = Path(os.environ.get(RUNS_VARIABLE) or order.runs)
    mark = read_mark(runs / order.room, PURPOSE, ROOM)
    return runs if mark is not None and mark.token == order.token else None


def _job(order: Order, runs: Path) -> Job:
    job = order.task.job(runs, again=order.again)
    here = os.environ.get("TINYEXP_DATA")
    return job if job.data_folder.is_dir() or not here else replace(job, data_folder=Path(here))


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """Where a command is looked for; the folder of before afterwards, as the process carries out other orders too."""
    before = Path.cwd()
    if folder.is_dir():
        os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def _runs_of_its_own() -> Iterator[Path]:
    """A folder of runs for one order; those of processes that were killed are removed."""
    target = Path(tempfile.gettempdir()) / _OWN
    remove_abandoned(target, ROOM, empty)
    with room_beside(target, ROOM) as room:
        try:
            yield room / "runs"
        finally:
            empty(room)


def _trained(job: Job, stop_asked: Callable[[], bool], *, ships: bool) -> Generator[Spoken, None, Spoken]:
    """Tell of a training; gives the last word, which is not said yet."""
    training = _Training(job, ships=ships)
    training.start()
    try:
        while not training.over.wait(LOOK_S):
            if stop_asked():
                training.stop()
            if archive := training.newest():
                yield spoken(Word(kind="state"), archive)
            elif training.beats():
                yield spoken(Word(kind="beat"))
    finally:  # also where the order was taken back, which is heard here and not in the midst of a step
        training.stop()
        training.join()
    archive = packed(job.plan.folder.path) if ships else b""
    end = training.end
    return spoken(Word(kind="ended", exit_code=end.exit_code, message=end.message), archive)


class _Training(threading.Thread):
    """Trains a run in a thread of its own, which packs the run between two steps: nothing is being written then."""

    def __init__(self, job: Job, *, ships: bool) -> None:
        super().__init__(name="tinyexp training", daemon=True)
        self.over, self.end = threading.Event(), JobEnd(1, "it did not come to its end")
        self._job, self._ships, self._code = job, ships, 0
        self._newest: deque[bytes] = deque(maxlen=1)
        self._shipped = _committed(job.plan.folder)
        self._due = self._beat_due = time.monotonic()
        self._asked = False

    def run(self) -> None:
        try:
            self.end = run_job(self._job, self._between_steps)
        finally:
            self.over.set()

    def stop(self) -> None:
        """Have the run commit and leave at its next step."""
        self._code = _STOPPED

    def newest(self) -> bytes:
        """The newest archive that was not given before; empty where there is none."""
        return self._newest.pop() if self._newest else b""

    def beats(self) -> bool:
        """Whether it took a step since it was last asked, which counts every ten seconds."""
        if not (self._ships and self._asked) or time.monotonic() < self._beat_due:
            return False
        self._asked, self._beat_due = False, time.monotonic() + BEAT_S
        return True

    def _between_steps(self) -> int:
        self._asked = True
        began = time.monotonic()
        if self._ships and began >= self._due:
            self._due = began + LOOK_S
            # What goes wrong with the disk is noticed at the next commit.
            with contextlib.suppress(OSError, TinyexpError):
                if self._pack():
                    self._due = time.monotonic() + max(ARCHIVE_S, _SHARE * (time.monotonic() - began))
        return self._code

    def _pack(self) -> bool:
        """Pack what was committed since the last time; whether that is something to go on from, and not the beginning alone."""
        committed = _committed(self._job.plan.folder)
        if committed == self._shipped:
            return False
        self._newest.append(packed(self._job.plan.folder.path))
        self._shipped = committed
        return bool(committed[1])


def _committed(folder: RunFolder) -> tuple[bytes, tuple[str, ...]]:
    """What is another one after each commit."""
    status = folder.status.read_bytes() if folder.status.is_file() else b""
    return status, tuple(sorted(path.name for path in folder.checkpoints.glob("*.ckpt")))
