"""What the file of a command experiment may say."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from tinyexp.config.experiment import ExperimentFile
from tinyexp.config.section import Section


class CommandTable(Section):
    """How the trainer is called, and what it leaves."""

    run: str
    """The command line, split as a shell splits words; no shell runs it. ``{name}`` stands for a setting, ``{name?text}`` for
    text where a setting is true, ``{seed}`` and ``{folder}`` for the run's."""
    resume: str = ""
    """What goes on with a run that was ended; without it such a run starts anew in a clean folder."""
    metrics: str
    """The log, below ``{folder}``: a file or a folder; whose it is is recognised by looking."""
    predictions: str = ""
    """A table below ``{folder}`` of what was said of each test image: columns ``label`` and ``predicted``; the report then
    tells what the designs do differently by class and by image."""
    inputs: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Files whose contents decide the result, as patterns; without them the report says that the code was not pinned."""
    environment: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Variables that are passed on to the command besides the usual ones, and recorded."""
    timeout_s: Annotated[float, Field(ge=0)] = 0.0
    """Seconds after which the command is ended and the run has failed; 0 for never."""


class CommandFile(ExperimentFile):
    """An experiment file of this trainer."""

    command: CommandTable
    settings: dict[str, Any] = Field(default_factory=dict)
    """The keys that can change a result, by names of the user's own; tables in tables are addressed by dotted keys."""
