"""Runs that somebody else trained, made into run folders: studies, gates, baselines and checks work on them as on any."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tinyexp.config.experiment import Experiment
from tinyexp.config.identity import NUMERICS_VERSION, configuration_of, identity_of
from tinyexp.config.load import nested
from tinyexp.config.metric import parsed
from tinyexp.errors import DamagedError, UserError
from tinyexp.files import sha256_of_file, sha256_of_json, write_text
from tinyexp.logs.frame import unknown_of
from tinyexp.logs.grouping import Grouping, Placed, seed_in, split_name
from tinyexp.logs.log import LeftOut, RunLog, Value
from tinyexp.logs.remarks import log_remarks
from tinyexp.runs.folder import RunFolder, run_folder
from tinyexp.runs.records import (
    DataRecord,
    Provenance,
    RepairRecord,
    RunRecord,
    Status,
    read_section,
    table_text,
    write_section,
)
from tinyexp.runs.verify import record_digests

PROFILE = "imported"
"""The profile of all imported runs; it changes nothing."""
FINGERPRINT = sha256_of_json({"data": "of an imported run, not known"})
"""In place of the digest of what a run was trained on, which logs do not say."""
Index = Literal["epoch", "step"]
_ENDS = {True: "in the log", False: "not reached", None: "not known"}
"""What a log says of a run's end."""


@dataclass(frozen=True)
class ImportedRun:
    """A run folder that was or would be written."""

    placed: Placed
    experiment: str
    seed: int
    folder: RunFolder
    record: RunRecord
    state: Literal["finished", "interrupted", "diverged"]
    index: Index
    """What its rows stand by."""
    rows: int
    dropped: int
    """Rows that stand between epochs and are not taken, as the folder has a row an epoch."""
    there: bool
    """Whether the very same run was imported before."""


@dataclass(frozen=True)
class Imported:
    """What came of an import."""

    runs: tuple[ImportedRun, ...]
    notes: tuple[str, ...]


def import_logs(grouping: Grouping, into: Path, *, write: bool = True, shared: bool = False) -> Imported:
    """Write a run folder below ``into`` for every run that was placed in a design.

    Runs without a seed of their own are numbered within their design, and their record says so. A run that ends before
    its fellows of one design is recorded as ``interrupted``, and so is one alone whose log says that it did not end; one whose
    loss ends in no number as ``diverged``.

    Parameters
    ----------
    write
        False to say only what would be written.
    shared
        Whether rows are left out at which not every whole run of the design stands, so that its curves can be drawn.

    Raises
    ------
    UserError
        Two runs of a design have one seed; or a folder holds another run of that design and seed.
    """
    notes: list[str] = []
    index = common_index([one.run for one in grouping.placed])
    made: list[ImportedRun] = []
    taken: set[str] = set()
    known = {design: _shared_settings(own) for design, own in grouping.designs.items()}
    for design, own in grouping.designs.items():
        settings, differing = known[design]
        if differing:
            notes.append(
                f"Runs of {design} differ in {', '.join(differing[:6])}: these settings are not recorded."
            )
        if not settings or sum(settings == other for other, _ in known.values()) > 1:
            settings = {
                "design": design,
                **settings,
            }  # what tells them apart is in no setting that the logs have
        experiment = _experiment(experiment_name(design, taken), design, settings)
        made += _runs_of(experiment, own, into, index, shared=shared)
    made = _told_apart(made)
    places = _shared_places(made) if shared else {}
    if write:
        for one in made:
            if not one.there:
                _write(one, places.get(one.experiment))
    return Imported(tuple(made), tuple(notes))


def common_index(runs: Sequence[RunLog]) -> Index:
    """Epochs where every run has some whole ones, else steps.

    Raises
    ------
    UserError
        Some runs have epochs alone and others steps alone.
    """
    names: tuple[Index, Index] = ("epoch", "step")
    for name in names:
        if all(any(_is_whole(value) for value in getattr(run, name)) for run in runs):
            return name
    raise UserError(
        "Some of these runs have epochs and no steps, others steps and no epochs. Import them apart, with two commands."
    )


