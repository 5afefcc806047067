"""Rows of lines that mmengine or mmcv logged: which epochs and steps the lines of training and of validation belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from tinyexp.errors import UserError
from tinyexp.logs.log import Repair, Value
from tinyexp.logs.readers.mm_lines import Attempt, Line
from tinyexp.logs.rows import AGAIN, TWICE, Rows
from tinyexp.logs.series import MAX_CELLS

Kind = Literal["epoch", "iteration", "neither"]
_TIMES = frozenset({"time", "data_time", "memory"})
"""Training and validation log these under one name."""
RENAMED = (
    "training and validation use some names for two things: those of validation have 'val/' in front here."
)
BY_EPOCH = "in lines of validation 'step' counts epochs: it is the epoch of the row."
BY_ITERATION = "in lines of validation 'step' counts iterations, as in those of training."
NO_INDEX = (
    "lines of validation do not say at which iteration they were logged: "
    "each stands at the last iteration that was logged before it."
)
WITHIN = "'iter' counts within an epoch and is no step; with the iterations in an epoch, of the text log, it gives the epoch."
NO_LENGTH = "'iter' counts within an epoch, whose length is not known: it is kept as a metric, and rows in mid-epoch have no index."


@dataclass
class _Row:
    epoch: Value
    step: Value
    during: int | None
    """The epoch that went on; of validation, the one that had ended."""
    values: dict[str, Value] = field(default_factory=dict)


class Table:
    """Rows in the order of the training, attempt after attempt.

    Parameters
    ----------
    length
        Iterations in an epoch, if that is known.
    """

    def __init__(self, length: int | None) -> None:
        self.length = length
        self.rows: list[_Row] = []
        self.dropped = 0
        self._twice: set[int] = set()
        self._by_epoch: dict[float, _Row] = {}
        self._by_step: dict[float, _Row] = {}

    def begin(self, first: Line | None) -> None:
        """Drop what a later attempt does again."""
        if first is None or not self.rows:
            return
        kept = [row for row in self.rows if _is_before(row, first)]
        self.dropped += len(self.rows) - len(kept)
        self.rows = kept
        self._by_epoch = {row.epoch: row for row in kept if row.epoch is not None}
        self._by_step = {row.step: row for row in kept if row.step is not None}

    def train(self, line: Line) -> None:
        """A line of training."""
        epoch: Value = None
        if self.length and line.inner is not None and line.epoch:
            epoch = line.epoch - 1 + line.inner / self.length
        elif self.length and line.iteration is not None and line.epoch:
            epoch = line.iteration / self.length
        own = {"iter": float(line.inner)} if line.inner is not None and epoch is None else {}
        self._add(epoch, line.iteration, line.epoch, {**line.values, **own})

    def validation(self, line: Line, values: Mapping[str, Value], kind: Kind) -> None:
        """A line of validation, or one that was logged by hand."""
        if kind == "epoch":
            epoch = line.epoch if line.step is None else line.step
            self._add(epoch, None, epoch, values)
        elif kind == "iteration":
            assert line.step is not None, "it was compared with iterations"
            epoch_then = line.step / self.length if self.length else None
            self._add(epoch_then, line.step, None, values)
        else:
            row = self.rows[-1] if self.rows else _Row(None, None, None)
            if not self.rows or values.keys() & row.values.keys():
                row = _Row(row.epoch, row.step, row.during)
                self.rows.append(row)
            row.values.update(values)

    def _add(self, epoch: Value, step: Value, during: int | None, values: Mapping[str, Value]) -> None:
        row = self._by_epoch.get(epoch) if epoch is not None else None
        if row is None and step is not None:
            row = self._by_step.get(step)
        if row is None:
            row = _Row(epoch, step, during)
            self.rows.append(row)
        row.epoch = row.epoch if epoch is None else epoch
        row.step = row.step if step is None else step
        for name, value in values.items():
            if name in row.values and row.values[name] != value:
                self._twice.add(id(row))
            row.values[name] = value
        if row.epoch is not None:
            self._by_epoch[row.epoch] = row
        if row.step is not None:
            self._by_step[row.step] = row

    def finished(self, where: str) -> Rows:
        """The columns; raises UserError where they would be too large."""
        names = dict.fromkeys(name for row in self.rows for name in row.values)
        if len(names) * len(self.rows) > MAX_CELLS:
            raise UserError(
                f"{where}: has {len(self.rows):,} rows of {len(names):,} metrics, more than are read at once."
            )
        told = ((AGAIN, self.dropped), (TWICE, len(self._twice)))
        return Rows(
            epoch=[row.epoch for row in self.rows],
            step=[row.step for row in self.rows],
            metrics={name: [row.values.get(name) for row in self.rows] for name in names},
            repairs=tuple(Repair(what, count) for what, count in told if count),
        )


def _is_before(row: _Row, first: Line) -> bool:
    """Whether a row of an earlier attempt is not of what a later one does again."""
    if first.epoch is not None and first.epoch > 1 and row.during is not None:
        return row.during < first.epoch
    if first.iteration is not None and row.step is not None:
        return row.step < first.iteration
    return row.during is None


def rows_of(
    attempts: Sequence[Attempt], length: int | None, notes: list[str], *, by_epoch: bool | None
) -> Rows:
    """The rows of a run.

    Parameters
    ----------
    length
        Iterations in an epoch, as the text log has them.
    by_epoch
        Whether validation is logged by epoch, as the config has it; None where it does not say.
    """
    own = length_of(attempts, length)
    kinds = _kinds(attempts, by_epoch)
    trained = {name for attempt in attempts for line in attempt.train for name in line.values}
    validated = {
        name for attempt in attempts for line in attempt.lines if not line.train for name in line.values
    }
    clashing = validated & (trained | _TIMES)
    table = Table(own)
    for attempt in attempts:
        table.begin(attempt.first)
        for line in attempt.lines:
            if line.train:
                table.train(line)
            else:
                values = {
                    f"val/{name}" if name in clashing else name: value for name, value in line.values.items()
                }
                table.validation(line, values, kinds[frozenset(line.values)])
    notes += [RENAMED] if clashing else []
    told: Mapping[Kind, str] = {"epoch": BY_EPOCH, "iteration": BY_ITERATION, "neither": NO_INDEX}
    notes += [told[kind] for kind in dict.fromkeys(kinds.values())]
    if any(line.inner is not None for attempt in attempts for line in attempt.lines):
        notes.append(WITHIN if own else NO_LENGTH)
    return table.finished(str(attempts[0].path))


def length_of(attempts: Sequence[Attempt], told: int | None) -> int | None:
    """Iterations in an epoch: from how far the first lines of epochs are apart, else as the text log has it."""
    lengths: set[float] = set()
    for attempt in attempts:
        firsts: dict[int, int] = {}
        for line in attempt.train:
            # Only mmengine's lines, which have a step, begin at the same place of every epoch.
            if line.epoch is not None and line.iteration is not None and line.step is not None:
                firsts.setdefault(line.epoch, line.iteration)
        lengths |= {
            (b - a) / (later - one) for (one, a), (later, b) in pairwise(firsts.items()) if later > one
        }
    length = lengths.pop() if len(lengths) == 1 else told if not lengths else None
    return int(length) if length and length == int(length) and _fits(attempts, int(length)) else None


def _fits(attempts: Iterable[Attempt], length: int) -> bool:
    return all(_fits_line(line, length) for attempt in attempts for line in attempt.train)


def _fits_line(line: Line, length: int) -> bool:
    if line.inner is not None:
        return line.inner <= length
    if line.epoch is None or line.iteration is None:
        return True
    return (line.epoch - 1) * length < line.iteration <= line.epoch * length


def _kinds(attempts: Sequence[Attempt], by_epoch: bool | None) -> dict[frozenset[str], Kind]:  # noqa: FBT001
    """What ``step`` counts in lines other than of training, for each set of names that they have."""
    epochs: dict[frozenset[str], bool] = {}
    iterations: dict[frozenset[str], bool] = {}
    has_epochs = any(line.epoch is not None for attempt in attempts for line in attempt.lines)
    for attempt in attempts:
        following = _following(attempt.lines)
        last: Line | None = None
        for line, after in zip(attempt.lines, following, strict=True):
            if line.train:
                last = line
                continue
            names = frozenset(line.values)
            epochs[names] = epochs.get(names, True) and _fits_epochs(line, last, after, by_epoch)
            iterations[names] = iterations.get(names, True) and _fits_iterations(line, last, after)
    prefers = has_epochs if by_epoch is None else by_epoch
    return {
        names: "epoch"
        if epochs[names] and (prefers or not iterations[names])
        else "iteration"
        if iterations[names]
        else "neither"
        for names in epochs
    }


def _following(lines: Sequence[Line]) -> list[Line | None]:
    """For each line the next line of training."""
    found: list[Line | None] = []
    after: Line | None = None
    for line in reversed(lines):
        found.append(after)
        after = line if line.train else after
    return found[::-1]


def _fits_epochs(line: Line, last: Line | None, after: Line | None, by_epoch: bool | None) -> bool:  # noqa: FBT001
    at = line.epoch if line.step is None else line.step
    if line.step is None and not by_epoch and last and last.inner is None:
        return False  # mmcv by iterations: the epoch goes on while it is validated
    if at is None or (last and last.epoch is None) or (after and after.epoch is None):
        return False
    return (
        (last.epoch if last and last.epoch else 0) <= at < (after.epoch if after and after.epoch else at + 1)
    )


def _fits_iterations(line: Line, last: Line | None, after: Line | None) -> bool:
    if line.step is None or (last and last.iteration is None) or (after and after.iteration is None):
        return False
    lowest = last.iteration if last and last.iteration else 0
    return lowest <= line.step <= (after.iteration if after and after.iteration else line.step)
