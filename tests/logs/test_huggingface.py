"""Logs of the Hugging Face Trainer, held against what a callback saw, and their traps one by one."""

from __future__ import annotations

import json
import math
import os

import pytest
from truth import check_against_truth, logs_of, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.folder import Folder
from tinyexp.logs.readers.huggingface import READER

RUNS = truth_of("huggingface")


@pytest.fixture(scope="module")
def real():
    return logs_of("huggingface", READER)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_every_real_run_has_the_values_that_were_logged(real, run):
    check_against_truth(real[run["run"]], run)


def test_checkpoints_and_results_are_no_runs_of_their_own(real):
    assert set(real) == {run["run"] for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_epochs_and_steps_are_those_of_the_rows(real, run):
    log = real[run["run"]]
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.step == [row["step"] for row in run["rows"]]


def test_the_end_is_told_and_that_the_seed_is_not_in_the_log(real):
    assert real["killed/run-0"].ended is False
    assert real["resumed/run-0"].ended is True
    assert real["out/base-s0"].settings == {"max_steps": 40, "num_train_epochs": 5, "train_batch_size": 8}
    assert any("seed is not in the log" in note for note in real["out/base-s0"].notes)
    assert any("last checkpoint" in note for note in real["killed/run-0"].notes)
    assert "train_loss" not in real["out/base-s0"].metrics
    assert any("is a summary of the run" in note for note in real["out/base-s0"].notes)


def test_what_was_evaluated_with_the_best_weights_is_left_out_and_told(real):
    assert [repair.rows for repair in real["best/run-0"].repairs] == [1]
    assert real["out/base-s0"].repairs == ()


def steps(*losses, start=1, **more):
    return [
        {"epoch": step / 2, "step": step, "loss": loss, **more}
        for step, loss in enumerate(losses, start=start)
    ]


def summary(step):
    return {"epoch": step / 2, "step": step, "train_loss": 0.1, "train_runtime": 1.0}


def state(folder, history, **more):
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "log_history": history,
        "max_steps": 4,
        "global_step": history[-1].get("step") if history else 0,
        **more,
    }
    (folder / "trainer_state.json").write_text(json.dumps(content))


def read(folder):
    (unit,) = READER.find(Folder(folder))
    (log,) = READER.read(unit)
    return log


def test_the_longest_history_counts_and_another_training_in_the_folder_is_named(tmp_path):
    state(tmp_path, steps(4, 3))
    state(tmp_path / "checkpoint-3", steps(4, 3, 2))
    state(tmp_path / "checkpoint-1", steps(4))
    state(tmp_path / "checkpoint-9", steps(7, 6, 5))
    log = read(tmp_path)
    assert log.metrics == {"loss": [4, 3, 2]}
    assert log.files[0] == tmp_path / "checkpoint-3" / "trainer_state.json"
    assert "checkpoint-3 has the longest log, which counts." in log.notes
    assert any("another training" in note and "checkpoint-9." in note for note in log.notes)


def used_again(folder, *, save_steps=1):
    """A training of six steps, and over it a later one that was killed after three, each saved at every step."""
    for step in range(1, 7):
        state(folder / f"checkpoint-{step}", steps(*range(9, 9 - step, -1)), save_steps=save_steps)
    for step in range(1, 4):
        state(folder / f"checkpoint-{step}", steps(*range(29, 29 - step, -1)), save_steps=save_steps)


@pytest.mark.parametrize("save_steps", [1, 500])
def test_of_two_trainings_in_one_folder_the_one_that_wrote_over_the_other_counts(tmp_path, save_steps):
    used_again(tmp_path, save_steps=save_steps)
    for path in tmp_path.rglob("*.json"):
        os.utime(path, (1000, 1000))
    log = read(tmp_path)
    assert log.metrics == {"loss": [29, 28, 27]}
    assert log.files[0] == tmp_path / "checkpoint-3" / "trainer_state.json"
    (note,) = (note for note in log.notes if "another training" in note)
    assert "checkpoint-6, checkpoint-5, checkpoint-4." in note
    assert "wrote over" in note


