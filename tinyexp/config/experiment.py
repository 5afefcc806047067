"""An experiment: a title, a trainer, settings, and what a source reported of it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from tinyexp.config.difference import Difference, differences, without
from tinyexp.config.metric import MetricName, MetricTable
from tinyexp.config.section import Fraction, Name, PositiveInt, Section
from tinyexp.config.trainers import key_place, settings_rules
from tinyexp.errors import UserError


class Reported(Section):
    """What the source says came out, in one run."""

    after_epochs: PositiveInt
    train_loss: float
    test_loss: float
    test_accuracy: Fraction
    tolerance: Fraction
    """How far a mean test accuracy may lie from the reported one and still count as reproduced."""


class ExperimentFile(Section):
    """What every experiment file may say, whoever trains it; a trainer's own model adds its tables."""

    title: str
    section: str = ""
    """Where in the source document this stands."""
    trainer: str = "vision"
    """What trains it: see :mod:`tinyexp.config.trainers`."""
    reported: Reported | None = None
    readings: dict[str, str] = Field(default_factory=dict)
    """For each ambiguity of the source that touches this experiment, the interpretation taken."""
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict)
    """What names mean in the experiment's log that are not usual, or mean something else there: tables ``[metrics.NAME]``."""


class Experiment(Section):
    """A resolved experiment: what is trained, and what its file says, which it may deviate from."""

    name: Name
    profile: Name
    profile_title: str = ""
    profile_summary: str = ""
    profile_evidence: str = ""
    title: str
    section: str = ""
    trainer: str
    settings: dict[str, Any]
    """Every key that the trainer knows, as tables in tables; values as JSON has them."""
    readings: dict[str, str] = Field(default_factory=dict)
    reported: Reported | None = None
    file_settings: dict[str, Any]
    """The settings of the file itself, with the interpretations that it takes."""
    file_readings: dict[str, str] = Field(default_factory=dict)
    overrides: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict, exclude=True)
    """What its file and its source say of metrics. No part of a record: to correct what a name means, the files are
    corrected, and nothing is trained anew."""

    @model_validator(mode="after")
    def _are_settings_of_the_trainer(self) -> Self:
        """A record may hold anything; what is not of the trainer's form goes no further."""
        try:
            rules = settings_rules(self.trainer)
        except UserError as error:
            raise ValueError(str(error)) from error
        for settings in (self.settings, self.file_settings):
            rules.require(settings)
        return self

    @property
    def deviations(self) -> tuple[Difference, ...]:
        """The keys in which this experiment departs from its file; where and how it runs is no departure."""
        found = differences(
            {**self.file_settings, "readings": self.file_readings},
            {**self.settings, "readings": self.readings},
            ignore=settings_rules(self.trainer).circumstances,
        )
        return tuple(sorted(found, key=lambda change: key_place(change.key, self.trainer)))

    @property
    def numerical_settings(self) -> dict[str, Any]:
        """The settings without what cannot change a number; what is left decides the result."""
        return settings_rules(self.trainer).numerical(self.settings)

    def without_circumstances(self) -> Experiment:
        """As a record tells it: without what says only where and how it is carried out."""
        away = settings_rules(self.trainer).circumstances
        return self.model_copy(
            update={
                "settings": without(self.settings, away),
                "file_settings": without(self.file_settings, away),
                "overrides": {
                    key: value for key, value in self.overrides.items() if not key.startswith(away)
                },
            }
        )
