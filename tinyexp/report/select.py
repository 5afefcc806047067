"""Which runs a report is about: those of one profile, and of each experiment one configuration."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tinyexp.errors import UserError, listed, unknown
from tinyexp.runs.frame import RecordedRun
from tinyexp.runs.records import DataRecord
from tinyexp.spec.identity import configuration_of
from tinyexp.spec.load import Experiment, experiment_names, load_experiment, profile_names


@dataclass(frozen=True)
class Chosen:
    """The runs of one experiment in one configuration, finished or not, in the order of their seeds."""

    name: str
    runs: tuple[RecordedRun, ...]

    @property
    def finished(self) -> tuple[RecordedRun, ...]:
        """The runs that results are taken from."""
        return tuple(run for run in self.runs if run.status.state == "finished")

    @property
    def unfinished(self) -> tuple[RecordedRun, ...]:
        """The runs that are named, and give no result."""
        return tuple(run for run in self.runs if run.status.state != "finished")

    @property
    def experiment(self) -> Experiment:
        """As the first of the runs was given it."""
        return self.runs[0].record.experiment

    @property
    def data(self) -> DataRecord:
        """What was trained on."""
        return self.runs[0].record.data

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finished runs."""
        return tuple(run.record.seed for run in self.finished)


@dataclass(frozen=True)
class Selection:
    """The runs of a report."""

    profile: str
    chosen: tuple[Chosen, ...]
    missing: tuple[str, ...]
    """Experiments that have a file and no run."""
    left_out: tuple[str, ...]
    """Names of the runs of other profiles and configurations."""

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """All that were chosen."""
        return tuple(run for chosen in self.chosen for run in chosen.runs)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that some experiment has a run of."""
        return tuple(sorted({run.record.seed for run in self.runs}))

    def find(self, name: str) -> Chosen | None:
        """The runs of an experiment, if it has any."""
        return next((chosen for chosen in self.chosen if chosen.name == name), None)


def select_runs(
    runs: Sequence[RecordedRun], profile: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Selection:
    """Choose a report's runs.

    Of each experiment that configuration is taken which its file describes today under the overrides;
    where that was not trained, the one without them; else the only one there is.

    Raises
    ------
    UserError
        There are no runs, or several profiles or configurations and nothing that chooses; the message
        lists them with what chooses each.
    """
    profile = _profile(runs, profile)
    of_profile = [run for run in runs if run.record.experiment.profile == profile]
    names = sorted({run.record.experiment.name for run in of_profile})
    wanted = _described(names, profile, overrides or {})
    if overrides and not any(_has(of_profile, name, wanted[name][:1]) for name in names):
        raise UserError(
            f"--set {' --set '.join(_assignments(overrides))}: no run of profile '{profile}' was trained with it. "
            f"There are: {_configurations(of_profile)}."
        )
    chosen = [
        _choose(name, [run for run in of_profile if run.record.experiment.name == name], wanted[name])
        for name in names
    ]
    kept = {run.name for one in chosen for run in one.runs}
    return Selection(
        profile=profile,
        chosen=tuple(chosen),
        missing=tuple(name for name in experiment_names() if name not in names),
        left_out=tuple(run.name for run in runs if run.name not in kept),
    )


def set_options(overrides: Mapping[str, Any]) -> str:
    """Overrides as a user would type them, with a space before; empty without any."""
    return "".join(f" --set {shlex.quote(text)}" for text in _assignments(overrides))


def _assignments(overrides: Mapping[str, Any]) -> list[str]:
    # What JSON and TOML write alike is all that an override can be.
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(overrides.items())]


def _profile(runs: Sequence[RecordedRun], profile: str | None) -> str:
    known = sorted({run.record.experiment.profile for run in runs})
    if not known:
        raise UserError("report: there are no runs in that folder. Train first: `tinyexp run-all`.")
    if profile is None:
        if len(known) > 1:
            raise UserError(
                f"report: the runs are of several profiles ({listed(known)}), and a report is of one. "
                f"Choose it: --profile {known[0]}."
            )
        return known[0]
    if profile not in known:
        raise unknown("report", "profile among the runs", profile, known)
    return profile


def _described(
    names: Sequence[str], profile: str, overrides: Mapping[str, Any]
) -> dict[str, list[str | None]]:
    """For each experiment its configurations by preference: under the overrides, then without them.

    An override may name a key that only some experiments have; it is wrong where it fits none.
    """
    wanted: dict[str, list[str | None]] = {}
    failures = []
    known = experiment_names() if profile in profile_names() else []
    for name in names:
        wanted[name] = []
        if name not in known:
            continue
        try:
            wanted[name].append(configuration_of(load_experiment(name, profile, overrides).spec))
        except UserError as error:
            failures.append(error)
            wanted[name].append(None)
        if overrides:
            wanted[name].append(configuration_of(load_experiment(name, profile).spec))
    if failures and len(failures) == len(names):
        raise failures[0]
    return wanted


def _has(runs: Sequence[RecordedRun], name: str, configurations: Sequence[str | None]) -> bool:
    return any(
        run.record.experiment.name == name and run.record.configuration in configurations for run in runs
    )


def _choose(name: str, runs: Sequence[RecordedRun], wanted: Sequence[str | None]) -> Chosen:
    trained = list(dict.fromkeys(run.record.configuration for run in runs))
    match = next((one for one in wanted if one in trained), trained[0] if len(trained) == 1 else None)
    if match is None:
        raise UserError(
            f"report: '{name}' was trained in several configurations, and its file describes none of them: "
            f"{_configurations(runs)}. Choose one with its --set, or move the others out of the folder."
        )
    own = [run for run in runs if run.record.configuration == match]
    prints = list(dict.fromkeys(run.record.data.fingerprint for run in own))
    if len(prints) > 1:
        raise UserError(
            f"report: '{name}' was trained on {len(prints)} states of its data "
            f"({listed(one[:8] for one in prints)}). Move the runs of all but one out of the folder."
        )
    return Chosen(name, tuple(sorted(own, key=lambda run: run.record.seed)))


def _configurations(runs: Sequence[RecordedRun]) -> str:
    seen = {}
    for run in runs:
        told = set_options(run.record.experiment.overrides).strip() or "no --set"
        seen[run.record.experiment.name, run.record.configuration] = told
    return "; ".join(
        sorted(f"{name} {configuration[:8]} ({told})" for (name, configuration), told in seen.items())
    )
