"""A run that was ended at any instant and resumed has the bits of one that was never touched."""

import os
import signal
import subprocess
import sys
import time

import pytest
import warm
from small_runs import began_as, results, run_command, small_plan, trained
from thinned import thinned

from tinyexp.errors import DamagedError, InterruptedRunError, UserError
from tinyexp.runs.folder import find_runs
from tinyexp.runs.records import Environment, RunRecord, Status, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.checkpoint import checkpoints
from tinyexp.trainers.vision.training.run import Listener, train_run


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    return results(trained(tmp_path_factory.mktemp("untouched")))


KILLED_AT_COMMIT = """
import os, signal, sys
from pathlib import Path
import tinyexp.trainers.vision.training.run as run
from small_runs import trained
commits = 0
save = run.save_checkpoint
def save_and_die(*arguments, **keywords):
    global commits
    commits += 1
    if commits == int(sys.argv[2]) and sys.argv[3] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    save(*arguments, **keywords)
    if commits == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
run.save_checkpoint = save_and_die
trained(Path(sys.argv[1]), execution__checkpoint_steps=3)
"""
# With a commit every three steps and four steps an epoch the commits are, in (epoch, steps done):
# (1, 3) (2, 0) (2, 2) (3, 0) (3, 1) (3, 4) (4, 0).


@pytest.mark.parametrize(
    ("commit", "moment"),
    thinned(
        [(1, "before"), (1, "after"), (2, "after"), (3, "after"), (6, "after"), (7, "before"), (7, "after")],
        [(1, "after"), (7, "before")],
    ),
    ids=[
        "before the first commit",
        "inside epoch 1",
        "end of epoch 1",
        "inside epoch 2",
        "before the last evaluation",
        "before the last commit",
        "after the last commit",
    ],
)
def test_after_a_kill_the_run_ends_in_the_same_bits_with_another_number_of_workers(
    tmp_path, untouched, commit, moment
):
    killed = warm.run(
        [sys.executable, "-c", KILLED_AT_COMMIT, str(tmp_path), str(commit), moment],
        env={**os.environ, "PYTHONPATH": "tests"},
    )
    assert killed.returncode == -signal.SIGKILL
    plan = trained(tmp_path, execution__workers=2, execution__checkpoint_steps=1)
    assert results(plan) == untouched


def started(tmp_path, *options):
    # Whoever runs the tests may have them ignore it, as nohup does.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        return warm.Popen(
            run_command(tmp_path, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGHUP, before)


def wait_for(tmp_path, pattern, process):
    """Until a checkpoint of this name is there; a process that never writes one is not left behind."""
    until, folder = time.monotonic() + 120, small_plan(tmp_path).folder.checkpoints
    while not list(folder.glob(pattern)):
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            _, said = process.communicate()
            pytest.fail(f"no checkpoint {pattern}: {said}")
        time.sleep(0.005)


def test_the_command_killed_inside_an_epoch_goes_on_when_it_is_given_again(tmp_path, untouched):
    """SIGKILL reaches the launcher alone; its worker, and the worker's data workers, notice, leave, and let go of the run."""
    process = started(tmp_path, "--set", "execution.checkpoint_steps=1", "--set", "execution.workers=2")
    wait_for(tmp_path, "epoch-000002-step-0000000[1-4].ckpt", process)
    process.kill()
    process.communicate()
    [folder] = find_runs(tmp_path)
    assert read_section(folder.status, Status).state == "running"
    again = started(tmp_path, "--set", "execution.workers=1")
    _, said = again.communicate()
    assert again.returncode == 0, said
    assert results(small_plan(tmp_path)) == untouched


@pytest.mark.parametrize(
    ("number", "code"),
    thinned(
        [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143), (signal.SIGUSR1, 143)],
        [(signal.SIGINT, 130)],
    ),
)
def test_a_signal_lets_the_step_end_commits_and_says_how_to_go_on(tmp_path, untouched, number, code):
    process = started(tmp_path, "--set", "execution.checkpoint_steps=1")
    wait_for(tmp_path, "epoch-00000[12]-*.ckpt", process)
    process.send_signal(number)
    _, said = process.communicate()
    assert process.returncode == code, said
    assert "To go on: tinyexp run tiny-design1" in said
    [folder] = find_runs(tmp_path)
    assert read_section(folder.status, Status).state == "interrupted"
    assert results(trained(tmp_path)) == untouched


