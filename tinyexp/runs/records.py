"""What a run leaves for its readers: specification, environment, metrics, predictions, status.

Written without pandas, so that a training process need not import it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from tinyexp import files
from tinyexp.config.experiment import Experiment
from tinyexp.config.explain import first_fault
from tinyexp.config.section import Count, Section
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError
from tinyexp.files import json_text, sha256_of_json, write_bytes, write_text
from tinyexp.runs.arrays import read_arrays
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.taken import result_row

INDEX_COLUMNS = ("epoch", "step")
"""What the first column of ``metrics.csv`` may be; every other column is a metric, or says where the row stands."""
INTEGER_COLUMNS = ("epoch", "step", "images_seen")
"""Columns that count, where they hold whole numbers alone."""
_MAX_COLUMNS = 1_000

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RecordName = Annotated[str, Field(pattern=r"^[a-z]{1,40}\.(csv|json|npz)$")]
"""Never a path: a digest is of a file in the run's own folder."""
MAX_RECORD_BYTES = 200_000_000

T = TypeVar("T", bound=Section)


MemoryFormat = Literal["channels_last", "contiguous"]


MAY_BE_LEFT_OUT = "may_be_left_out"
"""Marks a key, in a schema that is made of these types, without which a record is whole."""


class DataFacts(Section):
    """What the data set was when the run was planned, as a report tells it."""

    fingerprint: Digest
    train_images: Count = 0
    holdout_images: Count = 0
    test_images: Count = 0
    classes: Count = 0
    files: dict[str, Digest] = Field(default_factory=dict)
    """Of a command: the files that its result rests on, with their SHA-256; empty where none is pinned."""
    reduced: dict[str, Count] = Field(default_factory=dict, json_schema_extra={MAY_BE_LEFT_OUT: True})
    """Of image files: how many hold more than is taken of them, by kind (:mod:`tinyexp.runs.reduced`), and how many were looked at;
    left out where none does, as in records that are older than the key."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, usual: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a type would stand in the schema in place of the keys
        return {key: value for key, value in usual(self).items() if key != "reduced" or value}


class DataRecord(DataFacts):
    """The same as a run's record has it."""

    covers: str = ""
    """How far the fingerprint goes where that is less than every pixel, in words; empty in older records too."""

    @property
    def facts(self) -> DataFacts:
        """Without that."""
        return DataFacts.model_validate(self.model_dump(exclude={"covers"}))


class RepairRecord(Section):
    """Something that was put right in a log, and in how many rows."""

    what: str
    rows: Count


class Provenance(Section):
    """Where the numbers of an imported run come from."""

    log: str
    """Which trainer's log it was recognised as."""
    name: str
    """What the run is called where it lay: no path of a machine."""
    read_by: str
    """tinyexp and its version."""
    files: dict[str, Digest]
    """SHA-256 of every file that was read, by path from the run's log."""
    rows_read: Count
    repairs: Annotated[tuple[RepairRecord, ...], Field(strict=False)] = ()
    notes: Annotated[tuple[str, ...], Field(strict=False)] = ()
    unknown: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """What the log does not say, as ``seed`` and ``settings``."""

    @property
    def seed_known(self) -> bool:
        """Whether the run's seed is its own; else it is a number that tells runs of a design apart."""
        return "seed" not in self.unknown


class RunRecord(Section):
    """``run.json``: everything that decides the run."""

    record_version: Literal[1, 2] = 2
    """1 where the run's status has no digest of itself."""
    experiment: Experiment
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    identity: Digest
    configuration: Digest
    """Shared by the runs of one configuration, whatever their seed."""
    numerics_version: int
    data: DataRecord
    provenance: Provenance | None = None
    """Of an imported run; None of one that was trained here."""


