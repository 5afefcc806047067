"""The design of a study: its design points, each an experiment that is trained under every seed.

A launcher trains them and a report finds them again by their configurations, both from here, so that they cannot
disagree. Nothing is confounded silently: every key that can change a number and differs between baseline and contender
must belong to exactly one factor. A factor in whose keys the two do not differ takes no part, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tinyexp.analysis.plan import Levels, Plan, make_plan
from tinyexp.analysis.study import Factor, Study
from tinyexp.config.difference import ABSENT, Difference, flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.explain import shown
from tinyexp.config.identity import configuration_of
from tinyexp.config.overlay import multiplied, with_keys
from tinyexp.errors import UserError, unknown

if TYPE_CHECKING:  # a launcher has no need of pandas
    from tinyexp.runs.recorded import RecordedRun
    from tinyexp.runs.records import DataRecord


@dataclass(frozen=True)
class DesignPoint:
    """An experiment under the name that a study gives it, and its runs where any were looked for."""

    name: str
    """The experiment's or variant's; of a mixture the baseline's with the factors that are switched."""
    title: str
    experiment: Experiment
    levels: Levels = ()
    """For each factor of the plan 0 for the baseline's level, 1 for the contender's; empty where it is part of none."""
    planned_seeds: tuple[int, ...] = ()
    """Those that it is to be trained with."""
    runs: tuple[RecordedRun, ...] = ()
    """In the order of their seeds, finished or not."""

    @cached_property
    def configuration(self) -> str:
        """The digest that its runs carry, whatever experiment they name; equal ones are one training, wherever they lie."""
        return configuration_of(self.experiment)

    @property
    def finished(self) -> tuple[RecordedRun, ...]:
        """The runs that results are taken from."""
        return tuple(run for run in self.runs if run.status.state == "finished")

    @property
    def unfinished(self) -> tuple[RecordedRun, ...]:
        """The runs that are named, and give no result."""
        return tuple(run for run in self.runs if run.status.state != "finished")

    @property
    def data(self) -> DataRecord:
        """What its runs were trained on."""
        return self.runs[0].record.data

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the finished runs."""
        return tuple(run.record.seed for run in self.finished)


@dataclass(frozen=True)
class StudyDesign:
    """What a study asks for, as far as its experiments are there."""

    study: Study
    members: Mapping[str, DesignPoint]
    """Experiments and variants by name, contender and baseline first."""
    plan: Plan | None = None
    """None where the study has no factors, is not to be attributed, or an end is missing."""
    points: tuple[DesignPoint, ...] = ()
    """Those of the plan, in its order: baseline first, contender last."""
    switched: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    """What each factor of the plan switches, from the baseline's value to the contender's."""
    inactive: tuple[str, ...] = ()
    """Factors of the study in which the two do not differ here."""
    confirmations: tuple[DesignPoint, ...] = ()
    """Points in which one factor alone is switched, beside the plan: those that were asked for or have runs."""
    problem: str = ""
    """Why there is no plan though the study has factors, as where it is confounded."""

    @property
    def mixtures(self) -> tuple[DesignPoint, ...]:
        """The points of the plan but for the ends, which are members."""
        return self.points[1:-1]

    @property
    def everything(self) -> tuple[DesignPoint, ...]:
        """Members, then mixtures, then what confirms a factor."""
        return (*self.members.values(), *self.mixtures, *self.confirmations)

    @property
    def variants(self) -> tuple[DesignPoint, ...]:
        """The members that are no experiments of their own."""
        return tuple(point for name, point in self.members.items() if self.study.variant(name))


def experiment_point(experiment: Experiment, seeds: tuple[int, ...] = ()) -> DesignPoint:
    """An experiment by itself, to be trained with some seeds."""
    return DesignPoint(experiment.name, experiment.title, experiment, planned_seeds=seeds)


def study_design(study: Study, experiments: Mapping[str, Experiment], kind: str | None = None) -> StudyDesign:
    """The design of a study.

    Parameters
    ----------
    experiments
        Under one profile and perhaps with overrides, by name; those that are missing leave their members out.
    kind
        Another kind of plan than the study's; ``none`` for no mixtures.

    Raises
    ------
    UserError
        The study is confounded, or a variant or mixture is no valid experiment.
    """
    made = {name: _member(study, name, experiments) for name in study.members}
    members = {name: point for name, point in made.items() if point is not None}
    if not (study.factors and kind != "none" and {study.baseline, study.contender} <= members.keys()):
        return StudyDesign(study, members)
    baseline, contender = members[study.baseline], members[study.contender]
    switched = check_factors(study, baseline.experiment, contender.experiment)
    plan = make_plan(kind or study.plan, list(switched))
    inactive = tuple(factor.name for factor in study.factors if factor.name not in switched)
    points = tuple(_point(study, plan, levels, baseline, contender, switched) for levels in plan.levels)
    return StudyDesign(study, members, plan, points, switched, inactive)


def confirmation_points(design: StudyDesign, factors: Sequence[str]) -> tuple[DesignPoint, ...]:
    """What trains factors alone: the baseline with each of them switched, and the contender with it switched back.

    None where no interaction may stand in for a factor; see :meth:`tinyexp.analysis.plan.Plan.is_aliased`.

    Raises
    ------
    UserError
        A factor that takes no part, or a point that is no valid experiment.
    """
    plan, study = design.plan, design.study
    for name in factors:
        if plan is None or name not in plan.factors:
            known = plan.factors if plan else ()
            raise unknown(_file(study), "factor that takes part", name, known)
    if plan is None:
        return ()
    baseline, contender = design.members[study.baseline], design.members[study.contender]
    wanted = dict.fromkeys(levels for name in factors if plan.is_aliased(name) for levels in plan.alone(name))
    return tuple(_point(study, plan, levels, baseline, contender, design.switched) for levels in wanted)


def check_members(study: Study, known: Mapping[str, object] | list[str]) -> None:
    """Refuse a study that names an experiment which is neither a file nor one of its variants."""
    variants = [variant.name for variant in study.variants]
    for name in study.experiments:
        if name not in known:
            raise unknown(_file(study), "experiment", name, [*known, *variants])
    for name in variants:
        if name in known:
            raise UserError(
                f"{_file(study)}: the variant '{name}' has the name of an experiment. Give it another."
            )


def check_factors(
    study: Study, baseline: Experiment, contender: Experiment
) -> dict[str, tuple[Difference, ...]]:
    """What each factor switches; titles, readings and where a run is carried out are no differences.

    Factors in which the two do not differ are left out.

    Raises
    ------
    UserError
        A differing key belongs to no factor or to two, a factor's key does not exist, or nothing differs.
    """
    where = _file(study)
    if not study.factors:
        raise UserError(f"{where}: names no factor, so there is nothing to attribute. Add [[factors]].")
    left, right = (flatten(one.numerical_settings) for one in (baseline, contender))
    keys = [*left, *(key for key in right if key not in left)]
    pairs = [Difference(key, left.get(key, ABSENT), right.get(key, ABSENT)) for key in keys]
    differing = {pair.key: pair for pair in pairs if pair.left != pair.right}
    _check_keys(where, study.factors, keys)
    _check_owners(where, study, differing)
    if not differing:
        raise UserError(
            f"{where}: '{study.baseline}' and '{study.contender}' do not differ here in any key that can change a "
            "number, so there is nothing to attribute. Leave out what makes them equal."
        )
    switched = {
        factor.name: tuple(one for key, one in differing.items() if _owns(factor, key))
        for factor in study.factors
    }
    return {name: changes for name, changes in switched.items() if changes}


def _member(study: Study, name: str, experiments: Mapping[str, Experiment]) -> DesignPoint | None:
    variant = study.variant(name)
    base = experiments.get(variant.of if variant else name)
    if base is None:
        return None
    if variant is None:
        return DesignPoint(name, base.title, base)
    where = f"{_file(study)}: variant '{name}'"
    changes = {**multiplied(base, variant.times, where), **variant.set}
    return DesignPoint(name, variant.title, with_keys(base, changes, where))


def _point(
    study: Study,
    plan: Plan,
    levels: Levels,
    baseline: DesignPoint,
    contender: DesignPoint,
    switched: Mapping[str, Sequence[Difference]],
) -> DesignPoint:
    """A row of the plan: one of the two designs, or the baseline with some factors at the contender's level."""
    at_contender_level = plan.switched(levels)
    if len(at_contender_level) in {0, len(levels)}:
        end = contender if at_contender_level else baseline
        return DesignPoint(end.name, end.title, end.experiment, levels)
    name = " + ".join([study.baseline, *at_contender_level])
    changes = _changed(study, [one for factor in at_contender_level for one in switched[factor]])
    return DesignPoint(name, name, with_keys(baseline.experiment, changes, f"{_file(study)}: {name}"), levels)


