"""The one class that knows what a submission keeps where: ``runs/<profile>/.slurm/<token>/``.

Its name stands in that of the SLURM job, so that jobs are found again by whoever has the folder, though the process
that submitted them was killed before it had heard their number.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import secrets
import shutil
import socket
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from tinyexp.config.section import Count, Section
from tinyexp.errors import DamagedError
from tinyexp.files import write_bytes, write_text
from tinyexp.launch.job import Job, JobEnd
from tinyexp.launch.task import Task
from tinyexp.runs.heartbeat import STALE_S
from tinyexp.runs.records import read_section, write_section

SUBMISSIONS = ".slurm"
"""The folder of all submissions, below a profile's runs."""
STOPPED_CODE = 143
"""The code of a task that SIGTERM ended: only SLURM knows whether it will begin again."""
_PREFIX = "tinyexp-"


class Asked(Section):
    """``submission.json``: which runs it is over."""

    version: Literal[1] = 1
    runs: Annotated[tuple[str, ...], Field(strict=False)]
    """``profile/experiment/seed-identity8``, in the order of the array."""
    fresh: bool
    """They are trained anew."""


class TaskEnd(Section):
    """``ends/<index>.json``: how a task ended, written by the task itself."""

    exit_code: Count
    message: str = ""

    @property
    def job_end(self) -> JobEnd:
        return JobEnd(self.exit_code, self.message)


@dataclass(frozen=True)
class Submission:
    """The paths of one submission, and what stands there."""

    folder: Path

    @property
    def name(self) -> str:
        """What its SLURM job is called."""
        return f"{_PREFIX}{self.folder.name}"

    @property
    def script(self) -> Path:
        """What ``sbatch`` is given."""
        return self.folder / "submit.sh"

    @property
    def tasks(self) -> Path:
        """A line of JSON for each task."""
        return self.folder / "tasks.jsonl.gz"

    @property
    def driver(self) -> Path:
        """Who submitted it; its time of change is that process's heartbeat."""
        return self.folder / "driver"

    def log(self, index: int) -> Path:
        """What a task said, and SLURM of it."""
        return self.folder / f"{index}.log"

    def end_path(self, index: int) -> Path:
        """Where a task says how it ended."""
        return self.folder / "ends" / f"{index}.json"

    @cached_property
    def asked(self) -> Asked:
        """Raises DamagedError where it cannot be read."""
        return read_section(self.folder / "submission.json", Asked)

    def write(self, jobs: Sequence[Job], script: str) -> None:
        """Write it down, its record last: what has none is no submission."""
        self.take()
        (self.folder / "ends").mkdir()
        # Packed: tasks of a study are nearly the same, and each that begins reads them.
        lines = "".join(f"{Task.of(job).model_dump_json()}\n" for job in jobs)
        write_bytes(self.tasks, gzip.compress(lines.encode(), mtime=0))
        write_text(self.script, script)
        asked = Asked(runs=tuple(job.plan.folder.name for job in jobs), fresh=any(job.fresh for job in jobs))
        write_section(self.folder / "submission.json", asked)

    def task(self, index: int) -> Task:
        """A task as it was submitted; the others are not parsed."""
        try:
            with gzip.open(self.tasks, "rt", encoding="utf-8") as file:
                line = next(itertools.islice(file, index, None))
            return Task.model_validate_json(line)
        except (OSError, EOFError, ValueError, StopIteration, zlib.error) as error:
            raise DamagedError(f"has no task {index} that can be read.", self.tasks) from error

    @property
    def runs(self) -> Path:
        """The folder of all profiles' runs."""
        return self.folder.parents[2]

    def ended(self) -> set[int]:
        """The tasks that have said how they ended; one listing, however many there are."""
        try:
            names = os.listdir(self.folder / "ends")  # noqa: PTH208 - names are all that is wanted
        except OSError:
            return set()
        return {int(stem) for name in names if (stem := name.removesuffix(".json")).isdecimal()}

    def end(self, index: int) -> TaskEnd | None:
        """How a task ended; None while it has not said so, and where that has not arrived whole."""
        try:
            return read_section(self.end_path(index), TaskEnd)
        except DamagedError:
            return None

    def is_over(self, index: int) -> bool:
        """Whether a task ended in such a way that it does not begin again."""
        end = self.end(index)
        return end is not None and end.exit_code != STOPPED_CODE

    def is_done(self) -> bool:
        """Whether all of its tasks ended well, so that nobody will ask for it."""
        try:
            ends = map(self.end, range(len(self.asked.runs)))
            return all(end is not None and end.exit_code == 0 for end in ends)
        except DamagedError:
            return False

    def take(self) -> None:
        """Note this process as the one that the tasks belong to."""
        write_text(self.driver, f"{socket.gethostname()} {os.getpid()}\n")

    def beat(self) -> None:
        """Say that this process is still there."""
        with contextlib.suppress(OSError):
            os.utime(self.driver)

    def has_driver(self) -> bool:
        """Whether the process that it belongs to is there still, as far as that can be known."""
        try:
            age = time.time() - self.driver.stat().st_mtime
            host, _, process = self.driver.read_text(encoding="utf-8").rpartition(" ")
        except (OSError, ValueError):
            return False
        return age <= STALE_S and not (host == socket.gethostname() and _is_gone(process.strip()))

    def remove(self) -> None:
        """Remove it where it is one of ours: nothing that matters to a run is in it."""
        with contextlib.suppress(OSError, DamagedError):
            if self.asked.runs:
                shutil.rmtree(self.folder)


def new_submission(profile_runs: Path) -> Submission:
    """A submission that is not written yet, below a profile's runs."""
    # Not resolved: what a link leads to on this machine may be elsewhere on others.
    return Submission(profile_runs.absolute() / SUBMISSIONS / secrets.token_hex(8))


def submissions(profile_runs: Path) -> list[Submission]:
    """All that are written down whole below a profile's runs."""
    found = []
    for path in sorted((profile_runs.absolute() / SUBMISSIONS).glob("*/submission.json")):
        one = Submission(path.parent)
        with contextlib.suppress(DamagedError):
            if one.asked.runs:
                found.append(one)
    return found


def _is_gone(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError, OverflowError):  # another user's, or nothing that can be asked for
        return False
    return False
