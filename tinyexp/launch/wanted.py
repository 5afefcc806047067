"""What is to be trained: the experiments that were chosen, and what the studies over them plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tinyexp.analysis.claim_order import load_studies
from tinyexp.analysis.design import DesignPoint, check_members, experiment_point, study_design
from tinyexp.analysis.study import Study, load_study
from tinyexp.config.experiment import Experiment
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.config.source import ambiguities
from tinyexp.errors import UserError


def designs(
    names: Sequence[str], profile: str, overrides: Mapping[str, Any] | None = None
) -> dict[str, Experiment]:
    """Experiments by name under a profile.

    An interpretation of the source is taken by those that the ambiguity touches; every other override must
    fit all of them.

    Raises
    ------
    UserError
        A name, key or value that does not exist, or an interpretation that fits none.
    """
    overrides = dict(overrides or {})
    plain = {key: value for key, value in overrides.items() if not key.startswith("readings.")}
    interpretations = {key: value for key, value in overrides.items() if key.startswith("readings.")}
    found: dict[str, Experiment] = {}
    taken: set[str] = set()
    for name in names:
        touched = load_experiment(name, profile).readings
        own = {
            key: value for key, value in interpretations.items() if key.removeprefix("readings.") in touched
        }
        taken |= own.keys()
        found[name] = load_experiment(name, profile, plain | own)
    for key in interpretations.keys() - taken:
        number = key.removeprefix("readings.")
        if number in ambiguities():
            raise UserError(f"--set {key}: {number} concerns none of {', '.join(names)}.")
        load_experiment(names[0], profile, {key: interpretations[key]})  # says what is wrong with it
    return found


def wanted(
    experiments: Mapping[str, Experiment], studies: Sequence[Study], seeds: Sequence[int], kind: str | None
) -> list[DesignPoint]:
    """The experiments, then what the studies ask for besides, each configuration once with its planned seeds.

    Parameters
    ----------
    kind
        A plan in place of the studies' own; ``none`` for the experiments alone.

    Raises
    ------
    UserError
        A study is confounded or names what does not exist.
    """
    found: dict[str, DesignPoint] = {}
    for point in _all(experiments, studies, tuple(seeds), kind):
        known = found.setdefault(point.configuration, point)
        if len(point.planned_seeds) > len(known.planned_seeds):
            found[point.configuration] = replace(known, planned_seeds=point.planned_seeds)
    return list(found.values())


def leading_pair(studies: Sequence[Study], experiments: Mapping[str, Experiment]) -> frozenset[str]:
    """The configurations of the two designs that a report of these studies opens with; none without a study."""
    study = min(studies, key=lambda one: (not one.lead, one.name), default=None)
    if study is None:
        return frozenset()
    members = study_design(study, experiments, "none").members
    pair = (study.baseline, study.contender)
    return frozenset(members[name].configuration for name in pair if name in members)


def studies_over(names: Sequence[str], only: Sequence[str] | None = None) -> list[Study]:
    """The studies all of whose experiments are among these.

    Parameters
    ----------
    only
        Studies to choose from; all, if None.

    Raises
    ------
    UserError
        A study is not as it must be, or one of ``only`` does not exist.
    """
    studies = load_studies() if only is None else [load_study(name) for name in only]
    for study in studies:
        check_members(study, experiment_names())
    return [study for study in studies if set(study.experiments) <= set(names)]


def _all(
    experiments: Mapping[str, Experiment],
    studies: Sequence[Study],
    seeds: tuple[int, ...],
    kind: str | None,
) -> Iterator[DesignPoint]:
    for experiment in experiments.values():
        yield experiment_point(experiment, seeds)
    if kind == "none":
        return
    for study in studies:
        for point in study_design(study, experiments, kind).everything:
            yield replace(point, planned_seeds=study_seeds(study, seeds))


def study_seeds(study: Study, seeds: tuple[int, ...]) -> tuple[int, ...]:
    """As many as the study names, from the first on, where it names a number; else those that all are trained with."""
    return tuple(range(seeds[0], seeds[0] + study.seeds)) if study.seeds else seeds
