"""A run of two processes of which one is ended at any instant: the other ends too, and the same run goes on to the same bits."""

from __future__ import annotations

import signal

import pytest
from many_processes import TWO, commanded, left_over, trained_elsewhere
from small_runs import WATCHED, results, small_plan, trained
from thinned import thinned

from tinyexp.errors import InterruptedRunError
from tinyexp.runs.records import Status, read_section
from tinyexp.trainers.base import Listener
from tinyexp.trainers.vision.training.checkpoint import checkpoints

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return results(trained(tmp_path_factory.mktemp("untouched"), **TWO))


@pytest.mark.parametrize(
    "place",
    thinned(
        [
            "rank 0 gradients@6",  # in the second step of the second epoch
            "rank 1 gradients@6",
            "rank 0 summed@7",
            "rank 1 summed@7",
            "rank 1 gradients@1",
            "*.ckpt written@2",
            "*.ckpt named@3",
            "metrics.csv named@3",
            "status.json begun@4",
            "environment.json done@1",
        ],
        (),
        long=[
            "rank 0 summed@7",
            "rank 1 gradients@6",
            "*.ckpt written@2",
            "*.ckpt named@3",
            "metrics.csv named@3",
            "environment.json done@1",
        ],
    ),
)
def test_after_a_kill_no_process_is_left_and_the_run_ends_in_the_same_bits(tmp_path, untouched, place):
    ended = trained_elsewhere(tmp_path, TINYEXP_END_AT=place)
    if place.startswith("rank 1"):
        assert ended.returncode == 1
        assert "the process of rank 1 ended by SIGKILL; the same command goes on" in ended.stderr
    else:
        assert ended.returncode == -signal.SIGKILL
    assert left_over(tmp_path) == []
    assert results(trained(tmp_path, **TWO)) == untouched


def test_three_processes_whose_slices_are_unequal_end_in_the_same_bits_too(tmp_path):
    """16 images are 6, 5 and 5; what each adds up of the gradients is unequal as well, where a third is no whole number."""
    three = {**TWO, "execution__devices": 3}
    untouched = results(trained(tmp_path / "once", **three))
    ended = trained_elsewhere(tmp_path / "killed", three, TINYEXP_END_AT="rank 2 summed@6")
    assert "the process of rank 2 ended by SIGKILL" in ended.stderr
    assert left_over(tmp_path / "killed") == []
    assert results(trained(tmp_path / "killed", **three)) == untouched


def test_a_process_that_hangs_ends_the_run_once_it_was_waited_for(tmp_path, untouched):
    ended = trained_elsewhere(
        tmp_path, {"execution__timeout_seconds": 20.0}, TINYEXP_END_AT="rank 1 gradients@6=STOP"
    )
    assert ended.returncode == 1
    assert "another process of the run was lost" in ended.stderr
    assert left_over(tmp_path) == []
    assert results(trained(tmp_path, **TWO)) == untouched


@pytest.mark.parametrize("rank", thinned([0, 1], [], long=[0]))
def test_sigterm_to_any_process_commits_and_the_command_leaves_with_143(tmp_path, untouched, rank):
    done = commanded(tmp_path, TINYEXP_END_AT=f"rank {rank} gradients@6=TERM")
    assert done.returncode == 143, done.stderr
    assert "stopped, nothing is lost. To go on: tinyexp run" in done.stderr
    plan = small_plan(tmp_path, **TWO)
    assert read_section(plan.folder.status, Status).state == "interrupted"
    assert checkpoints(plan.folder.checkpoints)[-1].name == "epoch-000002-step-00000002.ckpt", (
        "after that step"
    )
    assert left_over(tmp_path) == []
    assert results(trained(tmp_path, **TWO)) == untouched


def test_the_command_killed_takes_all_processes_with_it(tmp_path, untouched):
    """Only the worker is ended, of which the command says how to go on; the other process of the run hears of it alone."""
    done = commanded(tmp_path, TINYEXP_END_AT="rank 0 summed@9")
    assert done.returncode == 1
    assert "its process ended unexpectedly (signal 9, SIGKILL)" in done.stderr
    assert left_over(tmp_path) == []
    again = commanded(tmp_path)
    assert again.returncode == 0, again.stderr
    assert results(small_plan(tmp_path, **TWO)) == untouched


def test_a_run_that_its_held_out_images_steer_stops_early_and_goes_on_to_the_same_bits(tmp_path):
    """Rates and end are functions of rows that all processes share: stopped in its second epoch, it is resumed."""
    once = trained(tmp_path / "once", **TWO, **WATCHED)
    status = read_section(once.folder.status, Status)
    assert status.message.startswith("stopped early")
    assert status.epochs_done < 30
    asked = []

    def stop_code():
        asked.append(1)
        return 143 if len(asked) > 13 else 0

    with pytest.raises(InterruptedRunError):
        trained(tmp_path / "twice", listener=Listener(stop_code=stop_code), **TWO, **WATCHED)
    assert results(trained(tmp_path / "twice", **TWO, **WATCHED)) == results(once)
