"""Runs that two loggers wrote side by side, as CSV and TensorBoard: one training, which must not count twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tinyexp.logs.log import Column, LeftOut, RunLog

_DISTINCT = 4
"""So many different values that agree are no chance; in one folder, or one beside the other, fewer do."""
_NEAR = 2
_BEGINNING = 8
"""Bytes of two values, by which twins are looked for."""
_ROUNDED = ("tensorboard",)
"""Logs whose values are in single precision: of two that say the same, the other is kept."""


def without_twins(runs: Sequence[RunLog]) -> tuple[list[RunLog], list[LeftOut]]:
    """Of the logs that different loggers wrote of one training the one with the more exact values, else the first."""
    if len({run.reader for run in runs}) < 2:
        return [*runs], []
    order = sorted(range(len(runs)), key=lambda place: runs[place].reader in _ROUNDED)
    first: dict[tuple[str, bytes], list[int]] = {}
    twins: dict[int, int] = {}
    for place in order:
        beginnings = [(name, values[:_BEGINNING]) for name, values in _signatures(runs[place])]
        others = dict.fromkeys(other for key in beginnings for other in first.get(key, ()))
        found = next((other for other in others if _are_one(runs[other], runs[place])), None)
        if found is not None:
            twins[place] = found
            continue
        for key in beginnings:
            first.setdefault(key, []).append(place)
    kept = [run for place, run in enumerate(runs) if place not in twins]
    why = "it is the log of {kept} by another logger ({reader}), value for value, and no training of its own."
    left_out = [
        LeftOut(runs[place].where, why.format(kept=runs[other].where, reader=runs[place].reader))
        for place, other in sorted(twins.items())
    ]
    return kept, left_out


def _are_one(a: RunLog, b: RunLog) -> bool:
    """Whether what two logs share agrees to single precision, and is too much for chance; one may have gone on for longer."""
    if a.reader == b.reader:
        return False
    ours, theirs = dict(_signatures(a)), dict(_signatures(b))
    shared = ours.keys() & theirs.keys()
    agree = [
        name for name in shared if ours[name].startswith(theirs[name]) or theirs[name].startswith(ours[name])
    ]
    distinct = {value for name in agree for value in np.frombuffer(ours[name], np.float32).tolist()}
    enough = _NEAR if _lie_together(a.where, b.where) else _DISTINCT
    return 2 * len(agree) > len(shared) and len(distinct) >= enough


def _lie_together(a: Path, b: Path) -> bool:
    return a == b or a in b.parents or b in a.parents or a.parent == b.parent


def _signatures(run: RunLog) -> Iterator[tuple[str, bytes]]:
    """The values of each metric in single precision, under a name that does not depend on the logger."""
    for name, column in run.metrics.items():
        values = _values(column)
        if len(set(values)) > 1:
            with np.errstate(over="ignore"):
                yield _plain(name), np.array(values, dtype=np.float64).astype(np.float32).tobytes()


def _values(column: Column) -> list[float]:
    return [value for value in column if value is not None]


def _plain(name: str) -> str:
    """``eval/loss`` and ``eval_loss``, ``train/loss`` and ``loss`` are one."""
    return name.replace("/", "_").replace(".", "_").lower().removeprefix("train_")
