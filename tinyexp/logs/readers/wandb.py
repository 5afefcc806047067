"""Weights & Biases: the ``run-*.wandb`` of offline and online runs, read without a server.

Seen: wandb 0.17 and 0.31, offline, values as JSON and in fields of their type.

- A run's folder is ``wandb/(offline-)run-DATE_TIME-ID``. The config stands in the file, and online in ``files/config.yaml``.
- A resume makes a new folder with the same id. Offline, ``_step`` begins at 0 again: only a logged epoch places its rows.
- A nested dict is one metric for each of its numbers, with a dot between names: ``train.loss``. Histograms, pictures and
  tables are dicts with a ``_type``, and no metrics; text, lists, yes and no are none either.
- ``_step``, ``_runtime`` and ``_timestamp`` are W&B's own and no metrics.
- A killed run has no exit record, and its file may end within a record, or behind its first 7 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.folder import Folder, Reader, Unit
from tinyexp.logs.log import Repair, RunLog, Value
from tinyexp.logs.logged_epochs import epoch_name, with_epochs
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.settings import dotted
from tinyexp.logs.wandb_file import HEADER, WandbFile, read_wandb
from tinyexp.logs.yaml import read_yaml

CUT = "cut in the middle at the end of a file, as a killed run leaves it: dropped"
EMPTY = "the file holds nothing but its header: the run was killed before anything was written."
NO_ROWS = "nothing was logged."
NO_EXIT = "the run did not say that it ended: it was killed, or still goes on."
COPIES = "other folders hold copies of the run's file, which were not read."
RESTARTED = "_step begins again in each folder of the run; the logged epoch places the rows."
GAP = "epochs between the attempts of the run are in no file."
APART = (
    "another folder has the same run id, but where its rows belong cannot be told, as _step begins again and no epoch is "
    "logged: they were kept apart."
)
_RUN_FOLDER = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-.+")
_OWN = frozenset({"_step", "_runtime", "_timestamp", "_wandb"})
_ODD = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""How JSON has what it cannot write."""
_TYPE = "._type"


def find(folder: Folder) -> list[Unit]:
    """Every ``.wandb`` file in a folder."""
    names = [name for name in folder.files if name.endswith(".wandb")]
    names = [name for name in names if name.startswith("run-") or folder.head(name).startswith(HEADER)]
    paths = [folder.path / name for name in names]
    if len(paths) == 1 and _RUN_FOLDER.fullmatch(folder.path.name):
        return [Unit(folder.path, tuple(paths), (folder.path,))]
    return [Unit(path, (path,)) for path in paths]


def read(unit: Unit) -> list[RunLog]:
    """Read one file."""
    attempt = _attempt(unit.files[0])
    return [_told([attempt], unit.where, _Chain(attempt.steps, attempt.rows))]


def join(logs: list[RunLog]) -> list[RunLog]:
    """One run of those that have the same id and project: an attempt of each file, in order of their starts."""
    groups: dict[str, list[RunLog]] = {}
    seen: set[Path] = set()
    # The link wandb/latest-run is another name of a run's folder, and no copy of it.
    for log in sorted(logs, key=lambda one: one.where.is_symlink() or one.where.parent.is_symlink()):
        real = log.files[0].resolve()
        if real not in seen:
            groups.setdefault(real.name, []).append(log)
        seen.add(real)
    found: list[RunLog] = []
    for group in groups.values():
        found += _joined(group) if len(group) > 1 else group
    return found


def _joined(logs: Sequence[RunLog]) -> list[RunLog]:
    projects: dict[str, list[tuple[_Attempt, RunLog]]] = {}
    for log in logs:
        attempt = _attempt(log.files[0])
        projects.setdefault(attempt.file.project, []).append((attempt, log))
    found: list[RunLog] = []
    for some in projects.values():
        some.sort(key=lambda pair: (pair[0].file.started, str(pair[0].file.path)))
        found += _one([attempt for attempt, _ in some], [log for _, log in some])
    return found


def _one(attempts: list[_Attempt], logs: list[RunLog]) -> list[RunLog]:
    """The attempts at one run as one log; each for itself where their order cannot be told."""
    started = [attempt.file.started for attempt in attempts]
    copies = [place for place in range(1, len(started)) if started[place] == started[place - 1]]
    for place in reversed(copies):
        del attempts[place], logs[place]
    if copies:
        logs[0] = replace(logs[0], notes=(*logs[0].notes, COPIES))
    chain = _chained(attempts)
    if len(attempts) == 1:
        return logs
    if chain is None:
        return [replace(log, notes=(*log.notes, APART)) for log in logs]
    told = _told(attempts, logs[0].where, chain)
    # What others found beside the logs, as Hydra's settings, stays.
    settings = {key: value for log in logs for key, value in log.settings.items()}
    files = dict.fromkeys(path for log in logs for path in log.files)
    return [replace(told, settings={**settings, **told.settings}, files=tuple(files))]


@dataclass
class _Attempt:
    """A file, with the numbers in its rows."""

    file: WandbFile
    steps: list[int] = field(default_factory=list)
    rows: list[dict[str, Value]] = field(default_factory=list)
    others: dict[str, str] = field(default_factory=dict)
    """What is no number, and what it is."""
    twice: int = 0


@dataclass
class _Chain:
    """Rows of all attempts, one behind the other."""

    steps: list[int]
    rows: list[dict[str, Value]]
    dropped: int = 0
    notes: tuple[str, ...] = ()


