"""Logs of the Hugging Face Trainer (transformers 3 to 5): ``log_history`` in ``trainer_state.json``.

The file lies in the output folder, if ``save_state()`` was called, and in every ``checkpoint-*``: prefixes of the same
run, of which the longest counts. A folder may have been used before: the training that was last counts, the other is named. Epochs are fractions of the training that was done, 1.0 at the end of the first, and in
older versions rounded to two decimals, so that rows go by their step. A record with ``train_runtime`` is a summary of the
run or of its resumed part. What is evaluated after it stands at the last step again, and is of the best weights where
those were loaded at the end. The seed stands in ``training_args.bin``, a pickle, which is never read, and in the model
card, if there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.folder import Folder, Reader, Unit, read_text
from tinyexp.logs.log import Repair, RunLog, Value
from tinyexp.logs.readers.hf_settings import settings_of
from tinyexp.logs.records import flat
from tinyexp.logs.rows import Entry, Rows, gathered
from tinyexp.logs.series import MAX_CELLS

STATE = "trainer_state.json"
SUMMARY = "train_runtime"
MAX_COMPARED_BYTES = 300_000_000
"""Of the checkpoints' states, which are only read to see that they are of this run."""
_CHECKPOINT = re.compile(r"checkpoint-(\d{1,12})")
_RESULTS = re.compile(r"\w+_results\.json")
_COPIES = ("trainer_log.jsonl", "logging.jsonl")
"""LLaMA-Factory's and ms-swift's, with part of the same values."""
_BOARD = re.compile(r"[A-Z][a-z]{2}\d{2}_\d{2}-\d{2}-\d{2}_.+")
"""Folders in ``runs`` that the Trainer itself makes for TensorBoard."""
_TIMES = ("_runtime", "_per_second", "_time")
_INDEX = ("epoch", "step")
_AT_ONCE = 1.0
"""Seconds between files that may have been copied together."""
_MAX_INT = 10**300
"""Python's integers have no end, and floats have."""

Record = dict[str, Any]


@dataclass
class _State:
    """One ``trainer_state.json``."""

    path: Path
    content: Mapping[str, Any]
    records: list[Record]
    """Of the training: up to the summary, if there is one."""
    summary: Record | None = None
    after: list[Record] = field(default_factory=list)
    """Evaluations after the summary, at its step."""


@dataclass
class _Training:
    """The states of one training in an output folder, which may have been used before."""

    longest: _State
    paths: list[Path]

    def add(self, state: _State) -> None:
        """Another state of the same training."""
        self.paths.append(state.path)
        if len(state.records) > len(self.longest.records):
            self.longest = state

    @property
    def checkpoints(self) -> list[int]:
        """The steps at which it saved a checkpoint that is still there."""
        names = [_CHECKPOINT.fullmatch(path.parent.name) for path in self.paths]
        return [int(name[1]) for name in names if name]

    @property
    def written(self) -> float:
        """When its last file was written."""
        return max(path.stat().st_mtime for path in self.paths)

    def wrote_over(self, other: _Training) -> bool:
        """Whether a checkpoint of this one stands where the other must have saved its own before."""
        theirs = sorted(other.checkpoints)
        regular = theirs[:-1] or theirs  # the last may stand at the end of the training, wherever that is
        every = gcd(*regular) if len(regular) > 1 else 0
        asked = other.longest.content.get("save_steps")
        if isinstance(asked, int) and asked > 0 and regular and all(step % asked == 0 for step in regular):
            every = asked
        return every > 0 and any(step % every == 0 and step < max(theirs) for step in self.checkpoints)


def find(folder: Folder) -> list[Unit]:
    """An output folder: one with a state of its own or of a checkpoint."""
    checkpoints = sorted(
        (name for name in folder.folders if _CHECKPOINT.fullmatch(name) and STATE in folder.sub(name).files),
        key=lambda name: int(name.rpartition("-")[2]),
        reverse=True,
    )
    files = [folder.path / STATE] if STATE in folder.files else []
    files += [folder.path / name / STATE for name in checkpoints]
    if not files:
        return []
    claimed = [folder.path / name for name in folder.folders if _CHECKPOINT.fullmatch(name)]
    claimed += [folder.path / name for name in folder.files if _RESULTS.fullmatch(name) or name in _COPIES]
    board = folder.sub("runs")
    if board.folders and all(_BOARD.fullmatch(name) for name in board.folders):
        claimed.append(board.path)
    return [Unit(folder.path, tuple(files), tuple(claimed))]


