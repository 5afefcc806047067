"""What run-all trains: the experiments, and what the studies over them plan, each configuration once."""

from __future__ import annotations

import shutil

import pytest
from small_runs import SMALL

from tinyexp.analysis.design import experiment_point
from tinyexp.analysis.study import Study, load_study
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.errors import UserError
from tinyexp.launch.prepare import planned
from tinyexp.launch.wanted import designs, leading_pair, studies_over, wanted
from tinyexp.resources import experiments_folder
from tinyexp.trainers.vision.settings import vision_settings

TINY = ["tiny-design1", "tiny-design2"]


def all_wanted(kind=None, names=None, seeds=(0, 1)):
    names = names or experiment_names()
    return wanted(designs(names, "embedded"), studies_over(names), seeds, kind)


def test_the_experiments_come_first_then_what_the_studies_ask_for_each_once():
    found = all_wanted()
    assert [one.name for one in found[:4]] == experiment_names()
    configurations = [configuration_of(one.experiment) for one in found]
    assert len(set(configurations)) == len(configurations)
    labels = {one.name for one in found}
    assert {"imagenet-resnet10", "design1-variable-pools", "tiny-design2 + conv4-kernel"} <= labels
    assert all(one.planned_seeds == (0, 1) for one in found)


def test_the_plan_can_be_chosen_or_left_out():
    assert [one.name for one in all_wanted("none")] == experiment_names()
    mixtures = {
        kind: sum(" + " in one.name for one in all_wanted(kind, TINY))
        for kind in ("one-at-a-time", "fraction", "full")
    }
    assert mixtures == {"one-at-a-time": 10, "fraction": 14, "full": 30}


def test_a_study_is_trained_only_with_all_of_its_experiments():
    alone = [study.name for study in studies_over(["tiny-design1", "imagenet-resnet18"])]
    assert alone == ["larger-images", "smaller-images"], "those of design 1 and its variants"
    assert "why-design1-beat-design2" in [study.name for study in studies_over(TINY)]
    assert studies_over(TINY, ["deeper-on-imagenet"]) == []


def test_a_study_may_ask_for_more_seeds_than_the_profile_has():
    study = load_study("deeper-on-imagenet").model_copy(update={"seeds": 5})
    found = wanted(designs(list(study.experiments), "embedded"), [study], (0, 1), None)
    assert {one.name: len(one.planned_seeds) for one in found} == {
        "imagenet-resnet18": 5,
        "imagenet-design1": 5,
        "imagenet-resnet10": 5,
    }


def test_an_interpretation_is_taken_by_the_experiments_that_it_concerns():
    found = designs(TINY, "embedded", {"readings.C5": "normalize_design1_only", "model.dropout": 0.1})
    assert found["tiny-design1"].overrides == {"model.dropout": 0.1}
    assert vision_settings(found["tiny-design2"]).input.normalize is False
    mixtures = wanted(found, studies_over(TINY), (0,), None)
    assert any("normalization" in one.name for one in mixtures), "it is a factor now"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"readings.C7": "resnet10"}, "C7 concerns none of tiny-design1, tiny-design2"),
        ({"readings.C5": "normalise"}, "unknown interpretation of C5 'normalise'"),
        ({"readings.C99": "x"}, r"unknown ambiguity \(a table of source.toml\) 'C99'"),
        ({"model.dropuot": 0.1}, "unknown key 'dropuot'"),
    ],
)
def test_an_override_that_fits_nothing_is_refused(overrides, words):
    with pytest.raises(UserError, match=words):
        designs(TINY, "embedded", overrides)


@pytest.fixture
def own_studies(tmp_path, monkeypatch):
    """A folder of experiments of one's own in which a study can be broken."""
    shutil.copytree(experiments_folder(), tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "experiments" / "studies" / "why-design1-beat-design2.toml"

    def rewritten(old, new):
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return rewritten


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('keys = ["model.fc_width"]', 'keys = ["model.dropout"]', r"belong to no factor.*model.fc_width \(400, 1024\)"),
        ('keys = ["model.fc_width"]', 'keys = ["model.fc_widht"]', "unknown key of the factor 'fc-width' 'model.fc_widht'.*Did you mean 'model.fc_width'"),
        ('keys = ["model.fc_width"]', 'keys = ["model"]', "keys that belong to two factors: .*model.channels"),
        ('of = "tiny-design1"', 'of = "tiny-desing1"', "unknown experiment 'tiny-desing1'.*Did you mean 'tiny-design1'"),
        ('plan = "fraction"', 'plan = "fractoin"', "Did you mean 'fraction'"),
    ],
)  # fmt: skip
def test_a_study_that_is_confounded_or_misspelt_is_refused_before_anything_is_trained(
    own_studies, old, new, words
):
    own_studies(old, new)
    with pytest.raises(UserError, match=words):
        wanted(designs(experiment_names(), "embedded"), studies_over(experiment_names()), (0,), None)


def test_planning_writes_nothing_and_knows_each_experiments_own_data(tmp_path):
    few = load_experiment("tiny-design1", overrides=SMALL)
    fewer = load_experiment("tiny-design1", overrides=SMALL | {"data.train_limit": 40})
    plans = planned(
        [experiment_point(few, (0,)), experiment_point(fewer, (0, 1))], tmp_path / "runs", tmp_path / "data"
    )
    assert [(plan.title, plan.record.data.train_images) for plan in plans] == [
        ("tiny-design1 seed 0", 60),
        ("tiny-design1 seed 0", 40),
        ("tiny-design1 seed 1", 40),
    ]
    assert not list(tmp_path.iterdir())


def test_the_two_designs_of_the_leading_study_come_first_with_all_seeds_then_the_rest_seed_by_seed(tmp_path):
    experiments = designs(experiment_names(), "embedded", SMALL)
    studies = studies_over(experiment_names(), ["deeper-on-imagenet", "why-design1-beat-design2"])
    found = wanted(experiments, studies, (0, 1), "one-at-a-time")
    pair = leading_pair(studies, experiments)
    titles = [plan.title for plan in planned(found, tmp_path / "runs", tmp_path / "data", pair)]
    assert titles[:4] == [f"{name} seed {seed}" for seed in (0, 1) for name in TINY]
    rest = [one.name for one in found if one.name not in TINY]
    assert titles[4:] == [f"{name} seed {seed}" for seed in (0, 1) for name in rest]
    without = [plan.title for plan in planned(found, tmp_path / "runs", tmp_path / "data")]
    assert without == [f"{one.name} seed {seed}" for seed in (0, 1) for one in found]


def test_a_study_that_is_to_lead_does_and_else_the_first_by_name():
    experiments = designs(experiment_names(), "embedded")
    imagenet = {configuration_of(experiments[name]) for name in ("imagenet-design1", "imagenet-resnet18")}
    deeper, why = load_study("deeper-on-imagenet"), load_study("why-design1-beat-design2")
    assert leading_pair([deeper, why], experiments) == {configuration_of(experiments[name]) for name in TINY}
    assert leading_pair([why.model_copy(update={"lead": False}), deeper], experiments) == imagenet
    assert leading_pair([], experiments) == frozenset()


def test_a_study_made_by_hand_is_a_study():
    words = {"name": "mine", "title": "", "question": "", "metric": "test_accuracy", "margin": 0.0}
    made = Study(**words, baseline="tiny-design2", contender="tiny-design1")
    assert wanted(designs(TINY, "embedded"), [made], (0,), None)[-1].name == "tiny-design2"
