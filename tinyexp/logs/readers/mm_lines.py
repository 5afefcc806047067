"""Lines of mmengine's ``scalars.json`` and of mmcv's ``TIMESTAMP.log.json``, as attempts at a training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tinyexp.errors import UserError
from tinyexp.logs.folder import read_text
from tinyexp.logs.log import Repair, Value
from tinyexp.logs.records import flat
from tinyexp.logs.separated import CUT

_INDEX = frozenset({"epoch", "iter", "step", "mode"})


class Line(NamedTuple):
    """What was logged at once."""

    train: bool
    epoch: int | None
    """During which it was logged, from 1; of mmcv's validation: after which."""
    iteration: int | None
    """Since the beginning of the training, from 1."""
    inner: int | None
    """Since the beginning of the epoch, from 1; where mmcv logs this in place of the other."""
    step: int | None
    """As mmengine logs it."""
    values: Mapping[str, Value]


@dataclass
class Attempt:
    """Lines of one start of a training."""

    path: Path
    lines: list[Line] = field(default_factory=list)
    meta: Mapping[str, Any] = field(default_factory=dict)
    """The first line of mmcv's log: seed, config and more."""
    repairs: list[Repair] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Names whose values are no numbers."""

    @property
    def first(self) -> Line | None:
        """The first line of training."""
        return next((line for line in self.lines if line.train), None)

    @property
    def train(self) -> list[Line]:
        """All lines of training."""
        return [line for line in self.lines if line.train]


def attempts_in(path: Path) -> list[Attempt]:
    """The attempts in a file: more than one where it was added to by a later start.

    Raises
    ------
    UserError
        A line is no JSON, but for a last one that was cut.
    """
    whole = Attempt(path)
    records: list[tuple[int, dict[str, Any]]] = []
    lines = read_text(path).split("\n")
    for number, text in enumerate(lines, start=1):
        if not text or text.isspace():
            continue
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                whole.repairs.append(Repair(CUT, 1))
                break
            raise UserError(
                f"{path}: line {number} is not JSON ({error}). Correct it, or take it out."
            ) from error
        if not isinstance(record, dict):
            raise UserError(f"{path}: line {number} is no JSON object, as a line of this log is.")
        if "mode" in record or not ({"env_info", "config", "exp_name"} & record.keys()):
            records.append((number, record))
        else:
            whole.meta = record
    inner = _counts_within_epochs([record for _, record in records])
    for number, record in records:
        line = _line(record, f"{path}: line {number}", whole.unread, inner=inner)
        if line.values:
            whole.lines.append(line)
    return _cut_at_starts(whole)


def _line(record: Mapping[str, Any], where: str, unread: set[str], *, inner: bool) -> Line:
    epoch, iteration, step = (_whole(record, name, where) for name in ("epoch", "iter", "step"))
    values: dict[str, Value] = {}
    for name, value in flat(record, ".").items():
        if name in _INDEX:
            continue
        if isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**1000):
            values[name] = float(value)
        elif value is not None:
            unread.add(name)
    if "mode" in record:
        train = record["mode"] == "train"
        own = iteration if train else None
        return Line(train, epoch, None if inner else own, own if inner else None, None, values)
    # The oldest versions have no iter, and without epochs no epoch; what is left of a line of training is its rate.
    train = "iter" in record or "epoch" in record or any(name.endswith("lr") for name in values)
    return Line(train, epoch, step if iteration is None else iteration, None, step, values)


def _whole(record: Mapping[str, Any], name: str, where: str) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise UserError(f"{where}: {name} is {str(value)[:40]!r}, and no whole number.")
    return value


def _counts_within_epochs(records: list[dict[str, Any]]) -> bool:
    """Whether mmcv's ``iter`` begins anew with each epoch."""
    before: dict[str, Any] | None = None
    for record in records:
        if record.get("mode") != "train" or not all(
            isinstance(record.get(name), int) for name in ("epoch", "iter")
        ):
            continue
        if before and record["epoch"] > before["epoch"] and record["iter"] <= before["iter"]:
            return True
        before = record
    return False


def _cut_at_starts(whole: Attempt) -> list[Attempt]:
    """An attempt for each line of training that goes back."""
    found = [Attempt(whole.path, [], whole.meta, whole.repairs, whole.unread)]
    last = (0, 0)
    for line in whole.lines:
        here = _place(line, last)
        if line.train and here < last:
            found.append(Attempt(whole.path, [], whole.meta))
        if line.train:
            last = here
        found[-1].lines.append(line)
    return found


def _place(line: Line, last: tuple[int, int]) -> tuple[int, int]:
    if line.inner is not None:
        return line.epoch or last[0], line.inner
    return 0, last[1] if line.iteration is None else line.iteration
