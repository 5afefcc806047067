"""Training along: a process of a run that is not its first. It writes and says nothing, and ends as rank 0 does."""

from __future__ import annotations

from typing import NoReturn

import torch

from tinyexp.errors import InterruptedRunError
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status
from tinyexp.trainers.base import Listener
from tinyexp.trainers.vision.data.sources import Dataset
from tinyexp.trainers.vision.settings import VisionSettings, vision_settings
from tinyexp.trainers.vision.training.begin import initial_state
from tinyexp.trainers.vision.training.device import device_of, fabric_for
from tinyexp.trainers.vision.training.loop import Hooks, open_batches, train
from tinyexp.trainers.vision.training.meeting import Setup, shared_checkpoint
from tinyexp.trainers.vision.training.state import TrainingState
from tinyexp.trainers.vision.training.together import following, meeting_of
from tinyexp.trainers.vision.training.world import World


def follow_run(plan: RunPlan, dataset: Dataset, world: World, listener: Listener) -> Status:
    """Train a run as one of its processes.

    Raises
    ------
    DivergedError, InterruptedRunError, TinyexpError
        As rank 0 does, or because it was lost.
    """
    asked = vision_settings(plan.experiment)
    meeting = meeting_of(plan, asked, world, listener.stop_code)
    with following(meeting):
        ranks, setup = meeting.follow()
        spec = _as_led(asked, setup)
        torch.set_num_threads(setup.threads)
        fabric = fabric_for(spec, setup.device, world.local_rank)
        checkpoint = shared_checkpoint(ranks, None)
        state = initial_state(spec, plan.record.seed, fabric)
        if checkpoint is not None:
            state.restore(checkpoint, plan.folder.checkpoints)
        batches = open_batches(dataset, spec, plan.record.seed, ranks)
        hooks = Hooks(
            commit=TrainingState.mark_committed,
            epoch_done=lambda _state: None,
            stop_code=listener.stop_code,
            stop=_stop,
        )
        train(state, batches, spec, plan.record.seed, fabric, hooks, ranks)
        return Status(state="finished", epochs_done=len(state.rows), epochs=spec.training.stop_after)


def _as_led(asked: VisionSettings, setup: Setup) -> VisionSettings:
    """The settings as rank 0 goes by them."""
    spec = asked.model_copy(
        update={
            "training": asked.training.model_copy(update={"channels_last": setup.channels_last}),
            "execution": asked.execution.model_copy(update={"device": setup.device}),
        }
    )
    device_of(spec)  # it may not be there
    return spec


def _stop(exit_code: int) -> NoReturn:
    raise InterruptedRunError("stopped with the other processes of the run.", exit_code)
