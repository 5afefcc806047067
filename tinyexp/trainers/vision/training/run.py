"""One run from plan to records: set up or resume, train, commit, project."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from tinyexp.config.difference import differences
from tinyexp.errors import DamagedError, DivergedError, InterruptedRunError, TinyexpError, UserError, listed
from tinyexp.files import append_text
from tinyexp.runs.environment import describe_environment, environment_changes
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Environment, MemoryFormat, RunRecord, Status, read_section, write_section
from tinyexp.runs.verify import changed_records
from tinyexp.terminal import visible
from tinyexp.trainers.base import Listener
from tinyexp.trainers.owned import owned, set_aside
from tinyexp.trainers.vision.data import makers
from tinyexp.trainers.vision.data.sources import Dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
from tinyexp.trainers.vision.training.begin import initial_state
from tinyexp.trainers.vision.training.checkpoint import checkpoints, damaged, load_latest, save_checkpoint
from tinyexp.trainers.vision.training.device import accelerator_of, device_of, fabric_for
from tinyexp.trainers.vision.training.follow import follow_run
from tinyexp.trainers.vision.training.layout import usable_layout
from tinyexp.trainers.vision.training.loop import Hooks, open_batches, train
from tinyexp.trainers.vision.training.meeting import Setup
from tinyexp.trainers.vision.training.project import project
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
    with led(plan, spec, data_folder, world, listener.stop_code) as meet, owned(plan.folder):
        if fresh:
            # Checkpoints last: a kill in between leaves some without their records, which is refused and never trained over.
            weights = [*damaged(plan.folder.checkpoints), *checkpoints(plan.folder.checkpoints)]
            set_aside(plan.folder, *weights)
        return _Run(plan, dataset, listener, meet, accept_environment=accept_environment).to_the_end()


class _Run:
    """The objects of one run while it is trained, by the only process or by rank 0."""

    def __init__(
        self, plan: RunPlan, dataset: Dataset, listener: Listener, meet: Meet, *, accept_environment: bool
    ) -> None:
        self.plan, self.folder, self.listener = plan, plan.folder, listener
        self.spec = vision_settings(plan.experiment)
        self.dataset = dataset
        checkpoint = load_latest(self.folder.checkpoints, self._warn)
        device = device_of(self.spec)
        layout = usable_layout(self.spec, plan.experiment.name, device)
        self.spec = layout.spec
        if layout.warning:
            self._warn(layout.warning)
        self.fabric = fabric_for(self.spec, device)
        threads = self._begin(
            device, layout.name, resumed=checkpoint is not None, accept_environment=accept_environment
        )
        setup = Setup(device=device, channels_last=self.spec.training.channels_last, threads=threads)
        self.ranks = meet(setup, checkpoint)
        self.state = initial_state(self.spec, plan.record.seed, self.fabric)
        if checkpoint is not None:
            self.state.restore(checkpoint, self.folder.checkpoints)

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
        return self._project("finished", self._why_early())

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
        self, device: str, memory_format: MemoryFormat, *, resumed: bool, accept_environment: bool
    ) -> int:
        """Write or compare the run's record and environment, and set and give the number of threads that it trains with."""
        threads = self.spec.execution.threads
        if resumed:
            _require_same_run(self.folder, self.plan.record)
            self._tell_of_changes()
            before = read_section(self.folder.environment, Environment)
            if before.threads != threads:
                self._warn(
                    f"{before.threads} CPU threads are used, as when the run began; the count changes the last bits."
                )
            threads = before.threads
        torch.set_num_threads(threads)
        now = describe_environment(
            cpu_capability=torch.backends.cpu.get_cpu_capability(),
            device=device,
            accelerator=accelerator_of(device),
            threads=threads,
            memory_format=memory_format,
            arithmetic=arithmetic_digest(device, threads),
        )
        if resumed:
            now = _reconciled(self.folder, before, now, accept=accept_environment, warn=self._warn)
        write_section(self.folder.record, self.plan.record)
        write_section(self.folder.environment, now)
        return threads

    def _tell_of_changes(self) -> None:
        """Records of a finished run are as they were written, unless somebody or something changed them since."""
        try:
            status = read_section(self.folder.status, Status)
        except DamagedError as error:
            self._warn(f"{error} It is written anew from the checkpoint.")
            return
        if status.state == "finished" and (changed := changed_records(self.folder, status)):
            self._warn(
                f"{self.folder.path}: {listed(changed)} had been changed or lost since the run finished; written anew from the checkpoint."
            )

    def _commit(self, state: TrainingState) -> None:
        save_checkpoint(self.folder.checkpoints, state.to_checkpoint(), epoch=state.epoch, step=state.step)
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
        return project(self.folder, self.state, epochs, classes, condition, message)

    def _stop(self, code: int) -> NoReturn:
        raise InterruptedRunError(
            f"stopped in epoch {self.state.epoch} after step {self.state.step}; nothing is lost.", code
        )


def _require_same_run(folder: RunFolder, wanted: RunRecord) -> None:
    """A folder's name has eight digits of the identity; the record has all."""
    found = read_section(folder.record, RunRecord)
    if found.identity == wanted.identity:
        return
    changed = differences(found.experiment.settings, wanted.experiment.settings)
    words = [f"{change.key}: {change.left} then, {change.right} now" for change in changed]
    if found.data.fingerprint != wanted.data.fingerprint:
        words.append("the data are not the same")
    if found.numerics_version != wanted.numerics_version:
        words.append(f"numerics version {found.numerics_version} then, {wanted.numerics_version} now")
    raise UserError(f"{folder.path}: holds another run ({'; '.join(words)}). Use --fresh to train anew.")


def _reconciled(
    folder: RunFolder, before: Environment, now: Environment, *, accept: bool, warn: Callable[[str], None]
) -> Environment:
    """The environment to go on in; what changed since the run began is refused or marked."""
    now = now.model_copy(update={"bit_identical": before.bit_identical})
    changes = environment_changes(before, now)
    if not changes:
        return now
    words = "; ".join(f"{change.key}: {change.left} then, {change.right} now" for change in changes)
    if not accept:
        raise UserError(
            f"{folder.path}: the run began in another environment ({words}), where its bits may come out otherwise."
            " Go on in the old one, add --accept-environment to go on and mark the run 'not bit-identical',"
            " or --fresh to train anew."
        )
    warn(f"the environment changed ({words}); the run is marked 'not bit-identical'.")
    return now.model_copy(update={"bit_identical": False})