def _file(study: Study) -> str:
    return f"studies/{study.name}.toml"


def _owns(factor: Factor, key: str) -> bool:
    return any(key == own or key.startswith(f"{own}.") for own in factor.keys)


def _check_owners(where: str, study: Study, differing: Mapping[str, Difference]) -> None:
    owners = {key: [factor.name for factor in study.factors if _owns(factor, key)] for key in differing}
    loose = [
        f"{key} ({shown(one.left)}, {shown(one.right)})" for key, one in differing.items() if not owners[key]
    ]
    if loose:
        raise UserError(
            f"{where}: '{study.baseline}' and '{study.contender}' differ in keys that belong to no factor, and would be "
            f"confounded with all of them: {'; '.join(loose)}. Put each into the 'keys' of one factor."
        )
    shared = [f"{key} ({' and '.join(names)})" for key, names in owners.items() if len(names) > 1]
    if shared:
        raise UserError(
            f"{where}: keys that belong to two factors: {'; '.join(shared)}. Leave each in one of them."
        )


def _check_keys(where: str, factors: Sequence[Factor], keys: Sequence[str]) -> None:
    for factor in factors:
        if not factor.keys:
            raise UserError(
                f"{where}: the factor '{factor.name}' names no key. Give the keys that it switches."
            )
        for own in factor.keys:
            if not any(key == own or key.startswith(f"{own}.") for key in keys):
                raise unknown(where, f"key of the factor '{factor.name}'", own, keys)


def _changed(study: Study, changes: Sequence[Difference]) -> dict[str, Any]:
    """The contender's values of some keys."""
    for one in changes:
        if ABSENT in (one.left, one.right):
            raise UserError(
                f"{_file(study)}: only one of '{study.baseline}' and '{study.contender}' has the key "
                f"'{one.key}', so it cannot be switched by itself. Put all such keys into one single factor."
            )
    return {one.key: one.right for one in changes}
