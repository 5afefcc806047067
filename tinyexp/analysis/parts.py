"""All that a study needs trained: its members, and the mixtures of its plan.

A launcher trains them and a report finds them again, both from here, so that they cannot disagree.
Knows nothing of runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinyexp.analysis.corners import Mixing, mixing
from tinyexp.analysis.study import Study
from tinyexp.config.experiment import Experiment
from tinyexp.config.identity import configuration_of
from tinyexp.config.overlay import multiplied, with_keys
from tinyexp.errors import UserError, unknown


@dataclass(frozen=True)
class Part:
    """An experiment under the name that a study gives it."""

    name: str
    title: str
    experiment: Experiment

    @property
    def configuration(self) -> str:
        """The digest that its runs carry, whatever experiment they name."""
        return configuration_of(self.experiment)


@dataclass(frozen=True)
class Parts:
    """What a study asks for, as far as its experiments are there."""

    study: Study
    members: Mapping[str, Part]
    """Experiments and variants by name, contender and baseline first."""
    mixing: Mixing | None
    """None where the study has no factors, is not to be attributed, or an end is missing."""

    @property
    def mixtures(self) -> tuple[Part, ...]:
        """The mixtures but for the ends, which are members."""
        found = self.mixing.corners[1:-1] if self.mixing else ()
        return tuple(Part(corner.name, corner.name, corner.experiment) for corner in found)


def parts_of(study: Study, experiments: Mapping[str, Experiment], kind: str | None = None) -> Parts:
    """The parts of a study.

    Parameters
    ----------
    experiments
        Under one profile, by name; those that are missing leave their parts out.
    kind
        A plan in place of the study's; ``none`` for no mixtures.

    Raises
    ------
    UserError
        The study is confounded, or a variant or mixture is no valid experiment.
    """
    members = {
        name: part for name in study.members if (part := _member(study, name, experiments)) is not None
    }
    ends = [members.get(name) for name in (study.baseline, study.contender)]
    mixed = None
    if study.factors and kind != "none" and ends[0] is not None and ends[1] is not None:
        mixed = mixing(study, ends[0].experiment, ends[1].experiment, kind)
    return Parts(study, members, mixed)


def check_members(study: Study, known: Mapping[str, object] | list[str]) -> None:
    """Refuse a study that names an experiment which is neither a file nor one of its variants."""
    variants = [variant.name for variant in study.variants]
    for name in study.experiments:
        if name not in known:
            raise unknown(f"studies/{study.name}.toml", "experiment", name, [*known, *variants])
    for name in variants:
        if name in known:
            raise UserError(
                f"studies/{study.name}.toml: the variant '{name}' has the name of an experiment. Give it another."
            )


def _member(study: Study, name: str, experiments: Mapping[str, Experiment]) -> Part | None:
    variant = study.variant(name)
    base = experiments.get(variant.of if variant else name)
    if base is None:
        return None
    if variant is None:
        return Part(name, base.title, base)
    where = f"studies/{study.name}.toml: variant '{name}'"
    changes = {**multiplied(base, variant.times, where), **variant.set}
    return Part(name, variant.title, with_keys(base, changes, where))
