"""The studies of a folder together, and their claims in the order in which the source states them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyexp.analysis.study import Claim, Study, load_study, study_names
from tinyexp.config.names import SOURCE
from tinyexp.config.source import load_source
from tinyexp.errors import UserError, listed, nearest
from tinyexp.resources import experiments_folder


def load_studies(folder: Path | None = None) -> list[Study]:
    """All studies of a folder, by file name.

    Raises
    ------
    UserError
        A study is not as it must be, or the order of claims in ``source.toml`` names one that no study has, or leaves one out.
    """
    studies = [load_study(name, folder) for name in study_names(folder)]
    source = load_source(folder)
    if source and source.claims:
        _check_order(f"{(folder or experiments_folder()) / f'{SOURCE}.toml'}: claims", source.claims, studies)
    return studies


def claims_in_order(studies: Sequence[Study], order: Sequence[str]) -> list[tuple[Study, Claim]]:
    """Every claim with its study: those that the order names first, then the others by study and file."""
    place = {name: place for place, name in enumerate(order)}
    claims = [(study, claim) for study in studies for claim in study.claims]
    return sorted(claims, key=lambda one: place.get(one[1].id, len(place)))


def _check_order(where: str, order: Sequence[str], studies: Sequence[Study]) -> None:
    files: dict[str, str] = {}
    for study in studies:
        own = f"studies/{study.name}.toml"
        for claim in study.claims:
            if claim.id in files:
                raise UserError(
                    f"{where}: '{claim.id}' stands in {files[claim.id]} and in {own}. Rename one of them."
                )
            files[claim.id] = own
    for name in order:
        if name not in files:
            raise UserError(
                f"{where}: no study has the claim '{name}'. Known: {listed(files)}.{nearest(name, files)}"
            )
    for name, file in files.items():
        if name not in order:
            raise UserError(
                f"{where}: the claim '{name}' of {file} is missing. Put it where the source states it, or remove the list, "
                "and claims stand in the order of the studies."
            )