def test_a_finished_training_s_own_state_gives_way_to_a_later_training(tmp_path):
    used_again(tmp_path)
    state(tmp_path, [*steps(9, 8, 7, 6, 5, 4), summary(6)])
    log = read(tmp_path)
    assert log.metrics == {"loss": [29, 28, 27]}
    assert log.ended is not True
    assert any("the output folder itself" in note and "another training" in note for note in log.notes)


def test_where_nothing_in_the_logs_tells_the_later_training_the_times_of_their_files_do(tmp_path):
    state(tmp_path / "checkpoint-9", steps(9, 8, 7))
    state(tmp_path / "checkpoint-2", steps(29, 28))
    os.utime(tmp_path / "checkpoint-9" / "trainer_state.json", (1000, 1000))
    log = read(tmp_path)
    assert log.metrics == {"loss": [29, 28]}
    assert any("checkpoint-9" in note and "by the times of their files" in note for note in log.notes)


def test_checkpoints_are_in_the_order_of_their_numbers(tmp_path):
    state(tmp_path / "checkpoint-10", steps(4, 3, 2))
    state(tmp_path / "checkpoint-9", steps(4, 3))
    assert read(tmp_path).step == [1, 2, 3]
    assert read(tmp_path / "checkpoint-9").step == [1, 2]


def test_a_state_that_was_cut_is_told_and_the_one_before_it_counts(tmp_path):
    state(tmp_path / "checkpoint-1", steps(4))
    state(tmp_path / "checkpoint-2", steps(4, 3))
    path = tmp_path / "checkpoint-2" / "trainer_state.json"
    path.write_text(path.read_text()[:40])
    log = read(tmp_path)
    assert log.step == [1]
    assert any("checkpoint-2" in note and "no JSON" in note for note in log.notes)
    (tmp_path / "checkpoint-1" / "trainer_state.json").unlink()
    with pytest.raises(UserError, match=r"checkpoint-2.*is no JSON"):
        read(tmp_path)


def test_nan_is_a_value_and_no_difference(tmp_path):
    state(tmp_path, steps(4, math.nan, 2))
    state(tmp_path / "checkpoint-2", steps(4, math.nan))
    log = read(tmp_path)
    assert math.isnan(log.metrics["loss"][1])
    assert not any("another training" in note for note in log.notes)


def test_steps_whose_rounded_epochs_are_equal_stay_apart(tmp_path):
    history = [{"epoch": round(step / 1000, 2), "step": step, "loss": step / 7} for step in range(1, 20)]
    state(tmp_path, history)
    log = read(tmp_path)
    assert log.metrics["loss"] == [step / 7 for step in range(1, 20)]
    assert log.epoch == [one["epoch"] for one in history]
    assert log.repairs == ()
    assert any("rounded" in note for note in log.notes)


def test_an_evaluation_after_the_end_counts_where_there_is_no_other(tmp_path):
    after = {"epoch": 1.0, "step": 2, "eval_acc": 0.5, "eval_runtime": 9.0}
    state(tmp_path, [*steps(4, 3), summary(2), after, {"epoch": 1.0, "step": 2, "test_acc": 0.25}])
    log = read(tmp_path)
    assert log.metrics["eval_acc"] == [None, 0.5]
    assert log.metrics["test_acc"] == [None, 0.25]
    assert log.repairs == ()


def test_an_evaluation_of_the_best_weights_is_not_the_last_step_s(tmp_path):
    first = {"epoch": 0.5, "step": 1, "eval_loss": 0.5, "eval_runtime": 8.0}
    after = {"epoch": 1.0, "step": 2, "eval_loss": 0.5, "eval_runtime": 9.0}
    history = [steps(4)[0], first, *steps(3, start=2), summary(2), after]
    state(tmp_path, history, best_model_checkpoint="out/checkpoint-1")
    assert read(tmp_path).metrics["eval_loss"] == [0.5, None]
    state(tmp_path, history, best_model_checkpoint=None)
    assert read(tmp_path).metrics["eval_loss"] == [0.5, 0.5]


def test_training_that_goes_on_after_a_summary_is_rows(tmp_path):
    state(tmp_path, [*steps(4, 3), summary(2), *steps(2, 1, start=3), summary(4)])
    assert read(tmp_path).metrics == {"loss": [4, 3, 2, 1]}


