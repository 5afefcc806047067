"""The trainers there are, and what configuration must know of each: the form of its settings, and which of them decide a result.

A literal table of places: a trainer's rules are loaded when an experiment names it, and load nothing heavy themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from tinyexp.errors import unknown

if TYPE_CHECKING:
    from tinyexp.config.experiment import Experiment, ExperimentFile

RULES: Mapping[str, str] = {
    "vision": "tinyexp.trainers.vision.rules:RULES",
    "command": "tinyexp.trainers.command.rules:RULES",
    "imported": "tinyexp.trainers.imported:RULES",
}


@dataclass(frozen=True)
class Fact:
    """Something that the settings of one or two experiments show by themselves."""

    holds: bool
    detail: str
    """The values it rests on, as in ``pooling windows: 2, 2, 2, 2``."""


@dataclass(frozen=True)
class AsRun:
    """A setting as a run takes it, where another one multiplies it."""

    value: Any
    factor: float


@dataclass(frozen=True)
class TakenBy:
    """What is watched while a run trains: it chooses the epoch that the result is taken from, or moves the rates."""

    metric: str
    """A column of ``metrics.csv``, of held-out data."""
    highest: bool
    """Whether its highest value is the best."""


@dataclass(frozen=True)
class NetworkSize:
    """What a network costs by arithmetic, whatever it is trained on."""

    parameters: int
    multiply_adds: int
    """Of one image, forward."""


class SettingsRules(Protocol):
    """What a trainer says of its settings."""

    @property
    def file(self) -> type[ExperimentFile]:
        """The model of its experiment files: :class:`tinyexp.config.experiment.ExperimentFile` and tables of its own."""

    @property
    def circumstances(self) -> tuple[str, ...]:
        """Beginnings of dotted keys that say where and how a run is carried out, and cannot change its result."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Dotted keys in words."""

    @property
    def facts(self) -> Mapping[str, Callable[..., Fact | None]]:
        """What a static claim may name, by name; each takes the claim's experiments, and gives None where it says nothing of them."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of ``metrics.csv``; None where they are those of a log."""

    @property
    def finished_records(self) -> tuple[str, ...]:
        """The records that every finished run has."""

    def require(self, settings: Mapping[str, Any]) -> None:
        """Raise ValueError where these are not settings of this trainer, with or without its circumstances."""

    def settings_in(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """The settings in a file's own tables, without the keys that every file has."""

    def file_key(self, key: str) -> str:
        """Where a dotted key of the settings stands in the file."""

    def numerical(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that decide the result."""

    def epochs(self, settings: Mapping[str, Any]) -> int:
        """How many epochs a run has; 0 where only its log will say."""

    def taken_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """What chooses the epoch of a run that may stop early; None where the result is the last epoch's."""

    def moved_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """What learning rate and weight decay follow: they move where it has stopped becoming better; None where it is nothing."""

    def calmer(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Dotted keys to set where a run diverged, which it does again under the same settings; none where nothing is known."""

    def epoch_work(self, experiment: Experiment, images: Mapping[str, int]) -> float | None:
        """What an epoch costs, in units that runs of this trainer share; None where its settings do not say."""

    def processes(self, settings: Mapping[str, Any]) -> int:
        """How many processes of one machine a run takes."""

    def as_run(self, settings: Mapping[str, Any], key: str, value: Any) -> AsRun | None:
        """What a run takes in place of a value of a dotted key; None where it is taken as it stands."""

    def network_size(self, experiment: Experiment) -> NetworkSize | None:
        """None where the settings do not say what the network is."""


class CourseUnsaid:
    """Of a trainer whose settings do not say how its runs go on: five of :class:`SettingsRules`' methods."""

    def processes(self, settings: Mapping[str, Any]) -> int:
        """One, whatever it starts besides."""
        del settings
        return 1

    def epochs(self, settings: Mapping[str, Any]) -> int:
        """Only the log says."""
        del settings
        return 0

    def taken_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """A study says which epoch is compared."""
        del settings
        return None

    def moved_by(self, settings: Mapping[str, Any]) -> TakenBy | None:
        """Whatever moves them, it is not said."""
        del settings
        return None

    def calmer(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Only its author knows."""
        del settings
        return {}


def settings_rules(trainer: str, where: str = "trainer") -> SettingsRules:
    """The rules of a trainer; raises UserError with the choices where there is none of that name."""
    if trainer not in RULES:
        raise unknown(where, "trainer", trainer, RULES)
    module, _, name = RULES[trainer].partition(":")
    rules: SettingsRules = getattr(import_module(module), name)
    return rules


def key_place(key: str, trainer: str) -> int:
    """Sorts dotted keys as the trainer lists them; others come last, as they stand. Records have them by the alphabet."""
    labels = list(settings_rules(trainer).labels)
    return labels.index(key) if key in labels else len(labels)
