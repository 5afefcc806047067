"""The embedded run of design 1 as it is, beside the same epochs without checkpoints, records and log.

Both go through the same loop; the peer's commits and projections do nothing. By processor time, and by the clock, which also
sees the processor wait for the disk.
"""

from __future__ import annotations

from fair import Side, compare, one_thread, processor_time, wall_time

one_thread()

import shutil
import tempfile
from pathlib import Path
from unittest import mock

import torch

from tinyexp.data.build import open_dataset
from tinyexp.launch.prepare import describe
from tinyexp.runs.plan import plan_run
from tinyexp.runs.records import Status
from tinyexp.spec.load import load_experiment
from tinyexp.training import run

EPOCHS = 4

if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(tempfile.mkdtemp(prefix="tinyexp-bench-"))
    experiment = load_experiment("tiny-design1", "embedded", {"training.stop_after": EPOCHS})
    dataset = open_dataset(experiment.spec.data, Path("data"))
    plan = plan_run(experiment, 0, describe(dataset), place)
    nothing = Status(state="finished", epochs_done=EPOCHS, epochs=EPOCHS)

    def with_records() -> None:
        run.train_run(plan, dataset)
        assert plan.is_finished()
        shutil.rmtree(place)

    def without() -> None:
        with (
            mock.patch.object(run, "save_checkpoint"),
            mock.patch.object(run, "project", return_value=nothing),
            mock.patch.object(run._Run, "_log"),  # noqa: SLF001 - what is measured is its absence
        ):
            run.train_run(plan, dataset)
        shutil.rmtree(place)

    try:
        for title, measure in (("checkpointing", processor_time), ("checkpointing-by-the-clock", wall_time)):
            compare(
                title,
                Side("a run as it is", with_records, EPOCHS),
                Side("the same epochs, nothing written", without, EPOCHS),
                goal=1.01,
                at_most=True,
                measure=measure,
                unit="epochs",
                commits=EPOCHS,
            )
    finally:
        shutil.rmtree(place, ignore_errors=True)
