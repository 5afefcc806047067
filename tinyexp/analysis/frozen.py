"""A study as it was when its first run started: what was decided before the runs, and what was changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinyexp.analysis.study import Study
from tinyexp.config.difference import ABSENT, Difference, flatten
from tinyexp.config.section import Section
from tinyexp.runs.records import read_section, write_section

SUFFIX = ".study.json"


class FrozenStudy(Section):
    """``runs/<profile>/<study>.study.json``; written once and never again."""

    looks: tuple[int, ...]
    decisions: dict[str, Any]
    """What decides a verdict, by dotted keys: no wording, no gates."""


def frozen_path(profile_runs: Path, study: str) -> Path:
    """Where a study is noted."""
    return profile_runs / f"{study}{SUFFIX}"


def freeze_study(profile_runs: Path, study: Study, seeds: int) -> None:
    """Note a study in the folder of its profile's runs, unless one of its name was noted before.

    Parameters
    ----------
    seeds
        Those that it is about to be trained with: they give the looks of a study that names none.
    """
    path = frozen_path(profile_runs, study.name)
    if not path.exists():
        write_section(path, FrozenStudy(looks=study.looks_at(seeds), decisions=decisions_of(study)))


def read_frozen(profile_runs: Path, study: str) -> FrozenStudy | None:
    """The study as it was noted; None where no run of it was started by ``run-all``.

    Raises
    ------
    DamagedError
        The note cannot be read.
    """
    path = frozen_path(profile_runs, study)
    return read_section(path, FrozenStudy) if path.exists() else None


def changes_since(frozen: FrozenStudy, study: Study) -> tuple[Difference, ...]:
    """What decides a verdict and is another than when the first run started, by key: then left, now right."""
    before, now = frozen.decisions, decisions_of(study)
    keys = [*before, *(key for key in now if key not in before)]
    found = [Difference(key, before.get(key, ABSENT), now.get(key, ABSENT)) for key in keys]
    return tuple(one for one in found if one.left != one.right)


def decisions_of(study: Study) -> dict[str, Any]:
    """What of a study decides its verdicts, as JSON has it, by dotted keys."""
    told = study.model_dump(mode="json", exclude={"name", "title", "question", "lead", "fail_on"})
    for part, name, wording in (
        ("factors", "name", {"title", "says"}),
        ("variants", "name", {"title"}),
        ("claims", "id", {"says", "predicts"}),
    ):
        told[part] = {
            one[name]: {key: value for key, value in one.items() if key not in wording} for one in told[part]
        }
    return flatten(told)
