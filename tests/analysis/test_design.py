"""The mixtures of a study: nothing is confounded silently, and runs are found by their configuration."""

from __future__ import annotations

import pandas as pd
import pytest

from tinyexp.analysis.attribution import attribute
from tinyexp.analysis.coding import coded_runs, labelled
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.design import check_factors, confirmation_points, study_design
from tinyexp.analysis.study import Study
from tinyexp.config.identity import configuration_of
from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.trainers.vision.settings import vision_settings

KEYS = {
    "augmentation": ("augmentation",),
    "activation": ("model.hidden_activation",),
    "conv1-width": ("model.channels",),
    "conv4-kernel": ("model.kernels",),
    "fc-width": ("model.fc_width",),
}
"""All in which the two designs differ, as read by default."""


def study(keys=KEYS, **other):
    factors = [{"name": name, "keys": own} for name, own in keys.items()]
    words = {"name": "mine", "title": "", "question": "", "metric": "test_accuracy", "margin": 0.01}
    ends = {"baseline": "tiny-design2", "contender": "tiny-design1"}
    return Study.model_validate({**words, **ends, "factors": factors, **other})


def ends(**overrides):
    return [load_experiment(name, "embedded", overrides) for name in ("tiny-design2", "tiny-design1")]


def points(asked, profile="embedded", overrides=None, *, kind=None):
    loaded = {name: load_experiment(name, profile, overrides) for name in (asked.baseline, asked.contender)}
    return study_design(asked, loaded, kind).points


def refused(asked, *specs):
    with pytest.raises(UserError) as caught:
        check_factors(asked, *(specs or ends()))
    return str(caught.value)


def test_each_factor_tells_what_it_switches():
    switched = check_factors(study(), *ends())
    assert list(switched) == list(KEYS)
    assert [one.key for one in switched["augmentation"]] == [
        "augmentation.random_resized_crop",
        "augmentation.flip_probability",
        "augmentation.rotation_degrees",
    ]
    (width,) = switched["fc-width"]
    assert (width.left, width.right) == (400, 1024)


def test_a_difference_that_belongs_to_no_factor_is_refused_with_its_values():
    message = refused(study({name: KEYS[name] for name in KEYS if name not in {"fc-width", "activation"}}))
    assert "belong to no factor" in message
    assert "model.fc_width (400, 1024)" in message
    assert "model.hidden_activation ('softmax', 'relu')" in message


def test_a_difference_that_an_override_makes_is_found_too():
    specs = ends()
    specs[1] = load_experiment("tiny-design1", "embedded", {"optimizer.learning_rate": 0.05})
    assert "optimizer.learning_rate (0.01, 0.05)" in refused(study(), *specs)


def test_a_key_that_belongs_to_two_factors_is_refused():
    twice = {**KEYS, "flips": ("augmentation.flip_probability",)}
    assert "two factors: augmentation.flip_probability (augmentation and flips)" in refused(study(twice))


def test_a_factor_in_which_the_two_do_not_differ_takes_no_part_and_is_named():
    more = {**KEYS, "normalization": ("input.normalize",), "fc-width": ("model.fc_width", "model.dropout")}
    assert list(check_factors(study(more), *ends())) == list(KEYS)
    designs = {name: load_experiment(name) for name in ("tiny-design2", "tiny-design1")}
    assert study_design(study(more), designs).inactive == ("normalization",)
    designs["tiny-design2"] = load_experiment(
        "tiny-design2", overrides={"readings.C5": "normalize_design1_only"}
    )
    design = study_design(study(more), designs)
    assert (design.inactive, list(design.switched)) == ((), list(more))
    assert len(design.points) == 16


def test_two_equal_designs_have_nothing_to_attribute():
    spec = load_experiment("tiny-design1")
    assert "do not differ here" in refused(study(), spec, spec)


def test_a_misspelt_key_is_refused_with_the_nearest():
    widths = {**KEYS, "fc-width": ("model.fc_width", "model.fc_widht")}
    assert "unknown key of the factor 'fc-width' 'model.fc_widht'" in refused(study(widths))
    assert "Did you mean 'model.fc_width'" in refused(study(widths))


def test_a_factor_without_keys_is_refused():
    assert "the factor 'nothing' names no key" in refused(study({**KEYS, "nothing": ()}))


def test_the_name_of_a_key_stands_for_no_longer_key():
    message = refused(study({**KEYS, "fc-width": ("model.fc",)}))
    assert "unknown key of the factor 'fc-width' 'model.fc'" in message
    assert "Did you mean 'model.fc_width'" in message


