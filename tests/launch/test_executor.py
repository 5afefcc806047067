"""The seam between jobs and where they are carried out: any executor gives the same records, outcomes and progress."""

import errno
import os
import signal
import time
from pathlib import Path

import filelock
from in_process import InProcess
from small_runs import results, small_plan

from tinyexp.launch.drive import train
from tinyexp.launch.executor import Cancelled, RunEnded
from tinyexp.launch.job import Job, run_job
from tinyexp.launch.local import LocalExecutor
from tinyexp.launch.progress import PlainProgress
from tinyexp.runs.records import Status, read_section
from tinyexp.trainers.vision.training.checkpoint import checkpoints


class Heard(PlainProgress):
    """Keeps what it is told, by run."""

    def __init__(self):
        super().__init__(1)
        self.notes, self.started_runs, self.epochs, self.ends = [], [], [], {}

    def note(self, message):
        self.notes.append(message)

    def started(self, plan):
        self.started_runs.append(plan.title)

    def epoch_done(self, plan, epoch, seconds, measured):
        self.epochs.append((plan.title, epoch, seconds, measured))

    def ended(self, plan, status):
        self.ends[plan.title] = status.state


def jobs_in(runs, count=3, **options):
    return [Job(small_plan(runs, "tiny-design1", seed), Path("data"), **options) for seed in range(count)]


def files_of(runs):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in runs.rglob("*") if path.is_file()}


def test_what_the_system_refuses_a_run_is_told_in_words_that_name_the_file(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "runs/run.json")

    monkeypatch.setattr("tinyexp.trainers.vision.training.run.train_run", refused)
    end = run_job(Job(small_plan(tmp_path), Path("data")))
    assert end.exit_code == 1
    assert end.message == (
        "runs/run.json: Too many open files. Let a process have more files open (`ulimit -n`), then give the same command again."
    )


def test_another_executor_gives_the_same_bytes_outcomes_and_progress(tmp_path):
    heard = {}
    for name, executor in (("here", InProcess()), ("workers", LocalExecutor(2))):
        heard[name] = Heard()
        outcomes, code = train(jobs_in(tmp_path / name), executor, heard[name])
        assert (code, [one.exit_code for one in outcomes]) == (0, [0, 0, 0])
        assert all(one.status == recorded(one.plan) for one in outcomes)
    for ours, theirs in zip(jobs_in(tmp_path / "here"), jobs_in(tmp_path / "workers"), strict=True):
        assert results(ours.plan) == results(theirs.plan)
    assert (
        heard["here"].ends
        == heard["workers"].ends
        == {f"tiny-design1 seed {n}": "finished" for n in range(3)}
    )
    for progress in heard.values():
        assert sorted(progress.started_runs) == sorted(progress.ends)
        assert {title for title, epoch, _, _ in progress.epochs if epoch == 3} == set(progress.ends)
        assert all(seconds > 0 and "test accuracy" in words for _, _, seconds, words in progress.epochs)


def test_the_same_job_again_does_nothing_and_a_fresh_one_trains_anew(tmp_path):
    [job] = jobs_in(tmp_path, 1)
    assert run_job(job).exit_code == 0
    before = files_of(tmp_path)
    assert run_job(job).exit_code == 0
    assert files_of(tmp_path) == before
    assert run_job(Job(job.plan, job.data_folder, fresh=True)).exit_code == 0
    assert (job.plan.folder.path / "before-fresh-1").is_dir()


def test_a_signal_cancels_through_the_seam_and_the_same_jobs_go_on(tmp_path):
    asked = []

    def interrupted_after_six():
        asked.append(1)
        if len(asked) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return 130 if len(asked) >= 6 else 0

    executor, heard = InProcess(interrupted_after_six), Heard()
    outcomes, code = train(jobs_in(tmp_path), executor, heard)
    assert (code, executor.closed) == (130, True)
    assert [(one.status.state, one.exit_code) for one in outcomes] == [("interrupted", 130)]
    assert heard.notes == ["stopping: every run commits its state and leaves"]
    again, code = train(jobs_in(tmp_path), InProcess(), Heard())
    assert (code, len(again)) == (0, 3)
    train(jobs_in(tmp_path / "untouched", 1), InProcess(), Heard())
    assert results(again[0].plan) == results(small_plan(tmp_path / "untouched"))


def test_a_second_interrupt_leaves_without_waiting(tmp_path):
    class Never(InProcess):
        """Its jobs end never, and cannot be cancelled."""

        polls = 0

        def poll(self, wait_s):
            self.polls += 1
            assert self.polls <= 2
            os.kill(os.getpid(), signal.SIGINT)
            return []

        def cancel(self, handle):
            pass

    executor = Never()
    assert train(jobs_in(tmp_path), executor, Heard()) == ([], 130)
    assert executor.closed


def next_event(executor):
    """The one event that comes next."""
    end = time.monotonic() + 120
    while not (events := executor.poll(0.1)):
        assert time.monotonic() < end, "it did not come about"
    [event] = events
    return event


def test_cancelling_one_job_leaves_the_others_alone(tmp_path):
    endless = {"training__epochs": 900, "training__stop_after": 900, "execution__checkpoint_steps": 1}
    long = Job(small_plan(tmp_path, **endless), Path("data"))
    [other] = jobs_in(tmp_path, 1)
    never = Job(small_plan(tmp_path, "tiny-design2"), Path("data"))
    executor = LocalExecutor(1)
    try:
        first, second, third = (executor.submit(job) for job in (long, never, other))
        executor.cancel(second)
        assert executor.poll(0) == [Cancelled(second)]
        while not checkpoints(long.plan.folder.checkpoints):
            assert executor.poll(0.05) == []
        executor.cancel(first)
        assert next_event(executor) == RunEnded(first, 143)
        executor.cancel(first)  # which has ended
        assert next_event(executor) == RunEnded(third, 0)
    finally:
        executor.close()
    assert recorded(long.plan).state == "interrupted"
    assert recorded(other.plan).state == "finished"
    assert not never.plan.folder.path.exists()


def test_a_run_that_another_process_trains_is_refused_and_its_records_are_left_to_that_process(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.1)
    [job] = jobs_in(tmp_path, 1)
    assert run_job(job, lambda: 143).exit_code == 143
    before = files_of(tmp_path)
    with filelock.FileLock(job.plan.folder.lock):
        [outcome], _ = train([job], InProcess(), Heard())
    assert (outcome.exit_code, outcome.status.state) == (1, "failed")
    assert "is being trained by" in outcome.status.message
    assert files_of(tmp_path) == before


def test_what_could_not_be_written_down_is_told(tmp_path):
    """As on a full disk: the status on disk is that of the last commit, the outcome's is not."""
    [job] = jobs_in(tmp_path, 1)

    class Full(InProcess):
        def poll(self, wait_s):
            return [RunEnded(1, 1, "metrics.csv: cannot be written")]

    [outcome], _ = train([job], Full(), Heard())
    assert (outcome.status.state, outcome.status.message) == ("failed", "metrics.csv: cannot be written")
    assert not job.plan.folder.status.exists()


def recorded(plan) -> Status:
    return read_section(plan.folder.status, Status)
