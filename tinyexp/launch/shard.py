"""A share of the runs, for whatever starts several copies of one command: arrays, matrices, indexed jobs.

Every copy plans all runs and takes its own by a rule that rests on what is planned alone, not on what is there, so that the
copies need not know of each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinyexp.errors import UserError
from tinyexp.launch.speed import epoch_work
from tinyexp.runs.plan import RunPlan

_WRITTEN = re.compile(r"^(auto|\d{1,6})(?:/(\d{1,6}))?$")
_HOW = (
    "Give I/N, as 1/3, 2/3 and 3/3 for three copies of one command; or auto where a SLURM array or GitLab's parallel says"
    " both numbers, and auto/N where only the index is said, as in a Kubernetes indexed Job."
)


@dataclass(frozen=True)
class Shard:
    """One of several equal commands, which together train all runs."""

    index: int
    """From 1 to ``count``."""
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, plans: Sequence[RunPlan]) -> list[RunPlan]:
        """Those of the runs that are this shard's, in their order; every run is exactly one shard's.

        The most expensive run first, each goes to the shard that has the least so far, so that a few long runs do not fall
        to one shard. Of equal ones the identity decides.
        """
        loads = [0.0] * self.count
        costs = {plan.record.identity: _cost(plan) for plan in plans}
        own: set[str] = set()
        for identity, cost in sorted(costs.items(), key=lambda entry: (-entry[1], entry[0])):
            least = loads.index(min(loads))
            loads[least] += cost
            if least == self.index - 1:
                own.add(identity)
        return [plan for plan in plans if plan.record.identity in own]


def parse_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """What ``--shard`` says.

    Raises
    ------
    UserError
        It is neither ``I/N`` nor ``auto``, or the environment does not say what ``auto`` asks of it.
    """
    written = _WRITTEN.match(text)
    if not written or (written[1] != "auto" and not written[2]):
        raise UserError(f"--shard {text}: is not to be understood. {_HOW}")
    given = int(written[2]) if written[2] else 0
    index, count = _from(environment) if written[1] == "auto" else (int(written[1]), given)
    if index is None:
        raise UserError(
            f"--shard {text}: the environment has no index: neither SLURM_ARRAY_TASK_ID, CI_NODE_INDEX nor"
            f" JOB_COMPLETION_INDEX is set to a number. {_HOW}"
        )
    if given and count and given != count:
        raise UserError(
            f"--shard {text}: the environment says that there are {count}. Give --shard auto, or make them agree."
        )
    count = given or count
    if not count:
        raise UserError(f"--shard {text}: the environment does not say of how many. {_HOW}")
    if not 1 <= index <= count:
        raise UserError(f"--shard {text}: {index} is none of 1 to {count}. {_HOW}")
    return Shard(index, count)


def _from(environment: Mapping[str, str]) -> tuple[int | None, int]:
    """Index from 1 and count as the surroundings say them; None and 0 for what they do not say."""

    def number(name: str) -> int | None:
        value = environment.get(name, "")
        return int(value) if re.fullmatch(r"\d{1,9}", value) else None

    task = number("SLURM_ARRAY_TASK_ID")
    if task is not None:
        first, step = number("SLURM_ARRAY_TASK_MIN") or 0, number("SLURM_ARRAY_TASK_STEP") or 1
        return (task - first) // step + 1, number("SLURM_ARRAY_TASK_COUNT") or 0
    node = number("CI_NODE_INDEX")
    if node is not None:  # GitLab counts from 1
        return node, number("CI_NODE_TOTAL") or 0
    completion = number("JOB_COMPLETION_INDEX")
    return (None if completion is None else completion + 1), 0


def _cost(plan: RunPlan) -> float:
    """What a run costs in comparison with others; 1 where its settings do not say."""
    return (epoch_work(plan.record) or 1.0) * max(1, plan.epochs)
