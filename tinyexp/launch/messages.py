"""What a slot and its launcher say to each other."""

from __future__ import annotations

from dataclasses import dataclass

from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Status


@dataclass(frozen=True)
class Task:
    """Train this."""

    plan: RunPlan
    data_folder: str
    fresh: bool
    accept_environment: bool


@dataclass(frozen=True)
class EpochDone:
    """An epoch of the slot's run is committed."""

    epoch: int
    """Or the step, of a run whose log counts steps."""
    seconds: float
    metric: str
    """That progress lines tell; empty where there is none."""
    value: float
    index: str = "epoch"
    """What ``epoch`` counts."""


@dataclass(frozen=True)
class Warned:
    """Something that the user should know, and that stops nothing."""

    message: str


@dataclass(frozen=True)
class Ended:
    """The slot's run came to an end, of whatever kind; ``exit_code`` is 0, 1, 2 or 143."""

    status: Status
    exit_code: int


Message = EpochDone | Warned | Ended
