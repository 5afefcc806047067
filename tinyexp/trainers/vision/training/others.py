"""The other processes of a run on one machine: rank 0 starts them, and they end with it, however it ends."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import IO

from tinyexp import stopping
from tinyexp.config.experiment import Experiment
from tinyexp.config.section import Count, PositiveInt, Section
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import RunRecord
from tinyexp.trainers.vision.training.world import World

_PROGRAM = "tinyexp.trainers.vision.training.rank"
_PATIENCE_S = 20.0
"""What a process is given to leave in, once all of them agreed to."""
_SOON_S = 3.0
"""In which the end of a process shows, after its connections were closed."""


class RankTask(Section):
    """What another process needs to know to train along; it comes by its standard input, as a line of JSON."""

    experiment: Experiment
    record: RunRecord
    folder: str
    """Named in messages; only rank 0 reads it or writes into it."""
    data_folder: str
    rank: PositiveInt
    size: PositiveInt
    port: Count
    attempt: str

    @property
    def plan(self) -> RunPlan:
        """The run."""
        return RunPlan(self.experiment, self.record, RunFolder(Path(self.folder)))

    @property
    def world(self) -> World:
        """Of processes of this machine, which meet where rank 0 has opened a port."""
        return replace(
            own_world(self.size, self.attempt), rank=self.rank, local_rank=self.rank, port=self.port
        )


def own_world(size: int, attempt: str = "") -> World:
    """Rank 0 of processes that it starts itself, before a port is known."""
    return World(0, size, 0, "127.0.0.1", 0, serves=True, attempt=attempt or secrets.token_hex(8))


class Others:
    """Ranks 1 and up as processes of this machine."""

    def __init__(self, plan: RunPlan, data_folder: Path, world: World, port: int) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._said: list[IO[bytes]] = []
        for rank in range(1, world.size):
            task = RankTask(
                experiment=plan.experiment,
                record=plan.record,
                folder=str(plan.folder.path),
                data_folder=str(data_folder),
                rank=rank,
                size=world.size,
                port=port,
                attempt=world.attempt,
            )
            self._start(task)

    def _start(self, task: RankTask) -> None:
        said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `end`
        with stopping.held_back():
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-m", _PROGRAM],
                stdin=subprocess.PIPE,  # stays open: its end is how a process hears that rank 0 is gone
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        self._processes.append(process)
        self._said.append(said)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: `lost` says so
            process.stdin.write(task.model_dump_json().encode() + b"\n")
            process.stdin.flush()

    def lost(self) -> str:
        """Which process ended, and how, as a sentence; empty where all are there."""
        for rank, process in enumerate(self._processes, start=1):
            if (code := process.poll()) is not None:
                how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
                said = self._last_line(rank)
                return (
                    f"the process of rank {rank} ended {how}{f' ({said})' if said else ''}; the same command goes on from the"
                    " last commit."
                )
        return ""

    def lost_soon(self) -> str:
        """The same, of processes that may be about to end."""
        deadline = time.monotonic() + _SOON_S
        while not (words := self.lost()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return words

    def _last_line(self, rank: int) -> str:
        said = self._said[rank - 1]
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - 2000))
        lines = said.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    def end(self, *, at_once: bool) -> None:
        """See them leave; ``at_once`` ends them where they are."""
        deadline = time.monotonic() + (0.0 if at_once else _PATIENCE_S)
        for process, said in zip(self._processes, self._said, strict=True):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            said.close()
        self._processes.clear()
