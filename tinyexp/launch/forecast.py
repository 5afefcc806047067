"""What a study takes, before anything is spent: runs, time, and what so many seeds can show at best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyexp.analysis.contrasts import contrasts
from tinyexp.analysis.corners import Mixing
from tinyexp.analysis.parts import Parts, check_members, parts_of
from tinyexp.analysis.plan import Group
from tinyexp.analysis.statistics import FEWEST_SEEDS, seeds_to_confirm, sign_flip_floor
from tinyexp.analysis.study import load_study
from tinyexp.launch.prepare import planned
from tinyexp.launch.speed import Speed, measured_speed
from tinyexp.launch.wanted import Wanted, designs, study_seeds
from tinyexp.runs.plan import RunPlan
from tinyexp.spec.explain import shown
from tinyexp.spec.load import experiment_names, load_profile


@dataclass(frozen=True)
class Forecast:
    """A study before it is trained."""

    parts: Parts
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

    @property
    def p_floor(self) -> float:
        """The smallest two-sided p of the paired sign-flip test with these seeds."""
        return sign_flip_floor(len(self.seeds))


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
    parts = parts_of(study, experiments, kind)
    asked = tuple(range(seeds)) if seeds else study_seeds(study, tuple(range(load_profile(profile).seeds)))
    found = {part.configuration: part for part in (*parts.members.values(), *parts.mixtures)}
    plans = planned(
        [Wanted(part.name, part.experiment, asked) for part in found.values()], runs, data_folder
    )
    left = [plan for plan in plans if not plan.is_finished()]
    speed = measured_speed(runs / profile)
    return Forecast(
        parts=parts,
        profile=profile,
        seeds=asked,
        plans=tuple(plans),
        finished=len(plans) - len(left),
        jobs=jobs,
        seconds=_seconds(left, speed, jobs),
        measured=speed.runs,
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
    mixed, study = found.parts.mixing, found.parts.study
    values: dict[str, Any] = {
        "study": study.name,
        "profile": found.profile,
        "baseline": study.baseline,
        "contender": study.contender,
        "members": list(found.parts.members),
        "seeds": list(found.seeds),
        "runs": len(found.plans),
        "finished": found.finished,
        "to_train": len(found.plans) - found.finished,
        "jobs": found.jobs,
        "expected_s": None if found.seconds is None else round(found.seconds, 1),
        "measured_runs": found.measured,
        "smallest_p": found.p_floor,
        "seeds_to_confirm": seeds_to_confirm(),
        "plan": None,
    }
    if mixed:
        values |= {
            "plan": mixed.plan.kind,
            "factors": {
                name: {one.key: [one.left, one.right] for one in changes}
                for name, changes in mixed.switched.items()
            },
            "inactive_factors": list(mixed.inactive),
            "mixtures": {corner.name: list(corner.levels) for corner in mixed.corners},
            "alias_groups": [[list(pair) for pair in group] for group in mixed.plan.two_way_groups],
            "hidden_behind": {
                name: [list(one) for one in group] for name, group in mixed.plan.hidden_behind.items()
            },
            "standard_error_in_run_sd": round(standard_error(mixed, len(found.seeds)), 4),
        }
    return values


def standard_error(mixed: Mixing, seeds: int) -> float:
    """Of a factor's share, in units of the spread of one run."""
    row = contrasts(mixed.plan).shares[0]
    return float(math.sqrt(float(row @ row) / seeds))


def as_lines(found: Forecast) -> list[str]:
    """The same for people."""
    study, mixed, seeds = found.parts.study, found.parts.mixing, len(found.seeds)
    lines = [f"{study.title}: {study.question}", ""]
    if mixed:
        lines += _factor_lines(found.parts, mixed)
    own = len(found.plans) // seeds
    lines += [
        f"runs     {len(found.plans)} = {own} configurations x {_counted(seeds, 'seed')}; "
        f"{found.finished} finished before, {len(found.plans) - found.finished} to train",
        f"time     {_time_words(found)}",
        f"p        {found.p_floor:.2g} at best by the paired sign-flip test with {_counted(seeds, 'seed')}; "
        f"{seeds_to_confirm()} seeds can go below 0.05",
    ]
    if seeds < FEWEST_SEEDS:
        lines.append(f"verdict  none: {FEWEST_SEEDS} seeds are the fewest that a verdict takes")
    if mixed:
        lines.append(
            f"error    a factor's share has a standard error of {standard_error(mixed, seeds):.2f} times the "
            "spread of one run"
        )
        lines += _alias_lines(mixed)
    return lines


def _factor_lines(parts: Parts, mixed: Mixing) -> list[str]:
    study = parts.study
    rows = [("factor", "key", study.baseline, study.contender)]
    for name, changes in mixed.switched.items():
        for place, one in enumerate(changes):
            rows.append((name if not place else "", one.key, shown(one.left), shown(one.right)))
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    if mixed.inactive:
        lines.append(f"no factor here, as the two do not differ in it: {', '.join(mixed.inactive)}")
    besides = [name for name in parts.members if name not in (study.baseline, study.contender)]
    plan = f"plan     {mixed.plan.kind}: {len(mixed.corners)} mixtures of {len(mixed.switched)} factors, the two designs among them"
    return [*lines, "", f"{plan}; besides: {', '.join(besides)}" if besides else plan]


def _alias_lines(mixed: Mixing) -> list[str]:
    lines = []
    together = [_group_words(group) for group in mixed.plan.two_way_groups if len(group) > 1]
    if together:
        lines.append(f"aliases  interactions of two that this plan cannot tell apart: {'; '.join(together)}")
    hidden = [
        f"{name} behind {_group_words(group)}" for name, group in mixed.plan.hidden_behind.items() if group
    ]
    if hidden:
        lines.append(f"hidden   interactions of three that it cannot tell from a factor: {'; '.join(hidden)}")
    return lines


def _group_words(group: Group) -> str:
    return " = ".join(" x ".join(names) for names in group)


def _time_words(found: Forecast) -> str:
    if len(found.plans) == found.finished:
        return "none: everything is there"
    if found.seconds is None:
        first = found.parts.study.baseline
        return (
            f"unknown: nothing of profile {found.profile} was trained in this folder yet; "
            f"`tinyexp run {first} --profile {found.profile}` measures it"
        )
    told = f"{found.seconds / 60:.0f} min" if found.seconds >= 90 else f"{found.seconds:.0f} s"
    if found.seconds >= 2 * 3600:
        told = f"{found.seconds / 3600:.1f} h"
    return f"about {told} with {_counted(found.jobs, 'job')}, by the speed of {_counted(found.measured, 'run')} here"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
