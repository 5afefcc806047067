"""The one place that compares digests: are a run's records what the run wrote, and do they agree with each other?

Whoever wants to know what became of a record asks here; nothing is trained or written.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from tinyexp.config.identity import configuration_of, identity_of
from tinyexp.config.section import Section
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError, UnreadableError
from tinyexp.files import sha256_of_bytes
from tinyexp.runs.folder import RECORD_NAMES, RunFolder
from tinyexp.runs.metrics import Row, read_metrics
from tinyexp.runs.records import (
    Environment,
    RunRecord,
    Status,
    read_bounded,
    read_predictions,
    read_section,
)
from tinyexp.runs.taken import result_row

T = TypeVar("T", bound=Section)

State = Literal["as_written", "missing", "no_file", "unreadable", "line_ends", "changed"]
"""What can have become of a file since it was written."""

_WORDS: Mapping[State, str] = {
    "missing": "is missing.",
    "no_file": "is no ordinary file.",
    "unreadable": "cannot be read: its permissions, its disk or a limit of this process forbid it.",
    "line_ends": "differs only in line ends.",
    "changed": "is not what the run wrote: its SHA-256 is not the one in status.json.",
}
_LINE_ENDS = (
    "Git rewrites line ends where core.autocrlf is set. Put a line `* -text` into a .gitattributes beside the runs or"
    " the report, or run `git config core.autocrlf false`; then remove that folder and check it out again."
)
_UNREADABLE = "What cannot be read need not be damaged: allow yourself to read it, as with `chmod -R u+rwX FOLDER`, then check again."
_TEXTS = (".csv", ".json")
"""What of a run's records git may take for text."""
_ALWAYS = ("run.json", "environment.json")


@dataclass(frozen=True)
class Finding:
    """A file that is not as it should be."""

    path: Path
    what: str
    """A sentence without its beginning, which is the path."""
    cure: str = ""
    """What puts it right, where that is known by the finding alone."""

    @property
    def is_unknown(self) -> bool:
        """Whether it could not be read, of which nothing follows for its content."""
        return self.cure == _UNREADABLE

    @classmethod
    def of(cls, error: DamagedError, path: Path) -> Finding:
        """An error of a file as a finding."""
        return cls(
            error.path or path, error.reason, _UNREADABLE if isinstance(error, UnreadableError) else ""
        )

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def only_line_ends(content: bytes, wanted: str) -> bool:
    """Whether the SHA-256 is of this content as it was before something wrote CR LF for each LF."""
    return sha256_of_bytes(content.replace(b"\r\n", b"\n")) == wanted


def finding(path: Path, state: State) -> Finding:
    """What became of a file, in words."""
    return Finding(path, _WORDS[state], {"line_ends": _LINE_ENDS, "unreadable": _UNREADABLE}.get(state, ""))


def cures(found: Iterable[Finding]) -> tuple[str, ...]:
    """What puts findings right, each cure once."""
    return tuple(dict.fromkeys(one.cure for one in found if one.cure))


def record_digests(folder: RunFolder, state: str = "finished") -> dict[str, str]:
    """SHA-256 of the records beside the status of this state, which has them.

    Before the run is finished an old record that may not be read is left for its writer to replace.

    Raises
    ------
    UnreadableError
        The run is finished and a record cannot be read: without its digest it would never be taken for sound.
    """
    digests = {}
    for name in RECORD_NAMES:
        if folder.path / name != folder.status and os.path.lexists(folder.path / name):
            with contextlib.suppress(*(() if state == "finished" else (UnreadableError,))):
                digests[name] = sha256_of_bytes(read_bounded(folder.path / name))
    return digests


def changed_records(
    folder: RunFolder, status: Status, known: Mapping[str, str] | None = None
) -> dict[str, State]:
    """What became of those records that are no longer as the status has their digest.

    Parameters
    ----------
    known
        Digests of records whose bytes were read already, by name.
    """
    states = {
        name: _state(folder.path / name, digest, (known or {}).get(name))
        for name, digest in sorted(status.digests.items())
    }
    return {name: state for name, state in states.items() if state != "as_written"}


def _state(path: Path, wanted: str, digest: str | None) -> State:
    if digest == wanted:
        return "as_written"
    try:
        content = read_bounded(path)
    except UnreadableError:
        return "unreadable"
    except DamagedError:
        return "changed" if _is_file(path) else "no_file" if os.path.lexists(path) else "missing"
    if digest is None and sha256_of_bytes(content) == wanted:
        return "as_written"
    rewritten = path.suffix in _TEXTS and only_line_ends(content, wanted)
    return "line_ends" if rewritten else "changed"


def _is_file(path: Path) -> bool:
    """Whether there is a file; unlike ``Path.is_file`` this raises nothing where it may not look."""
    return os.path.isfile(path)  # noqa: PTH113


def verify_records(folder: RunFolder) -> list[Finding]:
    """Everything that is wrong with the records of a run, by the one measure of every check; the checkpoints are not looked at."""
    found: list[Finding] = []
    record = _read(folder.record, RunRecord, found)
    status = _read(folder.status, Status, found)
    if os.path.lexists(folder.environment) or (status and "environment.json" in status.digests):
        _read(folder.environment, Environment, found)
    if record:
        found += _identity(folder, record)
    if status is None:
        return found
    found += _status(folder, status, record)
    there = {one.path for one in found}
    found += [one for one in _digests(folder, status, record) if one.path not in there]
    there = {one.path for one in found}
    if _is_file(folder.metrics) and folder.metrics not in there:
        found += [one for one in _contents(folder, status, record) if one.path not in there]
    return found


