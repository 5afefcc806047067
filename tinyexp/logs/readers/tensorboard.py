"""TensorBoard events: ``events.out.tfevents.*`` of torch, tensorboardX, TensorFlow 1 and 2, Keras and Lightning.

Seen: torch 2.14 with tensorboard 2.21, tensorboardX 2.6, TensorFlow 2.21, Keras 3.15, Lightning 2.6.

- A run is a folder with event files, and what writers put below it: ``train`` and ``val`` (Keras, Estimators), a folder
  for each curve of ``add_scalars``, one of ``add_hparams``. The folder's name and a slash stand in front of a tag.
- ``add_hparams`` repeats last values at step 0 in a folder of its own: settings are taken from there, values are not.
- A resume adds a file, whose steps may overlap; ``purge_step`` voids what earlier files have from a step on.
- A killed run's last record may be cut. A checksum that fails anywhere else is damage.
- Steps count whatever the user pleased. Only Keras' ``epoch_*`` count epochs from 0, beside others that count batches.
- Values logged without a step all have step 0. Nothing is sampled, and wall times are no metrics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinyexp.errors import listed
from tinyexp.logs.folder import Folder, Reader, Unit
from tinyexp.logs.log import Column, Repair, RunLog
from tinyexp.logs.logged_epochs import Columns, columns_of
from tinyexp.logs.readers.lightning_cli import config_of, with_config
from tinyexp.logs.readers.versions import joined_where_versioned
from tinyexp.logs.rows import TWICE
from tinyexp.logs.series import Attempt, Series, StepTable, drop_superseded, table_by_step
from tinyexp.logs.settings import settings_in
from tinyexp.logs.tfevents import EventFile, first_tag, read_events

PARTS = frozenset(
    {"train", "training", "val", "valid", "validation", "eval", "evaluation", "test", "testing", "dev"}
)
"""Names of folders that hold a part of a run, and none of their own."""
CUT = "cut in the middle at the end of a file, as a killed run leaves it: dropped"
BESIDE = "event files of one folder were written at the same time; where both have a step, the one named last counts."
KERAS = "steps of Keras' epoch_* are epochs, counted from 0: 1 was added. Other steps count batches, and have rows of their own."
PLACEHOLDER = "hp_metric is -1 at step 0 and nowhere else, which is Lightning's mark for none: left out."
_EVENTS = re.compile(r"tfevents")
_NO_EVENTS = re.compile(r"\.profile-empty$|\.(gz|zip|lock|tmp|part)$")
_STAMP = re.compile(r"tfevents\.(\d+)")
_KERAS = re.compile(r"(?:train|validation)/epoch_")
_HPARAMS = b"_hparams_/experiment"
"""In the file of add_hparams; what TensorFlow writes into a run that has hparams is its session alone."""
_SETTINGS = "hparams.yaml"
"""Lightning's, beside its event files."""
_MAX_LEVELS, _MAX_LOOKED = 3, 200
"""How far below a run curves of add_scalars are looked for."""


def find(folder: Folder) -> list[Unit]:
    """A run in this folder, with the folders below it that are parts of it."""
    own = _event_files(folder)
    parts = _parts(folder, own=bool(own))
    if not own and not _is_parent(folder, parts):
        return []
    files = [*own, *(path for part in parts for path in _event_files(part))]
    # Folders between, as loss/ of the curve loss/train, hold nothing else.
    between = {above for part in parts for above in part.path.parents if folder.path in above.parents}
    return [Unit(folder.path, tuple(files), (*(part.path for part in parts), *sorted(between)))]


def _event_files(folder: Folder) -> list[Path]:
    return [
        folder.path / name for name in folder.files if _EVENTS.search(name) and not _NO_EVENTS.search(name)
    ]


def _parts(folder: Folder, *, own: bool) -> list[Folder]:
    found = []
    for name in folder.folders:
        below = folder.sub(name)
        if _event_files(below) and (name.lower() in PARTS or (own and _is_hparams(below))):
            found.append(below)
    return found + (_curves(folder) if own else [])


def _is_parent(folder: Folder, parts: Sequence[Folder]) -> bool:
    """Whether parts are all that lies here: a folder named test among those of other runs is a run of that name."""
    return bool(parts) and (len(parts) > 1 or not _runs_below(folder, parts))


