"""What goes out to a node and what comes back, as JSON: the run's files travel beside it, see :mod:`tinyexp.launch.ray.archive`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from tinyexp.config.section import Count, Section
from tinyexp.launch.task import Task


class Order(Section):
    """A job, and what a node must know to find out whether it has the folder of runs too."""

    number: Count
    """By which the job is asked to stop."""
    task: Task
    again: bool = False
    """It was begun before; see :meth:`tinyexp.launch.task.Task.job`."""
    runs: str
    """The folder of runs where it was ordered: an absolute path."""
    room: str
    """The name of the marked folder in it that exists for as long as the orders are carried out."""
    token: str
    """What stands in the mark: random, so that a folder in which it is found is the same folder."""
    working_folder: str
    """Where it was ordered; a command experiment's program is looked for from there."""
    version: str
    """Of tinyexp. A node with another one could write records that are not understood here."""


class Word(Section):
    """What a node says of an order."""

    kind: Literal["began", "beat", "state", "ended"]
    """``beat``: it is still at it. ``state`` and, without a shared folder, ``ended`` come with an archive."""
    shared: bool = False
    """The node has the folder of runs, so that nothing travels."""
    exit_code: Count = 0
    message: str = ""


Spoken = tuple[str, bytes]
"""A :class:`Word` as JSON, and an archive or nothing."""


def spoken(word: Word, archive: bytes = b"") -> Spoken:
    """A word as it travels."""
    return word.model_dump_json(), archive


def own_version() -> str:
    """The version of tinyexp that is installed here; empty where it is only lying here."""
    try:
        return version("tinyexp")
    except PackageNotFoundError:
        return ""
