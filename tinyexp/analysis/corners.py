"""The experiments of a study's plan: mixtures of baseline and contender, each a spec with a configuration.

Nothing is confounded silently: every key that can change a number and differs between the two must
belong to exactly one factor, and every key of a factor must differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from tinyexp.analysis.checked import checked_runs, last_epoch
from tinyexp.analysis.plan import Levels, Plan, make_plan
from tinyexp.analysis.study import Factor, Study
from tinyexp.errors import UserError, unknown
from tinyexp.spec.difference import ABSENT, Difference, flatten
from tinyexp.spec.explain import shown
from tinyexp.spec.identity import configuration_of, numerical_part
from tinyexp.spec.load import Experiment, load_experiment
from tinyexp.spec.schema import Spec


@dataclass(frozen=True)
class Corner:
    """One mixture to train under every seed."""

    levels: Levels
    """0 for the baseline's level of a factor, 1 for the contender's."""
    experiment: Experiment
    """The baseline or the contender itself, or the baseline with overrides."""
    configuration: str
    """The digest that its runs carry; equal ones are one training, wherever they lie."""


def corners(
    study: Study,
    profile: str = "embedded",
    overrides: Mapping[str, Any] | None = None,
    *,
    kind: str | None = None,
    folder: Path | None = None,
) -> tuple[Corner, ...]:
    """The mixtures of a study's plan under a profile, baseline first and contender last.

    Parameters
    ----------
    overrides
        Dotted keys set in both experiments, as ``--set`` does.
    kind
        Another kind of plan than the study's.

    Raises
    ------
    UserError
        The study is confounded, names no factor, or a mixture is no valid experiment.
    """
    ends = [
        load_experiment(name, profile, overrides, folder=folder) for name in (study.baseline, study.contender)
    ]
    switched = check_factors(study, ends[0].spec, ends[1].spec)
    plan = make_plan(kind or study.plan, list(switched))
    found = []
    for levels in plan.levels:
        if sum(levels) in (0, len(levels)):
            experiment = ends[int(levels[0])]
        else:
            changed = _changed(study, switched, plan, levels)
            experiment = load_experiment(
                study.baseline, profile, {**(overrides or {}), **changed}, folder=folder
            )
        found.append(Corner(levels, experiment, configuration_of(experiment.spec)))
    return tuple(found)


def check_factors(study: Study, baseline: Spec, contender: Spec) -> dict[str, tuple[Difference, ...]]:
    """What each factor switches; titles, readings and where a run is carried out are no differences.

    Raises
    ------
    UserError
        A differing key belongs to no factor or to two, or a factor's key does not differ or does not exist.
    """
    where = f"studies/{study.name}.toml"
    if not study.factors:
        raise UserError(f"{where}: names no factor, so there is nothing to attribute. Add [[factors]].")
    left, right = (flatten(numerical_part(spec)) for spec in (baseline, contender))
    keys = [*left, *(key for key in right if key not in left)]
    pairs = [Difference(key, left.get(key, ABSENT), right.get(key, ABSENT)) for key in keys]
    differing = {pair.key: pair for pair in pairs if pair.left != pair.right}
    _check_owners(where, study, differing)
    _check_keys(where, study.factors, keys, differing)
    return {
        factor.name: tuple(one for key, one in differing.items() if _owns(factor, key))
        for factor in study.factors
    }


def coded_runs(
    frame: pd.DataFrame, found: Sequence[Corner], factors: Sequence[str], metric: str
) -> pd.DataFrame:
    """A row per finished run of the mixtures, after the last epoch, with a column of 0 and 1 for each factor.

    Parameters
    ----------
    frame
        From :func:`tinyexp.runs.frame.metrics_frame`: runs are found by their configuration. Two folders
        of one identity are one training and count once.

    Raises
    ------
    UserError
        As :func:`tinyexp.analysis.checked.checked_runs`. Mixtures without a run are no error here.
    """
    label = {corner.configuration: f"mixture {''.join(map(str, corner.levels))}" for corner in found}
    levels = {label[corner.configuration]: corner.levels for corner in found}
    rows = _labelled(frame, label)
    rows = rows[rows["state"] == "finished"] if "state" in rows else rows
    if rows.empty:
        raise UserError(f"the runs: none of the {len(found)} mixtures of the plan has a finished run.")
    rows = checked_runs(rows, list(dict.fromkeys(rows["experiment"])), metric)
    end = rows[rows["epoch"] == last_epoch(rows)].reset_index(drop=True)
    coded = [levels[name] for name in end["experiment"]]
    return end.assign(**{name: [row[place] for row in coded] for place, name in enumerate(factors)})


def runs_of(frame: pd.DataFrame, experiments: Sequence[Experiment]) -> pd.DataFrame:
    """The rows that are runs of these experiments just as they stand, each under its experiment's name.

    The runs of a plan's mixtures carry the baseline's name too; what tells them apart is the configuration.
    To be used before :func:`tinyexp.analysis.comparison.compare` where a folder holds a study's runs.
    """
    return _labelled(frame, {configuration_of(one.spec): one.name for one in experiments})


def _labelled(frame: pd.DataFrame, label: Mapping[str, str]) -> pd.DataFrame:
    """The rows of some configurations, with their label as experiment; one training counts once."""
    if "configuration" not in frame:
        raise UserError("the runs: the column 'configuration' is missing, which says what a run is of.")
    rows = frame[frame["configuration"].isin(label)]
    if "identity" in rows:
        if "state" in rows:  # where one of two folders was left in the middle, the other counts
            rows = rows.sort_values("state", key=lambda state: state != "finished", kind="stable")
        rows = rows.drop_duplicates(["identity", "epoch"])
    return rows.assign(experiment=rows["configuration"].map(label))


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


def _check_keys(
    where: str, factors: Sequence[Factor], keys: Sequence[str], differing: Mapping[str, Difference]
) -> None:
    """A key that switches nothing is a slip: of spelling, or of what differs under this profile."""
    for factor in factors:
        for own in factor.keys:
            beneath = [key for key in keys if key == own or key.startswith(f"{own}.")]
            if not beneath:
                raise unknown(where, f"key of the factor '{factor.name}'", own, keys)
            if not any(key in differing for key in beneath):
                raise UserError(
                    f"{where}: the factor '{factor.name}' names '{own}', in which the two do not differ under this "
                    "profile. Leave the key out."
                )


def _changed(
    study: Study, switched: Mapping[str, tuple[Difference, ...]], plan: Plan, levels: Levels
) -> dict[str, Any]:
    """The contender's values of the factors at level 1."""
    changed = [
        one for name, level in zip(plan.factors, levels, strict=True) if level for one in switched[name]
    ]
    for one in changed:
        if ABSENT in (one.left, one.right):
            raise UserError(
                f"studies/{study.name}.toml: only one of '{study.baseline}' and '{study.contender}' has the key "
                f"'{one.key}', so it cannot be switched by itself. Put all such keys into one single factor."
            )
    return {one.key: one.right for one in changed}
