"""What the rest of the house may ask of a command's settings without running it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from tinyexp.config.difference import flatten, without
from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import AsRun, CourseUnsaid, Fact, NetworkSize
from tinyexp.trainers.command.settings import CommandFile, CommandTable


class CommandRules(CourseUnsaid):
    """See :class:`tinyexp.config.trainers.SettingsRules`. Settings are the user's own; ``command`` stands beside them."""

    file = CommandFile
    circumstances = ("command.timeout_s",)
    labels: Mapping[str, str] = {
        "command.run": "command line",
        "command.resume": "command line that goes on",
        "command.metrics": "log",
        "command.predictions": "predictions",
        "command.inputs": "files that are pinned",
        "command.environment": "variables passed on",
    }
    facts: Mapping[str, Callable[..., Fact | None]] = {}
    columns = None
    finished_records = ("run.json", "environment.json", "metrics.csv")

    def require(self, settings: Mapping[str, Any]) -> None:
        """A command's table, and numbers, texts, truths and lists of them under any other keys."""
        CommandTable.model_validate(settings.get("command"))
        wrong = [key for key, value in flatten(settings).items() if not _is_plain(value)]
        if wrong:
            raise ValueError(f"the setting '{wrong[0]}' is no number, text, truth or list of them")

    def settings_in(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """The user's settings and the command's table side by side, so that ``lr`` is called ``lr`` everywhere."""
        return {**file["settings"], "command": file["command"]}

    def file_key(self, key: str) -> str:
        """Where a dotted key stands in the file."""
        return key if key.startswith(("command.", "settings.")) else f"settings.{key}"

    def numerical(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """All settings, and the command but for how long it may take."""
        told = without(settings, self.circumstances)
        # The key is younger than some runs, whose identities it leaves as they were.
        if not told["command"].get("predictions"):
            told["command"] = {key: value for key, value in told["command"].items() if key != "predictions"}
        return told

    def epoch_work(self, experiment: Experiment, images: Mapping[str, int]) -> float | None:
        """Only runs that were measured say."""
        del experiment, images
        return None

    def as_run(self, settings: Mapping[str, Any], key: str, value: Any) -> AsRun | None:
        """All are taken as they stand."""
        del settings, key, value
        return None

    def network_size(self, experiment: Experiment) -> NetworkSize | None:
        """Nobody says what the network is."""
        del experiment
        return None


def _is_plain(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(
        isinstance(one, str | bool | int) or (isinstance(one, float) and math.isfinite(one)) for one in values
    )


RULES = CommandRules()