def test_the_only_evaluation_may_stand_in_a_file_of_results(tmp_path):
    state(tmp_path, [*steps(4, 3), summary(2)])
    (tmp_path / "eval_results.json").write_text('{"epoch": 1.0, "eval_accuracy": 0.75}')
    (tmp_path / "all_results.json").write_text('{"epoch": 1.0, "eval_accuracy": 0.75, "train_loss": 0.1}')
    (tmp_path / "test_results.json").write_text("[")
    log = read(tmp_path)
    assert log.metrics["eval_accuracy"] == [None, 0.75]
    assert set(log.metrics) == {"loss", "eval_accuracy"}
    assert any("test_results.json" in note for note in log.notes)
    state(tmp_path, steps(4, 3))  # training goes on: the results are of an earlier one
    assert set(read(tmp_path).metrics) == {"loss"}


def test_settings_stand_in_the_model_card_and_in_files_beside_the_log(tmp_path):
    state(tmp_path, steps(4), trial_params={"weight_decay": 0.01})
    card = "# x\n\n### Training hyperparameters\n\nThe following were used:\n- learning_rate: 5e-05\n- seed: 42\n\n### Results\n- a: b\n"
    (tmp_path / "README.md").write_text(card)
    (tmp_path / "args.json").write_text('{"optim": {"name": "adamw"}}')
    (tmp_path / "config.json").write_text('{"hidden_size": 16}')
    (tmp_path / "training_args.yaml").write_text("a: [")
    log = read(tmp_path)
    assert log.settings == {
        "max_steps": 4,
        "learning_rate": 5e-05,
        "seed": 42,
        "optim.name": "adamw",
        "weight_decay": 0.01,
    }
    assert {path.name for path in log.files} == {"trainer_state.json", "README.md", "args.json"}
    assert any("training_args.yaml" in note for note in log.notes)
    assert not any("seed" in note for note in log.notes)


def test_tensorboard_files_of_the_trainer_are_a_copy_and_others_are_not(tmp_path):
    state(tmp_path, steps(4))
    (tmp_path / "runs" / "Nov26_07-59-24_host").mkdir(parents=True)
    assert tmp_path / "runs" in READER.find(Folder(tmp_path))[0].claimed
    (tmp_path / "runs" / "mine").mkdir()
    assert tmp_path / "runs" not in READER.find(Folder(tmp_path))[0].claimed


def test_values_that_are_no_numbers_are_named(tmp_path):
    more = {"text": "a", "list": [1], "deep": {"a": 1, "b": "x"}, "flag": True, "none": None, "big": 10**400}
    state(tmp_path, [*steps(4, **more), {"loss": 1.0}])
    log = read(tmp_path)
    assert log.metrics == {"loss": [4], "deep.a": [1], "flag": [1]}
    assert any("big, deep.b, list, text" in note for note in log.notes)
    assert [repair.rows for repair in log.repairs] == [1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"log_history": {}}',
        b'{"log_history": [1]}',
        b"[" * 100_000,
        b'{"log_history": [' + b'{"a":' * 100_000,
        b'{"log_history": [{"epoch": 1, "a": 1}, {"step": 1, "a": 1}]}',
        json.dumps({"log_history": [{"step": n, f"m{n}": 1} for n in range(8_000)]}).encode(),
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_log_is_refused_by_name(tmp_path, content):
    (tmp_path / "trainer_state.json").write_bytes(content)
    with pytest.raises(UserError):
        read(tmp_path)


@pytest.mark.parametrize("step", ["1", None, [], math.inf, math.nan, True, 10**400, -1])
def test_any_step_is_read_or_told(tmp_path, step):
    state(
        tmp_path,
        [{"step": step, "epoch": 1.0, "loss": 1.0}],
        global_step=step,
        trial_params={"a": {"b": 1}, "a.b": 2},
    )
    assert read(tmp_path).metrics == {"loss": [1]}


def test_folders_of_others_are_not_found(tmp_path):
    (tmp_path / "checkpoint-5").mkdir()
    (tmp_path / "checkpoint-last").mkdir()
    (tmp_path / "all_results.json").touch()
    assert READER.find(Folder(tmp_path)) == []
    assert READER.find(Folder(tmp_path / "missing")) == []