def _status(folder: RunFolder, status: Status, record: RunRecord | None) -> Iterator[Finding]:
    """A status that says something else than what was written, or than the run's settings."""
    if status.own_digest != status.sealed().own_digest and (
        status.own_digest or (record and record.record_version > 1)
    ):
        yield Finding(
            folder.status, "is not what the run wrote: its SHA-256 is not the one that it has of itself."
        )
    if record is None:
        return
    rules, settings = settings_rules(record.experiment.trainer), record.experiment.settings
    planned = rules.epochs(settings)
    if planned and (status.epochs != planned or status.epochs_done > planned):
        words = f"says {status.epochs_done} of {status.epochs} epochs, and run.json has {planned}."
        yield Finding(folder.status, words)
    elif status.state == "finished" and status.epochs_done < planned and not rules.taken_by(settings):
        yield Finding(folder.status, f"says finished after {status.epochs_done} of {planned} epochs.")


def _read(path: Path, schema: type[T], found: list[Finding]) -> T | None:
    try:
        return read_section(path, schema)
    except DamagedError as error:
        found.append(Finding.of(error, path))
        return None


def _identity(folder: RunFolder, record: RunRecord) -> Iterator[Finding]:
    """Identity and configuration, computed again from what the record says, and the folder that they stand for."""
    experiment, version = record.experiment, record.numerics_version
    identity = identity_of(experiment, record.seed, record.data.fingerprint, version)
    if identity != record.identity:
        words = f"says the identity {record.identity[:8]}, and its content gives {identity[:8]}."
        yield Finding(folder.record, words)
    if configuration_of(experiment, version) != record.configuration:
        yield Finding(folder.record, "says another configuration than its content gives.")
    if other := _other_name(folder, record):
        yield Finding(folder.path, f"holds the run {other}.")


def held_instead(folder: RunFolder) -> str:
    """The name of the run that a folder holds where that is another one than its place says, as where two were exchanged."""
    try:
        return _other_name(folder, read_section(folder.record, RunRecord))
    except DamagedError:
        return ""


def _other_name(folder: RunFolder, record: RunRecord) -> str:
    name = f"{record.experiment.profile}/{record.experiment.name}/{record.seed}-{record.identity[:8]}"
    return "" if name == "/".join(folder.path.resolve().parts[-3:]) else name


def _digests(folder: RunFolder, status: Status, record: RunRecord | None) -> Iterator[Finding]:
    """Files that are missing, or are not those that the status has the digest of."""
    # Of a run that did not finish a report takes along only what says so.
    only_told = status.state != "finished" and not any(
        map(os.path.lexists, (folder.metrics, folder.checkpoints))
    )
    finished = settings_rules(record.experiment.trainer).finished_records if record else _ALWAYS
    wanted = finished if status.state == "finished" else _ALWAYS if status.epochs_done else ()
    changed = changed_records(folder, status)
    for name in sorted({*wanted, *changed}):
        path = folder.path / name
        if only_told and name not in _ALWAYS:
            continue
        if name in changed:
            yield finding(path, changed[name])
        elif not _is_file(path):
            yield finding(path, "no_file" if os.path.lexists(path) else "missing")
        elif name not in status.digests:
            yield Finding(folder.status, f"has no SHA-256 of {name}.")


def _contents(folder: RunFolder, status: Status, record: RunRecord | None) -> Iterator[Finding]:
    """Rows against the status, predictions against the rows."""
    rules = settings_rules(record.experiment.trainer) if record else None
    columns = rules.columns if rules else None
    by = rules.taken_by(record.experiment.settings) if rules and record else None
    try:
        rows = read_metrics(folder.metrics, columns)
        if len(rows) != status.epochs_done:
            words = f"has {len(rows)} rows, and status.json says {status.epochs_done} epochs."
            yield Finding(folder.metrics, words)
        elif status.state == "finished" and _is_file(folder.predictions) and rows:
            # What a log calls test_accuracy need not be over these images, nor a fraction.
            yield from _predictions(folder, result_row(rows, by) if columns else {}, record)
    except DamagedError as error:
        yield Finding.of(error, folder.path)


def _predictions(folder: RunFolder, row: Row, record: RunRecord | None) -> Iterator[Finding]:
    told = read_predictions(folder)
    images = len(told.label)
    if record and record.data.test_images and images != record.data.test_images:
        words = f"is of {images:,} images, and run.json says {record.data.test_images:,}."
        yield Finding(folder.predictions, words)
    right = {"test_accuracy": told.label == told.predicted, "test_top5_accuracy": told.in_top5}
    for name, values in right.items():
        if name not in row or values is None:
            continue
        found, wanted = float(values.sum()) / max(1, images), row[name]
        if wanted is None or not math.isclose(found, wanted, rel_tol=1e-12, abs_tol=0):
            words = f"gives {name} {found}, and metrics.csv says {wanted} of the epoch that counts."
            yield Finding(folder.predictions, words)