def _runs_below(folder: Folder, parts: Sequence[Folder]) -> list[str]:
    names = {part.path.name for part in parts if part.path.parent == folder.path}
    return [name for name in folder.folders if name not in names and _event_files(folder.sub(name))]


def _is_hparams(folder: Folder) -> bool:
    return all(_HPARAMS in folder.head(path.name) for path in _event_files(folder))


def _curves(folder: Folder) -> list[Folder]:
    """Folders that ``add_scalars`` made for its curves: ``loss_train`` (torch) or ``loss/train`` (tensorboardX) for tag loss."""
    found, waiting, looked = [], [(folder.sub(name), name) for name in reversed(folder.folders)], 0
    while waiting and looked < _MAX_LOOKED:
        below, name = waiting.pop()
        looked += 1
        files = _event_files(below)
        if files:
            tag = first_tag(below.head(files[0].name))
            if tag and name.startswith((tag.replace("/", "_") + "_", f"{tag}/")):
                found.append(below)
        elif name.count("/") < _MAX_LEVELS - 1:
            waiting += [(below.sub(inner), f"{name}/{inner}") for inner in reversed(below.folders)]
    return found


def read(unit: Unit) -> list[RunLog]:
    """Read a run; see :func:`find` for what belongs to it."""
    files = sorted((read_events(path) for path in unit.files), key=_order)
    notes = list(_placed_notes(unit, files))
    settings, read_first = _settings(unit, files, notes)
    attempts = _attempts(unit, files, notes)
    superseded = drop_superseded(attempts)
    keras = table_by_step(attempts, unit.where, lambda name: bool(_KERAS.match(name)))
    others = table_by_step(attempts, unit.where, lambda name: not _KERAS.match(name))
    # Lightning writes this file beside its events, and counts epochs from 0.
    columns = columns_of(others, unit.where, from_zero=(unit.where / "hparams.yaml").is_file())
    if keras.steps:
        columns = _with_keras(keras, columns)
    cut = sum(file.cut for file in files)
    repairs = [*([Repair(CUT, cut)] if cut else []), *superseded, *_together(keras.repairs, others.repairs)]
    return [
        RunLog(
            reader="tensorboard",
            where=unit.where,
            files=(*read_first, *(file.path for file in files)),
            epoch=columns.epoch,
            step=columns.step,
            metrics=columns.metrics,
            rows_read=sum(file.records for file in files),
            settings=settings,
            repairs=tuple(repairs),
            notes=(*notes, *others.notes, *keras.notes, *columns.notes),
        )
    ]


def _order(file: EventFile) -> tuple[int, float, str]:
    """By the second in its name, then by the time of its first event."""
    stamp = _STAMP.search(file.path.name)
    began = file.attempts[0].began if file.attempts else 0.0
    return int(stamp[1][:18]) if stamp else 0, began, str(file.path)


def _prefix(unit: Unit, file: EventFile) -> str:
    """The folders between the run's and the file, each with a slash behind it."""
    below = file.path.parent.relative_to(unit.where).as_posix()
    return "" if below == "." else f"{below}/"


def _is_repeated(unit: Unit, file: EventFile) -> bool:
    """Whether add_hparams wrote it: settings, and a value each of metrics that other files of the run have."""
    if not file.settings or len(unit.files) == 1 or unit.files[0].parent != unit.where:
        return False
    steps = [series.steps for one in file.attempts for series in one.series.values()]
    return file.path.parent != unit.where or all(len(one) == 1 and one[0] == 0 for one in steps)


def _attempts(unit: Unit, files: Sequence[EventFile], notes: list[str]) -> list[Attempt]:
    """What was logged, under full names; two folders may have the same one, as tag train/loss and loss in train."""
    found: list[Attempt] = []
    owners: dict[str, str] = {}
    for file in files:
        prefix = _prefix(unit, file)
        if _is_repeated(unit, file):
            names = list(dict.fromkeys(name for one in file.attempts for name in one.series))
            if names:
                notes.append(f"add_hparams repeats {listed(names)} at step 0, which is no row.")
            continue
        for attempt in file.attempts:
            named = {}
            for tag, series in attempt.series.items():
                if _is_placeholder(tag, series, file):
                    notes.append(PLACEHOLDER)
                    continue
                name = f"{prefix}{tag}"
                if owners.setdefault(name, prefix) != prefix:
                    name = f"{tag} (in {prefix or './'})"
                    notes.append(f"two folders of the run have {prefix}{tag}: one is called '{name}'.")
                named[name] = series
            found.append(replace(attempt, series=named))
    return found


