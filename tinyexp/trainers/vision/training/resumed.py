"""Going on with a run: what it is and what it began in, as its checkpoint says, and whether this is still so.

A checkpoint knows whose it is, so that none is used under another run's name; and of ``run.json`` and ``environment.json``,
which nothing else could be made from again, it has a copy, so that no run is stuck where one of them was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp.config.difference import differences
from tinyexp.errors import DamagedError, UnreadableError, UserError, listed
from tinyexp.runs.environment import environment_changes
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Environment, RunRecord, Status, parsed_section, read_section
from tinyexp.runs.verify import changed_records

KEPT = "records"
"""The part of a checkpoint that has the copies; those of earlier versions have none."""
_NAMES = ("run.json", "environment.json")
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Began:
    """What a run is, and what it began in."""

    record: RunRecord
    environment: Environment | None
    """None where that is not known any more."""


def with_records(state: dict[str, Any], record: RunRecord, environment: Environment) -> dict[str, Any]:
    """A checkpoint's content that also says whose it is."""
    return {
        **state,
        KEPT: {"run.json": record.model_dump_json(), "environment.json": environment.model_dump_json()},
    }


def kept_records(checkpoint: dict[str, Any], path: Path) -> Began | None:
    """The copies in a checkpoint; None in one of an earlier version.

    Raises
    ------
    DamagedError
        They are none.
    """
    kept = checkpoint.get(KEPT)
    if kept is None:
        return None
    if not isinstance(kept, dict) or not all(isinstance(kept.get(name), str) for name in _NAMES):
        raise DamagedError("is not a checkpoint of this version: its records cannot be read.", path)
    run, environment = (kept[name].encode(errors="replace") for name in _NAMES)
    return Began(parsed_section(path, run, RunRecord), parsed_section(path, environment, Environment))


def began(folder: RunFolder, checkpoint: dict[str, Any], wanted: RunRecord, *, accept: bool) -> Began:
    """What the run in a folder is and began in, by its checkpoint, or else by its records.

    Parameters
    ----------
    accept
        Go on also where it is not known any more what it began in.

    Raises
    ------
    UserError
        It is another run than the one that is wanted, or a record that no checkpoint has was lost.
    """
    found = kept_records(checkpoint, folder.checkpoints)
    if found is None:
        found = Began(_from_file(folder.record, RunRecord), _environment(folder, accept=accept))
    if found.record.identity != wanted.identity:
        raise UserError(
            f"{folder.path}: holds another run ({'; '.join(_apart(found.record, wanted))}). If folders or checkpoints were"
            " exchanged, put them back; or use --fresh to train anew."
        )
    return found


def _from_file(path: Path, schema: type[Any]) -> Any:
    try:
        return read_section(path, schema)
    except UnreadableError:
        raise
    except DamagedError as error:
        raise UserError(
            f"{error} The checkpoints are of an earlier version and have no copy of it. Put it back, or use --fresh to train"
            " anew."
        ) from error


def _environment(folder: RunFolder, *, accept: bool) -> Environment | None:
    try:
        found: Environment = _from_file(folder.environment, Environment)
    except UserError as error:
        if accept:
            return None
        raise UserError(
            f"{error} Or add --accept-environment to go on here and mark the run 'not bit-identical'."
        ) from error
    return found


def _apart(found: RunRecord, wanted: RunRecord) -> list[str]:
    changed = differences(found.experiment.settings, wanted.experiment.settings)
    words = [f"{change.key}: {change.left} then, {change.right} now" for change in changed]
    for name, then, now in (
        ("experiment", found.experiment.name, wanted.experiment.name),
        ("seed", found.seed, wanted.seed),
        ("numerics version", found.numerics_version, wanted.numerics_version),
    ):
        if then != now:
            words.append(f"{name} {then} then, {now} now")
    if found.data.fingerprint != wanted.data.fingerprint:
        words.append("the data are not the same")
    return words


def tell_of_changes(folder: RunFolder, *, kept: bool, warn: Warn) -> None:
    """Records are as they were written, unless somebody or something changed them since; of a run under way only the first two."""
    try:
        status = read_section(folder.status, Status)
    except DamagedError as error:
        warn(f"{error} It is written anew from the checkpoint.")
        return
    changed = [
        name
        for name in changed_records(folder, status)
        if status.state == "finished" or (kept and name in _NAMES)
    ]
    if changed:
        since = "the run finished" if status.state == "finished" else "they were written"
        warn(
            f"{folder.path}: {listed(changed)} had been changed or lost since {since}; written anew from the checkpoint."
        )


def reconciled(
    folder: RunFolder, before: Environment | None, now: Environment, *, accept: bool, warn: Warn
) -> Environment:
    """The environment to go on in; what changed since the run began is refused or marked.

    Raises
    ------
    UserError
        It is another one, and that was not accepted.
    """
    if before is None:
        warn("what the run began in is not known any more; it is marked 'not bit-identical'.")
        return now.model_copy(update={"bit_identical": False})
    now = now.model_copy(update={"bit_identical": before.bit_identical})
    changes = environment_changes(before, now)
    if not changes:
        return now
    words = "; ".join(f"{change.key}: {change.left} then, {change.right} now" for change in changes)
    if not accept:
        raise UserError(
            f"{folder.path}: the run began in another environment ({words}), where its bits may come out otherwise."
            " Go on in the old one, add --accept-environment to go on and mark the run 'not bit-identical',"
            " or --fresh to train anew."
        )
    warn(f"the environment changed ({words}); the run is marked 'not bit-identical'.")
    return now.model_copy(update={"bit_identical": False})
