"""Runs side by side: the same bytes for any number of jobs, and one that fails fails alone."""

import io
import multiprocessing
import os
import signal
import threading
from pathlib import Path

import pytest
from rich.console import Console
from small_runs import results, small_plan

from tinyexp.analysis.design import experiment_point
from tinyexp.config.load import load_experiment
from tinyexp.errors import UserError
from tinyexp.launch.drive import train
from tinyexp.launch.job import Job
from tinyexp.launch.local import LocalExecutor
from tinyexp.launch.prepare import prepare, require_writable
from tinyexp.launch.progress import PlainProgress, TerminalProgress, TimeLeft, measured
from tinyexp.runs.folder import find_runs
from tinyexp.runs.records import Status, read_section
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.settings import vision_settings


def plans(runs, **overrides):
    return [
        small_plan(runs, name, seed, **overrides)
        for seed in (0, 1)
        for name in ("tiny-design1", "tiny-design2")
    ]


def launch(runs, jobs, chosen=None, progress=None):
    chosen = [Job(plan, Path("data")) for plan in chosen or plans(runs)]
    return train(chosen, LocalExecutor(jobs), progress or PlainProgress(jobs))


def test_any_number_of_jobs_gives_the_same_bytes_and_a_second_call_trains_nothing(tmp_path):
    one, code = launch(tmp_path / "one", 1)
    two, _ = launch(tmp_path / "two", 2)
    assert code == 0
    assert [results(outcome.plan) for outcome in one] == [results(outcome.plan) for outcome in two]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*")}
    again, code = launch(tmp_path / "two", 2)
    assert code == 0
    assert not any(outcome.trained for outcome in again)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "two").rglob("*")} == before


def test_a_command_that_begins_is_not_in_the_way_of_one_that_lists_the_runs(tmp_path):
    """Trying whether a folder can be written to leaves nothing there, not even for a moment."""
    done = threading.Event()

    def begin_again_and_again():
        while not done.is_set():
            require_writable(tmp_path)

    beginning = threading.Thread(target=begin_again_and_again)
    beginning.start()
    try:
        for _ in range(2000):
            assert not list(find_runs(tmp_path))
            assert not os.listdir(tmp_path)  # noqa: PTH208 - at this very moment
    finally:
        done.set()
        beginning.join()


def test_a_run_that_diverges_or_breaks_is_named_and_the_others_go_on(tmp_path):
    bad = small_plan(tmp_path, "tiny-design1", 0, optimizer__learning_rate=1e30)
    broken = small_plan(tmp_path, "tiny-design1", 1)
    broken.folder.path.mkdir(parents=True)
    broken.folder.checkpoints.write_text("a file where a folder belongs")
    good = small_plan(tmp_path, "tiny-design2", 0)
    outcomes, code = launch(tmp_path, 1, [bad, broken, good])
    assert code == 0
    assert [outcome.status.state for outcome in outcomes] == ["diverged", "failed", "finished"]
    assert [outcome.exit_code for outcome in outcomes] == [1, 1, 0]
    assert read_section(broken.folder.status, Status).state == "failed"


class KillFirst(PlainProgress):
    """Ends the process of the worker whose run is first seen to have done an epoch."""

    def __init__(self, executor):
        super().__init__(1)
        self.executor, self.killed = executor, None

    def epoch_done(self, plan, epoch, seconds, measured):
        if not self.killed:
            self.killed = plan
            [worker] = self.executor._workers
            os.kill(worker.process.pid, signal.SIGKILL)


def test_a_worker_that_is_killed_costs_its_run_alone_and_the_run_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr("tinyexp.launch.drive._POLL_S", 0.005)
    monkeypatch.setattr("tinyexp.launch.watch._LOOK_S", 0.0)
    chosen = [small_plan(tmp_path, "tiny-design1", seed, training__stop_after=12) for seed in (0, 1)]
    executor = LocalExecutor(1)
    progress = KillFirst(executor)
    outcomes, _ = train([Job(plan, Path("data")) for plan in chosen], executor, progress)
    assert progress.killed is chosen[0]
    assert [outcome.status.state for outcome in outcomes] == ["failed", "finished"]
    assert "signal 9" in outcomes[0].status.message
    assert 0 < outcomes[0].status.epochs_done < 12
    again, _ = launch(tmp_path, 1, chosen)
    fresh, _ = launch(tmp_path, 1, [small_plan(tmp_path / "fresh", training__stop_after=12)])
    assert results(again[0].plan) == results(fresh[0].plan)


