"""The embedded run of design 1 as it is, beside the same epochs without checkpoints, records and log.

Both go through the same loop; the peer's commits and projections do nothing. By processor time, and by the clock, which also
sees the processor wait for the disk. What is to be told is smaller than the spread of a run, so that there are more rounds than
elsewhere, and a third line without a peer: the share of a run's time that passes inside commits, projections and the log.
"""

from __future__ import annotations

import json

from fair import Side, compare, one_thread, processor_time, wall_time

one_thread()

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch

from tinyexp.config.load import load_experiment
from tinyexp.runs.plan import plan_run
from tinyexp.runs.records import Status
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.trainer import describe
from tinyexp.trainers.vision.training import run

EPOCHS = 4
ROUNDS = 27


@contextmanager
def clocked(name: str, clock: Callable[[], float], spent: list[float]) -> Iterator[None]:
    """Add to ``spent`` what every call of a run's method takes."""
    method = getattr(run._Run, name)  # noqa: SLF001 - what the run itself calls

    def timed(*arguments: Any, **options: Any) -> Any:
        start = clock()
        try:
            return method(*arguments, **options)
        finally:
            spent.append(clock() - start)

    with mock.patch.object(run._Run, name, timed):  # noqa: SLF001
        yield


def share(run_all: Callable[[], object], clock: Callable[[], float]) -> float:
    """What of a run's time passes inside commits, projections and the log."""
    spent: list[float] = []
    with clocked("_commit", clock, spent), clocked("_project", clock, spent), clocked("_log", clock, spent):
        start = clock()
        run_all()
        return sum(spent) / (clock() - start)


if __name__ == "__main__":
    torch.set_num_threads(1)
    place = Path(tempfile.mkdtemp(prefix="tinyexp-bench-"))
    experiment = load_experiment("tiny-design1", "embedded", {"training.stop_after": EPOCHS})
    dataset = open_dataset(vision_settings(experiment).data, Path("data"))
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
                rounds=ROUNDS,
                measure=measure,
                unit="epochs",
                commits=EPOCHS,
            )
        shares = {
            name: sorted(share(with_records, clock) for _ in range(ROUNDS // 3))
            for name, clock in (("processor", time.process_time), ("clock", time.perf_counter))
        }
        told = {
            name: {"min": round(found[0], 4), "median": round(median(found), 4), "max": round(found[-1], 4)}
            for name, found in shares.items()
        }
        print(json.dumps({"benchmark": "checkpointing-share", "epochs": EPOCHS, "of_a_run": told}))
    finally:
        shutil.rmtree(place, ignore_errors=True)
