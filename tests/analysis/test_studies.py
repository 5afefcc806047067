"""Study files: what they may say, and what is refused with the names."""

from __future__ import annotations

import re
import shutil

import pytest
from pydantic import ValidationError

from tinyexp.analysis.study import Study, load_study, study_names
from tinyexp.errors import UserError
from tinyexp.resources import experiments_folder

BASE = """
title = "Why"
question = "Why?"
baseline = "tiny-design2"
contender = "tiny-design1"
metric = "test_accuracy"
margin = 0.01
"""
FULL = (
    BASE
    + """
plan = "full"
seeds = 5

[[factors]]
name = "augmentation"
keys = ["augmentation"]
says = "the reason why design 1 won"

[[factors]]
name = "fc-width"
keys = ["model.fc_width"]

[[claims]]
id = "why-augmentation"
says = "augmentation is why design 1 won"
predicts = "switching it moves accuracy by most of the gap"
kind = "carries_most"
factor = "augmentation"
"""
)


@pytest.fixture
def write(tmp_path):
    (tmp_path / "studies").mkdir()

    def written(text):
        (tmp_path / "studies" / "mine.toml").write_text(text)
        return load_study("mine", tmp_path)

    return written


def test_a_study_file_whose_name_cannot_be_used_is_named_with_the_rule_and_stops_no_other(
    write, tmp_path, capsys
):
    assert write(FULL).name == "mine"
    (tmp_path / "studies" / "My Study (copy).toml").write_text(FULL)
    (tmp_path / "studies" / ".mine.toml").write_text("an editor's")
    assert study_names(tmp_path) == ["mine"]
    assert "My Study (copy).toml: cannot be used by this name. A name begins with" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"cannot be used by this name\. A name begins with"):
        load_study("My Study (copy)", tmp_path)


@pytest.mark.parametrize("name", study_names())
def test_every_shipped_study_loads(name):
    assert load_study(name).name == name


@pytest.mark.parametrize("name", study_names())
def test_the_gates_that_a_shipped_file_suggests_can_be_set(name, write, tmp_path):
    """They stand in its comments; names of claims and experiments are its own."""
    text = (experiments_folder() / "studies" / f"{name}.toml").read_text(encoding="utf-8")
    [suggested] = re.findall(r"^#.* as with (.*); docs/ci\.md has them all\.$", text, re.MULTILINE)
    table, claims = text.split("[[", maxsplit=1)
    assert any(write(f"{table}\nfail_on = {{ {suggested} }}\n[[{claims}").fail_on.model_dump().values())


def test_gates_are_set_where_a_file_sets_them(write):
    study = write(f"{FULL}\n[fail_on]\nclaim_refuted = ['any']\naccuracy_below = {{ tiny-design2 = 0.4 }}\n")
    assert (study.fail_on.claim_refuted, study.fail_on.accuracy_below) == (("any",), {"tiny-design2": 0.4})
    assert (study.fail_on.verdict_changed, study.fail_on.run_missing) == (False, False)


def test_factors_plan_seeds_and_claims_are_optional(write):
    study = write(BASE)
    assert (study.factors, study.claims, study.seeds, study.plan) == ((), (), None, "fraction")


def test_a_full_study_is_read(write):
    study = write(FULL)
    assert [factor.name for factor in study.factors] == ["augmentation", "fc-width"]
    assert (study.plan, study.seeds, study.claims[0].kind) == ("full", 5, "carries_most")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('plan = "full"', 'plan = "ful"', "plan = 'ful' is not a choice. Known: one-at-a-time, fraction, full. Did you mean 'full'?"),
        ("[[factors]]\nname", "[[factors]]\nkys = 1\nname", "unknown key 'kys' in [factors.0]. Known: name, title, keys, says, placebo. Did you mean 'keys'?"),
        ('name = "fc-width"', 'name = "augmentation"', "the factor 'augmentation' stands twice"),
        ('keys = ["model.fc_width"]', 'keys = ["augmentation"]', "the key 'augmentation' stands twice"),
        ('name = "fc-width"', 'name = "seed"', "'seed' is a column of every run"),
        ('factor = "augmentation"', 'factor = "augmentatio"', "claim 'why-augmentation': unknown factor 'augmentatio'. Known: augmentation, fc-width. Did you mean 'augmentation'?"),
        ('factor = "augmentation"', "", "the kind 'carries_most' needs the key 'factor'"),
        ('kind = "carries_most"', 'kind = "rises_along"', "the kind 'rises_along' takes 3 or more in 'experiments'; got 0"),
        ('kind = "carries_most"', 'kind = "higher"\nexperiments = ["one"]', "takes none or two in 'experiments'; got 1"),
        ('kind = "carries_most"', 'kind = "static"', "the kind 'static' needs the key 'fact'"),
        ('kind = "carries_most"', 'kind = "carries_mots"', "Did you mean 'carries_most'?"),
    ],
)  # fmt: skip
def test_a_slip_is_refused_with_the_file_and_the_nearest(write, old, new, message):
    assert old in FULL
    with pytest.raises(UserError) as caught:
        write(FULL.replace(old, new))
    assert message in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_two_claims_of_one_id_are_refused(write):
    claim = FULL[FULL.index("[[claims]]") :]
    with pytest.raises(UserError, match="the claim 'why-augmentation' stands twice"):
        write(FULL + claim)


def test_more_than_twelve_factors_are_refused():
    words = dict.fromkeys(["name", "title", "question", "baseline", "contender"], "x")
    words |= {"metric": "test_accuracy", "margin": 0.0}
    with pytest.raises(ValidationError):
        Study.model_validate({**words, "factors": [{"name": f"f{n}", "keys": [f"k{n}"]} for n in range(13)]})


def test_an_unknown_study_is_refused_with_the_nearest(tmp_path):
    shutil.copytree(experiments_folder() / "studies", tmp_path / "studies")
    with pytest.raises(UserError, match="Did you mean 'why-design1-beat-design2'"):
        load_study("why-design1-beats-design2", tmp_path)