def test_a_stop_during_evaluation_loses_no_step_and_repeats_no_row(tmp_path, untouched):
    plan = small_plan(tmp_path)
    asked = []

    def stop_code():
        asked.append(1)
        return 143 if len(asked) >= 6 else 0  # asked once a step: the fifth falls into the evaluation

    with pytest.raises(InterruptedRunError):
        train_run(
            plan, open_dataset(vision_settings(plan.experiment).data, tmp_path), Listener(stop_code=stop_code)
        )
    assert [path.name for path in checkpoints(plan.folder.checkpoints)][-1].startswith(
        "epoch-000001-step-00000004"
    )
    assert results(trained(tmp_path)) == untouched


def test_a_finished_run_is_used_again_and_an_edited_record_is_put_right(tmp_path, untouched):
    plan = trained(tmp_path)
    assert plan.is_finished()
    plan.folder.metrics.write_text("epoch\n1\n")
    assert not plan.is_finished()
    assert results(trained(tmp_path)) == untouched


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: b"",
        lambda c: c[:10],
        lambda c: c[: len(c) // 2],
        lambda c: c[:-1],
        lambda c: c[:5000] + bytes([c[5000] ^ 1]) + c[5001:],
    ],
    ids=["empty", "10 bytes", "half", "one short", "one bit"],
)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_used(tmp_path, untouched, damage):
    plan = trained(tmp_path)
    last = checkpoints(plan.folder.checkpoints)[-1]
    last.write_bytes(damage(last.read_bytes()))
    warned = []
    again = trained(tmp_path, listener=Listener(warn=warned.append))
    assert results(again) == untouched
    assert f"set aside as {last.name}.damaged" in warned[0]


def test_with_every_checkpoint_damaged_nothing_is_started_over(tmp_path):
    plan = trained(tmp_path)
    for path in checkpoints(plan.folder.checkpoints):
        path.write_bytes(path.read_bytes()[:-1])
    for _ in range(2):
        with pytest.raises(DamagedError, match="every checkpoint is damaged"):
            trained(tmp_path)


def test_another_environment_is_refused_or_marked(tmp_path):
    plan = trained(tmp_path)
    found = read_section(plan.folder.environment, Environment)
    began_as(plan, environment=found.model_copy(update={"cpu_capability": "ALTIVEC"}))
    with pytest.raises(UserError, match="cpu_capability: ALTIVEC then"):
        trained(tmp_path)
    dataset = open_dataset(vision_settings(plan.experiment).data, tmp_path)
    train_run(plan, dataset, accept_environment=True)
    assert not read_section(plan.folder.environment, Environment).bit_identical


def test_threads_are_restored(tmp_path, untouched):
    with pytest.raises(InterruptedRunError):
        trained(tmp_path, listener=Listener(stop_code=lambda: 143))
    warned = []
    plan = trained(tmp_path, listener=Listener(warn=warned.append), execution__threads=2)
    assert "1 CPU threads are used" in warned[0]
    assert results(plan) == untouched


def test_a_folder_that_holds_another_run_is_refused(tmp_path):
    plan = trained(tmp_path)
    record = read_section(plan.folder.record, RunRecord)
    began_as(plan, record=record.model_copy(update={"identity": "0" * 64, "numerics_version": 999}))
    with pytest.raises(UserError, match="numerics version 999 then"):
        trained(tmp_path)


def test_fresh_trains_anew_and_deletes_nothing(tmp_path, untouched):
    plan = trained(tmp_path)
    train_run(plan, open_dataset(vision_settings(plan.experiment).data, tmp_path), fresh=True)
    assert results(plan) == untouched
    assert (plan.folder.path / "before-fresh-1" / "checkpoints").is_dir()
