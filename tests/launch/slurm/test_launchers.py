"""Launchers that die, that come again, and that come two at a time: each run is submitted once."""

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from slurm_helpers import driver, jobs_of, starts, wait_for

from tinyexp import lease
from tinyexp.errors import DamagedError, UserError
from tinyexp.launch.engines import Placement
from tinyexp.launch.slurm import submission as submission_module
from tinyexp.launch.slurm.executor import SlurmExecutor
from tinyexp.launch.slurm.submission import Submission, new_submission, submissions
from tinyexp.launch.slurm.turn import turn

PROFILE = Path("runs/default")


def ended(process):
    """Its exit code and what it said."""
    out, err = process.communicate(timeout=200)
    return process.returncode, out + err


def executor():
    return SlurmExecutor(Placement("slurm", jobs=2), lambda _: None)


def test_a_launcher_that_is_killed_leaves_its_tasks_and_the_next_one_finds_them(cluster, place):
    first = driver()
    wait_for(lambda: len(starts(place)) == 2)
    first.kill()
    first.communicate()
    second = driver()
    assert "2 runs of an earlier command found with SLURM" in "".join(
        second.stderr.readline() for _ in range(2)
    )
    (place / "go").touch()
    code, said = ended(second)
    assert code == 0, said
    assert len(cluster.calls("sbatch")) == 1
    assert sorted(starts(place)) == [(0, 0), (1, 0)]


def test_the_tasks_of_a_launcher_that_was_killed_end_with_the_signal_of_the_next_one(cluster, place):
    first = driver()
    wait_for(lambda: len(starts(place)) == 2)
    first.kill()
    first.communicate()
    second = driver()
    "".join(second.stderr.readline() for _ in range(2))
    wait_for(lambda: str(second.pid) in next(place.glob("runs/default/.slurm/*/driver")).read_text())
    second.send_signal(signal.SIGTERM)
    code, said = ended(second)
    assert code == 143, said
    assert cluster.states() == ["CANCELLED", "CANCELLED"]


def test_two_launchers_at_once_submit_each_run_once_and_both_see_its_end(cluster, place):
    both = [driver(), driver(seeds=(1, 2))]
    wait_for(lambda: {0, 1, 2} <= {seed for seed, _ in starts(place)})
    (place / "go").touch()
    for code, said in map(ended, both):
        assert code == 0, said
    assert sorted(starts(place)) == [(0, 0), (1, 0), (2, 0)]
    assert len(cluster.calls("sbatch")) == 2


def test_a_launcher_that_leaves_lets_the_tasks_of_another_that_lives_go_on(cluster, place):
    first, second = executor(), executor()
    for job in jobs_of((0, 1)):
        first.submit(job)
        second.submit(job)
    wait_for(lambda: first.poll(0.05) == [] and second.poll(0.05) == [] and len(starts(place)) == 2)
    second._submitter.own.clear()  # as a process of its own has it
    for handle in (0, 1):
        second.cancel(handle)
    assert len(second.poll(0.1)) == 2
    second.close()
    assert cluster.calls("scancel") == []
    (place / "go").touch()
    wait_for(lambda: len(first.poll(0.1)) > 0)
    first.close()


def test_a_fresh_training_of_a_run_that_is_under_way_is_refused(cluster, place):
    first, second = executor(), executor()
    [job] = jobs_of((0,))
    first.submit(job)
    wait_for(lambda: first.poll(0.05) == [] and starts(place))
    [fresh] = jobs_of((0,), fresh=True)
    second.submit(fresh)
    with pytest.raises(
        UserError, match=r"--fresh: default/mine/0-.* is being trained by SLURM job 100_0.*scancel 100_0"
    ):
        second.poll(0)
    second.close()
    first.close()


def test_what_a_dead_launcher_left_is_removed_and_what_is_no_submission_stays(cluster, place):
    old = new_submission(PROFILE)
    old.write(jobs_of((0,)), "")
    os.utime(old.driver, (0, 0))
    strangers = old.folder.parent / "mine" / "notes.txt"
    strangers.parent.mkdir()
    strangers.write_text("keep")
    (place / "go").touch()
    one = executor()
    for job in jobs_of((0,)):
        one.submit(job)
    wait_for(lambda: one.poll(0.1))
    one.close()
    assert [path.name for path in old.folder.parent.iterdir() if path.is_dir()] == ["mine"]
    assert strangers.read_text() == "keep"


def test_a_submission_that_was_cut_off_while_it_was_written_is_none(place):
    old = new_submission(PROFILE)
    old.write(jobs_of((0,)), "")
    assert submissions(PROFILE) == [old]
    (old.folder / "submission.json").write_text("{")
    assert submissions(PROFILE) == []
    old.remove()
    assert old.folder.exists()


def test_a_launcher_is_known_by_its_heartbeat_and_on_its_own_machine_by_its_process(place, monkeypatch):
    one = new_submission(PROFILE)
    assert not one.has_driver()
    one.write(jobs_of((0,)), "")
    assert one.has_driver()
    os.utime(one.driver, (time.time() - 100,) * 2)
    assert not one.has_driver()
    one.beat()
    assert one.has_driver()
    gone = subprocess.Popen(["true"])
    gone.wait()
    monkeypatch.setattr(submission_module.os, "getpid", lambda: gone.pid)
    one.take()
    assert not one.has_driver()
    monkeypatch.setattr(submission_module.socket, "gethostname", lambda: "another")
    assert one.has_driver()


def test_one_process_at_a_time_has_its_turn(tmp_path):
    with turn(tmp_path) as mine:
        assert mine
        with turn(tmp_path) as other:
            assert not other
    with turn(tmp_path) as again:
        assert again
    assert not (tmp_path / lease.NAME).exists()


def test_a_turn_of_another_machine_is_waited_for_and_that_of_a_dead_one_is_over(tmp_path):
    held = tmp_path / lease.NAME
    held.write_text(json.dumps({"machine": "elsewhere", "host": "node7", "process": 4711, "token": "0"}))
    with turn(tmp_path) as mine:
        assert not mine
    os.utime(held, (time.time() - 1000,) * 2)
    with turn(tmp_path) as mine:
        assert mine
        assert json.loads(held.read_text())["process"] == os.getpid()


def test_of_many_processes_that_want_their_turn_at_once_one_has_it(tmp_path):
    had, together, start = [], [], threading.Barrier(8)

    def want():
        start.wait()
        for _ in range(50):
            with turn(tmp_path) as mine:
                if mine:
                    had.append(1)
                    together.append(len(had))
                    had.pop()

    threads = [threading.Thread(target=want) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert together
    assert set(together) == {1}


def test_where_a_task_lies_says_where_all_runs_are(tmp_path):
    assert Submission(tmp_path / "runs" / "desk" / ".slurm" / "abc").runs == tmp_path / "runs"


def test_a_task_that_cannot_be_read_is_an_error_that_names_the_file(place):
    one = new_submission(PROFILE)
    one.write(jobs_of((0, 1)), "")
    assert [one.task(index).record.seed for index in (0, 1)] == [0, 1]
    with pytest.raises(DamagedError, match=r"tasks.jsonl.gz: has no task 2 that can be read"):
        one.task(2)
    one.tasks.write_bytes(one.tasks.read_bytes()[:-20])
    with pytest.raises(DamagedError, match="has no task 1"):
        one.task(1)
