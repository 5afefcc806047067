"""Which runs a report is about: those of one profile, of each experiment one configuration, and of each study its parts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinyexp.analysis.asked import asked_with
from tinyexp.analysis.claim_order import load_studies
from tinyexp.analysis.design import DesignPoint, StudyDesign, confirmation_points, study_design
from tinyexp.analysis.study import Study
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import experiment_names, load_experiment, profile_names
from tinyexp.errors import UserError, listed, unknown
from tinyexp.report.implied import implied_studies
from tinyexp.runs.recorded import RecordedRun


@dataclass(frozen=True)
class Selection:
    """The runs of a report."""

    profile: str
    chosen: tuple[DesignPoint, ...]
    """The experiments' own."""
    studies: tuple[StudyDesign, ...]
    """Each with the runs that there are of its points."""
    missing: tuple[str, ...]
    """Experiments that have a file and no run."""
    left_out: tuple[str, ...]
    """Names of the runs of other profiles and configurations."""
    of_files: bool = True
    """Whether files of experiments and studies are about these runs; none is where somebody's logs were read."""

    @property
    def imported(self) -> bool:
        """Whether its runs were trained elsewhere, so that no command of ours trains more of them."""
        return all(chosen.experiment.trainer == "imported" for chosen in self.chosen)

    @property
    def variants(self) -> tuple[DesignPoint, ...]:
        """The studies' own experiments that have a run, each once."""
        return tuple({one.name: one for study in self.studies for one in study.variants if one.runs}.values())

    @property
    def everything(self) -> tuple[DesignPoint, ...]:
        """Experiments, variants and mixtures that have a run; a mixture that two studies share stands once."""
        own = [one for study in self.studies for one in (*study.mixtures, *study.confirmations)]
        mixtures = {one.runs[0].name: one for one in own if one.runs}
        return (*self.chosen, *self.variants, *mixtures.values())

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """All that were chosen, each once."""
        return tuple({run.name: run for chosen in self.everything for run in chosen.runs}.values())

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that some experiment has a run of."""
        return tuple(sorted({run.record.seed for chosen in self.chosen for run in chosen.runs}))

    def find(self, name: str) -> DesignPoint | None:
        """The runs of an experiment or a variant, if it has any."""
        return next((chosen for chosen in (*self.chosen, *self.variants) if chosen.name == name), None)


def select_runs(
    runs: Sequence[RecordedRun], profile: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Selection:
    """Choose a report's runs.

    Of each experiment that configuration is taken which its file describes today under the overrides;
    where that was not trained, the one without them; else the plainest there is, whose overrides all
    others share. What the studies ask for besides is found by its configuration. Where there is no study file, two
    experiments are a study by themselves.

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
    by_name = _grouped(of_profile, lambda run: run.record.experiment.name)
    chosen = [_choose(name, by_name[name], wanted[name]) for name in names]
    by_configuration = _grouped(of_profile, lambda run: run.record.configuration)
    of_files = load_studies()
    # Of imported runs, files that speak of none are about something else: the shipped ones, where somebody's logs are read.
    spoken_of = {*experiment_names(), *(name for study in of_files for name in study.members)}
    about_these = not all(run.record.provenance for run in of_profile) or not spoken_of.isdisjoint(names)
    studies = of_files if about_these else asked_with(_folder_of(of_profile))
    if not studies:
        # One finished run of each is enough to see what is measured.
        finished = [one.finished[0] for one in chosen if one.finished]
        studies = implied_studies([one.experiment for one in chosen], finished)
    selection = Selection(
        profile=profile,
        chosen=tuple(chosen),
        studies=tuple(_with_runs(study, chosen, by_configuration) for study in studies),
        missing=tuple(name for name in experiment_names() if name not in names) if about_these else (),
        left_out=(),
        of_files=about_these,
    )
    kept = {run.name for run in selection.runs}
    return replace(selection, left_out=tuple(run.name for run in runs if run.name not in kept))


