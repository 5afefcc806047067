"""The program of a process that rank 0 started: ``python -m tinyexp.trainers.vision.training.rank``, told its task by standard input."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from tinyexp import stopping
from tinyexp.errors import TinyexpError
from tinyexp.trainers.base import Listener
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.sources import Dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.follow import follow_run
from tinyexp.trainers.vision.training.others import RankTask

_STDIN = 0


def main() -> int:
    """Train along; gives the exit code."""
    asked: list[int] = []
    stopping.hear_as_worker(lambda *_: asked.append(stopping.ASKED))
    with open(_STDIN, "rb", buffering=0, closefd=False) as told:
        task = RankTask.model_validate_json(told.readline())
    threading.Thread(target=_leave_with_rank_0, daemon=True).start()
    listener = Listener(stop_code=lambda: asked[0] if asked else 0)
    try:
        follow_run(task.plan, _opened(task), task.world, listener)
    except TinyexpError as error:
        sys.stderr.write(f"{error}\n")  # rank 0 tells it, where it does not know it
        return error.exit_code
    return 0


def _opened(task: RankTask) -> Dataset:
    dataset = open_dataset(vision_settings(task.experiment).data, Path(task.data_folder))
    if dataset.fingerprint != task.record.data.fingerprint:
        raise TinyexpError("the data changed after the run was planned; start the command again.")
    return dataset


def _leave_with_rank_0() -> None:
    """End at once when rank 0 is gone, which closes the other end; nothing else comes from there."""
    while os.read(_STDIN, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