def _attempt(path: Path) -> _Attempt:
    attempt = _Attempt(read_wandb(path))
    for step, logged in zip(attempt.file.steps, attempt.file.rows, strict=True):
        try:
            row = _numbers(logged, attempt.others)
        except UserError as error:
            raise UserError(f"{path}: what was logged at step {step} is ambiguous: {error}") from error
        if attempt.steps and attempt.steps[-1] == step:
            known = attempt.rows[-1]
            attempt.twice += any(known.get(name, value) != value for name, value in row.items())
            known.update(row)
        else:
            attempt.steps.append(step)
            attempt.rows.append(row)
    return attempt


def _numbers(logged: Mapping[str, Any], others: dict[str, str]) -> dict[str, Value]:
    """The numbers of a row; what else is in it is named among the others."""
    nested = any(isinstance(value, dict) for value in logged.values())
    flat = {
        name: value
        for name, value in (dotted(logged) if nested else logged).items()
        if name.partition(".")[0] not in _OWN
    }
    typed = {name.removesuffix(_TYPE): value for name, value in flat.items() if name.endswith(_TYPE)}
    others.update((name, str(kind)[:40]) for name, kind in typed.items())
    row: dict[str, Value] = {}
    for name, value in flat.items():
        if typed and not typed.keys().isdisjoint(_above(name)):
            continue
        number = _ODD.get(value, value) if isinstance(value, str) else value
        if isinstance(number, float) or (isinstance(number, int) and not isinstance(number, bool)):
            row[name] = _float(number)
        elif value is not None:
            others[name] = {str: "text", bool: "yes or no"}.get(type(value), "list or dict")
    return row


def _above(name: str) -> Iterator[str]:
    """The names of the dicts that a dotted name may be in, ``a`` and ``a.b`` of ``a.b.c``; no more than a hundred."""
    end = name.find(".")
    for _ in range(100):
        if end < 0:
            return
        yield name[:end]
        end = name.find(".", end + 1)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def _chained(attempts: Sequence[_Attempt]) -> _Chain | None:
    """Rows of attempts in order; None where nothing tells how a later one stands to an earlier."""
    index = epoch_name(name for attempt in attempts for row in attempt.rows for name in row)
    chain = _Chain([], [])
    notes: set[str] = set()
    for attempt in attempts:
        epochs = [row.get(index) if index else None for row in chain.rows]
        first = next((row[index] for row in attempt.rows if index and row.get(index) is not None), None)
        last = max((one for one in epochs if one is not None), default=None)
        if first is not None and last is not None:
            before = [place for place, one in enumerate(epochs) if one is not None and one < first]
            kept = before[-1] + 1 if before else 0
            notes |= {GAP} if first > last + 1 else set()
        elif chain.rows and attempt.rows and attempt.steps[0] <= chain.steps[-1]:
            return None
        else:
            kept = len(chain.rows)
        notes |= (
            {RESTARTED} if chain.steps and attempt.steps and attempt.steps[0] <= chain.steps[-1] else set()
        )
        chain.dropped += len(chain.rows) - kept
        chain.steps[kept:], chain.rows[kept:] = attempt.steps, attempt.rows
    return replace(chain, notes=tuple(sorted(notes)))


def _told(attempts: Sequence[_Attempt], where: Path, chain: _Chain) -> RunLog:
    files = [attempt.file for attempt in attempts]
    columns = with_epochs(list(chain.steps), chain.rows, where)
    notes = [*chain.notes, *columns.notes]
    settings: dict[str, Any] = {}
    read_too: list[Path] = []
    for file in files:
        settings.update(_config(file, notes, read_too))
    told = (
        (CUT, sum(file.cut for file in files)),
        (AGAIN, chain.dropped),
        (TWICE, sum(one.twice for one in attempts)),
    )
    return RunLog(
        reader="wandb",
        where=where,
        files=(*(file.path for file in files), *read_too),
        epoch=columns.epoch,
        step=columns.step,
        metrics=dict(sorted(columns.metrics.items())),
        rows_read=sum(len(file.rows) for file in files),
        settings=settings,
        name=files[-1].name,
        ended=files[-1].exit_code == 0,
        repairs=tuple(Repair(what, rows) for what, rows in told if rows),
        notes=(*notes, *_remarks(attempts)),
    )


def _remarks(attempts: Sequence[_Attempt]) -> Iterator[str]:
    last = attempts[-1].file
    if not any(attempt.rows for attempt in attempts):
        yield EMPTY if last.is_empty else NO_ROWS
    if last.exit_code is None:
        yield NO_EXIT
    elif last.exit_code:
        yield f"the run ended with exit code {last.exit_code}."
    others = {name: kind for attempt in attempts for name, kind in attempt.others.items()}
    if others:
        names = [f"{name[:80]} ({kind})" for name, kind in sorted(others.items())]
        more = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
        yield f"left out, as they are no numbers: {listed(names[:10])}{more}."


def _config(file: WandbFile, notes: list[str], read_too: list[Path]) -> dict[str, Any]:
    """Settings by dotted keys: of the file, and of config.yaml where the file lacks them."""
    path = file.path.parent / "files" / "config.yaml"
    found: dict[str, Any] = {}
    try:
        if path.is_file():
            told = read_yaml(path)
            found = {
                key: one["value"] for key, one in told.items() if isinstance(one, Mapping) and "value" in one
            }
            read_too.append(path)
        found = dotted({**found, **file.settings})
    except UserError as error:
        notes.append(f"settings are not all known: {error}")
        found = dict(file.settings)
    return {key: value for key, value in found.items() if key.partition(".")[0] != "_wandb"}


READER = Reader(find, read, join)
