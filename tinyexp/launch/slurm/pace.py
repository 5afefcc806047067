"""When to look again: often at first, seldom where nothing happens, where there is much to look at, or where an answer takes long."""

from __future__ import annotations

from dataclasses import dataclass

_SHARE = 20
"""Looking takes at most one part in so many of the time."""


@dataclass
class Pace:
    """The times of looks, in seconds of a monotonic clock."""

    shortest_s: float
    longest_s: float
    each_s: float = 0.0
    """For each job that is looked at."""
    due: float = 0.0
    _changed: float = 0.0

    def changed(self, now: float) -> None:
        """Something happened: looks are frequent again."""
        self._changed = now

    def soon(self, now: float) -> None:
        """Something is about to happen: look."""
        self._changed = now
        self.due = min(self.due, now + self.shortest_s)

    def looked(self, began: float, now: float, jobs: int, at_most_s: float | None = None) -> None:
        """A look at so many jobs took from ``began`` until now; the next is due within ``at_most_s`` in any case.

        >>> pace = Pace(1, 60)
        >>> pace.changed(100); pace.looked(110, 110, 1); pace.due
        111
        >>> pace.looked(400, 400, 1); pace.due
        430.0
        """
        wait = max(self.shortest_s, (now - self._changed) / 10, self.each_s * jobs, _SHARE * (now - began))
        self.due = now + min(wait, self.longest_s, at_most_s or self.longest_s)