def read(unit: Unit) -> list[RunLog]:
    """The run of an output folder: what the longest history of its last training has."""
    notes: list[str] = []
    state = _newest(unit, notes)
    rows, repairs = _rows(state, notes)
    ended = _ended(state)
    files = [state.path]
    if ended:
        files += _with_results(unit, rows, notes)
    settings, beside = settings_of(unit.where, state.content, notes)
    return [
        RunLog(
            reader="huggingface",
            where=unit.where,
            files=(*files, *beside),
            epoch=rows.epoch,
            step=rows.step,
            metrics=rows.metrics,
            rows_read=len(state.records) + len(state.after) + bool(state.summary),
            settings=settings,
            ended=ended,
            repairs=(*rows.repairs, *repairs),
            notes=tuple(notes),
        )
    ]


def _newest(unit: Unit, notes: list[str]) -> _State:
    """The longest state of the training that was last in the folder; what is of another training is named."""
    trainings = _trainings(unit, notes)
    chosen, how = _last(trainings)
    _tell_choice(unit, chosen, notes)
    others = [
        "the output folder itself" if path.parent == unit.where else path.parent.name
        for one in trainings
        if one is not chosen
        for path in one.paths
    ]
    if others:
        notes.append(f"of another training in the same folder, and not used: {listed(others)}. {how}")
    return chosen.longest


def _trainings(unit: Unit, notes: list[str]) -> list[_Training]:
    """The states, those together of which one begins as another; in the order in which they were met."""
    found: list[_Training] = []
    broken: list[UserError] = []
    read_bytes = 0
    for path in unit.files:
        read_bytes += path.stat().st_size if path.exists() else 0
        if found and read_bytes > MAX_COMPARED_BYTES:
            notes.append("not all checkpoints were compared with the log, as their states are very large.")
            break
        try:
            state = _state(path)
        except UserError as error:
            broken.append(error)
            continue
        for one in found:
            if _begins(state, one.longest) or _begins(one.longest, state):
                one.add(state)
                break
        else:
            found.append(_Training(state, [path]))
    if not found:
        raise broken[0]
    notes += [f"not read, and another state in its place: {error}" for error in broken]
    return found


def _last(trainings: Sequence[_Training]) -> tuple[_Training, str]:
    """The training that was last, and what told it: what it wrote over, else times of files, else the order of reading."""
    if len(trainings) == 1:
        return trainings[0], ""
    over = [one for one in trainings if all(one.wrote_over(other) for other in trainings if other is not one)]
    if len(over) == 1:
        return over[0], "What is used wrote over checkpoints that the other had saved, and so is later."
    by_time = sorted(trainings, key=lambda one: one.written, reverse=True)
    if by_time[0].written - by_time[1].written > _AT_ONCE:
        return by_time[0], "What is used is later by the times of their files: nothing in the logs tells it."
    return trainings[0], "Which of them is later cannot be told."


def _tell_choice(unit: Unit, chosen: _Training, notes: list[str]) -> None:
    path = chosen.longest.path
    if path != chosen.paths[0]:
        notes.append(f"{path.parent.name} has the longest log, which counts.")
    elif path.parent != unit.where:
        notes.append(
            "the log is that of the last checkpoint; what was logged after it, if anything, is lost."
        )


def _begins(short: _State, long: _State) -> bool:
    """Whether all that one state has stands at the beginning of another."""
    return long.records[: len(short.records)] == short.records


def _state(path: Path) -> _State:
    content = _json(path)
    history = content.get("log_history") if isinstance(content, dict) else None
    if not isinstance(history, list) or not all(isinstance(one, dict) for one in history):
        raise UserError(f"{path}: has no list 'log_history' of records, as the Trainer writes it.")
    state = _State(path, content, [])
    ended = False
    for record in history:
        if SUMMARY in record or (record.keys() <= {"epoch", "step", "total_flos"} and "total_flos" in record):
            state.summary, ended = record, True
        elif ended and state.summary and record.get("step") == state.summary.get("step"):
            state.after.append(record)
        else:
            ended = False
            state.records.append(record)
    return state


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: is no JSON ({error}). It was cut or changed; take a whole copy, or a checkpoint's."
        ) from error


def _ended(state: _State) -> bool | None:
    if state.summary is not None:
        return True
    done, planned = state.content.get("global_step"), state.content.get("max_steps")
    if not isinstance(done, int) or not isinstance(planned, int) or planned <= 0:
        return None
    return done >= planned