def _is_placeholder(tag: str, series: Series, file: EventFile) -> bool:
    """Whether a value is what Lightning puts where a metric beside the settings may stand later."""
    return (
        bool(file.settings) and tag == "hp_metric" and not (series.steps.any() or (series.values != -1).any())
    )


def _settings(unit: Unit, files: Sequence[EventFile], notes: list[str]) -> tuple[dict[str, Any], list[Path]]:
    """Settings that the hparams plugin or Lightning kept, and the files besides the events that they are from."""
    found: dict[str, Any] = {}
    for file in files:
        if any(found.get(key, value) != value for key, value in file.settings.items()):
            notes.append("add_hparams wrote several sets of settings; where they differ the last counts.")
        found.update(file.settings)
    path = unit.where / _SETTINGS
    if not path.is_file():
        return found, []
    found |= settings_in(path, notes)
    config = config_of(unit.where)
    return (with_config(found, config, unit.where, notes), [path, config]) if config else (found, [path])


def _placed_notes(unit: Unit, files: Sequence[EventFile]) -> Iterator[str]:
    """What must be said of folders and files."""
    folder = Folder(unit.where)
    parts = [Folder(path) for path in unit.claimed]
    named = sorted({_prefix(unit, file) for file in files if not _is_repeated(unit, file)} - {""})
    if named:
        yield f"tags of the folders below have the folder's name in front: {listed(named)}."
    if folder.path.name.lower() in PARTS or folder.path.parent.name.lower() in PARTS:
        yield "the folder, or the one above it, is named as a part of a run is, but was read as a run of its own."
    below = _runs_below(folder, parts)
    if below:
        yield f"folders below have events too, and were read as runs of their own: {_some(below)}."
    empty = sum(not file.records for file in files)
    if empty:
        yield f"event files that hold nothing: {empty}."
    others = {f"{_prefix(unit, file)}{tag}": kind for file in files for tag, kind in file.others.items()}
    if others:
        yield f"left out, as they are no scalars: {_some([f'{tag[:80]} ({kind})' for tag, kind in others.items()])}."
    if any(_are_beside(one, other) for place, one in enumerate(files) for other in files[:place]):
        yield BESIDE


def _are_beside(later: EventFile, earlier: EventFile) -> bool:
    """Whether two files of a folder have a metric in common and were written at the same time."""
    if later.path.parent != earlier.path.parent or not later.attempts or not earlier.attempts:
        return False
    common = {name for one in later.attempts for name in one.series}.intersection(
        *({name for one in earlier.attempts for name in one.series},)
    )
    return bool(common) and earlier.attempts[-1].ended > later.attempts[0].began


def _some(names: Sequence[str]) -> str:
    return listed(names[:10]) + (f" and {len(names) - 10:,} more" if len(names) > 10 else "")


def _with_keras(keras: StepTable, others: Columns) -> Columns:
    """Keras' epochs, and behind them rows by batches."""
    epochs = [None if step is None else step + 1 for step in keras.steps]
    before: Column = [None] * len(keras.steps)
    behind: Column = [None] * len(others.step)
    return Columns(
        epoch=[*epochs, *others.epoch],
        step=[*keras.steps, *others.step],
        metrics={
            **{name: [*column, *behind] for name, column in keras.metrics.items()},
            **{name: [*before, *column] for name, column in others.metrics.items()},
        },
        notes=(*others.notes, KERAS),
    )


def _together(*repairs: Sequence[Repair]) -> list[Repair]:
    twice = sum(one.rows for some in repairs for one in some)
    return [Repair(TWICE, twice)] if twice else []


READER = Reader(find, read, joined_where_versioned)
