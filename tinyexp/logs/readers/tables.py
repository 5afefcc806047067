"""Tables that known trainers write, a row an epoch: timm, ultralytics, fastai and Keras.

- timm [0.4 to 1.0]: ``summary.csv`` and ``args.yaml``; epochs from 0; percent. A resume writes the header again, or since
  1.0.31 cuts the rows off that come again; a checkpoint from mid-epoch costs that epoch's row, and so does an epoch
  without validation. ``args.yaml`` is then the later attempt's. train_loss includes label smoothing, eval_loss does not.
- ultralytics [8.0 to 8.4, and YOLOv5]: ``results.csv`` and ``args.yaml``; epochs from 1, from 0 in old versions, which
  also pad names and numbers; rounded to some digits. A resume goes on without a header.
- fastai [2.7, 2.8]: ``history.csv``; epochs from 0; no settings. With ``append=True`` a second fit writes the header
  again, perhaps another one, and its epochs begin at 0: it goes on with what the first one trained, unless it was told
  ``start_epoch``; then rows of two cells stand for the epochs that it passed over.
- Keras [2 and 3]: any name; ``epoch``, then names in order, those of validation with ``val_``; CRLF; epochs from 0; ``NA``
  where a value is not. With ``append=True`` no second header: with other metrics values shift, which is refused where the
  number of cells shows it, and cannot be seen where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinyexp.errors import listed
from tinyexp.logs.columns import Table, left_out, require_index, table_of
from tinyexp.logs.counting import TableLog, begins_at_zero, counted
from tinyexp.logs.ends import rows_of
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.heads import names_in
from tinyexp.logs.log import Column, Repair
from tinyexp.logs.readers.generic import READER as GENERIC
from tinyexp.logs.separated import Ignored
from tinyexp.logs.settings import settings_in

__all__ = ["FASTAI", "GENERIC", "KERAS", "TIMM", "ULTRALYTICS"]

BEGUN_AGAIN = "of a later fit, whose epochs began at 0 again: counted on from the fit before"
PASSED_OVER = "of an epoch that start_epoch passed over, without any value, and left out"
AGAIN_AT_ZERO = (
    "Its epochs begin at 0 again in the middle. Whether the later fit went on with what the earlier one had trained "
    "cannot be told: it is taken to have begun anew."
)
LATER = "Its settings are those of the attempt that was resumed last."
SMOOTHED = "train_loss includes label smoothing ({smoothing:g}), and eval_loss does not."
AVERAGED = "train_loss is a moving average over batches, and not the mean of the epoch."
ROUNDED = "The trainer rounds values to 5 or 6 digits, and does not log the evaluation of its best weights at the end."
UNVALIDATED = "Trained with val: false: where nothing was validated, validation metrics stand at 0 in the log, and here."
_SUFFIXES = (".csv", ".tsv", ".log", ".txt")


@dataclass(frozen=True)
class Trainer:
    """What is to be known of a trainer whose log is a table with a row an epoch."""

    name: str
    is_own: Callable[[tuple[str, ...], bytes], bool]
    """Whether column names, and the beginning of the file, are this trainer's beyond doubt."""
    file: str = ""
    """Its usual name, where the folder gives the run its name; of another name, the file does."""
    is_likely: Callable[[tuple[str, ...]], bool] = lambda _: False
    """Whether column names are this trainer's in a file of the usual name."""
    settings: str = ""
    """The file of settings beside it."""
    from_zero: bool | None = None
    """Whether its epochs count from 0, if that is certain."""
    mostly_from_zero: bool = False
    ignored: Ignored | None = None
    goes_on: bool = False
    """Whether a fit whose epochs begin at 0 below a header of its own goes on with what was trained before."""
    remarks: Callable[[Mapping[str, Any], Table], list[str]] = lambda _settings, _table: []
    """What must be known of the values, given the settings."""


def _reader(trainer: Trainer) -> Reader:
    def find(folder: Folder) -> list[Unit]:
        found = []
        for name in folder.files:
            if not name.lower().endswith(_SUFFIXES):
                continue
            head, usual = folder.head(name), name == trainer.file
            names = names_in(head)
            if len(names) < 2 or names[0] != "epoch":
                continue
            if trainer.is_own(names, head) or (usual and trainer.is_likely(names)):
                beside = [one for one in (trainer.settings,) if usual and one in folder.files]
                files = tuple(folder.path / one for one in (name, *beside))
                found.append(Unit(folder.path if usual else files[0], files))
        return found

    return Reader(find, lambda unit: [_read(trainer, unit)], counted)


