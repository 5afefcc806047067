"""A net is trained in a layout that this processor can train it in, and the run says which."""

from __future__ import annotations

import json
import os
import platform
import subprocess

import pytest
import torch
from small_runs import results, run_command, small_plan, trained

from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.selfcheck import Answer
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training import layout, trial
from tinyexp.trainers.vision.training.run import Listener, train_run

CRASH = Answer("ends the process", "ended by SIGABRT")


@pytest.fixture
def answering(monkeypatch):
    """Trials come out as a test wants, by layout; gives what was asked for."""
    asked = []

    def set_answers(channels_last, plain):
        def instead(trials, _before=None):
            asked.extend(trials)
            return [channels_last if json.loads(one.argument)["channels_last"] else plain for one in trials]

        monkeypatch.setattr(layout, "answers", instead)
        return asked

    return set_answers


def environment(plan):
    return json.loads(plan.folder.environment.read_text())


def test_where_channels_last_crashes_the_plain_layout_is_used_told_and_recorded(tmp_path, answering):
    answering(CRASH, Answer("works"))
    said = []
    plan = trained(tmp_path / "one", listener=Listener(warn=said.append))
    assert "channels-last memory layout is not used" in said[0]
    assert "ends the process (ended by SIGABRT)" in said[0]
    assert "channels-last" in plan.folder.log.read_text()
    assert environment(plan)["memory_format"] == "contiguous"
    # What the run is of has not changed, and its bits are those of the layout that was used.
    assert (
        json.loads(plan.folder.record.read_text())["experiment"]["settings"]["training"]["channels_last"]
        is True
    )
    plain = trained(tmp_path / "other", training__channels_last=False)
    assert {name: results(plan)[name] for name in ("metrics.csv", "weights")} == {
        name: results(plain)[name] for name in ("metrics.csv", "weights")
    }


def test_wrong_numbers_are_as_bad_as_a_crash(tmp_path, answering):
    answering(Answer("fails", "its gradients differ by much"), Answer("works"))
    said = []
    trained(tmp_path, listener=Listener(warn=said.append), training__stop_after=1)
    assert "gives wrong numbers (its gradients differ by much)" in said[0]


def test_where_no_layout_can_be_used_nothing_is_trained_and_the_message_says_what_helps(tmp_path, answering):
    answering(CRASH, CRASH)
    plan = small_plan(tmp_path)
    with pytest.raises(UserError, match=r"cannot be trained on this processor.*ONEDNN_MAX_CPU_ISA=SSE41"):
        train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path))


def test_what_could_not_be_found_out_is_said_and_the_setting_is_kept(tmp_path, answering):
    answering(Answer("unknown", "it could not be tried"), Answer("works"))
    said = []
    plan = trained(tmp_path, listener=Listener(warn=said.append), training__stop_after=1)
    assert "was not found out: it could not be tried" in said[0]
    assert environment(plan)["memory_format"] == "channels_last"


def test_another_layout_than_the_run_began_in_is_refused_on_resume(tmp_path, answering):
    answering(CRASH, Answer("works"))
    stopped = Listener(
        epoch_done=lambda row, _: codes.append(row["epoch"]), stop_code=lambda: 143 if codes else 0
    )
    codes = []
    with pytest.raises(Exception, match="nothing is lost"):
        trained(tmp_path, listener=stopped)
    answering(Answer("works"), Answer("works"))
    with pytest.raises(UserError, match="memory_format: contiguous then, channels_last now"):
        trained(tmp_path)


def test_a_trial_is_of_what_shapes_depend_on_alone(answering):
    asked = answering(Answer("works"), Answer("works"))
    one = vision_settings(load_experiment("tiny-design1", "embedded", {}))
    other = vision_settings(
        load_experiment(
            "tiny-design1", "embedded", {"optimizer.learning_rate": 0.5, "training.stop_after": 1}
        )
    )
    wide = vision_settings(load_experiment("tiny-design1", "embedded", {"model.width": 0.3}))
    layout.try_layouts([one, other, wide], lambda _: None)
    assert len({each.key for each in asked}) == 2


def test_a_large_net_is_tried_with_a_part_of_its_batch():
    """Design 1 at the source's size: three images are a second's work, 256 a minute's."""
    asked = json.loads(layout._trial(vision_settings(load_experiment("tiny-design1", "paper"))).argument)
    assert asked["batch_size"] == asked["evaluation_batch_size"] == 3


@pytest.mark.parametrize(
    ("name", "overrides"),
    [("imagenet-design1", {}), ("tiny-design2", {"model.fc_width": 1024}), ("imagenet-resnet18", {})],
)
def test_rounding_is_not_taken_for_a_fault(name, overrides):
    """Whole gradients of these nets differ by percents between the layouts: a softmax makes maps nearly constant, and batch
    normalization makes much of their last bits. Each convolution by itself does not.
    """
    threads = torch.get_num_threads()
    asked = vision_settings(load_experiment(name, "embedded", overrides))
    assert trial.training_step(layout._trial(asked).argument) == ""
    torch.set_num_threads(threads)


def test_gradients_that_depend_on_the_layout_are_noticed(monkeypatch):
    asked = layout._trial(vision_settings(load_experiment("imagenet-resnet18", "embedded"))).argument
    assert trial.training_step(asked) == ""
    right, threads = torch.nn.functional.conv2d, torch.get_num_threads()

    def wrong(images, *rest):
        """As a kernel would that takes a row for a column."""
        last = images.is_contiguous(memory_format=torch.channels_last) and images.shape[1] > 3
        return right(images.flip(2) if last else images, *rest)

    monkeypatch.setattr(torch.nn.functional, "conv2d", wrong)
    assert "differs from the plain layout's" in trial.training_step(asked)
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the switches are of x86-64 processors")
def test_the_narrow_residual_net_trains_with_avx2_code_too(tmp_path):
    """Where oneDNN's AVX2 code writes beside its memory, this ended in SIGABRT or SIGSEGV every time."""
    switches = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    options = ["--set", "model.width=0.0625", "--set", "training.stop_after=1"]
    command = [*run_command(tmp_path, *options)]
    command[command.index("tiny-design1")] = "imagenet-resnet18"
    done = subprocess.run(command, env=os.environ | switches, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("*/*/*/environment.json")
    told = json.loads(record.read_text())
    assert told["switches"].items() >= switches.items()
    if told["memory_format"] == "contiguous":
        assert "channels-last memory layout is not used" in done.stderr
