"""The executor's bookkeeping, without Ray: orders are carried out in this process, and lost, cancelled or spoilt on the way."""

import os
import time
from pathlib import Path

import filelock
import pytest
from in_process import InProcess
from small_runs import results, small_plan
from stand_in_cluster import StandIn, executor, jobs_in, launch

from tinyexp.launch.drive import train
from tinyexp.launch.executor import Cancelled, RunEnded
from tinyexp.launch.job import Job, run_job
from tinyexp.launch.progress import PlainProgress
from tinyexp.launch.ray.executor import MAX_LOSSES
from tinyexp.launch.ray.order import Word
from tinyexp.launch.ray.seam import Lost
from tinyexp.runs.records import Status, read_section

LONG = {"training__epochs": 900, "training__stop_after": 900, "execution__checkpoint_steps": 1}


def expected(tmp_path, **overrides):
    plan = small_plan(tmp_path / "expected", **overrides)
    assert run_job(Job(plan, Path("data"))).exit_code == 0
    return results(plan)


def next_event(own, patience=60.0):
    end = time.monotonic() + patience
    while not (events := own.poll(0.02)):
        assert time.monotonic() < end, "it did not come about"
    [event] = events
    return event


def lose_after_a_state(states=None):
    """The first archive comes home, and whatever is said next is lost with its node."""
    states, lost = [] if states is None else states, []

    def meddle(order, word, archive):
        if states and not lost:
            lost.append(True)
            return Lost("the node died")
        if word.kind == "state" and not states:
            states.append(archive)
        return None

    return meddle


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "apart"])
def test_the_records_are_those_of_a_run_in_this_process(tmp_path, request, shared):
    if not shared:
        request.getfixturevalue("apart")
    names = ("tiny-design1", "tiny-design2")
    cluster = StandIn()
    outcomes, code = launch(jobs_in(tmp_path / "ray", 1, names), cluster)
    train(jobs_in(tmp_path / "here", 1, names), InProcess(), PlainProgress(1))
    assert (code, [one.status.state for one in outcomes]) == (0, ["finished"] * 2)
    for ours, theirs in zip(
        jobs_in(tmp_path / "ray", 1, names), jobs_in(tmp_path / "here", 1, names), strict=True
    ):
        assert results(ours.plan) == results(theirs.plan)
    assert cluster.out == 0
    assert not [*tmp_path.glob("elsewhere"), *tmp_path.glob("node/*")]


def test_a_run_whose_node_is_lost_goes_on_from_the_last_commit_that_came_back(tmp_path, apart):
    lost = []
    said = []
    cluster = StandIn(lose_after_a_state(lost))
    [outcome], code = launch(jobs_in(tmp_path / "runs"), cluster, said)
    assert (code, outcome.status.state, len(cluster.orders)) == (0, "finished", 2)
    assert cluster.states == [b"", lost[0]]
    assert results(outcome.plan) == expected(tmp_path)
    assert said == ["tiny-design1 seed 0: lost (the node died); it goes on from the last commit that is here"]


def test_a_run_that_is_lost_again_and_again_is_given_up_and_says_how(tmp_path, apart):
    cluster = StandIn(lambda order, word, archive: Lost("out of memory"))
    [outcome], _ = launch(jobs_in(tmp_path / "runs"), cluster)
    assert len(cluster.orders) == MAX_LOSSES
    assert (outcome.exit_code, outcome.status.state) == (1, "failed")
    assert "out of memory; lost 3 times" in outcome.status.message


def test_a_job_that_is_cancelled_commits_and_what_it_committed_comes_home(tmp_path, apart):
    long = Job(small_plan(tmp_path / "runs", **LONG), Path("data"))
    cluster = StandIn()
    own = executor(tmp_path / "runs", cluster, jobs=1)
    try:
        handle, never = own.submit(long), own.submit(jobs_in(tmp_path / "runs")[0])
        own.cancel(never)
        assert next_event(own) == Cancelled(never)
        while not long.plan.folder.checkpoints.is_dir():
            assert own.poll(0.02) == []
        own.cancel(handle)
        assert next_event(own) == RunEnded(handle, 143)
        own.cancel(handle)  # which has ended
    finally:
        own.close()
    status = read_section(long.plan.folder.status, Status)
    assert (status.state, len(cluster.orders)) == ("interrupted", 1)
    assert "nothing is lost" in status.message


