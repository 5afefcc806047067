"""One run: what it writes, and that what it writes is measured as it says."""

import csv
import json

import numpy as np
import pytest
import torch
from small_runs import results, small_plan, trained

from tinyexp.errors import DivergedError, TinyexpError
from tinyexp.runs.records import Status, read_predictions, read_section
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint
from tinyexp.trainers.vision.training.run import Listener, train_run


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs"))


def rows(plan):
    return list(csv.DictReader(plan.folder.metrics.read_text().splitlines()))


def test_a_row_an_epoch_with_the_stated_columns(plan):
    assert plan.folder.metrics.read_text().splitlines()[0] == ",".join(METRIC_COLUMNS)
    assert [row["epoch"] for row in rows(plan)] == ["1", "2", "3"]
    assert [row["step"] for row in rows(plan)] == ["4", "8", "12"]
    assert [row["images_seen"] for row in rows(plan)] == ["60", "120", "180"]
    assert b"\r" not in plan.folder.metrics.read_bytes()


def test_the_last_row_agrees_with_the_predictions(plan):
    said = read_predictions(plan.folder)
    last = rows(plan)[-1]
    assert float(last["test_accuracy"]) == (said.label == said.predicted).mean()
    assert float(last["test_top5_accuracy"]) == said.in_top5.mean()
    assert (said.in_top5 | (said.label != said.predicted)).all()


def test_the_measurements_are_those_of_a_plain_evaluation_of_the_saved_weights(plan):
    """Independent of our loader and loop: torch and torchvision alone, on the final weights."""
    from torchvision.transforms import functional as F  # noqa: N812

    from tinyexp.trainers.vision.models.build import build_model

    model = build_model(plan.experiment)
    model.load_state_dict(load_checkpoint(checkpoints(plan.folder.checkpoints)[-1])["model"])
    model.eval()
    data = open_dataset(vision_settings(plan.experiment).data, plan.folder.path)
    shape = vision_settings(plan.experiment).input
    images = [
        F.normalize(F.to_tensor(F.resize(data.test.image(k), shape.image_size)), shape.mean, shape.std)
        for k in range(len(data.test))
    ]
    with torch.no_grad():
        logits = model(torch.stack(images))
    labels = torch.from_numpy(data.test.labels)
    last = rows(plan)[-1]
    assert float(last["test_loss"]) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, labels)), rel=1e-5
    )
    assert float(last["test_accuracy"]) == float((logits.argmax(1) == labels).double().mean())


def test_the_first_epochs_loss_is_near_the_logarithm_of_the_classes(plan):
    assert float(rows(plan)[0]["train_loss"]) == pytest.approx(np.log(10), abs=0.7)


def test_a_run_without_a_held_out_part_has_empty_fields_for_it(tmp_path):
    plan = trained(tmp_path, data__holdout=0, training__stop_after=1)
    assert (rows(plan)[0]["val_loss"], rows(plan)[0]["val_accuracy"]) == ("", "")


def test_the_same_run_elsewhere_has_the_same_bytes(plan, tmp_path):
    assert results(trained(tmp_path)) == results(plan)


def test_another_seed_is_another_result(plan, tmp_path):
    assert results(trained(tmp_path, seed=1))["metrics.csv"] != results(plan)["metrics.csv"]


def test_the_record_names_no_folder_and_no_worker(tmp_path):
    choices = {"data__dataset": "patterns", "data__root": "/home/somebody/data"}
    plan = trained(tmp_path, execution__workers=1, training__stop_after=1, **choices)
    text = plan.folder.record.read_text()
    assert "somebody" not in text
    assert "execution" not in json.loads(text)["experiment"]["settings"]
    assert str(tmp_path) not in "".join(path.read_text() for path in plan.folder.path.glob("*.json"))


def test_a_diverging_run_stops_says_so_and_commits_no_poisoned_weights(tmp_path):
    plan = small_plan(tmp_path, optimizer__learning_rate=1e30, execution__checkpoint_steps=1)
    with pytest.raises(DivergedError, match="no longer a finite number"):
        train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path))
    assert read_section(plan.folder.status, Status).state == "diverged"
    for path in checkpoints(plan.folder.checkpoints):
        weights = load_checkpoint(path)["model"].values()
        assert all(torch.isfinite(value).all() for value in weights)


def test_a_run_that_another_process_trains_is_refused_with_the_owner(tmp_path, monkeypatch):
    import filelock

    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.05)
    plan = small_plan(tmp_path)
    plan.folder.path.mkdir(parents=True)
    (plan.folder.path / ".owner").write_text("process 4711\n")
    with (
        filelock.FileLock(plan.folder.lock),
        pytest.raises(TinyexpError, match="is being trained by process 4711"),
    ):
        train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path))


def test_what_a_dead_process_left_behind_does_not_hold_the_run(tmp_path):
    plan = small_plan(tmp_path, training__stop_after=1)
    plan.folder.path.mkdir(parents=True)
    plan.folder.lock.write_text("")
    (plan.folder.path / ".owner").write_text("process 4711\n")
    assert train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path)).state == "finished"


@pytest.mark.parametrize("name", ["tiny-design2", "imagenet-resnet18", "imagenet-design1"])
def test_every_experiment_trains(tmp_path, name):
    plan = trained(tmp_path, name, training__stop_after=1)
    assert plan.is_finished()


def test_mixed_precision_channels_last_and_compile_are_choices_of_the_spec(tmp_path):
    plan = trained(
        tmp_path, training__stop_after=1, training__precision="bf16-mixed", training__channels_last=False
    )
    assert plan.is_finished()


def test_every_training_step_and_no_evaluation_step_updates_the_batch_statistics(plan):
    """Twelve steps were trained; each evaluation left the net in evaluation mode, and each epoch took it out again."""
    weights = load_checkpoint(checkpoints(plan.folder.checkpoints)[-1])["model"]
    tracked = [int(value) for name, value in weights.items() if name.endswith("num_batches_tracked")]
    assert tracked == [12] * 6


def test_the_listener_hears_every_epoch(tmp_path):
    heard = []
    trained(
        tmp_path,
        listener=Listener(epoch_done=lambda row, timing: heard.append((row["epoch"], timing["epoch"]))),
    )
    assert heard == [(1, 1), (2, 2), (3, 3)]
