"""What a study needs trained, for every shipped study and profile, and what is refused."""

from __future__ import annotations

import pytest

from tinyexp.analysis.design import check_members, study_design
from tinyexp.analysis.study import Study, load_study, study_names
from tinyexp.config.load import experiment_names, load_experiment, profile_names
from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import vision_settings

WHY = "why-design1-beat-design2"


def experiments(study, profile="embedded"):
    return {name: load_experiment(name, profile) for name in study.experiments}


def study(**other):
    words = {"name": "mine", "title": "", "question": "", "metric": "test_accuracy", "margin": 0.01}
    ends = {"baseline": "tiny-design1", "contender": "larger"}
    variant = {"name": "larger", "title": "Larger", "of": "tiny-design1", "times": {"input.image_size": 1.5}}
    return Study.model_validate({**words, **ends, "variants": [variant], **other})


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("name", study_names())
def test_every_shipped_study_can_be_trained_under_every_profile(name, profile):
    loaded = load_study(name)
    check_members(loaded, experiment_names())
    design = study_design(loaded, experiments(loaded, profile))
    assert set(design.members) == set(loaded.members)
    configurations = [point.configuration for point in design.everything]
    assert len(set(configurations)) == len(configurations)


def test_variant_names_are_the_same_thing_in_every_shipped_study():
    variants = [variant for name in study_names() for variant in load_study(name).variants]
    by_name = {variant.name: variant for variant in variants}
    assert all(by_name[variant.name] == variant for variant in variants)


def test_the_two_designs_are_members_and_the_mixtures_lie_between_them():
    design = study_design(load_study(WHY), experiments(load_study(WHY)))
    assert list(design.members)[:2] == ["tiny-design1", "tiny-design2"]
    assert len(design.mixtures) == 14
    assert all(point.name.startswith("tiny-design2 + ") for point in design.mixtures)


def test_no_mixtures_on_request_or_where_an_end_is_missing():
    loaded = load_study(WHY)
    assert study_design(loaded, experiments(loaded), "none").mixtures == ()
    only = {"tiny-design1": load_experiment("tiny-design1")}
    design = study_design(loaded, only)
    assert (design.plan, list(design.members)) == (
        None,
        ["tiny-design1", "design1-not-normalized", "design1-variable-pools"],
    )


def test_a_variant_can_be_an_end_and_follows_the_profile():
    for profile, side in (("embedded", 48), ("paper", 96)):
        design = study_design(study(), {"tiny-design1": load_experiment("tiny-design1", profile)})
        assert vision_settings(design.members["larger"].experiment).input.image_size == side
        assert design.members["larger"].title == "Larger"


def test_a_variant_with_an_unknown_key_is_refused_with_its_place():
    wrong = {"name": "larger", "title": "", "of": "tiny-design1", "set": {"input.image_siz": 3}}
    with pytest.raises(UserError, match=r"studies/mine.toml: variant 'larger'.*unknown key 'image_siz'"):
        study_design(study(variants=[wrong]), {"tiny-design1": load_experiment("tiny-design1")})


def test_a_member_that_is_neither_experiment_nor_variant_is_refused():
    with pytest.raises(UserError, match=r"unknown experiment 'lagrer'.*Did you mean 'larger'"):
        check_members(study(contender="lagrer"), experiment_names())
    shadow = {"name": "tiny-design2", "title": "", "of": "tiny-design1", "set": {"model.dropout": 0.1}}
    with pytest.raises(UserError, match="the variant 'tiny-design2' has the name of an experiment"):
        check_members(study(variants=[shadow], contender="tiny-design2"), experiment_names())


def test_a_variant_that_changes_nothing_is_refused():
    with pytest.raises(ValueError, match="variant 'larger': sets no key"):
        study(variants=[{"name": "larger", "title": "", "of": "tiny-design1"}])


def test_two_variants_of_one_name_are_refused():
    variant = {"name": "larger", "title": "", "of": "tiny-design1", "set": {"model.dropout": 0.1}}
    with pytest.raises(ValueError, match="the variant 'larger' stands twice"):
        study(variants=[variant, variant])