def test_a_study_without_factors_has_no_mixtures():
    assert points(study({})) == ()
    assert "names no factor" in refused(study({}))


@pytest.mark.parametrize("profile", ["embedded", "desk", "paper"])
def test_the_mixtures_begin_and_end_with_the_designs_themselves(profile):
    found = points(study(), profile)
    assert len(found) == 16
    assert (found[0].experiment, found[-1].experiment) == (
        load_experiment("tiny-design2", profile),
        load_experiment("tiny-design1", profile),
    )
    assert len({point.configuration for point in found}) == 16


def test_every_mixture_has_exactly_the_contenders_values_of_its_factors():
    left, right = map(vision_settings, ends())
    for point in points(study(), kind="full"):
        spec = vision_settings(point.experiment)
        on = dict(zip(KEYS, point.levels, strict=True))
        assert spec.model.fc_width == (right if on["fc-width"] else left).model.fc_width
        assert spec.model.channels == (right if on["conv1-width"] else left).model.channels
        assert spec.model.kernels == (right if on["conv4-kernel"] else left).model.kernels
        assert spec.model.hidden_activation == (right if on["activation"] else left).model.hidden_activation
        assert spec.augmentation == (right if on["augmentation"] else left).augmentation
        assert (spec.optimizer, spec.data, spec.input, spec.training) == (
            left.optimizer,
            left.data,
            left.input,
            left.training,
        )


def test_switching_everything_in_the_baseline_gives_the_contenders_configuration():
    """So a run of the contender serves every study that ends there, whatever it was trained for."""
    changed = [one for all_of in check_factors(study(), *ends()).values() for one in all_of]
    mixture = load_experiment("tiny-design2", "embedded", {one.key: one.right for one in changed})
    assert configuration_of(mixture) == points(study())[-1].configuration


def test_growing_a_plan_keeps_the_runs_of_the_smaller_one():
    full = {point.configuration for point in points(study(), kind="full")}
    for kind in ("fraction", "one-at-a-time"):
        assert {point.configuration for point in points(study(), kind=kind)} <= full


def test_overrides_hold_in_every_mixture():
    for point in points(study(), overrides={"training.stop_after": 2}):
        assert vision_settings(point.experiment).training.stop_after == 2


def test_two_architectures_are_compared_whole_or_refused():
    nets = {"baseline": "imagenet-design1", "contender": "imagenet-resnet18"}
    assert [point.levels for point in points(study({"network": ("model",)}, **nets))] == [(0,), (1,)]
    pieces = {"blocks": ("model.blocks",), "rest": ("model.architecture", "model.channels")}
    with pytest.raises(UserError, match="belong to no factor"):
        points(study(pieces, **nets))


# --- factors alone ---


def alone(*names, kind=None):
    asked = study()
    loaded = {name: load_experiment(name, "embedded") for name in (asked.baseline, asked.contender)}
    design = study_design(asked, loaded, kind)
    return design, confirmation_points(design, names)


def test_a_factor_alone_is_the_baseline_with_it_and_the_contender_without():
    design, found = alone("augmentation")
    assert [point.name for point in found] == [
        "tiny-design2 + augmentation",
        "tiny-design2 + activation + conv1-width + conv4-kernel + fc-width",
    ]
    left, right = map(vision_settings, ends())
    near, far = (vision_settings(point.experiment) for point in found)
    assert (near.augmentation, near.model) == (right.augmentation, left.model)
    assert (far.augmentation, far.model) == (left.augmentation, right.model)
    assert {point.configuration for point in found}.isdisjoint(one.configuration for one in design.points)
    assert design.confirmations == (), "asked for by nobody yet"


def test_a_factor_whose_switches_the_fraction_holds_takes_no_more():
    """The fourth of five stands in no defining word."""
    design, found = alone("conv4-kernel")
    assert found == ()
    assert "tiny-design2 + conv4-kernel" in {point.name for point in design.mixtures}


@pytest.mark.parametrize(("kind", "count"), [("fraction", 8), ("one-at-a-time", 0), ("full", 0)])
def test_only_a_fraction_takes_more(kind, count):
    assert len(alone(*KEYS, kind=kind)[1]) == count


def test_a_factor_that_takes_no_part_is_refused():
    with pytest.raises(UserError, match="Did you mean 'augmentation'"):
        alone("augmentatoin")
    with pytest.raises(UserError, match="unknown factor that takes part"):
        alone("augmentation", kind="none")


