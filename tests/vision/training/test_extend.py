"""More epochs after fewer go on from them, to the bits of all at once; what is not the same training begins anew."""

import pytest
from small_runs import WATCHED, began_as, results, small_plan, trained

from tinyexp.runs.records import Environment, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.checkpoint import checkpoints
from tinyexp.trainers.vision.training.run import Listener, train_run


def epochs_trained(runs, said=None, *, fresh=False, **overrides):
    """The epochs that are trained for a run, and its plan."""
    epochs, plan = [], small_plan(runs, **overrides)
    listener = Listener(
        epoch_done=lambda row, _: epochs.append(row["epoch"]), warn=(said if said is not None else []).append
    )
    dataset = open_dataset(vision_settings(plan.experiment).data, runs)
    assert train_run(plan, dataset, listener, fresh=fresh).state == "finished"
    return epochs, plan


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    return results(trained(tmp_path_factory.mktemp("four"), training__stop_after=4))


def test_four_epochs_after_two_train_the_last_two_to_the_same_bits(tmp_path, four):
    two = trained(tmp_path, training__stop_after=2)
    before, said = results(two), []
    epochs, plan = epochs_trained(tmp_path, said, training__stop_after=4)
    assert epochs == [3, 4]
    assert results(plan) == four
    assert f"{two.folder.path.name} has the same settings but for its length" in said[0]
    assert said[0].endswith("training goes on in epoch 3.")
    assert results(two) == before, "the shorter run stays"


def test_more_epochs_may_be_planned_too(tmp_path, four):
    trained(tmp_path, training__stop_after=2, training__epochs=3)
    epochs, plan = epochs_trained(tmp_path, training__stop_after=4)
    assert epochs == [3, 4]
    assert results(plan) == four


def test_of_several_shorter_ones_the_furthest_is_taken(tmp_path, four):
    for length in (1, 3):
        trained(tmp_path, training__stop_after=length)
    assert epochs_trained(tmp_path, training__stop_after=4)[0] == [4]


def test_a_longer_one_has_the_fewer_epochs_too(tmp_path):
    """The last two checkpoints are kept: of three epochs the one after the second."""
    trained(tmp_path / "runs", training__stop_after=3)
    epochs, plan = epochs_trained(tmp_path / "runs", said := [], training__stop_after=2)
    assert epochs == []
    assert said[0].endswith("nothing is left to train.")
    assert results(plan) == results(trained(tmp_path / "alone", training__stop_after=2))


@pytest.mark.parametrize(
    "option", ["fresh", "seed", "setting", "environment", "marked", "earlier version", "damaged"]
)
def test_what_would_give_other_bits_is_not_gone_on_from(tmp_path, four, option):
    seed, rate = int(option == "seed"), 0.02 if option == "setting" else 0.01
    two = trained(tmp_path, seed=seed, training__stop_after=2, optimizer__learning_rate=rate)
    found = read_section(two.folder.environment, Environment)
    if option == "environment":
        began_as(two, environment=found.model_copy(update={"cpu_capability": "ALTIVEC"}))
    if option == "marked":
        began_as(two, environment=found.model_copy(update={"bit_identical": False}))
    if option == "earlier version":
        began_as(two, keep=False)
    if option == "damaged":
        for path in checkpoints(two.folder.checkpoints):
            path.write_bytes(path.read_bytes()[:-1])
    epochs, plan = epochs_trained(tmp_path, training__stop_after=4, fresh=option == "fresh")
    assert epochs == [1, 2, 3, 4]
    assert results(plan) == four


def test_a_run_that_its_held_out_images_steer_goes_on_too(tmp_path):
    whole = results(trained(tmp_path / "whole", **WATCHED))
    trained(tmp_path / "runs", **{**WATCHED, "training__stop_after": 2})
    epochs, plan = epochs_trained(tmp_path / "runs", **WATCHED)
    assert epochs[0] == 3
    assert results(plan) == whole


def test_the_same_settings_on_other_data_begin_anew_and_that_is_said(tmp_path):
    """As where all images of a folder were replaced by others of the same sizes."""
    plan = trained(tmp_path)
    record = plan.record
    data = record.data.model_copy(update={"fingerprint": "f" * 64})
    began_as(plan, record=record.model_copy(update={"data": data}))
    plan.folder.path.rename(plan.folder.path.with_name("0-00000000"))
    said = []
    assert epochs_trained(tmp_path, said)[0] == [1, 2, 3]
    assert said == [
        "the data are not those of 0-00000000, which has the same settings; this run begins anew."
    ]
