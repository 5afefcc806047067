"""Through a real SLURM of one node: the bytes of a local run, whatever SLURM does to a task and whoever kills a launcher."""

import os
import subprocess
from pathlib import Path

import pytest
import real_slurm
from slurm_helpers import Silent, driver, jobs_of, starts, wait_for
from small_runs import results, small_plan

from tinyexp.launch.drive import train
from tinyexp.launch.engines import Placement, executor_for
from tinyexp.launch.executor import Cancelled, RunEnded
from tinyexp.launch.job import Job
from tinyexp.launch.local import LocalExecutor
from tinyexp.launch.slurm import client
from tinyexp.launch.slurm.submission import submissions
from tinyexp.runs.records import Status, read_section

pytestmark = pytest.mark.slow
PROFILE = Path("runs/default")


@pytest.fixture(scope="module")
def configuration():
    if problem := real_slurm.missing():
        told = f"The executor is not tested with a real SLURM: {problem}."
        pytest.fail(told) if os.environ.get("CI") else pytest.skip(told)
    with real_slurm.running() as path:
        yield str(path)


@pytest.fixture
def slurm(configuration, monkeypatch):
    """SLURM's programs ask the one that was started; all that a test leaves there is cancelled."""
    monkeypatch.setenv("SLURM_CONF", configuration)
    yield
    subprocess.run(["scancel", "--user=root"], check=True)


def under_way(seeds=(0, 1), **placed):
    """An executor whose tasks run, and the number of its array."""
    one = executor_for(Placement("slurm", jobs=2, **placed))
    for job in jobs_of(seeds):
        one.submit(job)
    wait_for(lambda: one.poll(0.1) == [] and len(starts(Path())) == len(seeds))
    return one, next(iter(one._tracked.values())).array


def events_of(one, count=1):
    found = []
    wait_for(lambda: found.extend(one.poll(0.2)) or len(found) >= count, 400)
    return sorted(found, key=lambda event: event.handle)


def test_the_embedded_designs_under_three_seeds_give_the_bytes_of_local_runs(slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plans = {
        name: [
            small_plan(Path(name), design, seed)
            for seed in range(3)
            for design in ("tiny-design1", "tiny-design2")
        ]
        for name in ("local", "slurm")
    }
    for name, executor in (
        ("local", LocalExecutor(1)),
        ("slurm", executor_for(Placement("slurm", jobs=2, sbatch=("--comment=two words",)))),
    ):
        outcomes, code = train([Job(plan, Path("data")) for plan in plans[name]], executor, Silent())
        assert (code, {one.status.state for one in outcomes}) == (0, {"finished"})
    for ours, theirs in zip(plans["slurm"], plans["local"], strict=True):
        assert results(ours) == results(theirs)


def test_a_training_that_is_requeued_in_mid_run_comes_out_the_same(slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    long = {"training__epochs": 90, "training__stop_after": 90}
    plan = small_plan(Path("slurm"), **long)
    one = executor_for(Placement("slurm"))
    one.submit(Job(plan, Path("data")))
    wait_for(lambda: one.poll(0.05) == [] and plan.folder.status.exists() and epochs_of(plan) >= 2)
    task = f"{next(iter(one._tracked.values())).array}_0"
    client.requeue(task)
    assert events_of(one) == [RunEnded(0, 0)]
    assert "Restarts=1" in client.call("scontrol", "--oneliner", "show", "job", task)
    one.close()
    local = small_plan(Path("local"), **long)
    train([Job(local, Path("data"))], LocalExecutor(1), Silent())
    assert results(plan) == results(local)


def epochs_of(plan):
    return read_section(plan.folder.status, Status).epochs_done


def test_a_task_that_is_sent_sigterm_goes_into_the_queue_again_and_goes_on(slurm, place):
    one, array = under_way()
    subprocess.run(["scancel", "--signal=TERM", "--batch", f"{array}_0"], check=True)
    wait_for(lambda: one.poll(0.2) == [] and len(starts(place)) == 3, 300)
    assert starts(place)[-1] == (0, 2)
    (place / "go").touch()
    assert events_of(one, 2) == [RunEnded(0, 0), RunEnded(1, 0)]
    one.close()


def test_a_run_outlives_its_time_limit(slurm, place):
    """Of three minutes: the signal comes two minutes before."""
    one, _ = under_way((0,), sbatch=("--time=00:03:00",))
    wait_for(lambda: one.poll(0.2) == [] and len(starts(place)) == 2, 400)
    assert starts(place) == [(0, 0), (0, 2)]
    (place / "go").touch()
    assert events_of(one) == [RunEnded(0, 0)]
    one.close()


def test_a_task_that_its_user_cancels_commits_and_does_not_come_back(slurm, place):
    one, array = under_way()
    subprocess.run(["scancel", f"{array}_1"], check=True)
    assert events_of(one) == [RunEnded(1, 143)]
    one.cancel(0)
    assert events_of(one) == [RunEnded(0, 143)]
    wait_for(lambda: client.queued([one.name for one in submissions(PROFILE)]) == {})
    assert len(starts(place)) == 2
    one.close()


def test_a_task_that_waits_is_cancelled_without_having_begun(slurm, place):
    one, _ = under_way()
    [late] = jobs_of((2,))
    handle = one.submit(late)
    wait_for(lambda: one.poll(0.2) == [] and handle in one._tracked)
    one.cancel(handle)
    assert events_of(one) == [Cancelled(handle)]
    one.close()
    assert len(starts(place)) == 2


def test_the_tasks_of_a_launcher_that_was_killed_are_found_by_the_next_one(slurm, place):
    first = driver()
    wait_for(lambda: len(starts(place)) == 2)
    first.kill()
    first.communicate()
    second = driver()
    said = "".join(second.stderr.readline() for _ in range(2))
    assert "2 runs of an earlier command found with SLURM" in said
    (place / "go").touch()
    _, more = second.communicate(timeout=300)
    assert second.returncode == 0, said + more
    assert sorted(starts(place)) == [(0, 0), (1, 0)]
