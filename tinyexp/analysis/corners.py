"""The experiments of a study's plan: mixtures of baseline and contender, each a spec with a configuration.

Nothing is confounded silently: every key that can change a number and differs between the two must
belong to exactly one factor. A factor in whose keys the two do not differ takes no part, and is named.
Knows nothing of runs, so that a launcher can use it without pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tinyexp.analysis.plan import Levels, Plan, make_plan
from tinyexp.analysis.study import Factor, Study
from tinyexp.config.difference import ABSENT, Difference, flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.explain import shown
from tinyexp.config.identity import configuration_of
from tinyexp.config.overlay import with_keys
from tinyexp.errors import UserError, unknown


@dataclass(frozen=True)
class Corner:
    """One mixture to train under every seed."""

    name: str
    """The baseline's or the contender's, or the baseline's with the factors that are switched."""
    levels: Levels
    """0 for the baseline's level of a factor, 1 for the contender's."""
    experiment: Experiment
    """The baseline or the contender itself, or the baseline with overrides."""

    @cached_property
    def configuration(self) -> str:
        """The digest that its runs carry; equal ones are one training, wherever they lie."""
        return configuration_of(self.experiment)


@dataclass(frozen=True)
class Mixing:
    """A study's plan, and the mixtures that it asks for."""

    plan: Plan
    switched: Mapping[str, tuple[Difference, ...]]
    """What each factor switches, from the baseline's value to the contender's."""
    inactive: tuple[str, ...]
    """Factors of the study in which the two do not differ here."""
    corners: tuple[Corner, ...]
    """Baseline first and contender last."""


def mixing(study: Study, baseline: Experiment, contender: Experiment, kind: str | None = None) -> Mixing:
    """The mixtures of a study's plan between two experiments.

    Parameters
    ----------
    baseline, contender
        Those that the study names, under one profile and perhaps with overrides.
    kind
        Another kind of plan than the study's.

    Raises
    ------
    UserError
        The study is confounded, names no factor, or a mixture is no valid experiment.
    """
    switched = check_factors(study, baseline, contender)
    plan = make_plan(kind or study.plan, list(switched))
    found = []
    for levels in plan.levels:
        thrown = [name for name, level in zip(plan.factors, levels, strict=True) if level]
        if not thrown:
            found.append(Corner(study.baseline, levels, baseline))
        elif len(thrown) == len(levels):
            found.append(Corner(study.contender, levels, contender))
        else:
            name = " + ".join([study.baseline, *thrown])
            changed = _changed(study, [one for factor in thrown for one in switched[factor]])
            found.append(Corner(name, levels, with_keys(baseline, changed, f"{_file(study)}: {name}")))
    inactive = tuple(factor.name for factor in study.factors if factor.name not in switched)
    return Mixing(plan, switched, inactive, tuple(found))


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
    found = {
        factor.name: tuple(one for key, one in differing.items() if _owns(factor, key))
        for factor in study.factors
    }
    return {name: changes for name, changes in found.items() if changes}


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
