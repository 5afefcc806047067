"""Folders ``version_0``, ``version_1``, ... of one parent: which of them go on with the training of another.

A resumed training logs into a new version. That a version goes on with an earlier one is taken as certain enough where
its first step is later than a training from the start would log, the earlier one reaches there, and their settings are
equal; where several could be meant, all stay apart.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tinyexp.errors import listed
from tinyexp.logs.ends import NO_END
from tinyexp.logs.log import Column, Repair, RunLog
from tinyexp.logs.logged_epochs import UNFINISHED
from tinyexp.logs.rows import AGAIN

LATE = "It begins at step {first:g}: what was logged before is not in it."
GOES_ON = "{later} goes on with {earlier}: their settings are equal, and it begins where that one ended."
MANY = "It begins at step {first:g} and may go on with {names}, which are equally likely: it is a run of its own."
MID_EPOCH = (
    "It ends at step {step:g}, in the middle of an epoch: it was cut there, or stopped by a limit of steps."
)
_MID_EPOCH = re.compile(re.escape(MID_EPOCH).replace(re.escape("{step:g}"), r"\S+"))
_NUMBER = re.compile(r"version_(\d{1,9})\Z")


@dataclass
class _Chain:
    """A training: one version, or several that go on with each other."""

    run: RunLog
    first: float
    last: float
    gap: float
    """The longest distance between two steps that follow each other."""

    @property
    def is_late(self) -> bool:
        """Whether a training from the start, with steps logged as far apart, would have logged an earlier one."""
        return self.first > self.gap


def joined_versions(logs: Iterable[RunLog]) -> list[RunLog]:
    """All runs, those joined that lie in several versions of one parent folder; the last version names them."""
    families: dict[object, list[RunLog]] = defaultdict(list)
    for log in logs:
        families[log.where.parent if _NUMBER.match(log.where.name) else log.where].append(log)
    return [run for family in families.values() for run in _joined(sorted(family, key=_number))]


def joined_where_versioned(logs: Sequence[RunLog]) -> list[RunLog]:
    """As :func:`joined_versions`, of those alone that lie in a folder ``version_N``: of others nothing is said."""
    versioned = [log for log in logs if _NUMBER.match(log.where.name)]
    return [*(log for log in logs if not _NUMBER.match(log.where.name)), *joined_versions(versioned)]


def _number(log: RunLog) -> int:
    match = _NUMBER.match(log.where.name)
    return int(match[1]) if match else 0


def _joined(family: Sequence[RunLog]) -> list[RunLog]:
    chains: list[_Chain] = []
    for log in family:
        own = _chain(log)
        before = [chain for chain in chains if _reaches(chain, own)] if own.is_late else []
        near = [chain for chain in before if chain.last <= own.first + max(chain.gap, own.gap)]
        if len(near or before) == 1:
            chain = (near or before)[0]
            chain.run = _after(chain.run, log, own.first)
            chain.last, chain.gap = own.last, max(chain.gap, own.gap)
            continue
        if before or (own.is_late and own.gap):
            names = listed(chain.run.where.name for chain in before)
            note = (MANY if before else LATE).format(first=own.first, names=names)
            own.run = replace(log, notes=(*log.notes, note))
        chains.append(own)
    return [chain.run for chain in chains]


def _chain(log: RunLog) -> _Chain:
    steps = sorted({step for step in log.step if step is not None}) or [0.0]
    return _Chain(log, steps[0], steps[-1], max((b - a for a, b in pairwise(steps)), default=0))


def _reaches(chain: _Chain, own: _Chain) -> bool:
    """Whether a version begins after the beginning of another training, and not after what that could have reached."""
    return (
        chain.first < own.first <= chain.last + max(chain.gap, own.gap)
        and chain.run.settings == own.run.settings
        and not chain.run.metrics.keys().isdisjoint(own.run.metrics)
    )


def _after(earlier: RunLog, later: RunLog, first: float) -> RunLog:
    """Two versions as one: of the earlier one what is before the first step of the later one."""
    kept = [row for row, step in enumerate(earlier.step) if step is not None and step < first]
    names = dict.fromkeys([*earlier.metrics, *later.metrics])
    gaps: Column = [None] * len(later.step)
    nothing: Column = [None] * len(earlier.step)
    repairs = Counter[str]()
    for one in (*earlier.repairs, *later.repairs, Repair(AGAIN, len(earlier.step) - len(kept))):
        repairs[one.what] += one.rows
    note = GOES_ON.format(later=later.where.name, earlier=earlier.where.name)
    return replace(
        later,
        files=(*earlier.files, *later.files),
        epoch=[*(earlier.epoch[row] for row in kept), *later.epoch],
        step=[*(earlier.step[row] for row in kept), *later.step],
        metrics={
            name: [
                *(earlier.metrics.get(name, nothing)[row] for row in kept),
                *later.metrics.get(name, gaps),
            ]
            for name in names
        },
        rows_read=earlier.rows_read + later.rows_read,
        repairs=tuple(Repair(what, rows) for what, rows in repairs.items() if rows),
        notes=tuple(dict.fromkeys((*filter(_still_holds, earlier.notes), *later.notes, note))),
    )


def _still_holds(note: str) -> bool:
    """Whether a sentence about an earlier version is one about the whole too, and not about where that version ended."""
    return note not in (NO_END, UNFINISHED) and not _MID_EPOCH.fullmatch(note)
