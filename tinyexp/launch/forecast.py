"""What a study takes, before anything is spent: runs, time, and what so many seeds can show at best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinyexp.analysis.contrasts import contrasts
from tinyexp.analysis.design import StudyDesign, check_members, confirmation_points, study_design
from tinyexp.analysis.frozen import read_frozen
from tinyexp.analysis.plan import Plan
from tinyexp.analysis.samples import fewest_to_confirm
from tinyexp.analysis.statistics import ALPHA, permutation_floor, seeds_to_confirm, sign_flip_floor
from tinyexp.analysis.study import load_study
from tinyexp.config.load import experiment_names, load_profile
from tinyexp.launch.prepare import planned
from tinyexp.launch.speed import Speed, measured_speed
from tinyexp.launch.wanted import designs, study_seeds
from tinyexp.runs.plan import RunPlan


@dataclass(frozen=True)
class LookCost:
    """What a study takes until one of its looks."""

    runs_of_each: int
    runs: int
    """Of all that it asks for, those that are there among them."""
    seconds: float | None
    """Still expected, side by side; None where nothing of this profile was measured here."""


@dataclass(frozen=True)
class Forecast:
    """A study before it is trained."""

    design: StudyDesign
    profile: str
    seeds: tuple[int, ...]
    plans: tuple[RunPlan, ...]
    finished: int
    """Of those, the ones that are there already."""
    jobs: int
    seconds: float | None
    """Expected, side by side; None where nothing of this profile was measured here."""
    measured: int
    """Runs whose measured speed the expectation rests on."""
    looks: tuple[LookCost, ...] = ()
    """What the study takes until each of its looks."""

    @property
    def confirmations(self) -> int:
        """Configurations that are trained besides where every factor is named."""
        plan = self.design.plan
        return len(confirmation_points(self.design, plan.factors)) if plan else 0

    @property
    def seeds_for_a_share(self) -> int:
        """The fewest seeds whose sign-flip test can confirm a share, adjusted over all factors (Holm)."""
        plan = self.design.plan
        return seeds_to_confirm(ALPHA / len(plan.factors) if plan else ALPHA)

    @property
    def p_floor(self) -> float:
        """The smallest two-sided p of the exact test with these seeds."""
        count = len(self.seeds)
        return sign_flip_floor(count) if self.is_paired else permutation_floor(count, count)

    @property
    def is_paired(self) -> bool:
        """Whether runs of one seed belong together."""
        return self.design.study.pairing == "seed"

    @property
    def seeds_to_confirm(self) -> int:
        """The fewest seeds whose exact test can go below 0.05."""
        return seeds_to_confirm() if self.is_paired else fewest_to_confirm()


def forecast(
    name: str,
    *,
    profile: str,
    overrides: Mapping[str, Any],
    kind: str | None,
    seeds: int,
    jobs: int,
    runs: Path,
    data_folder: Path,
) -> Forecast:
    """What training a study's members and mixtures would take.

    Parameters
    ----------
    kind, seeds
        In place of the study's plan and the profile's number of seeds; None and 0 for those.

    Raises
    ------
    UserError
        There is no such study, it is confounded, or its data are missing. Nothing was written.
    """
    study = load_study(name)
    check_members(study, experiment_names())
    experiments = designs(study.experiments, profile, overrides)
    design = study_design(study, experiments, kind)
    asked = tuple(range(seeds)) if seeds else study_seeds(study, tuple(range(load_profile(profile).seeds)))
    points = {point.configuration: replace(point, planned_seeds=asked) for point in design.everything}
    plans = planned(list(points.values()), runs, data_folder)
    left = [plan for plan in plans if not plan.is_finished()]
    speed = measured_speed(runs / profile)
    frozen = read_frozen(runs / profile, name)
    looks = study.looks or (frozen.looks if frozen else study.looks_at(len(asked)))
    costs = []
    for look in looks:
        until = [replace(point, planned_seeds=tuple(range(look))) for point in points.values()]
        own = planned(until, runs, data_folder)
        to_go = [plan for plan in own if not plan.is_finished()]
        costs.append(LookCost(look, len(own), _seconds(to_go, speed, jobs)))
    return Forecast(
        design=design,
        profile=profile,
        seeds=asked,
        plans=tuple(plans),
        finished=len(plans) - len(left),
        jobs=jobs,
        seconds=_seconds(left, speed, jobs),
        measured=speed.runs,
        looks=tuple(costs),
    )


def _seconds(left: Sequence[RunPlan], speed: Speed, jobs: int) -> float | None:
    expected = [speed.seconds(plan) for plan in left]
    known = [value for value in expected if value is not None]
    if len(known) < len(expected):
        return None
    # No run is split: the longest one bounds the time however many there are side by side.
    return max(sum(known) / jobs, max(known, default=0.0))


def as_json(found: Forecast) -> dict[str, Any]:
    """The same for programs."""
    design, study, plan = found.design, found.design.study, found.design.plan
    values: dict[str, Any] = {
        "study": study.name,
        "profile": found.profile,
        "baseline": study.baseline,
        "contender": study.contender,
        "members": list(design.members),
        "seeds": list(found.seeds),
        "runs": len(found.plans),
        "finished": found.finished,
        "to_train": len(found.plans) - found.finished,
        "jobs": found.jobs,
        "expected_s": None if found.seconds is None else round(found.seconds, 1),
        "measured_runs": found.measured,
        "smallest_p": found.p_floor,
        "seeds_to_confirm": found.seeds_to_confirm,
        "looks": [
            {
                "runs_of_each": look.runs_of_each,
                "runs": look.runs,
                "expected_s": None if look.seconds is None else round(look.seconds, 1),
            }
            for look in found.looks
        ],
        "seeds_to_confirm_a_share": found.seeds_for_a_share,
        "confirmations_at_most": found.confirmations,
        "plan": None,
    }
    if plan:
        values |= {
            "plan": plan.kind,
            "factors": {
                name: {one.key: [one.left, one.right] for one in changes}
                for name, changes in design.switched.items()
            },
            "inactive_factors": list(design.inactive),
            "mixtures": {point.name: list(point.levels) for point in design.points},
            "alias_groups": [[list(pair) for pair in group] for group in plan.two_way_groups],
            "hidden_behind": {
                name: [list(one) for one in group] for name, group in plan.hidden_behind.items()
            },
            "standard_error_in_run_sd": round(standard_error(plan, len(found.seeds)), 4),
        }
    return values


def standard_error(plan: Plan, seeds: int) -> float:
    """Of a factor's share, in units of the spread of one run."""
    row = contrasts(plan).shares[0]
    return float(math.sqrt(float(row @ row) / seeds))