def _rows(state: _State, notes: list[str]) -> tuple[Rows, list[Repair]]:
    """Rows of all records but the summary; an evaluation after it counts where its step has no value of its own."""
    unread: set[str] = set()
    lost = 0
    entries: list[Entry] = []
    for record in state.records:
        entry = _entry(record, unread)
        lost += entry is None
        entries += [entry] if entry else []
    repairs = (
        [Repair("without a step and an epoch, so that it has no place, and left out", lost)] if lost else []
    )
    known = [(entry.step, entry.values) for entry in entries]
    again = 0
    for record in state.after:
        entry = _entry(record, unread)
        own = _not_known(entry, known, best=state.content.get("best_model_checkpoint")) if entry else {}
        again += not own
        if entry and own:
            entries.append(entry._replace(values=own))
            notes.append("evaluated after the end of the training alone, which stands at its last step.")
    if again:
        repairs.append(Repair("evaluated again after the end, or with the best weights, and left out", again))
    if state.summary:
        notes.append(
            "the record with train_runtime is a summary of the run, or of its resumed part, and no row."
        )
    if unread:
        notes.append(f"left out, as they hold no numbers: {listed(sorted(unread))}.")
    return _by_step([entry for entry in entries if entry.values], state.path, notes), repairs


def _entry(record: Record, unread: set[str]) -> Entry | None:
    values: dict[str, Value] = {}
    for name, value in flat(record, ".").items():
        if name in _INDEX:
            continue
        if isinstance(value, float) or (isinstance(value, int) and abs(value) < _MAX_INT):
            values[name] = float(value)
        elif value is not None:
            unread.add(name)
    epoch, step = (_index(record.get(name)) for name in _INDEX)
    return None if epoch is None and step is None else Entry(epoch, step, values)


def _index(value: object) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _MAX_INT:
        return None
    return value


def _not_known(
    entry: Entry, known: Sequence[tuple[Value, Mapping[str, Value]]], *, best: object
) -> dict[str, Value]:
    """What an evaluation after the end says that no record before it did."""
    here = {name for step, values in known if step == entry.step for name in values}
    own = {name: value for name, value in entry.values.items() if name not in here}
    told = {name: value for name, value in own.items() if not name.endswith(_TIMES)}
    if best and told and any(told.items() <= values.items() for _, values in known):
        return {}
    return own if told else {}


def _by_step(entries: Sequence[Entry], path: Path, notes: list[str]) -> Rows:
    """Rows by step, each with its epoch, which in older versions several steps have in common."""
    names = {name for entry in entries for name in entry.values}
    if len(entries) * len(names) > MAX_CELLS:
        raise UserError(
            f"{path}: has {len(entries):,} records of {len(names):,} metrics, more than are read at once."
        )
    if any(entry.step is None for entry in entries):
        if any(entry.epoch is None for entry in entries):
            raise UserError(
                f"{path}: some records have no step and others no epoch, so that they have no order."
            )
        return gathered(entries, "epoch")
    epochs = {entry.step: entry.epoch for entry in entries}
    rows = gathered([entry._replace(epoch=None) for entry in entries], "step")
    rows.epoch = [epochs[step] for step in rows.step]
    told = [epoch for epoch in rows.epoch if epoch is not None]
    if len(set(told)) < len(told):
        notes.append("several steps have one epoch, which the trainer rounded to two decimals.")
    return rows


def _with_results(unit: Unit, rows: Rows, notes: list[str]) -> list[Path]:
    """Add an evaluation that is nowhere but in a file of results to the last row; the files that were read."""
    files = []
    for path in unit.claimed:
        part = path.name.removesuffix("_results.json")
        if not _RESULTS.fullmatch(path.name) or part in ("all", "train") or not rows.step:
            continue
        if any(name.startswith(f"{part}_") for name in rows.metrics):
            continue
        try:
            entry = _entry({"step": 0, **_json(path)}, set())
        except (UserError, TypeError) as error:
            notes.append(f"not read: {error}")
            continue
        own = (
            {name: value for name, value in entry.values.items() if name.startswith(f"{part}_")}
            if entry
            else {}
        )
        if own and entry and entry.epoch in (None, rows.epoch[-1]):
            rows.metrics.update(
                {name: [*[None] * (len(rows.step) - 1), value] for name, value in own.items()}
            )
            notes.append(f"{path.name} alone has an evaluation after the end, which stands at the last step.")
            files.append(path)
    return files


READER = Reader(find, read)
