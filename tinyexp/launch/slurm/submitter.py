"""From jobs to tasks that SLURM has: those of a launcher before are found again, the others are submitted as arrays."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tinyexp.errors import UserError
from tinyexp.launch.engines import Placement
from tinyexp.launch.executor import Handle
from tinyexp.launch.job import Job
from tinyexp.launch.slurm import client
from tinyexp.launch.slurm.client import SlurmError
from tinyexp.launch.slurm.script import require_options, script_text
from tinyexp.launch.slurm.submission import SUBMISSIONS, Submission, new_submission, submissions
from tinyexp.launch.slurm.tracked import Tell, Tracked, Trouble
from tinyexp.launch.slurm.turn import turn
from tinyexp.runs.heartbeat import BEAT_S
from tinyexp.terminal import counted

_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0


class Submitter:
    """Has jobs submitted, each once, and says that this process is there while they are under way."""

    def __init__(self, placement: Placement, tell: Tell) -> None:
        require_options(placement.sbatch)
        self._placement, self._tell, self._trouble = placement, tell, Trouble(tell)
        self._due, self._wait_s, self._beat_due = 0.0, _FIRST_WAIT_S, 0.0
        self.own: set[Submission] = set()
        """Those whose tasks end with this process's signal."""
        self.unsure: set[Submission] = set()
        """Of these it is not known whether SLURM has them."""

    def submit(self, waiting: dict[Handle, Job]) -> dict[Handle, Tracked]:
        """Submit what waits, and take it out; what cannot be submitted now waits on.

        Raises
        ------
        UserError
            SLURM refuses, or the folder of runs cannot be written to.
        """
        tracked: dict[Handle, Tracked] = {}
        if time.monotonic() < self._due:
            return tracked
        folder = profile_runs(waiting.values())
        with turn(folder / SUBMISSIONS) as mine:
            if not mine:
                self._later("another tinyexp is submitting runs of this folder; its turn is waited for")
                return tracked
            try:
                self._attach(folder, waiting, tracked)
                self._submit_all(folder, waiting, tracked)
            except SlurmError as error:
                if not error.passing:
                    raise UserError(
                        f"--on slurm: {error}. Give the command on a machine from which SLURM jobs are submitted;"
                        " --dry-run prints the script on any."
                    ) from error
                self._later(f"{error}; asking again")
        return tracked

    def beat(self, tracked: Iterable[Tracked]) -> None:
        """Say every ten seconds that this process is there; tasks whose launcher is not become its own."""
        if time.monotonic() < self._beat_due:
            return
        self._beat_due = time.monotonic() + BEAT_S
        for one in self.own:
            one.beat()
        for one in {task.submission for task in tracked} - self.own:
            if not one.has_driver():
                one.take()
                self.own.add(one)

    def _attach(self, folder: Path, waiting: dict[Handle, Job], tracked: dict[Handle, Tracked]) -> None:
        """Find the tasks that SLURM has of these runs; submissions that are over are removed."""
        found = submissions(folder)
        if not found:
            return
        queue = client.queued([one.name for one in found])
        by_run = {job.plan.folder.name: handle for handle, job in waiting.items()}
        for one in found:
            alive = {
                index: queue[one.name, index]
                for index in range(len(one.asked.runs))
                if (one.name, index) in queue
            }
            if not alive:
                _remove_abandoned(one, ours=one in self.unsure)
                self.own -= {one} & self.unsure
                self.unsure.discard(one)
            for index, task in alive.items():
                handle = by_run.get(one.asked.runs[index])
                if handle is not None and handle in waiting and not one.is_over(index):
                    _require_as_asked(waiting[handle], one, f"{task.array}_{index}")
                    tracked[handle] = Tracked(waiting.pop(handle), one, index, task.array)
        if tracked:
            self._tell(
                f"{counted(len(tracked), 'run')} of an earlier command found with SLURM, and waited for"
            )

    def _submit_all(self, folder: Path, waiting: dict[Handle, Job], tracked: dict[Handle, Tracked]) -> None:
        if not waiting:
            return
        after = ""
        for part, chained in parts(waiting, client.max_array(), self._placement.jobs):
            one = new_submission(folder)
            script = script_text(
                one, len(part), self._placement.jobs, self._placement.sbatch, after * chained
            )
            one.write(list(part.values()), script)
            after = self._submitted(one)
            for index, handle in enumerate(part):
                tracked[handle] = Tracked(waiting.pop(handle), one, index, after)
            self._tell(f"{counted(len(part), 'run')} submitted as SLURM job {after}; its files: {one.folder}")
        self._wait_s = _FIRST_WAIT_S
        self._trouble.over("SLURM answers again")

    def _submitted(self, one: Submission) -> str:
        self.own.add(one)
        self.unsure.add(one)
        try:
            array = client.submit(one.script)
        except SlurmError as error:
            if error.passing:  # it may have been heard: whoever asks next finds it by its name
                raise
            self.unsure.discard(one)
            self.own.discard(one)
            one.remove()
            raise UserError(
                f"--on slurm: {error}. Nothing more was submitted. Say with --sbatch what this cluster wants, as"
                " --sbatch=--partition=NAME or --sbatch=--time=04:00:00; --dry-run shows the script."
            ) from error
        self.unsure.discard(one)
        return array

    def _later(self, words: str) -> None:
        self._trouble.tell(words)
        self._due = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)


def parts(
    waiting: Mapping[Handle, Job], largest: int, at_once: int
) -> Iterator[tuple[dict[Handle, Job], bool]]:
    """As many jobs as an array may have, again and again; with whether it has to wait for the array before.

    Each array bounds its own tasks alone. Where all jobs together have a bound, arrays follow one another.
    """
    handles = list(waiting)
    for start in range(0, len(handles), largest):
        yield {handle: waiting[handle] for handle in handles[start : start + largest]}, at_once < len(handles)


def profile_runs(jobs: Iterable[Job]) -> Path:
    """The folder of a profile's runs; jobs of one command have one profile."""
    [folder] = {job.plan.folder.path.parents[1] for job in jobs}
    return folder


def _remove_abandoned(one: Submission, *, ours: bool) -> None:
    """Remove a submission that SLURM does not have, unless its launcher is about to read how its tasks ended."""
    if ours or not one.has_driver():
        one.remove()


def _require_as_asked(job: Job, one: Submission, task: str) -> None:
    if job.fresh and not one.asked.fresh:
        raise UserError(
            f"--fresh: {job.plan.folder.name} is being trained by SLURM job {task}, which goes on from what was trained"
            f" before. Wait for it, or end it with: scancel {task}"
        )
