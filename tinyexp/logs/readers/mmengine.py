"""Logs of mmengine (0.1 to 0.10): ``TIMESTAMP/vis_data/scalars.json``; and of mmcv 1, before it: ``TIMESTAMP.log.json``.

Each start of a training has a folder of its own in the work_dir. Starts that go on from an earlier one are one run; one
that begins anew is another run; one without scalars logged nothing. Lines of training count iterations, those of
validation epochs or iterations: the lines themselves show which. Losses are means over the last ten lines, in validation
over the last ten validations, and the true values are not in the file. ``vis_data/TIMESTAMP.json`` is a copy, and
``TIMESTAMP/TIMESTAMP.json`` the result of a test. The config is Python, and is read without being run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError, listed
from tinyexp.logs.folder import Folder, Reader, Unit
from tinyexp.logs.log import RunLog
from tinyexp.logs.readers.mm_config import config_settings, of_text_log, seed_key, text_settings
from tinyexp.logs.readers.mm_lines import Attempt, Line, attempts_in
from tinyexp.logs.readers.mm_rows import rows_of
from tinyexp.logs.rows import Rows

SCALARS = "scalars.json"
_DATA = "vis_data"
_STAMP = re.compile(r"\d{8}_\d{6}")
_OLD = re.compile(r"(.*)\.log\.json")
_COPY = re.compile(r".*\d{8}_\d{6}\.json")
_STARTS = ("resume", "load_from", "resume_from", "work_dir", "experiment_name")
"""Settings that differ from attempt to attempt of one run."""
_SMOOTHED = re.compile(r"loss|grad_norm|time")


@dataclass
class _Run:
    """Attempts that go on from each other."""

    attempts: list[Attempt]
    settings: dict[str, Any]
    files: list[Path]
    notes: list[str]
    length: int | None


def find(folder: Folder) -> list[Unit]:
    """A work_dir with what was started in it, or the folder of one start, or files that were taken out of these."""
    stamps = [name for name in folder.folders if _STAMP.fullmatch(name)]
    subs = {name: folder.sub(name) for name in stamps}
    data = {name: sub.sub(_DATA) for name, sub in subs.items()}
    logged = [name for name in stamps if SCALARS in data[name].files]
    failed = [name for name in stamps if name not in logged and _has_failed(name, subs[name], data[name])]
    files = [data[name].path / SCALARS for name in logged]
    if files or failed:
        claimed = [subs[name].path for name in (*logged, *failed)]
        claimed += [folder.path / name for name in folder.files if name.removesuffix(".py") in subs]
        return [Unit(folder.path, tuple(files), tuple(claimed)), *_old(folder)]
    if (
        _DATA in folder.folders
        and SCALARS in (own := folder.sub(_DATA)).files
        and b'"step": ' in own.head(SCALARS)
    ):
        return [Unit(folder.path, (own.path / SCALARS,), (own.path,))]
    if SCALARS in folder.files and _is_log(folder, SCALARS):
        copies = [folder.path / name for name in folder.files if _COPY.fullmatch(name)]
        return [Unit(folder.path, (folder.path / SCALARS,), tuple(copies))]
    alone = [name for name in folder.files if _COPY.fullmatch(name) and _is_log(folder, name)]
    return [*(Unit(folder.path / name, (folder.path / name,)) for name in alone), *_old(folder)]


def _has_failed(name: str, sub: Folder, data: Folder) -> bool:
    """Whether a folder is of a start that logged no scalars, and of nothing else."""
    own = {f"{name}.log", f"{name}.json", f"{name}.py"}
    return (
        own >= set(sub.files)
        and {_DATA} >= set(sub.folders)
        and {"config.py"} >= set(data.files)
        and not data.folders
        and bool(f"{name}.log" in sub.files or data.files)
    )


def _is_log(folder: Folder, name: str) -> bool:
    try:
        record = json.loads(folder.first_line(name))
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(record, dict)
        and "step" in record
        and ("iter" in record or "epoch" in record or "lr" in record)
    )


def _old(folder: Folder) -> list[Unit]:
    """Logs of mmcv, which stand in the work_dir itself."""
    names = [name for name in folder.files if _OLD.fullmatch(name) and _is_old(folder.head(name))]
    strict = [name for name in names if _STAMP.fullmatch(name.removesuffix(".log.json"))]
    board = (folder.path / "tf_logs",) if "tf_logs" in folder.folders else ()
    units = [Unit(folder.path, tuple(folder.path / name for name in strict), board)] if strict else []
    return units + [Unit(folder.path / name, (folder.path / name,)) for name in names if name not in strict]


def _is_old(head: bytes) -> bool:
    return head.startswith(b"{") and any(
        sign in head for sign in (b'"mode": "', b'"env_info"', b'"exp_name"')
    )


def read(unit: Unit) -> list[RunLog]:
    """The runs of a work_dir."""
    failed = [path.name for path in unit.claimed if _STAMP.fullmatch(path.name) and not _is_read(path, unit)]
    if not unit.files:
        raise UserError(f"{unit.where}: what was started in it logged nothing ({listed(failed)}).")
    runs: list[_Run] = []
    for path in unit.files:
        for attempt in attempts_in(path):
            _place(attempt, runs, unit)
    if failed:
        for run in runs:
            run.notes.append(f"started in the same folder and logged nothing: {listed(failed)}.")
    if len(runs) > 1:
        for run in runs:
            run.notes.append("several trainings began anew in this folder: each is a run.")
    return [
        _log(run, _where(run, unit, alone=len(runs) == 1))
        for run in runs
        if run.attempts[0].lines or len(runs) == 1
    ]


def _is_read(path: Path, unit: Unit) -> bool:
    return any(file.is_relative_to(path) for file in unit.files)


def _where(run: _Run, unit: Unit, *, alone: bool) -> Path:
    if alone:
        return unit.where
    path = run.attempts[0].path
    return path.parent.parent if path.name == SCALARS and path.parent.name == _DATA else path


def _place(attempt: Attempt, runs: list[_Run], unit: Unit) -> None:
    """Put an attempt to the run that it goes on with, or begin another run."""
    notes: list[str] = []
    settings, files, length = _settings(attempt, unit, notes)
    before = _continued(attempt, runs, settings)
    if before is None:
        if (first := attempt.first) and first.epoch is not None and first.epoch > 1:
            notes.append(f"the log begins in epoch {first.epoch}: what was before it is not there.")
        runs.append(_Run([attempt], settings, files, notes, length))
        return
    differing = [
        key
        for key in dict.fromkeys((*before.settings, *settings))
        if key not in _STARTS and before.settings.get(key) != settings.get(key)
    ]
    if differing and settings and before.settings:
        before.notes.append(
            f"settings of a later attempt, which count, differ from the earlier one's: {listed(differing[:10])}."
        )
    before.attempts.append(attempt)
    before.settings = settings or before.settings
    before.files += [file for file in files if file not in before.files]
    before.notes += [note for note in notes if note not in before.notes]
    before.length = before.length if before.length == length else before.length or length


def _continued(attempt: Attempt, runs: Sequence[_Run], settings: Mapping[str, Any]) -> _Run | None:
    """The latest run that an attempt goes on from; what was added to the same file always does."""
    for run in reversed(runs):
        if run.attempts[-1].path == attempt.path or _goes_on(attempt.first, run, settings):
            return run
    return None


def _goes_on(first: Line | None, run: _Run, settings: Mapping[str, Any]) -> bool:
    lines = [line for one in run.attempts for line in one.train]
    if first is None or not lines:
        return False
    if first.epoch is not None and first.epoch > 1:
        return max(line.epoch or 0 for line in lines) >= first.epoch - 1
    if first.iteration is None or first.iteration <= (lines[0].iteration or 0):
        return False
    # A first line that is late may also come of another interval of logging.
    return bool(settings.get("resume", first.epoch is None) or settings.get("resume_from"))


def _settings(
    attempt: Attempt, unit: Unit, notes: list[str]
) -> tuple[dict[str, Any], list[Path], int | None]:
    """Settings, the files that they were read from, and the iterations in an epoch if the text log has them."""
    path = attempt.path
    if path.name == SCALARS:
        home = path.parent.parent if path.parent.name == _DATA else path.parent
        candidates = [
            path.parent / "config.py",
            unit.where / f"{home.name}.py",
            home.parent / f"{home.name}.py",
        ]
        text_log = home / f"{home.name}.log"
    else:
        stem = path.name.removesuffix(".json").removesuffix(".log")
        candidates, text_log = (
            [path.with_name("config.py"), path.with_name(f"{stem}.py")],
            path.with_name(f"{stem}.log"),
        )
    scripts = [path.parent / name for name in Folder(path.parent).files if name.endswith(".py")]
    candidates += scripts if len(scripts) == 1 else []
    config = next((one for one in candidates if one.is_file()), None)
    settings: dict[str, Any] = {}
    if isinstance(attempt.meta.get("config"), str):
        settings, config = text_settings(attempt.meta["config"], path.name, notes), None
    elif config:
        settings = config_settings(config, notes)
    seed, length = of_text_log(text_log)
    drawn = attempt.meta.get("seed", seed)
    if seed_key(settings) is None and isinstance(drawn, int):
        settings["seed"] = drawn
        notes.append("the seed is not in the config: it is the one that was drawn, of the log.")
    return settings, [path, *([config] if config and settings else [])], length


def _log(run: _Run, where: Path) -> RunLog:
    settings, notes = run.settings, run.notes
    rows = rows_of(run.attempts, run.length, notes, by_epoch=_validates_by_epoch(settings))
    unread = sorted({name for attempt in run.attempts for name in attempt.unread})
    if unread:
        notes.append(f"left out, as they hold no numbers: {listed(unread)}.")
    if any(_SMOOTHED.search(name) for name in rows.metrics):
        window = settings.get("log_processor.window_size", 10)
        notes.append(
            f"values with loss, grad_norm or time in their names are means over the last {window} that were logged, "
            "in validation too; the true ones are not in the file."
        )
    if settings and seed_key(settings) is None:
        notes.append("the seed is not in the config.")
    return RunLog(
        reader="mmengine",
        where=where,
        files=tuple(run.files),
        epoch=rows.epoch,
        step=rows.step,
        metrics=rows.metrics,
        rows_read=sum(len(attempt.lines) for attempt in run.attempts),
        settings=settings,
        name=str(settings.get("experiment_name") or ""),
        ended=_ended(rows, settings),
        repairs=(*rows.repairs, *(repair for attempt in run.attempts for repair in attempt.repairs)),
        notes=tuple(notes),
    )


def _validates_by_epoch(settings: Mapping[str, Any]) -> bool | None:
    by_epoch: object = settings.get("default_hooks.logger.log_metric_by_epoch")
    if isinstance(by_epoch, bool):
        return by_epoch
    runner: object = settings.get("runner.type")
    if not isinstance(runner, str):
        return None
    return "Epoch" in runner


def _ended(rows: Rows, settings: Mapping[str, Any]) -> bool | None:
    """Whether the last epoch or iteration that the config asks for was logged."""
    for column, keys in (
        (rows.epoch, ("train_cfg.max_epochs", "runner.max_epochs", "total_epochs")),
        (rows.step, ("train_cfg.max_iters", "runner.max_iters", "total_iters")),
    ):
        planned = next((settings[key] for key in keys if isinstance(settings.get(key), int)), None)
        done = [one for one in column if one is not None]
        if planned is not None and done:
            return bool(max(done) >= planned)
    return None


READER = Reader(find, read)