class Environment(Section):
    """``environment.json``: what a run was trained with; no host, no path, no clock."""

    python: str
    packages: dict[str, str]
    system: str
    machine: str
    processor: str = ""
    """Its name, as the system says; empty where that is not known, as for runs recorded before it was asked."""
    instructions: str = ""
    """Vector instructions that it has, a space between."""
    switches: dict[str, str] = Field(default_factory=dict)
    """Variables that were set by which libraries choose their code; see :mod:`tinyexp.processor`."""
    cpu_capability: str
    """The vector instructions that torch chose; they change floating-point results."""
    code: str = ""
    """Digest of the trainer's code that decides numbers; empty of a command, and of runs recorded before it was taken."""
    arithmetic: str = ""
    """Digest of a fixed set of convolutions, products and gradients, computed before training."""
    memory_format: MemoryFormat | None = None
    """Of feature maps and weights; ``contiguous`` also where channels-last was asked for and could not be used."""
    device: str
    accelerator: str = ""
    """A GPU's name, and the versions of CUDA, cuDNN and driver; empty on a processor."""
    threads: Count
    bit_identical: bool = True
    """False where a run went on in another environment than it began in."""


class Status(Section):
    """``status.json``: how far a run came."""

    state: Literal["running", "finished", "interrupted", "failed", "diverged"]
    epochs_done: Count
    epochs: Count
    message: str = ""
    digests: dict[RecordName, Digest] = Field(default_factory=dict)
    """SHA-256 of each record beside this one, so that an edited or torn one is noticed."""
    own_digest: str = ""
    """SHA-256 of all the rest of this record; empty in those of record version 1."""

    def sealed(self) -> Status:
        """The same with the digest that it must have."""
        rest = self.model_dump(mode="json", exclude={"own_digest"})
        return self.model_copy(update={"own_digest": sha256_of_json(rest)})


@dataclass(frozen=True)
class Predictions:
    """``predictions.npz``: arrays of shape (test images,), and the names of the classes."""

    label: NDArray[np.int32]
    predicted: NDArray[np.int32]
    in_top5: NDArray[np.bool_] | None = None
    """None where the trainer does not say it."""
    classes: tuple[str, ...] = ()
    """In the order of the class numbers; empty where nobody named them."""


def write_section(path: Path, value: T) -> T:
    """Write a record as JSON, whole or not at all; gives it as it was written, a status with its digest."""
    written = cast("T", value.sealed()) if isinstance(value, Status) else value
    write_text(path, json_text(written.model_dump(mode="json")))
    return written


def read_section(path: Path, schema: type[T]) -> T:
    """Read a record of ours.

    Raises
    ------
    DamagedError
        The file is missing, too large, or not what this project writes; an UnreadableError where that is not known.
    """
    return parsed_section(path, read_bounded(path), schema)


def parsed_section(path: Path, content: bytes, schema: type[T]) -> T:
    """As :func:`read_section`, from the bytes that were read from ``path``."""
    try:
        return schema.model_validate_json(content)
    except ValidationError as error:
        raise DamagedError(f"is not a record of this version: {first_fault(error)}.", path) from error


def read_bounded(path: Path) -> bytes:
    """The bytes of a record, refused above 200 MB: no record of ours is that large."""
    try:
        return files.read_bounded(path, MAX_RECORD_BYTES)
    except OSError as error:
        raise files.read_error(path, error) from error


