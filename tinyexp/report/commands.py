"""The commands that a report names: what supplies a missing piece, what makes everything again."""

from __future__ import annotations

from collections.abc import Iterable

from tinyexp.report.evidence import Evidence, Outcome
from tinyexp.report.select import Selection, set_options

REPORT_FOLDER = "reports/latest"


def run_command(selection: Selection, name: str, seeds: Iterable[int]) -> str:
    """Train, or resume, one experiment with some seeds, as the others of this report were."""
    chosen = selection.find(name)
    options = set_options(chosen.experiment.overrides) if chosen else ""
    told = "".join(f" --seed {seed}" for seed in seeds)
    return f"tinyexp run {name} --profile {selection.profile}{told}{options}"


def more_seeds_command(selection: Selection, seeds: int) -> str:
    """Train everything with so many seeds; what is finished is used again."""
    overridden = [chosen for chosen in selection.chosen if chosen.experiment.overrides]
    if not overridden:
        return f"tinyexp run-all --profile {selection.profile} --seeds {seeds}"
    alike = {set_options(chosen.experiment.overrides) for chosen in selection.chosen}
    if len(alike) == 1:
        return f"tinyexp run-all --profile {selection.profile} --seeds {seeds}{alike.pop()}"
    return "; ".join(run_command(selection, chosen.name, range(seeds)) for chosen in selection.chosen)


def missing_commands(evidence: Evidence, outcome: Outcome) -> tuple[str, ...]:
    """What trains the experiments that a study lacks."""
    seeds = evidence.selection.seeds
    return tuple(run_command(evidence.selection, name, seeds) for name in outcome.missing)


def remaking_commands(selection: Selection) -> tuple[str, ...]:
    """Train all of it, write this report, check it."""
    seeds = selection.seeds
    plain = not any(chosen.experiment.overrides for chosen in selection.chosen)
    if plain and seeds == tuple(range(len(seeds))):
        train = [more_seeds_command(selection, len(seeds))]
    else:
        train = [
            run_command(selection, chosen.name, [run.record.seed for run in chosen.runs])
            for chosen in selection.chosen
        ]
    # Every override that chose a run is named, so that the same runs are chosen among others.
    overrides = {
        key: value for chosen in selection.chosen for key, value in chosen.experiment.overrides.items()
    }
    options = set_options(overrides)
    return (
        *train,
        f"tinyexp report --profile {selection.profile}{options} --out {REPORT_FOLDER}",
        f"tinyexp check {REPORT_FOLDER}",
    )
