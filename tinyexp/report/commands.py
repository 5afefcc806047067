"""The commands that a report names: what supplies a missing piece, what makes everything again."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Any

from tinyexp.analysis.design import DesignPoint, StudyDesign
from tinyexp.analysis.study import Study
from tinyexp.config.load import load_profile, profile_names
from tinyexp.config.trainers import settings_rules
from tinyexp.report.evidence import Evidence, StudyResult
from tinyexp.report.place import BASELINE_FILE
from tinyexp.report.select import Selection, set_options

REPORT_FOLDER = "reports/latest"
IMPORT = "tinyexp import --help"
"""In place of a command that trains, for runs that were trained elsewhere."""


def run_command(selection: Selection, name: str, seeds: Iterable[int]) -> str:
    """Train, or resume, one experiment, variant or mixture with some seeds, as the others of this report were."""
    chosen = next((one for one in selection.everything if one.name == name), None)
    overrides = chosen.experiment.overrides if chosen else _shared(selection)
    return _run_command(selection, name, seeds, overrides)


def supplying_command(selection: Selection, name: str, seeds: Iterable[int]) -> str:
    """The same where runs are lacking. What diverged would do so again: its experiment is trained under calmer settings, whole."""
    chosen = next((one for one in selection.everything if one.name == name), None)
    if chosen is None:  # as the others are to be trained
        shared = _shared(selection)
        calmed = {
            key: value for one in selection.chosen for key, value in _calmer(one).items() if key in shared
        }
        return _run_command(selection, name, seeds, {**shared, **calmed})
    if not (calmer := _calmer(chosen)):
        return run_command(selection, name, seeds)
    every = sorted({*seeds, *(run.record.seed for run in chosen.runs)})
    return _run_command(selection, name, every, {**chosen.experiment.overrides, **calmer})


def any_diverged(selection: Selection) -> bool:
    """Whether some command of :func:`supplying_command` has calmer settings than the runs."""
    return any(map(_calmer, selection.everything))


def _calmer(chosen: DesignPoint) -> Mapping[str, Any]:
    if not any(run.status.state == "diverged" for run in chosen.runs):
        return {}
    return settings_rules(chosen.experiment.trainer).calmer(chosen.experiment.settings)


def _run_command(selection: Selection, name: str, seeds: Iterable[int], overrides: Mapping[str, Any]) -> str:
    if selection.imported:
        return IMPORT
    chosen = next((one for one in selection.everything if one.name == name), None)
    options = set_options(overrides)
    own = chosen.experiment.name if chosen else name
    told = "".join(f" --seed {seed}" for seed in seeds)
    return f"tinyexp run {own} --profile {selection.profile}{told}{options}"


def study_command(selection: Selection, study: Study) -> str:
    """Train all that a study asks for, with as many seeds as its experiments have; what is finished is used again."""
    if selection.imported:
        return IMPORT
    seeds = f" --seeds {len(selection.seeds)}" if selection.seeds else ""
    return f"tinyexp run-all --profile {selection.profile} --study {study.name}{seeds}{_shared_options(selection)}"


def more_seeds_command(selection: Selection, seeds: int) -> str:
    """Train everything with so many seeds; what is finished is used again."""
    if selection.imported:
        return IMPORT
    overridden = [chosen for chosen in selection.chosen if chosen.experiment.overrides]
    plan = "" if any(map(_has_own_runs, selection.studies)) else " --plan none"
    if not overridden or _shared_options(selection):
        return (
            f"tinyexp run-all --profile {selection.profile} --seeds {seeds}{plan}{_shared_options(selection)}"
        )
    return "; ".join(run_command(selection, chosen.name, range(seeds)) for chosen in selection.chosen)


def missing_commands(evidence: Evidence, result: StudyResult) -> tuple[str, ...]:
    """What trains the experiments that a study lacks; its own variants are trained with it."""
    if any(result.study.variant(name) for name in result.missing):
        return (study_command(evidence.selection, result.study),)
    seeds = evidence.selection.seeds
    return tuple(dict.fromkeys(supplying_command(evidence.selection, name, seeds) for name in result.missing))


def remaking_commands(selection: Selection, *, has_baseline: bool = False) -> tuple[str, ...]:
    """Train all of it, write this report, check it. A baseline is named as the report keeps it."""
    if selection.imported:
        return (
            f"tinyexp report --profile {selection.profile} --out {REPORT_FOLDER}",
            f"tinyexp check {REPORT_FOLDER}",
        )
    seeds = selection.seeds
    plain = not any(chosen.experiment.overrides for chosen in selection.chosen)
    if (plain or _shared_options(selection)) and seeds == tuple(range(len(seeds))):
        train = [more_seeds_command(selection, len(seeds)) + _only(selection)]
        train += [study_command(selection, study) for study in _asked_for(selection)]
    else:
        train = [
            run_command(selection, chosen.name, [run.record.seed for run in chosen.runs])
            for chosen in selection.everything
        ]
    # Every override that chose a run is named, so that the same runs are chosen among others.
    overrides = {
        key: value for chosen in selection.chosen for key, value in chosen.experiment.overrides.items()
    }
    options = set_options(overrides) + (f" --baseline {BASELINE_FILE}" if has_baseline else "")
    return (
        *train,
        f"tinyexp report --profile {selection.profile}{options} --out {REPORT_FOLDER}",
        f"tinyexp check {REPORT_FOLDER}",
    )


def _asked_for(selection: Selection) -> list[Study]:
    """The studies that were trained though the profile does not train them by itself."""
    known = selection.profile in profile_names()
    own = load_profile(selection.profile).studies if known else None
    trained = [one.study for one in selection.studies if _has_own_runs(one)]
    return [study for study in trained if own is not None and study.name not in own]


def _only(selection: Selection) -> str:
    """The experiments that this report is of, where there are others besides."""
    if not selection.missing:
        return ""
    names = [chosen.name for chosen in selection.chosen]
    prefix = f"{names[0].partition('-')[0]}-*"
    if all(fnmatch.fnmatchcase(name, prefix) for name in names) and not any(
        fnmatch.fnmatchcase(name, prefix) for name in selection.missing
    ):
        return f" --only '{prefix}'"
    return "".join(f" --only {name}" for name in names)


def _shared(selection: Selection) -> Mapping[str, Any]:
    """The overrides of all experiments where they are the same; none where they are not."""
    alike = {
        set_options(chosen.experiment.overrides): chosen.experiment.overrides for chosen in selection.chosen
    }
    return next(iter(alike.values())) if len(alike) == 1 else {}


def _shared_options(selection: Selection) -> str:
    return set_options(_shared(selection))


def _has_own_runs(design: StudyDesign) -> bool:
    """Whether anything was trained for a study that is no experiment by itself."""
    return any(point.runs for point in (*design.mixtures, *design.variants))