def _grouped(runs: Sequence[RecordedRun], key: Callable[[RecordedRun], str]) -> dict[str, list[RecordedRun]]:
    """Runs by what they share, looked through once however many there are."""
    found: dict[str, list[RecordedRun]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found


def _with_runs(
    study: Study, chosen: Sequence[DesignPoint], runs: Mapping[str, Sequence[RecordedRun]]
) -> StudyDesign:
    """A study's design by its experiments as they were trained, and the runs of each point wherever they lie."""
    own = {point.name: point for point in chosen}
    try:
        design = study_design(study, {name: point.experiment for name, point in own.items()})
    except UserError as error:
        members = {name: own[name] for name in study.members if name in own}
        return StudyDesign(study, members, problem=str(error))
    members = {name: own.get(name) or _found(point, runs) for name, point in design.members.items()}
    points = tuple(
        replace(point, runs=members[point.name].runs) if point.name in members else _found(point, runs)
        for point in design.points
    )
    alone = (_found(point, runs) for point in _alone(design))
    return replace(
        design, members=members, points=points, confirmations=tuple(one for one in alone if one.runs)
    )


def _alone(design: StudyDesign) -> tuple[DesignPoint, ...]:
    """What may have been trained to confirm a factor; nothing is looked for where no mixture was trained."""
    if design.plan is None:
        return ()
    return confirmation_points(design, design.plan.factors)


def _found(point: DesignPoint, runs: Mapping[str, Sequence[RecordedRun]]) -> DesignPoint:
    """A point with its runs. Of one training in two folders the one that came further counts."""
    own = sorted(
        runs.get(point.configuration, ()),
        key=lambda run: (run.status.state == "finished", run.status.epochs_done),
    )
    once = {run.record.identity: run for run in own}.values()
    return replace(point, runs=tuple(sorted(once, key=lambda run: run.record.seed)))


def profile_folder(selection: Selection) -> Path:
    """The folder in which the runs of the profile lie, by experiment."""
    return _folder_of(selection.runs)


def _folder_of(runs: Sequence[RecordedRun]) -> Path:
    return runs[0].folder.path.parent.parent


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
            wanted[name].append(configuration_of(load_experiment(name, profile, overrides)))
        except UserError as error:
            failures.append(error)
            wanted[name].append(None)
        if overrides:
            wanted[name].append(configuration_of(load_experiment(name, profile)))
    if failures and len(failures) == len(names):
        raise failures[0]
    return wanted


def _has(runs: Sequence[RecordedRun], name: str, configurations: Sequence[str | None]) -> bool:
    return any(
        run.record.experiment.name == name and run.record.configuration in configurations for run in runs
    )


def _choose(name: str, runs: Sequence[RecordedRun], wanted: Sequence[str | None]) -> DesignPoint:
    trained = list(dict.fromkeys(run.record.configuration for run in runs))
    match = next((one for one in wanted if one in trained), _plainest(runs))
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
    given = own[0].record.experiment
    return DesignPoint(name, given.title, given, runs=tuple(sorted(own, key=lambda run: run.record.seed)))


def _plainest(runs: Sequence[RecordedRun]) -> str | None:
    """The configuration whose overrides all others have too; None where there is no single one."""
    told = {run.record.configuration: run.record.experiment.overrides for run in runs}
    plain = [
        name for name, own in told.items() if all(own.items() <= other.items() for other in told.values())
    ]
    return plain[0] if len(plain) == 1 else None


def _configurations(runs: Sequence[RecordedRun]) -> str:
    seen = {}
    for run in runs:
        told = set_options(run.record.experiment.overrides).strip() or "no --set"
        seen[run.record.experiment.name, run.record.configuration] = told
    return "; ".join(
        sorted(f"{name} {configuration[:8]} ({told})" for (name, configuration), told in seen.items())
    )
