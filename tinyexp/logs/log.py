"""What reading somebody's log gives: a run's values as they were logged, and what was done to get them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Value = float | None
"""None where the log has no value; ``nan`` where it says that there was none."""
Column = list[Value]


@dataclass(frozen=True)
class Repair:
    """Something that had to be put right, and how many rows it concerned."""

    what: str
    """As the end of "3 rows: ...", as in ``logged again by a later attempt, which counts``."""
    rows: int


@dataclass(frozen=True)
class RunLog:
    """One run, as its log tells it."""

    reader: str
    """Which trainer's log it was recognised as: a name from :data:`tinyexp.logs.registry.READERS`."""
    where: Path
    """The folder or the file that the run is named by."""
    files: tuple[Path, ...]
    """Everything that was read for it, settings too, in the order in which it was read."""
    epoch: Column
    """How many epochs were completed: 1 after the first, whatever the trainer counts from. None where only steps are known."""
    step: Column
    """As logged; None where there is none."""
    metrics: Mapping[str, Column]
    """By the name as logged; every column is as long as ``epoch``."""
    rows_read: int
    """Rows, lines or records in the files, before values of one index were put together."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the log's own files say of settings, by dotted keys; empty where they say nothing. The seed's key is among them."""
    name: str = ""
    """The experiment's or run's name, where the log has one."""
    ended: bool | None = None
    """Whether the log itself says that the run came to its end; None where it says nothing."""
    no_training: str = ""
    """Why it is none among the trainings of others, as a sentence without its stop; empty where it is one."""
    repairs: tuple[Repair, ...] = ()
    notes: tuple[str, ...] = ()
    """What a reader of the values must know, a sentence each: smoothed values, early epochs that are gone."""


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that looks like a log and was not used."""

    where: Path
    why: str
    """A sentence without the path."""
