"""What is cancelled commits, leaves and does not come back: one task, all that is under way, and after a signal."""

import os
import signal
import threading

from slurm_helpers import carried_out, events_of, executor, jobs_of, starts, wait_for

from tinyexp.launch.executor import Cancelled, RunEnded
from tinyexp.launch.slurm import client


def test_a_task_that_is_cancelled_commits_leaves_and_does_not_come_back(cluster, place, under_way):
    one, _ = under_way
    one.cancel(0)
    assert events_of(one) == [RunEnded(0, 143)]
    assert cluster.states() == ["CANCELLED", "RUNNING"]
    (place / "go").touch()
    assert events_of(one) == [RunEnded(1, 0)]
    assert len(starts(place)) == 2


def test_a_task_that_has_not_begun_is_cancelled_without_a_trace(cluster, place):
    one = executor(at_once=1)
    first, second, third = (one.submit(job) for job in jobs_of(range(3)))
    one.cancel(third)  # before it was submitted
    assert one.poll(0) == [Cancelled(third)]
    wait_for(lambda: one.poll(0.05) == [] and starts(place))
    one.cancel(second)
    assert events_of(one) == [Cancelled(second)]
    (place / "go").touch()
    assert events_of(one) == [RunEnded(first, 0)]
    one.close()
    assert [seed for seed, _ in starts(place)] == [0]
    assert len(cluster.calls("scancel")) == 1


def test_closing_ends_what_is_under_way(cluster, place, under_way):
    one, _ = under_way
    one.close()
    wait_for(lambda: client.queued(["none"]) == {} and cluster.states() == ["CANCELLED", "CANCELLED"])


def test_a_signal_ends_the_runs_and_the_same_jobs_go_on(cluster, place):
    def interrupt():
        wait_for(lambda: len(starts(place)) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = threading.Thread(target=interrupt)
    waiting.start()
    outcomes, code = carried_out(jobs_of((0, 1)))
    waiting.join()
    assert (code, [one.exit_code for one in outcomes]) == (130, [143, 143])
    assert {one.status.state for one in outcomes} == {"interrupted"}
    (place / "go").touch()
    outcomes, _ = carried_out(jobs_of((0, 1)))
    assert [one.exit_code for one in outcomes] == [0, 0]
    assert sorted(starts(place)[2:]) == [(0, 2), (1, 2)]
