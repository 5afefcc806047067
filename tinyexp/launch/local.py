"""Runs side by side in processes of this machine."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType, TracebackType
from typing import Self

from tinyexp.config.experiment import Experiment
from tinyexp.launch.messages import Ended, EpochDone, Message, Task, Warned
from tinyexp.launch.outcome import Outcome, mark_failed
from tinyexp.launch.progress import Progress, measured
from tinyexp.launch.slot import serve
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status
from tinyexp.trainers.base import trainer_of

_POLL_S = 0.5
_PATIENCE_S = 10.0
_CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang


@dataclass
class _Slot:
    """A worker process, and the run it is busy with."""

    process: SpawnProcess
    connection: Connection
    plan: RunPlan | None = None


class _Signals:
    """The launcher's SIGINT and SIGTERM while runs are under way.

    The first one asks every slot to commit and leave; a second SIGINT ends them at once, which is
    as safe as any other end at any instant.
    """

    def __init__(self) -> None:
        self.code = 0
        self.at_once = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.code and number == signal.SIGINT:
            self.at_once = True
        self.code = self.code or 128 + number


class LocalLauncher:
    """Trains plans in ``jobs`` slots.

    Parameters
    ----------
    data_folder
        Where data sets are looked for.
    """

    def __init__(
        self,
        jobs: int,
        data_folder: str,
        progress: Progress,
        *,
        fresh: bool = False,
        accept_environment: bool = False,
    ) -> None:
        self._jobs, self._data_folder, self._progress = jobs, data_folder, progress
        self._fresh, self._accept_environment = fresh, accept_environment
        self._slots: list[_Slot] = []
        self._outcomes: dict[RunPlan, Outcome] = {}

    def train(self, plans: Sequence[RunPlan]) -> tuple[list[Outcome], int]:
        """Train the plans; finished runs are used again.

        Returns
        -------
        list[Outcome]
            In the order of the plans; plans that were not begun, because a signal came, are left out.
        int
            0, or 130 or 143 after a signal.
        """
        self._outcomes = {}
        waiting = deque(plan for plan in plans if self._fresh or not self._use_again(plan))
        self._progress.begin(list(waiting), len(self._outcomes))
        with _Signals() as signals:
            try:
                # At once for all runs: a slot that finds no answer tries by itself.
                for trainer, own in _by_trainer(waiting).items():
                    trainer_of(trainer).try_out(own, self._note_trials)
                self._serve(waiting, signals)
            finally:
                self._close()
                self._progress.end()
        return [self._outcomes[plan] for plan in plans if plan in self._outcomes], signals.code

    def _note_trials(self, count: int) -> None:
        self._progress.note(
            f"{count} of the runs' forms tried on this processor first; it takes seconds, and once"
        )

    def _use_again(self, plan: RunPlan) -> bool:
        if not plan.is_finished():
            return False
        epochs = plan.epochs
        self._outcomes[plan] = Outcome(
            plan, Status(state="finished", epochs_done=epochs, epochs=epochs), 0, trained=False
        )
        return True

    def _serve(self, waiting: deque[RunPlan], signals: _Signals) -> None:
        told = False
        while (waiting and not signals.code) or any(slot.plan for slot in self._slots):
            if signals.code and not told:
                self._progress.note("stopping: every run commits its state and leaves")
                self._signal_slots()
                told = True
            if signals.at_once:
                return
            while waiting and not signals.code and (slot := self._free_slot()) is not None:
                self._give(slot, waiting.popleft())
            self._listen(signals)

    def _free_slot(self) -> _Slot | None:
        for slot in self._slots:
            if slot.plan is None:
                return slot
        if len(self._slots) >= self._jobs:
            return None
        ours, theirs = _CONTEXT.Pipe()
        # Not a daemon: a slot may have data workers of its own.
        process = _CONTEXT.Process(target=serve, args=(theirs,), name=f"tinyexp slot {len(self._slots) + 1}")
        process.start()
        theirs.close()
        self._slots.append(_Slot(process, ours))
        return self._slots[-1]

    def _give(self, slot: _Slot, plan: RunPlan) -> None:
        slot.plan = plan
        self._progress.started(plan)
        slot.connection.send(Task(plan, self._data_folder, self._fresh, self._accept_environment))

    def _listen(self, signals: _Signals) -> None:
        ready = wait([slot.connection for slot in self._slots], timeout=_POLL_S)
        for slot in [slot for slot in self._slots if slot.connection in ready]:
            try:
                message: Message = slot.connection.recv()
            except (EOFError, ConnectionResetError):
                self._lost(slot, signals)
                continue
            self._take(slot, message)

    def _take(self, slot: _Slot, message: Message) -> None:
        plan = slot.plan
        assert plan is not None, "a slot speaks of the run that it was given"
        match message:
            case EpochDone():
                self._progress.epoch_done(
                    plan,
                    message.epoch,
                    message.seconds,
                    measured(message.metric, message.value),
                    message.index,
                )
            case Warned():
                self._progress.note(f"{plan.title}: {message.message}")
            case Ended():
                slot.plan = None
                self._outcomes[plan] = Outcome(plan, message.status, message.exit_code, trained=True)
                self._progress.ended(plan, message.status)

    def _lost(self, slot: _Slot, signals: _Signals) -> None:
        """A slot's process is gone: its run failed, alone; the next run gets a new slot."""
        slot.process.join()
        self._slots.remove(slot)
        slot.connection.close()
        if slot.plan is None:
            return
        if signals.code:  # it was killed on the way out; the run is as it was last committed
            return
        code = slot.process.exitcode or 0
        how = f"signal {-code}" if code < 0 else f"code {code}"
        status = mark_failed(
            slot.plan,
            f"its process ended unexpectedly ({how}); the same command goes on from the last commit",
        )
        self._outcomes[slot.plan] = Outcome(slot.plan, status, 1, trained=True)
        self._progress.ended(slot.plan, status)

    def _signal_slots(self) -> None:
        for slot in self._slots:
            slot.process.terminate()

    def _close(self) -> None:
        """No slot outlives the launcher; one that is still busy is ended at once."""
        for slot in self._slots:
            if slot.plan is not None:
                slot.process.kill()
            slot.connection.close()
        for slot in self._slots:
            slot.process.join(_PATIENCE_S)
            if slot.process.is_alive():  # a thread of it hangs, as where a disk does
                slot.process.kill()
                slot.process.join()
        self._slots.clear()


def _by_trainer(plans: Iterable[RunPlan]) -> dict[str, list[Experiment]]:
    found: dict[str, list[Experiment]] = {}
    for plan in plans:
        found.setdefault(plan.experiment.trainer, []).append(plan.experiment)
    return found
