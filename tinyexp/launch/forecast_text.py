"""What a study takes, for people."""

from __future__ import annotations

from tinyexp.analysis.design import StudyDesign
from tinyexp.analysis.plan import Group, Plan
from tinyexp.analysis.statistics import FEWEST_SEEDS
from tinyexp.config.explain import shown
from tinyexp.launch.forecast import Forecast, LookCost, standard_error
from tinyexp.terminal import counted


def as_lines(found: Forecast) -> list[str]:
    """A forecast as ``tinyexp plan`` prints it."""
    study, plan, seeds = found.design.study, found.design.plan, len(found.seeds)
    lines = [f"{study.title}: {study.question}", ""]
    if plan:
        lines += _factor_lines(found.design, plan)
    own, left = len(found.plans) // seeds, len(found.plans) - found.finished
    told = f"{len(found.plans)} = {own} configurations x {counted(seeds, 'seed')}"
    lines.append(f"runs     {told}; {found.finished} finished before, {left} to train")
    lines.append(f"time     {_time_words(found)}")
    lines += [f"look     {_look_words(look)}" for look in found.looks]
    floor = f"{found.p_floor:.2g} at best by the {'paired sign-flip' if found.is_paired else 'permutation'} test with {counted(seeds, 'seed')}"
    lines.append(f"p        {floor}; {found.seeds_to_confirm} seeds can go below 0.05")
    if plan:
        more = f"{found.seeds_for_a_share} for a share, adjusted over {counted(len(plan.factors), 'factor')}"
        lines[-1] += f", and {more}"
    if found.confirmations:
        told = (
            f"{found.confirmations * seeds} = {found.confirmations} configurations x {counted(seeds, 'seed')}"
        )
        lines.append(
            f"alone    up to {told} more: two for each factor that is named, in which it alone is switched"
        )
    if seeds < FEWEST_SEEDS:
        lines.append(f"verdict  none: {FEWEST_SEEDS} seeds are the fewest that a verdict takes")
    if plan:
        lines.append(
            f"error    a factor's share has a standard error of {standard_error(plan, seeds):.2f} times the "
            "spread of one run"
        )
        lines += _alias_lines(plan)
    return lines


def _factor_lines(design: StudyDesign, plan: Plan) -> list[str]:
    study = design.study
    rows = [("factor", "key", study.baseline, study.contender)]
    for name, changes in design.switched.items():
        for place, one in enumerate(changes):
            rows.append((name if not place else "", one.key, shown(one.left), shown(one.right)))
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    if design.inactive:
        lines.append(f"no factor here, as the two do not differ in it: {', '.join(design.inactive)}")
    besides = [name for name in design.members if name not in (study.baseline, study.contender)]
    told = f"plan     {plan.kind}: {len(plan.levels)} mixtures of {len(plan.factors)} factors, the two designs among them"
    return [*lines, "", f"{told}; besides: {', '.join(besides)}" if besides else told]


def _alias_lines(plan: Plan) -> list[str]:
    lines = []
    together = [_group_words(group) for group in plan.two_way_groups if len(group) > 1]
    if together:
        lines.append(f"aliases  interactions of two that this plan cannot tell apart: {'; '.join(together)}")
    hidden = [f"{name} behind {_group_words(group)}" for name, group in plan.hidden_behind.items() if group]
    if hidden:
        lines.append(f"hidden   interactions of three that it cannot tell from a factor: {'; '.join(hidden)}")
    return lines


def _group_words(group: Group) -> str:
    return " = ".join(" x ".join(names) for names in group)


def _look_words(look: LookCost) -> str:
    """What the study takes until a look."""
    time = (
        ""
        if look.seconds is None
        else f", about {_duration(look.seconds)} to go"
        if look.seconds
        else ", all there"
    )
    return f"at {counted(look.runs_of_each, 'seed')}: {counted(look.runs, 'run')}{time}"


def _duration(seconds: float) -> str:
    if seconds >= 2 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _time_words(found: Forecast) -> str:
    if len(found.plans) == found.finished:
        return "none: everything is there"
    if found.seconds is None:
        first = found.design.study.baseline
        return (
            f"unknown: nothing of profile {found.profile} was trained in this folder yet; "
            f"`tinyexp run {first} --profile {found.profile}` measures it"
        )
    told = _duration(found.seconds)
    return f"about {told} with {counted(found.jobs, 'job')}, by the speed of {counted(found.measured, 'run')} here"
