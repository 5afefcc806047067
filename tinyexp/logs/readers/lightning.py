"""Lightning's and Fabric's CSVLogger: ``version_N/metrics.csv``, for Lightning with ``hparams.yaml`` [1.5 to 2.6].

- A LightningCLI writes its whole command line into ``config.yaml`` beside it: see lightning_cli.
- Values of one epoch stand in several rows, with gaps: steps of training, validation, means of the epoch, learning rates.
- Lightning's column ``epoch`` counts from 0 and says in which epoch a row was written: completed is it at its last step,
  and one row after the training, of a test, has the number of completed epochs itself.
- A killed run ends with steps of an epoch that has no end. A resume begins a new ``version_N``: two folders, one run.
  With a fixed version the old file is deleted, and early epochs are gone.
- Fabric writes what it is given: a column ``epoch`` if the user logged one, from 0 or from 1; steps that may be batches or
  epochs; and without any step the number of rows since the last flush, which begins at 0 again and again.
- Neither ever adds to a file after a resume, and Fabric never writes a setting.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import Any

from tinyexp.logs.columns import Table, left_out, require_index, table_of
from tinyexp.logs.counting import UNKNOWN
from tinyexp.logs.ends import NO_END, completed, ends_of, is_once, rows_of
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.heads import names_in
from tinyexp.logs.log import Column, Repair, RunLog
from tinyexp.logs.readers.lightning_cli import config_of, with_config
from tinyexp.logs.readers.versions import MID_EPOCH, joined_versions
from tinyexp.logs.settings import settings_in

FILE, SETTINGS = "metrics.csv", "hparams.yaml"
COUNTED_ON = "with a step that the logger began at 0 again after it wrote its file: counted on"
ONLY_STEPS = "It has no column epoch: its steps may be epochs or batches, and no epoch is known."
EVALUATED = "It has rows of an evaluation after the training: whether of the last weights or of the best is not in the log."
ALONE = "It has rows of an evaluation only, without a training: how many epochs were completed is not known."
NO_TRAINING = "it is an evaluation without a training, and no run"
_VERSION = re.compile(r"version_\d+\Z")


def find(folder: Folder) -> list[Unit]:
    """The log of a version, by its file's name, a column of steps, and a second sign that it is the logger's."""
    if FILE not in folder.files:
        return []
    names = names_in(folder.head(FILE))
    settings = [SETTINGS] if SETTINGS in folder.files else []
    # The logger sorts its columns since 2.1; before that it wrote a hparams.yaml, or at least version_N.
    is_own = bool(settings) or _VERSION.match(folder.path.name) is not None or list(names) == sorted(names)
    if len(names) < 2 or "step" not in names or not is_own:
        return []
    files = [folder.path / name for name in (FILE, *settings)]
    config = config_of(folder.path)
    return [Unit(folder.path, (*files, config) if config else tuple(files))]


def read(unit: Unit) -> list[RunLog]:
    """The run of one version."""
    path = unit.files[0]
    table = table_of(read_text(path), str(path))
    notes = list(table.notes)
    settings: dict[str, Any] = {}
    for beside in unit.files[1:]:
        if beside.name == SETTINGS:
            settings = settings_in(beside, notes)
        else:
            settings = with_config(settings, beside, unit.where, notes)
    rows, repairs = _rows(table, path), list(table.repairs)
    if _begins_again(rows):
        repairs.append(_count_on(rows))
    epoch, from_zero = _completed(rows, notes, is_lightning=len(unit.files) > 1)
    notes += _cut(rows, epoch)
    if from_zero:
        epoch = [None if one is None else one + 1 for one in epoch]
    step: Column = [*rows.step]
    found = rows_of(epoch, step, rows.metrics, str(path), rows.step)
    return [
        RunLog(
            reader="lightning",
            where=unit.where,
            files=unit.files,
            epoch=found.epoch,
            step=found.step,
            metrics=found.metrics,
            rows_read=table.rows_read,
            settings=settings,
            no_training=NO_TRAINING if ALONE in notes else "",
            repairs=(*repairs, *found.repairs),
            notes=(*notes, *left_out(table)),
        )
    ]


@dataclass
class _Rows:
    """The rows of a version."""

    epoch: Column
    step: list[float]
    metrics: dict[str, Column]

    def names(self, row: int) -> list[str]:
        """Of the metrics in a row."""
        return [name for name, column in self.metrics.items() if column[row] is not None]


def _rows(table: Table, path: Path) -> _Rows:
    epoch = _epoch_name(table.names)
    steps = [step for step in require_index("step", table, str(path)) if step is not None]
    logged: Column = [None] * len(steps)
    if epoch in table.numbers:
        logged = [one if one is not None and isfinite(one) else None for one in table.numbers[epoch]]
    metrics = {name: column for name, column in table.numbers.items() if name not in ("", "step", epoch)}
    return _Rows(logged, steps, metrics)


def _epoch_name(names: Sequence[str]) -> str:
    """The column of epochs, which a logger with a prefix puts the prefix before."""
    if "epoch" in names:
        return "epoch"
    name = next((name for name in names if name.endswith("-epoch")), "")
    prefix = name.removesuffix("epoch")
    return name if all(one.startswith(prefix) for one in {*names} - {"step"}) else ""


def _begins_again(rows: _Rows) -> bool:
    """Whether steps only count rows, from 0 again after each flush: all parts but the last are of one length."""
    starts = [place for place, step in enumerate(rows.step) if step == 0]
    if len(starts) < 2 or starts[0] != 0:
        return False
    lengths = [b - a for a, b in pairwise([*starts, len(rows.step)])]
    whole = {*lengths[:-1]}
    known = [one for one in rows.epoch if one is not None]
    return (
        len(whole) == 1
        and lengths[-1] <= lengths[0] > 1
        and all(b == a + 1 or b == 0 for a, b in pairwise(rows.step))
        and all(a <= b for a, b in pairwise(known))
    )


def _count_on(rows: _Rows) -> Repair:
    first = rows.step.index(0, 1)
    rows.step = [float(place) for place in range(len(rows.step))]
    return Repair(COUNTED_ON, len(rows.step) - first)


def _completed(rows: _Rows, notes: list[str], *, is_lightning: bool) -> tuple[Column, bool]:
    """Of each row the epoch that was complete there, as logged; and whether epochs count from 0."""
    known = [one for one in rows.epoch if one is not None]
    if not known:
        notes.append(ONLY_STEPS)
        return rows.epoch, False
    if any(not one.is_integer() for one in known):
        return rows.epoch, False
    is_lightning |= any(name.endswith(("_epoch", "_step")) for name in rows.metrics)
    evaluated = {*range(len(rows.step))} if _is_one_evaluation(rows) else _evaluations(rows)
    logged: Column = [None if row in evaluated else one for row, one in enumerate(rows.epoch)]
    trained = [one for one in logged if one is not None]
    if not trained:
        notes.append(ALONE)
        return logged, False
    last = max(trained)
    epoch, from_zero = completed(
        logged,
        rows.step,
        rows.metrics,
        from_zero=True if is_lightning else None,
        strict=is_lightning,
        also={last} if any(rows.epoch[row] == last + 1 for row in evaluated) else (),
    )
    ended = last in epoch
    at_end = {name for row, one in enumerate(epoch) if one == last for name in rows.names(row)}
    for row in evaluated:
        # What the last epoch has already is not taken for it: an evaluation may be of the best weights.
        is_new = ended and at_end.isdisjoint(rows.names(row))
        if is_new and rows.epoch[row] in (last, last + 1):
            epoch[row], rows.step[row] = last, rows.step[epoch.index(last)]
    notes += [EVALUATED] if evaluated else []
    if from_zero is None and min(trained) > 1:
        notes.append(UNKNOWN.format(first=min(trained)))
    if not ended and all(one is None for one in epoch):
        notes.append(NO_END)
    return epoch, bool(from_zero)


def _cut(rows: _Rows, epoch: Column) -> list[str]:
    """What is said where rows of another epoch stand behind the last one that is known to have ended."""
    ended = [place for place, one in enumerate(epoch) if one is not None]
    behind = [
        rows.step[place]
        for place in range(ended[-1] + 1 if ended else len(epoch), len(epoch))
        if rows.epoch[place] is not None
        and (rows.epoch[place] or 0) > (epoch[ended[-1]] or 0)
        and rows.step[place] > rows.step[ended[-1]]
        and any(not is_once(name) for name in rows.names(place))
    ]
    return [MID_EPOCH.format(step=max(behind))] if behind else []


def _evaluations(rows: _Rows) -> set[int]:
    """The rows of tests, and of an evaluation after the training: one step later, and since 1.6 one epoch too."""
    tests = [column for name, column in rows.metrics.items() if _is_test(name)]
    found = {row for column in tests for row, value in enumerate(column) if value is not None}
    found = {row for row in found if all(map(_is_test, rows.names(row)))}
    if len({rows.epoch[row] for row in found}) > 1:
        found = set()  # what is called test is validated with in every epoch
    rest = [row for row, one in enumerate(rows.epoch) if one is not None and row not in found]
    if not rest:
        return found
    last = rows.epoch[rest[-1]], rows.step[rest[-1]]
    tail = [row for row in rest if (rows.epoch[row], rows.step[row]) == last]
    before = [
        (rows.epoch[row] or 0, rows.step[row]) for row in rest if (rows.epoch[row], rows.step[row]) != last
    ]
    names = {name for row in tail for name in rows.names(row)}
    training = {name for name in rows.metrics if name.endswith("_step") or "train" in name.lower()}
    training |= {name.removesuffix("_step") + "_epoch" for name in training} & rows.metrics.keys()
    if not before or not all(map(is_once, names)) or names & training:
        return found
    logged = [None if row in found else one for row, one in enumerate(rows.epoch)]
    ends = ends_of(logged, rows.step, rows.metrics, from_zero=True)
    is_next = (max(before)[0] + 1, max(before)[1] + 1) == last
    if ends.is_regular and last[0] in ends.complete and not (is_next and training):
        return found
    if is_next and training:
        return found.union(tail)
    epoch, step = max(before)
    if last not in ((epoch + 1, step), (epoch + 1, step + 1), (epoch, step + 1)):
        return found
    # Where an epoch, or a validation, has one step, the next step is one like the others.
    told = {rows.step[row] for name in names for row, one in enumerate(rows.metrics[name]) if one is not None}
    usual = sorted(told - {last[1]})
    return found.union(tail) if all(b - a > 1 for a, b in pairwise(usual)) else found


def _is_one_evaluation(rows: _Rows) -> bool:
    """Whether nothing but a validation or a test stands at the place of a trainer that has not trained."""
    names = [name for name in rows.metrics if name.lower() != "hp_metric"]
    return (
        {*rows.step} == {0}
        and {*rows.epoch} == {0}
        and all(is_once(name) and "train" not in name.lower() for name in names)
    )


def _is_test(name: str) -> bool:
    return "test" in re.split(r"[^a-z]+", name.lower())


READER = Reader(find, read, joined_versions)
