"""What an executor knows of a job that SLURM has, and how it tells of a SLURM that does not answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinyexp.launch.job import Job
from tinyexp.launch.slurm.submission import Submission

Tell = Callable[[str], None]


@dataclass
class Tracked:
    """A job that SLURM has."""

    job: Job
    submission: Submission
    index: int
    array: str
    """The array job's number."""
    began: bool = False
    """It was seen to run, or to have run."""
    cancelled: bool = False
    missing_since: float | None = None
    """When SLURM was first heard to have it no longer, though it did not say how it ended."""


class Trouble:
    """Something that does not work for a while: told once, and once more when it is over."""

    def __init__(self, tell: Tell) -> None:
        self._tell, self._is_told = tell, False

    def tell(self, words: str) -> None:
        if not self._is_told:
            self._tell(words)
        self._is_told = True

    def over(self, words: str) -> None:
        if self._is_told:
            self._tell(words)
        self._is_told = False
