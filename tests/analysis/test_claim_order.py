"""Claims stand in the order in which the source states them; a list that does not fit the studies is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyexp.analysis.claim_order import claims_in_order, load_studies
from tinyexp.config.source import load_source
from tinyexp.errors import UserError
from tinyexp.resources import shipped

_STUDY = """
title = "T"
question = "Q?"
baseline = "a"
contender = "b"
metric = "test_accuracy"
margin = 0.01
"""
_CLAIM = '[[claims]]\nid = "{}"\nsays = "S."\npredicts = "P."\nkind = "higher"\n'
DESIGNS = ["why-augmentation", "why-normalization", "gap-smaller", "pools-vary", "why-pooling", "why-kernel"]
SMALLER = ["smaller-stride", "smaller-augment", "smaller-earlystop", "smaller-lrwd", "smaller-pools"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two studies, of two claims and of one."""
    (tmp_path / "studies").mkdir()
    for name, claims in (("first", ("one", "two")), ("second", ("three",))):
        told = "\n".join(map(_CLAIM.format, claims))
        (tmp_path / "studies" / f"{name}.toml").write_text(f"{_STUDY}\n{told}")
    return tmp_path


def ordered(folder: Path, claims: str = "") -> list[str]:
    if claims:
        (folder / "source.toml").write_text(f'title = "A paper"\nclaims = {claims}\n')
    source = load_source(folder)
    found = claims_in_order(load_studies(folder), source.claims if source else ())
    return [claim.id for _, claim in found]


def refused(folder: Path, claims: str) -> str:
    with pytest.raises(UserError) as caught:
        ordered(folder, claims)
    return str(caught.value).removeprefix(f"{folder / 'source.toml'}: ")


def test_the_shipped_claims_stand_in_the_order_of_the_source() -> None:
    source = load_source(shipped("experiments"))
    assert source is not None
    found = [claim.id for _, claim in claims_in_order(load_studies(shipped("experiments")), source.claims)]
    assert found == list(source.claims)
    assert (found[:6], found[6:8]) == (DESIGNS, ["deeper-faster", "deeper-better"])
    assert found[8:10] == ["larger-slower", "larger-lower"]
    assert found[-7:] == ["smaller-overfits", "smaller-overfits-sooner", *SMALLER]


def test_the_claims_of_each_shipped_study_stand_in_the_same_order() -> None:
    source = load_source(shipped("experiments"))
    assert source is not None
    for study in load_studies(shipped("experiments")):
        own = [claim.id for claim in study.claims]
        assert own == sorted(own, key=source.claims.index), study.name


def test_without_a_list_claims_stand_by_study_and_file(folder: Path) -> None:
    assert ordered(folder) == ["one", "two", "three"]
    (folder / "source.toml").write_text('title = "A paper"\n')
    assert ordered(folder) == ["one", "two", "three"]


def test_a_list_may_go_across_studies(folder: Path) -> None:
    assert ordered(folder, '["three", "two", "one"]') == ["three", "two", "one"]


def test_an_id_that_no_study_has_is_refused_with_the_nearest(folder: Path) -> None:
    assert refused(folder, '["one", "two", "thre"]') == (
        "claims: no study has the claim 'thre'. Known: one, two, three. Did you mean 'three'?"
    )


def test_a_claim_that_is_left_out_is_refused_with_its_file(folder: Path) -> None:
    assert refused(folder, '["one", "two"]').startswith(
        "claims: the claim 'three' of studies/second.toml is missing. Put it where the source states it"
    )


def test_an_id_that_stands_twice_in_the_list_is_refused(folder: Path) -> None:
    assert "the claim 'one' stands twice; each must stand once" in refused(folder, '["one", "two", "one"]')


def test_an_id_that_two_studies_have_cannot_be_put_in_order(folder: Path) -> None:
    path = folder / "studies" / "second.toml"
    path.write_text(path.read_text().replace('"three"', '"one"'))
    assert refused(folder, '["one", "two"]') == (
        "claims: 'one' stands in studies/first.toml and in studies/second.toml. Rename one of them."
    )
