"""One run from plan to records: set up or resume, train, commit, project."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NoReturn

import torch

from tinyexp.errors import DivergedError, InterruptedRunError, TinyexpError
from tinyexp.files import append_text
from tinyexp.runs.environment import describe_environment
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import MemoryFormat, Status, write_section
from tinyexp.terminal import visible
from tinyexp.trainers.base import Listener
from tinyexp.trainers.owned import Held, owned, set_aside
from tinyexp.trainers.vision.data import makers
from tinyexp.trainers.vision.data.sources import Dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
from tinyexp.trainers.vision.training.begin import initial_state
from tinyexp.trainers.vision.training.checkpoint import checkpoints, damaged, load_latest, save_checkpoint
from tinyexp.trainers.vision.training.code import code_digest
from tinyexp.trainers.vision.training.device import accelerator_of, device_of, fabric_for
from tinyexp.trainers.vision.training.extend import shorter_run
from tinyexp.trainers.vision.training.follow import follow_run
from tinyexp.trainers.vision.training.layout import usable_layout
from tinyexp.trainers.vision.training.loop import Hooks, open_batches, train
from tinyexp.trainers.vision.training.meeting import Setup
from tinyexp.trainers.vision.training.project import project
from tinyexp.trainers.vision.training.resumed import KEPT, began, reconciled, tell_of_changes, with_records
from tinyexp.trainers.vision.training.state import TrainingState
from tinyexp.trainers.vision.training.together import Meet, led
from tinyexp.trainers.vision.training.watched import best_epoch
from tinyexp.trainers.vision.training.world import started


def train_run(
    plan: RunPlan,
    dataset: Dataset,
    listener: Listener | None = None,
    *,
    fresh: bool = False,
    accept_environment: bool = False,
    data_folder: Path = Path("data"),
) -> Status:
    """Train a run, or what is left of it; afterwards its records are complete.

    Of several processes that share the run, those of rank 1 and up train along, and write and say nothing.

    Parameters
    ----------
    fresh
        Leave aside what was trained before, and begin anew.
    accept_environment
        Go on in another environment than the run began in; the run is then marked "not bit-identical".
    data_folder
        Where the data set was found, for other processes that are started here.

    Raises
    ------
    UserError
        The folder cannot be used, belongs to another process, or holds another run.
    DivergedError, InterruptedRunError, TinyexpError
        As they say; the folder is in a state from which the same command goes on.
    """
    listener, spec = listener or Listener(), vision_settings(plan.experiment)
    world = started(spec)
    if world is not None and world.rank:
        return follow_run(plan, dataset, world, listener)
    with led(plan, spec, data_folder, world, listener.stop_code) as meet, owned(plan.folder) as held:
        if fresh:
            # Checkpoints last: a kill in between leaves some without their records, which is refused and never trained over.
            weights = [*damaged(plan.folder.checkpoints), *checkpoints(plan.folder.checkpoints)]
            set_aside(plan.folder, *weights)
        run = _Run(plan, dataset, listener, meet, held, fresh=fresh, accept_environment=accept_environment)
        return run.to_the_end()


class _Run:
    """The objects of one run while it is trained, by the only process or by rank 0."""

    def __init__(
        self,
        plan: RunPlan,
        dataset: Dataset,
        listener: Listener,
        meet: Meet,
        held: Held,
        *,
        fresh: bool,
        accept_environment: bool,
    ) -> None:
        self.plan, self.folder, self.listener = plan, plan.folder, listener
        self.spec = vision_settings(plan.experiment)
        self.dataset, self.held = dataset, held
        checkpoint = load_latest(self.folder.checkpoints, self._warn)
        device = device_of(self.spec)
        layout = usable_layout(self.spec, plan.experiment.name, device)
        self.spec = layout.spec
        if layout.warning:
            self._warn(layout.warning)
        self.fabric = fabric_for(self.spec, device)
        threads = self._begin(device, layout.name, checkpoint, accept_environment=accept_environment)
        shorter = None if fresh or checkpoint else shorter_run(plan, self.environment, self._warn)
        checkpoint = checkpoint or shorter
        setup = Setup(device=device, channels_last=self.spec.training.channels_last, threads=threads)
        self.ranks = meet(setup, checkpoint)
        self.state = initial_state(self.spec, plan.record.seed, self.fabric)
        if checkpoint is not None:
            self.state.restore(checkpoint, self.folder.checkpoints)
        if shorter is not None:
            self._commit(self.state)

    def to_the_end(self) -> Status:
        if self.spec.execution.transforms == "auto" and (problem := makers.kernel_problem()):
            self._warn(f"{problem}: images go through torchvision, to the same bits, more slowly.")
        batches = open_batches(self.dataset, self.spec, self.plan.record.seed, self.ranks)
        hooks = Hooks(self._commit, self._epoch_done, self.listener.stop_code, self._stop)
        self._project("running")
        try:
            train(self.state, batches, self.spec, self.plan.record.seed, self.fabric, hooks, self.ranks)
        except DivergedError as error:
            self._project("diverged", str(error))
            raise
        except InterruptedRunError as error:
            self._project("interrupted", str(error))
            raise
        self._require_same_data()
        return self._project("finished", self._why_early())

    def _require_same_data(self) -> None:
        """Files may have been replaced while they were trained on; of a part of the epochs nobody knows by what."""
        now = self.dataset.fingerprint_now
        if now is None or now() == self.dataset.fingerprint:
            return
        reason = "the images were changed while the run was trained, so what it was trained on is not known"
        self._project("failed", reason)
        raise TinyexpError(f"{self.folder.path}: {reason}. Use --fresh to train anew.")

    def _why_early(self) -> str:
        """Why the run ended before its last epoch, and which epoch's values are its result; nothing where it did not."""
        rows, training = self.state.rows, self.spec.training
        if len(rows) == training.stop_after:
            return ""
        best = best_epoch(rows, self.spec)
        return (
            f"stopped early: {training.watch} was best after epoch {best}, and {training.patience} epochs more brought"
            " nothing better; the result is that of the best epoch"
        )

    def _begin(
        self,
        device: str,
        memory_format: MemoryFormat,
        checkpoint: dict[str, Any] | None,
        *,
        accept_environment: bool,
    ) -> int:
        """Write or compare the run's record and environment, and set and give the number of threads that it trains with."""
        threads = self.spec.execution.threads
        before = None
        if checkpoint is not None:
            before = began(self.folder, checkpoint, self.plan.record, accept=accept_environment).environment
            tell_of_changes(self.folder, kept=KEPT in checkpoint, warn=self._warn)
            if before and before.threads != threads:
                self._warn(
                    f"{before.threads} CPU threads are used, as when the run began; the count changes the last bits."
                )
            threads = before.threads if before else threads
        torch.set_num_threads(threads)
        now = describe_environment(
            cpu_capability=torch.backends.cpu.get_cpu_capability(),
            device=device,
            accelerator=accelerator_of(device),
            threads=threads,
            memory_format=memory_format,
            code=code_digest(),
            arithmetic=arithmetic_digest(device, threads),
        )
        if checkpoint is not None:
            now = reconciled(self.folder, before, now, accept=accept_environment, warn=self._warn)
        self.held.require()
        write_section(self.folder.record, self.plan.record)
        write_section(self.folder.environment, now)
        self.environment = now
        return threads

    def _commit(self, state: TrainingState) -> None:
        self.held.require()
        content = with_records(state.to_checkpoint(), self.plan.record, self.environment)
        save_checkpoint(self.folder.checkpoints, content, epoch=state.epoch, step=state.step)
        state.mark_committed()

    def _epoch_done(self, state: TrainingState) -> None:
        self._project("running")
        self._log(f"epoch {state.rows[-1]['epoch']}: test accuracy {state.rows[-1]['test_accuracy']}")
        self.listener.epoch_done(state.rows[-1], state.timings[-1])

    def _warn(self, message: str) -> None:
        self._log(f"warning: {message}")
        self.listener.warn(message)

    def _log(self, line: str) -> None:
        # Words for people: where they cannot be written, as on a full disk, the records are what must be.
        with contextlib.suppress(TinyexpError):
            append_text(self.folder.log, f"{visible(line, one_line=True)}\n")

    def _project(self, condition: Any, message: str = "") -> Status:
        epochs, classes = self.spec.training.stop_after, self.dataset.classes
        self.held.require()
        status = project(self.folder, self.state, epochs, classes, condition, message)
        self.held.require()  # what was moved away meanwhile is not finished here
        return status

    def _stop(self, code: int) -> NoReturn:
        raise InterruptedRunError(
            f"stopped in epoch {self.state.epoch} after step {self.state.step}; nothing is lost.", code
        )
