"""What goes on beside the training of runs, as a report that is written anew: it is told, and never waited for."""

from __future__ import annotations

from collections.abc import Sequence

from tinyexp.runs.plan import RunPlan


class Beside:
    """Nothing goes on; what does overrides this. No method may take long, as runs are waited for meanwhile."""

    def begin(self, first: Sequence[RunPlan]) -> None:
        """Training begins; so far ``first`` are the runs that a first look at them needs."""

    def ended(self, plan: RunPlan) -> None:
        """A run came to an end, or had been finished before."""

    def look(self) -> str:
        """Called many times a second while runs are under way; gives a line to be told, or nothing."""
        return ""

    def close(self) -> None:
        """End what is under way; called again it does nothing."""