def test_the_runs_of_a_factor_alone_confirm_it():
    design, more = alone("augmentation", "activation")
    coded = coded_runs(runs([*design.points, *more]), [*design.points, *more], list(KEYS), "test_accuracy")
    found = attribute(coded, list(KEYS), "test_accuracy", margin=0.01)
    row = found.in_metric.shares[0]
    assert found.plan.kind == "fraction"
    assert row.from_baseline.estimate == pytest.approx(0.1, abs=1e-9)
    assert row.from_contender.estimate == pytest.approx(0.1, abs=1e-9)


# --- from runs to rows ----------------------------------------------------------------------------


def runs(found, seeds=(0, 1, 2), **columns):
    """What a metrics frame would hold: two epochs a run."""
    rows = [
        {
            "experiment": point.experiment.name,
            "configuration": point.configuration,
            "seed": seed,
            "epoch": epoch,
            "identity": f"{point.configuration}-{seed}",
            "test_accuracy": 0.3 * epoch / 2 + 0.1 * point.levels[0] + 0.001 * seed * (1 + point.levels[1]),
        }
        for point in found
        for seed in seeds
        for epoch in (1, 2)
    ]
    return pd.DataFrame(rows).assign(state="finished", **columns)


def test_runs_are_coded_by_their_configuration_after_the_last_epoch():
    found = points(study())
    coded = coded_runs(runs(found), found, list(KEYS), "test_accuracy")
    assert len(coded) == 48
    assert set(coded["epoch"]) == {2}
    assert {tuple(row) for row in coded[list(KEYS)].to_numpy()} == {point.levels for point in found}
    shares = attribute(coded, list(KEYS), "test_accuracy").in_metric.shares
    assert [row.share.estimate for row in shares] == pytest.approx([0.1, 0.001, 0, 0, 0], abs=1e-9)


def test_one_training_in_two_folders_counts_once():
    found = points(study())
    twice = pd.concat([runs(found), runs(found[-1:]).assign(experiment="tiny-design2")])
    assert len(coded_runs(twice, found, list(KEYS), "test_accuracy")) == 48


def test_of_two_folders_of_one_training_the_finished_one_counts():
    found = points(study())
    torn = runs(found[-1:]).assign(experiment="tiny-design2", state="interrupted").query("epoch == 1")
    assert len(coded_runs(pd.concat([torn, runs(found)]), found, list(KEYS), "test_accuracy")) == 48


def test_other_runs_and_unfinished_ones_are_left_aside():
    found = points(study(), kind="full")
    frame = runs(found)
    frame.loc[frame["seed"] == 2, "state"] = "diverged"
    assert len(coded_runs(frame, points(study()), list(KEYS), "test_accuracy")) == 32


def test_without_any_run_of_the_plan_the_frame_is_refused():
    found = points(study())
    with pytest.raises(UserError, match="none of the 16 mixtures"):
        coded_runs(runs(found).assign(configuration="other"), found, list(KEYS), "test_accuracy")


def test_runs_on_other_data_are_refused():
    found = points(study())
    frame = runs(found, data_fingerprint="one")
    frame.loc[frame["seed"] == 1, "data_fingerprint"] = "two"
    with pytest.raises(UserError, match="more than one data fingerprint"):
        coded_runs(frame, found, list(KEYS), "test_accuracy")


def test_runs_of_another_length_are_refused():
    found = points(study())
    with pytest.raises(UserError, match="lacks 2"):
        coded_runs(runs(found)[:-1], found, list(KEYS), "test_accuracy")


def test_the_designs_own_runs_are_told_from_the_mixtures_that_bear_the_same_name():
    frame = runs(points(study()))
    with pytest.raises(UserError, match="'tiny-design2' has more than one configuration"):
        compare(frame, "tiny-design1", "tiny-design2")
    designs = [load_experiment(name, "embedded") for name in ("tiny-design1", "tiny-design2")]
    own = labelled(frame, {configuration_of(one): one.name for one in designs})
    compared = compare(own, "tiny-design1", "tiny-design2")
    assert (compared.mean, compared.contender_runs.seeds) == (pytest.approx(0.101), (0, 1, 2))


def test_a_frame_without_configurations_is_refused():
    with pytest.raises(UserError, match="the column 'configuration' is missing"):
        labelled(runs(points(study())).drop(columns="configuration"), {})