def test_a_job_that_waits_at_the_clusters_door_is_taken_back(tmp_path, apart):
    class Full(StandIn):
        def heard(self, streams, wait_s):
            return []

    cluster = Full()
    own = executor(tmp_path, cluster)
    try:
        handle = own.submit(jobs_in(tmp_path)[0])
        while not cluster.orders:
            assert own.poll(0.02) == []
        own.cancel(handle)
        assert own.poll(0) == [Cancelled(handle)]
        assert cluster.forgotten == 1
    finally:
        own.close()


def test_a_run_that_another_launcher_has_is_refused_and_never_ordered(tmp_path, apart, monkeypatch):
    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.1)
    [job] = jobs_in(tmp_path / "runs")
    job.plan.folder.path.mkdir(parents=True)
    cluster = StandIn()
    with filelock.FileLock(job.plan.folder.lock):
        [outcome], _ = launch([job], cluster)
    assert (outcome.exit_code, cluster.orders) == (1, [])
    assert "is being trained by" in outcome.status.message


def test_a_run_that_is_out_is_held_here_against_other_launchers(tmp_path, apart, monkeypatch):
    monkeypatch.setattr("tinyexp.trainers.owned.LOCK_SECONDS", 0.1)
    [job] = jobs_in(tmp_path / "runs")
    refused = []

    def try_it(order, word, archive):
        refused.append(run_job(job).message)

    launch([job], StandIn(try_it))
    assert "is being trained by" in refused[0]


def test_a_finished_run_is_ordered_anew_by_fresh_and_a_loss_does_not_begin_it_a_third_time(tmp_path, apart):
    [plain] = jobs_in(tmp_path / "runs")
    assert run_job(plain).exit_code == 0
    before = results(plain.plan)
    cluster = StandIn(lose_after_a_state())
    own = [Job(plain.plan, plain.data_folder, fresh=True)]
    [outcome], _ = launch(own, cluster)
    assert [order.again for order in cluster.orders] == [False, True]
    assert outcome.status.state == "finished"
    assert results(plain.plan) == before
    [aside] = plain.plan.folder.path.glob("before-fresh-*")
    assert (aside / "metrics.csv").read_bytes() == before["metrics.csv"]


def test_an_archive_that_would_write_elsewhere_fails_its_run_and_writes_nothing(tmp_path, apart, monkeypatch):
    import io
    import zipfile

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../../out", b"x")

    cluster = StandIn(lambda order, word, archive: (Word(kind="state").model_dump_json(), content.getvalue()))
    [outcome], _ = launch(jobs_in(tmp_path / "runs"), cluster)
    assert (outcome.exit_code, cluster.out) == (1, 0)
    assert "no archive of ours" in outcome.status.message
    assert not list(tmp_path.rglob("out"))
    assert not list((tmp_path / "node").iterdir())


@pytest.mark.parametrize(("asked", "most"), [(1, 1), (0, 4)])
def test_as_many_runs_are_out_as_were_asked_for_or_as_there_is_room_for_and_two_at_the_door(
    tmp_path, apart, asked, most
):
    seen = []

    class Counting(StandIn):
        def heard(self, streams, wait_s):
            seen.append(len(streams))
            return super().heard(streams, wait_s)

    own = executor(tmp_path / "none", Counting(), jobs=asked)
    own.close()
    assert own.side_by_side == (asked or 2)
    outcomes, _ = launch(jobs_in(tmp_path / "runs", 6), Counting(), jobs=asked)
    assert [one.status.state for one in outcomes] == ["finished"] * 6
    assert max(seen) == most


def test_where_no_node_could_carry_it_out_that_is_said_once(tmp_path, apart):
    said = []
    launch(jobs_in(tmp_path / "runs", 2), StandIn(most=0), said)
    assert said == ["no node of the cluster has 1 processors now: runs wait until one joins"]


def test_a_heartbeat_from_afar_is_one_here(tmp_path, apart, monkeypatch):
    """A run whose archives are far apart, which ships at its beginning and then no more."""
    monkeypatch.setattr("tinyexp.launch.ray.node.BEAT_S", 0.0)
    monkeypatch.setattr("tinyexp.launch.ray.node.ARCHIVE_S", 1e9)
    long = Job(small_plan(tmp_path / "runs", **LONG), Path("data"))
    status, beats = long.plan.folder.status, []

    def age_it(order, word, archive):
        if beats:
            assert status.stat().st_mtime > 1e9
            cluster.stopped.add(order.number)
        if word.kind == "beat" and status.exists():
            os.utime(status, (1, 1))
            beats.append(word)

    cluster = StandIn(age_it)
    [outcome], _ = launch([long], cluster)
    assert beats
    assert outcome.status.state == "interrupted"