def test_what_does_not_fit_is_said_before_anything_is_trained(tmp_path):
    wrong_classes = load_experiment("tiny-design1", "embedded", {"model.classes": 7})
    with pytest.raises(UserError, match=r"Use --set model\.classes=10"):
        prepare([experiment_point(wrong_classes, (0,))], tmp_path, tmp_path)
    lonely = load_experiment("tiny-design1", "embedded", {"data.train_limit": 65})
    with pytest.raises(UserError, match="last batch"):
        prepare([experiment_point(lonely, (0,))], tmp_path, tmp_path)
    small = load_experiment("imagenet-resnet18", "embedded", {"input.image_size": 32})
    with pytest.raises(UserError, match="33 px"):
        prepare([experiment_point(small, (0,))], tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_plans_name_the_data_they_were_made_for(tmp_path):
    experiment = load_experiment("tiny-design1", "embedded")
    [plan] = prepare([experiment_point(experiment, (3,))], tmp_path, tmp_path)
    assert (
        plan.record.data.fingerprint == open_dataset(vision_settings(experiment).data, tmp_path).fingerprint
    )
    assert plan.folder.path == tmp_path / "embedded" / "tiny-design1" / f"3-{plan.record.identity[:8]}"


def test_the_time_left_counts_every_run_that_is_still_to_come(tmp_path):
    chosen = plans(tmp_path)
    left = TimeLeft(jobs=2)
    left.expect_all(chosen)
    assert left.words() == ""
    left.took(chosen[0], 1, 10.0)  # 2 epochs of this one are left, 3 of each other: 11 epochs, two at a time
    assert left.words() == "about 55 s left"
    for plan in chosen[1:]:
        left.ended(plan)
    assert left.words() == "about 20 s left"


def test_a_launcher_leaves_no_process_behind(tmp_path):
    launch(tmp_path, 2, plans(tmp_path)[:2])
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("terminal", [False, True], ids=["lines", "bars"])
def test_progress_says_how_many_runs_there_are_how_far_they_came_and_how_one_failed(
    tmp_path, capsys, terminal
):
    chosen = plans(tmp_path)[:2]
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    progress = TerminalProgress(1, console) if terminal else PlainProgress(1)
    progress.begin(chosen, finished=3)
    progress.started(chosen[0])
    progress.epoch_done(chosen[0], 2, 10.0, measured("test_accuracy", 0.25))
    if terminal:
        progress._bars.refresh()
        shown = screen.getvalue()
        assert "2/6" in shown  # epochs over both runs
        assert "about 40 s left" in shown
        assert "2/3" in shown
        assert "test accuracy 25.0%" in shown
    progress.ended(chosen[0], Status(state="failed", epochs_done=2, epochs=3, message="[no] memory"))
    progress.end()
    said = screen.getvalue() if terminal else capsys.readouterr().err
    assert "5 runs: 3 finished before, 2 to train" in said
    assert f"{chosen[0].title}: failed after 2 of 3 epochs: [no] memory" in said


def test_a_launcher_draws_bars_as_well_as_it_prints_lines(tmp_path):
    screen = io.StringIO()
    progress = TerminalProgress(1, Console(file=screen, force_terminal=True, width=120, color_system=None))
    outcomes, code = launch(tmp_path, 1, plans(tmp_path)[:2], progress)
    assert (code, [outcome.status.state for outcome in outcomes]) == (0, ["finished", "finished"])
    assert "6/6" in screen.getvalue()
    assert "2 of 2 runs" in screen.getvalue()