def table_text(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV: shortest round-trip floats, LF, an empty field for None."""
    columns = list(columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row[name] is None else repr(row[name]) for name in columns])
    return text.getvalue()


NO_METRICS = ("epoch", "step", "images_seen", "learning_rate", "weight_decay")
"""Columns that say where a row stands, not what came out."""


def headline(columns: Iterable[str]) -> str:
    """The one metric that a line about a run tells: of the test data where there is one, else of the validation data, else the first.

    >>> headline(["epoch", "train_loss", "val_acc", "test_loss", "test_accuracy"]), headline(["step", "loss"]), headline(["epoch"])
    ('test_accuracy', 'loss', '')
    """
    names = [name for name in columns if name and name not in NO_METRICS]

    def rank(name: str) -> tuple[int, bool, int]:
        split = next((place for place, part in enumerate(("test", "val", "eval")) if part in name), 3)
        return split, "loss" in name, names.index(name)

    return min(names, key=rank, default="")


def header_problem(columns: Sequence[str]) -> str:
    """Why these cannot be the columns of a ``metrics.csv``, as a clause; empty where they can."""
    if not columns or columns[0] not in INDEX_COLUMNS:
        return f"does not begin with the column {' or '.join(INDEX_COLUMNS)}"
    if len(columns) > _MAX_COLUMNS:
        return f"has {len(columns):,} columns, and at most {_MAX_COLUMNS:,} are read"
    twice = next((name for place, name in enumerate(columns) if name in columns[:place]), None)
    if twice is not None:
        return f"has the column '{twice}' twice"
    if not all(name.strip() and name.isprintable() and len(name) <= 120 for name in columns):
        return "has a column without a name that can be printed"
    return ""


def last_row(folder: RunFolder) -> dict[str, str]:
    """The last epoch's row of ``metrics.csv`` as text, by column; empty before the first epoch."""
    rows = _rows(folder)
    return rows[-1] if rows else {}


def last_result(folder: RunFolder) -> tuple[str, float | None]:
    """The metric that a line about a run tells, and its last value; no name before the first row, None where there is no number."""
    return _told(last_row(folder))


def result(folder: RunFolder, experiment: Experiment) -> tuple[str, float | None]:
    """As :func:`last_result`, of the epoch that the result is taken from."""
    rows = _rows(folder)
    by = settings_rules(experiment.trainer).taken_by(experiment.settings)
    try:
        return _told(result_row(rows, by) if rows else {})
    except (ValueError, KeyError, TypeError):  # not as we write them
        return _told(rows[-1])


def _rows(folder: RunFolder) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(read_bounded(folder.metrics).decode().splitlines()))
    except (DamagedError, UnicodeDecodeError, csv.Error):
        return []


def _told(row: Mapping[str, str]) -> tuple[str, float | None]:
    metric = headline(row)
    try:
        value = float(row.get(metric) or "nan")
    except ValueError:
        return metric, None
    in_bounds = not metric.endswith("accuracy") or 0 <= value <= 100
    return metric, value if math.isfinite(value) and in_bounds else None


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write the arrays; equal arrays give equal bytes, as numpy puts no clock into the file."""
    content = io.BytesIO()
    arrays: dict[str, Any] = {"label": predictions.label, "predicted": predictions.predicted}
    if predictions.in_top5 is not None:
        arrays["in_top5"] = predictions.in_top5
    if predictions.classes:
        arrays["classes"] = np.array(predictions.classes)
    np.savez_compressed(content, **arrays)
    write_bytes(path, content.getvalue())


def read_predictions(folder: RunFolder) -> Predictions:
    """The predictions of a run; raises DamagedError where they are missing or not ours."""
    content = read_bounded(folder.predictions)
    try:
        arrays = read_arrays(content, ("label", "predicted"), MAX_RECORD_BYTES, ("in_top5", "classes"))
        names = tuple(map(str, arrays.pop("classes", np.array((), "U1")).tolist()))
    except ValueError as error:
        raise DamagedError(f"is not a predictions file of ours ({error}).", folder.predictions) from error
    label, kinds = arrays["label"], {name: array.dtype.kind for name, array in arrays.items()}
    expected = {"label": "i", "predicted": "i", "in_top5": "b"}
    if (
        any(kinds[name] != expected[name] for name in kinds)
        or any(array.shape != label.shape for array in arrays.values())
        or label.ndim != 1
    ):
        raise DamagedError("the arrays are not those that tinyexp writes.", folder.predictions)
    if names and len(label) and max(label.max(), arrays["predicted"].max()) >= len(names):
        raise DamagedError(f"has a class beyond the {len(names)} that it names.", folder.predictions)
    return Predictions(label, arrays["predicted"], arrays.get("in_top5"), names)