def experiment_name(design: str, taken: set[str]) -> str:
    """A design's name as experiments may be called; no other in ``taken`` has it, which it joins.

    >>> experiment_name("runs/wide net", set()), experiment_name("lr=0.1", {"lr-0.1"})
    ('runs-wide-net', 'lr-0.1-2')
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", design).strip("-_.")[:70] or "design"
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain}-{number}"
    taken.add(name)
    return name


def _is_whole(value: Value) -> bool:
    return value is not None and float(value).is_integer() and 0 <= value < 1e9


def _shared_settings(own: Sequence[Placed]) -> tuple[dict[str, Any], list[str]]:
    """The settings that all runs of a design share, fit for a record, and the keys in which they differ."""
    keys = dict.fromkeys(key for one in own for key in one.settings)
    differing = [key for key in keys if len({repr(one.settings.get(key)) for one in own}) > 1]
    flat = {key: _plain(own[0].settings[key]) for key in keys if key not in differing}
    try:
        return nested(flat, dict.fromkeys(flat, "settings")), differing
    except UserError:  # a key that is a value and a table in one
        return {key.replace(".", "_"): value for key, value in flat.items()}, differing


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _experiment(name: str, title: str, settings: Mapping[str, Any]) -> Experiment:
    return Experiment(
        name=name,
        profile=PROFILE,
        profile_title="Imported runs",
        profile_summary="as they were trained elsewhere",
        title=title,
        trainer="imported",
        settings=dict(settings),
        file_settings=dict(settings),
    )


def _runs_of(
    experiment: Experiment, own: Sequence[Placed], into: Path, index: Index, *, shared: bool
) -> list[ImportedRun]:
    """The runs of a design, each with a seed."""
    used = {one.seed for one in own if one.seed is not None}
    free = (number for number in range(2**31) if number not in used)
    twice = [
        seed for seed, count in Counter(one.seed for one in own if one.seed is not None).items() if count > 1
    ]
    if twice:
        names = ", ".join(one.name for one in own if one.seed == twice[0])
        raise UserError(
            f"{experiment.title}: seed {twice[0]} stands in more than one run ({names}), and a design has one run a seed. Leave all but "
            "one of them out, or say with --by which part of a name is the design."
        )
    folds = [one.fold for one in own if one.fold is not None and one.seed is None]
    by_fold = len({*folds}) == len(own)
    ends = Counter(_end(one.run, index) for one in own)
    last = max(ends)
    made = []
    for one in own:
        seed = (one.fold if by_fold else next(free)) if one.seed is None else one.seed
        assert seed is not None, "every run has a number"
        if seed >= 2**31:
            raise UserError(
                f"{one.name}: its seed {seed} is larger than {2**31 - 1:,}, the largest that a run can have."
            )
        rows = sum(map(_is_whole, getattr(one.run, index)))
        record = _record(experiment, seed, one)
        folder = run_folder(into, PROFILE, experiment.name, seed, record.identity)
        end = _end(one.run, index)
        alone = one.run.ended is False and ends[end] == 1 and not shared
        state: Literal["finished", "interrupted", "diverged"] = (
            "diverged"
            if _ends_in_no_number(one.run)
            else "interrupted"
            if end < last or alone
            else "finished"
        )
        dropped = len(one.run.epoch) - rows
        made.append(
            ImportedRun(one, experiment.name, seed, folder, record, state, index, rows, dropped, there=False)
        )
    return made


def _record(experiment: Experiment, seed: int, one: Placed) -> RunRecord:
    run = one.run
    base = run.where if run.where.is_dir() else run.where.parent
    return RunRecord(
        experiment=experiment,
        seed=seed,
        identity=identity_of(experiment, seed, FINGERPRINT),
        configuration=configuration_of(experiment),
        numerics_version=NUMERICS_VERSION,
        data=DataRecord(fingerprint=FINGERPRINT),
        provenance=Provenance(
            log=run.reader,
            name=one.name,
            read_by=f"tinyexp {version('tinyexp')}",
            files={_relative(path, base): sha256_of_file(path) for path in dict.fromkeys(run.files)},
            rows_read=run.rows_read,
            repairs=tuple(RepairRecord(what=repair.what, rows=repair.rows) for repair in run.repairs),
            notes=(*run.notes, *_fold_note(one)),
            unknown=unknown_of(one),
        ),
    )


def _fold_note(one: Placed) -> list[str]:
    if one.fold is None:
        return []
    seed, _ = seed_in(one.run.settings)
    seed = split_name(one.name)[1] if seed is None else seed
    return [f"It is fold {one.fold} of its data{'' if seed is None else f', trained under seed {seed}'}."]


def _relative(path: Path, base: Path) -> str:
    try:
        return os.path.relpath(path, base).replace(os.sep, "/")
    except ValueError:  # another drive
        return path.name


def _end(run: RunLog, index: Index) -> float:
    return max((value for value in getattr(run, index) if _is_whole(value)), default=0.0)


def _ends_in_no_number(run: RunLog) -> bool:
    """Whether a loss is no number where it was last taken."""
    for name, column in run.metrics.items():
        last = next((value for value in reversed(column) if value is not None), None)
        if last is not None and not math.isfinite(last) and "loss" in parsed(name).base:
            return True
    return False


def _told_apart(made: Sequence[ImportedRun]) -> list[ImportedRun]:
    """Those that were imported before are kept as they are; another run in the place of one is refused.

    One without a status, which is written last, was being imported when it was killed: it is written anew.
    """
    found = []
    for one in made:
        if not one.folder.record.exists():
            found.append(one)
            continue
        try:
            before = read_section(one.folder.record, RunRecord)
        except DamagedError:
            found.append(one)
            continue
        told = before.provenance
        if told is None or one.record.provenance is None or told.files != one.record.provenance.files:
            raise UserError(
                f"{one.folder.path}: holds another run of {one.experiment} under seed {one.seed}"
                f"{f' ({told.name})' if told else ''}. Import into another folder: --into OTHER."
            )
        found.append(replace(one, there=one.folder.status.exists()))
    return found


def _shared_places(made: Sequence[ImportedRun]) -> dict[str, set[float]]:
    """Of each experiment the places at which every run stands that came to its end."""
    found: dict[str, set[float]] = {}
    for one in made:
        if one.state == "finished":
            own = {value for value in getattr(one.placed.run, one.index) if value is not None}
            found[one.experiment] = found.get(one.experiment, own) & own
    return found


def _write(one: ImportedRun, places: set[float] | None) -> None:
    """Records first, the status last: a folder without it is no run."""
    folder, run = one.folder, one.placed.run
    other: Index = "step" if one.index == "epoch" else "epoch"
    names = [name for name in run.metrics if _can_be_named(name)]
    columns: list[str] = [one.index]
    if any(value is not None for value in getattr(run, other)):
        columns.append(other)
    rows = []
    for place, at in enumerate(getattr(run, one.index)):
        if not _is_whole(at) or (places is not None and at not in places):
            continue
        row: dict[str, Any] = {one.index: int(at), other: _number(getattr(run, other)[place])}
        rows.append(row | {name: _number(run.metrics[name][place], whole=False) for name in names})
    folder.path.mkdir(parents=True, exist_ok=True)
    write_section(folder.record, one.record)
    write_text(folder.metrics, table_text([*columns, *names], rows))
    status = Status(state=one.state, epochs_done=len(rows), epochs=len(rows), digests=record_digests(folder))
    write_section(folder.status, status)


def _can_be_named(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and len(name) <= 120 and name not in ("epoch", "step")


def _number(value: Value, *, whole: bool = True) -> int | float | None:
    return int(value) if whole and value is not None and float(value).is_integer() else value


def imported_rows(found: Imported) -> list[dict[str, Any]]:
    """What came of it, a row a run, for a table."""
    return [
        {
            "design": one.placed.design,
            "seed": one.seed
            if one.placed.seed is not None
            else f"{one.seed} ({'a number' if one.placed.fold is None else f'fold {one.placed.fold}'})",
            "log": one.placed.run.reader,
            "name": one.placed.name,
            "rows": one.rows,
            "state": one.state,
            "end": _ENDS[one.placed.run.ended],
            "run": f"{one.folder.name}{' (there before)' if one.there else ''}",
        }
        for one in found.runs
    ]


def imported_remarks(
    found: Imported, grouping: Grouping, left_out: Sequence[LeftOut], others: int
) -> list[str]:
    """What must be said of it besides, in lines."""
    told = log_remarks(grouping, left_out, others)
    dropped = sum(one.dropped for one in found.runs)
    if dropped:
        told.append(
            f"{dropped:,} rows between {found.runs[0].index}s are not taken: a run folder has a row for each {found.runs[0].index}."
        )
    by_length = sum(one.state == "finished" and one.placed.run.ended is not True for one in found.runs)
    if by_length:
        told.append(
            f"Of {by_length:,} of these runs no log says that they came to their end: they are recorded as finished, as none of "
            "their design goes further."
        )
    return [*told, *found.notes]