def _read(trainer: Trainer, unit: Unit) -> TableLog:
    path = unit.files[0]
    text = read_text(path)
    table = table_of(text, str(path), ignored=trainer.ignored)
    epoch = require_index("epoch", table, str(path))
    notes, repairs = list[str](), list(table.repairs)
    settings = settings_in(unit.files[1], notes) if len(unit.files) > 1 else {}
    from_zero = trainer.from_zero if trainer.from_zero is not None else begins_at_zero(epoch, {})
    if trainer.goes_on:
        epoch = _counted_on(epoch, table.begins, repairs)
    metrics = {name: column for name, column in table.numbers.items() if name not in ("", "epoch")}
    found = rows_of(epoch, [None] * len(epoch), metrics, str(path))
    return TableLog(
        reader=trainer.name,
        where=unit.where,
        files=unit.files,
        epoch=found.epoch,
        step=found.step,
        metrics=found.metrics,
        rows_read=table.rows_read,
        settings=settings,
        repairs=(*repairs, *found.repairs),
        notes=(*notes, *table.notes, *trainer.remarks(settings, table), *left_out(table)),
        header=f"{trainer.name}: {listed(table.names)}",
        from_zero=from_zero,
        trainer_from_zero=trainer.mostly_from_zero,
    )


def _counted_on(epoch: Column, begins: Sequence[int], repairs: list[Repair]) -> Column:
    """Epochs of later fits after those of earlier ones, where a fit begins at 0 below a header of its own."""
    starts = sorted({0, *begins} - {len(epoch)})
    found: Column = []
    before, counted_on = 0.0, 0
    for start, end in zip(starts, [*starts[1:], len(epoch)], strict=True):
        part = [one for one in epoch[start:end] if one is not None]
        if start and part[0] == 0:
            before = max(one for one in found if one is not None) + 1
            counted_on += len(part)
        found += [one + before for one in part]
    if counted_on:
        repairs.append(Repair(BEGUN_AGAIN, counted_on))
    return found


def _is_timm(names: tuple[str, ...], head: bytes) -> bool:
    return b"\r\n" in head and _is_like_timm(names) and {"eval_top1", "eval_top5"} <= set(names)


def _is_like_timm(names: tuple[str, ...]) -> bool:
    return "train_loss" in names and all(
        name.startswith(("train_", "eval_")) for name in {*names[1:]} - {"lr"}
    )


def _is_ultralytics(names: tuple[str, ...], _head: bytes) -> bool:
    return any(name.startswith(("metrics/", "train/")) for name in names) and any(
        name.startswith(("lr/pg", "x/lr")) for name in names
    )


def _is_fastai(names: tuple[str, ...], _head: bytes) -> bool:
    return names[1] == "train_loss" and "valid_loss" in names and names[-1] == "time"


def _is_keras(names: tuple[str, ...], head: bytes) -> bool:
    if b"\r\n" not in head:
        return False
    own = [name for name in names[1:] if not name.startswith("val_")]
    sets = (sorted(names[1:]), [*sorted(own), *(f"val_{name}" for name in sorted(own))])
    return "loss" in own and list(names[1:]) in sets


def _is_passed_over(cells: Sequence[str], names: Sequence[str]) -> str:
    wanted = 2 if names[-1] == "time" else 1
    return PASSED_OVER if len(cells) == wanted and cells[0].strip().isdecimal() else ""


def _of_timm(settings: Mapping[str, Any], table: Table) -> list[str]:
    smoothing = settings.get("smoothing")
    smooth = isinstance(smoothing, int | float) and smoothing > 0 and "train_loss" in table.numbers
    return [
        *([LATER] if settings.get("resume") else []),
        *([SMOOTHED.format(smoothing=smoothing)] if smooth else []),
    ]


def _of_ultralytics(settings: Mapping[str, Any], _table: Table) -> list[str]:
    unvalidated = [UNVALIDATED] if settings.get("val") is False else []
    return [*([LATER] if settings.get("resume") else []), ROUNDED, *unvalidated]


def _of_keras(_settings: Mapping[str, Any], table: Table) -> list[str]:
    return [AGAIN_AT_ZERO] if 0 in table.numbers["epoch"][1:] else []


TIMM = _reader(
    Trainer(
        "timm",
        _is_timm,
        file="summary.csv",
        is_likely=_is_like_timm,
        settings="args.yaml",
        from_zero=True,
        mostly_from_zero=True,
        remarks=_of_timm,
    )
)
ULTRALYTICS = _reader(
    Trainer("ultralytics", _is_ultralytics, file="results.csv", settings="args.yaml", remarks=_of_ultralytics)
)
FASTAI = _reader(
    Trainer(
        "fastai",
        _is_fastai,
        file="history.csv",
        is_likely=lambda names: names[1] == "train_loss" and "valid_loss" in names,
        mostly_from_zero=True,
        ignored=_is_passed_over,
        goes_on=True,
        remarks=lambda _settings, _table: [AVERAGED],
    )
)
KERAS = _reader(Trainer("keras", _is_keras, mostly_from_zero=True, remarks=_of_keras))
