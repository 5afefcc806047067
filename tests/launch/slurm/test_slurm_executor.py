"""Jobs through SLURM come out as through any other executor, whatever becomes of a task, of squeue, or of a signal."""

import shutil
import signal
from pathlib import Path

import pytest
from slurm_helpers import Silent, carried_out, events_of, executor, jobs_of, starts, wait_for
from small_runs import results, small_plan

from tinyexp.errors import UserError
from tinyexp.launch.drive import train
from tinyexp.launch.executor import RunEnded, WorkerLost
from tinyexp.launch.job import Job
from tinyexp.launch.local import LocalExecutor
from tinyexp.launch.slurm import client, submitter, watcher
from tinyexp.launch.slurm.submission import Submission


@pytest.mark.slow
def test_the_bytes_are_those_of_a_local_run_and_a_run_that_diverges_or_fails_is_named(
    cluster, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    plans = {}
    for name, made in (("local", LocalExecutor(1)), ("slurm", executor())):
        runs = Path(name)
        plans[name] = [
            small_plan(runs),
            small_plan(runs, seed=1),
            small_plan(runs, optimizer__learning_rate=1e30),
        ]
        outcomes, code = train([Job(plan, Path("data")) for plan in plans[name]], made, Silent())
        assert code == 0
        assert [one.status.state for one in outcomes] == ["finished", "finished", "diverged"]
        assert [one.exit_code for one in outcomes] == [0, 0, 1]
    for ours, theirs in zip(plans["slurm"][:2], plans["local"][:2], strict=True):
        assert results(ours) == results(theirs)
    assert len(cluster.calls("sbatch")) == 1


def test_commands_are_carried_out_from_a_place_with_a_hostile_name_and_a_failing_one_says_why(cluster, place):
    (place / "go").touch()
    jobs = [*jobs_of((0, 1)), *jobs_of((0,), height=-1.0)]
    outcomes, _ = carried_out(jobs, at_once=1)
    assert [one.status.state for one in outcomes] == ["finished", "finished", "failed"]
    assert "a negative height" in outcomes[2].status.message
    local = jobs_of((0, 1), runs=Path("local"))
    train(local, LocalExecutor(1), Silent())
    for ours, theirs in zip(jobs, local, strict=False):
        for name in ("run.json", "metrics.csv", "status.json"):
            assert (ours.plan.folder.path / name).read_bytes() == (
                theirs.plan.folder.path / name
            ).read_bytes()
    [job] = cluster.jobs().values()
    assert job["options"]["--signal"] == "B:TERM@120"
    assert {"--requeue", "--open-mode"} <= job["options"].keys()
    assert [*place.glob("runs/default/.slurm/*/2.log")]  # kept, as not all went well


def test_nothing_is_left_of_a_submission_whose_runs_all_went_well(cluster, place):
    (place / "go").touch()
    carried_out(jobs_of((0, 1)))
    assert [*place.glob("runs/default/.slurm/*/")] == []
    again, _ = carried_out(jobs_of((0, 1)))
    assert not any(one.trained for one in again)
    assert len(cluster.calls("sbatch")) == 1


def test_more_jobs_than_an_array_may_have_become_arrays_that_follow_one_another(cluster, place):
    (cluster.folder / "max-array").write_text("2")
    (place / "go").touch()
    outcomes, _ = carried_out(jobs_of(range(3)), at_once=1)
    assert [one.exit_code for one in outcomes] == [0, 0, 0]
    first, second = cluster.jobs().items()
    assert second[1]["after"] == first[0]
    assert [seed for seed, _ in starts(place)] == [0, 1, 2]


def test_a_task_that_is_sent_sigterm_commits_goes_into_the_queue_again_and_goes_on(cluster, place, under_way):
    one, _ = under_way
    [number] = cluster.jobs()
    cluster.signal(number, "0")
    wait_for(lambda: one.poll(0.1) == [] and len(starts(place)) == 3)
    assert starts(place)[-1] == (0, 2)  # from what it had saved
    (place / "go").touch()
    assert sorted(event.exit_code for event in events_of(one, 2)) == [0, 0]
    assert [task["restarts"] for task in cluster.jobs()[number]["tasks"].values()] == [1, 0]


def test_a_task_that_cannot_go_into_the_queue_again_says_why(cluster, place, under_way):
    one, _ = under_way
    cluster.failing("scontrol", "scontrol: error: Requested operation is presently disabled")
    cluster.signal("100", "1")
    [event] = events_of(one)
    assert (event.exit_code, event.handle) == (143, 1)
    assert "presently disabled" in event.message


def test_what_fresh_asks_for_is_done_once_however_often_a_task_begins(cluster, place):
    one = executor()
    [job] = jobs_of((0,), fresh=True)
    one.submit(job)
    wait_for(lambda: one.poll(0.05) == [] and len(starts(place)) == 1)
    cluster.signal("100", "0")
    wait_for(lambda: one.poll(0.05) == [] and len(starts(place)) == 2)
    (place / "go").touch()
    assert events_of(one) == [RunEnded(0, 0)]
    one.close()
    assert starts(place) == [(0, 0), (0, 2)]


def test_a_task_that_slurm_puts_into_the_queue_again_goes_on_though_its_command_dies_of_the_signal(
    cluster, place, under_way
):
    """SLURM signals all processes of a job, the command's as well."""
    one, _ = under_way
    client.requeue("100_1")
    wait_for(lambda: one.poll(0.1) == [] and len(starts(place)) == 3)
    assert starts(place)[-1] == (1, 2)
    (place / "go").touch()
    assert {event.exit_code for event in events_of(one, 2)} == {0}


def test_a_task_that_is_gone_without_a_word_is_lost_and_what_is_known_of_it_is_said(
    cluster, place, under_way, monkeypatch
):
    monkeypatch.setattr(watcher, "GRACE_S", 2.0)
    one, _ = under_way
    cluster.signal("100", "0", signal.SIGKILL)
    [event] = events_of(one)
    assert isinstance(event, WorkerLost)
    assert event.how.startswith("SLURM says FAILED, code 137:0; what it said: ")
    cluster.forget("100", "1")
    [event] = events_of(one)
    assert event.how.startswith("SLURM knows it no longer; what it said: ")


def test_an_end_that_arrives_late_on_the_disk_is_waited_for(cluster, place, monkeypatch):
    """The task is gone from the queue, and the file that says how it ended is seen by no launcher yet."""
    there = Submission.end
    monkeypatch.setattr(Submission, "end", lambda self, index: None)
    one = executor()
    for job in jobs_of((0,), height=-1.0):
        one.submit(job)
    wait_for(lambda: one.poll(0.05) == [] and "FAILED" in cluster.states())
    asked = len(cluster.calls("squeue"))
    wait_for(lambda: one.poll(0.1) == [] and len(cluster.calls("squeue")) >= asked + 2)
    monkeypatch.setattr(Submission, "end", there)
    [event] = events_of(one)
    assert "a negative height" in event.message
    one.close()


def test_a_run_that_finished_is_finished_though_nothing_is_left_of_its_submission(cluster, place, under_way):
    """As where the launcher that submitted it was told of the end first, and removed what nobody needs any more."""
    one, _ = under_way
    [folder] = place.glob("runs/default/.slurm/*/")
    (place / "go").touch()
    wait_for(lambda: client.queued(["none"]) == {} and cluster.states() == ["COMPLETED"] * 2)
    shutil.rmtree(folder)
    assert sorted(event.handle for event in events_of(one, 2)) == [0, 1]


def test_a_squeue_that_fails_or_a_slurmctld_that_is_away_loses_no_job(cluster, place, under_way):
    one, heard = under_way
    heard.clear()
    cluster.failing("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    asked = len(cluster.calls("squeue"))
    wait_for(lambda: one.poll(0.1) == [] and len(cluster.calls("squeue")) >= asked + 2)
    cluster.mend("squeue")
    asked = len(cluster.calls("squeue"))
    wait_for(lambda: one.poll(0.1) == [] and len(cluster.calls("squeue")) >= asked + 1)
    (place / "go").touch()
    assert {event.exit_code for event in events_of(one, 2)} == {0}
    assert heard == [
        "squeue: slurm_load_jobs error: Unable to contact slurm controller (connect failure); the runs go on, and SLURM is asked again",
        "SLURM answers again",
    ]


def test_an_sbatch_that_was_heard_though_it_gave_no_answer_is_not_repeated(cluster, place, monkeypatch):
    """What it submitted is found by its name."""
    (place / "go").touch()
    real = client.submit

    def heard_and_lost(script):
        real(script)
        monkeypatch.setattr(client, "submit", real)
        raise client.SlurmError("sbatch: no answer in 60 s", passing=True)

    monkeypatch.setattr(client, "submit", heard_and_lost)
    monkeypatch.setattr(submitter, "_FIRST_WAIT_S", 0.1)
    heard = []
    outcomes, _ = carried_out(jobs_of((0, 1)), heard=heard)
    assert [one.exit_code for one in outcomes] == [0, 0]
    assert len(cluster.jobs()) == 1
    assert heard[:2] == [
        "sbatch: no answer in 60 s; asking again",
        "2 runs of an earlier command found with SLURM, and waited for",
    ]


def test_what_sbatch_refuses_is_the_users_to_mend_and_leaves_nothing(cluster, place):
    with pytest.raises(UserError, match=r"invalid partition specified: gpu.*--dry-run shows the script"):
        carried_out(jobs_of((0, 1)), sbatch=("--partition=gpu",))
    assert [*place.glob("runs/default/.slurm/*/")] == []
