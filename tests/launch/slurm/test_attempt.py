"""What one attempt at a task leaves: its end, or nothing where SLURM begins it again."""

import pytest
from slurm_helpers import jobs_of

from tinyexp.launch.job import JobEnd
from tinyexp.launch.slurm import attempt as attempt_module
from tinyexp.launch.slurm import client
from tinyexp.launch.slurm.attempt import attempt
from tinyexp.launch.slurm.client import SlurmError
from tinyexp.launch.slurm.submission import TaskEnd, new_submission

AWAY = SlurmError("scontrol: error: Unable to contact slurm controller", passing=True)


@pytest.fixture
def submission(place, monkeypatch):
    """One task, whose run is asked for by no test."""
    made = new_submission(place / "runs" / "default")
    made.write(jobs_of((0,)), "")
    monkeypatch.setattr(attempt_module, "_PAUSE_S", 0.01)
    return made


@pytest.fixture
def slurm(monkeypatch):
    """What SLURM answers, one after the other; and what it was asked to put into its queue again."""
    answers, requeued = [], []

    def answer(_task):
        found = answers.pop(0)
        if isinstance(found, SlurmError):
            raise found
        return found

    monkeypatch.setattr(attempt_module, "state_of", answer)
    monkeypatch.setattr(attempt_module, "requeue", requeued.append)
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
    return answers, requeued


def attempted(submission, monkeypatch, end, stop=0):
    monkeypatch.setattr(attempt_module, "run_job", lambda job, stop_code: end)
    return attempt(submission.folder, 0, lambda: stop)


def test_how_it_ended_is_written_down(submission, slurm, monkeypatch):
    assert attempted(submission, monkeypatch, JobEnd(1, "no memory")) == 1
    assert submission.end(0) == TaskEnd(exit_code=1, message="no memory")
    assert submission.is_over(0)
    assert attempted(submission, monkeypatch, JobEnd(0)) == 0
    assert submission.end(0) == TaskEnd(exit_code=0)


def test_a_run_that_fails_because_the_signal_ended_a_worker_of_it_begins_again(
    submission, slurm, monkeypatch
):
    answers, requeued = slurm
    answers.append("RUNNING")
    attempted(submission, monkeypatch, JobEnd(1, "an attempt before"))
    assert attempted(submission, monkeypatch, JobEnd(1, "DataLoader worker was killed"), stop=143) == 143
    assert requeued == ["12_0"]
    assert submission.end(0) is None


def test_one_that_finished_though_it_was_asked_to_stop_is_finished(submission, slurm, monkeypatch):
    assert attempted(submission, monkeypatch, JobEnd(0), stop=143) == 0
    assert submission.end(0) == TaskEnd(exit_code=0)


def test_one_that_was_cancelled_does_not_begin_again_and_is_asked_about_in_the_end(
    submission, slurm, monkeypatch
):
    answers, requeued = slurm
    answers += [AWAY, AWAY, "COMPLETING"]
    assert attempted(submission, monkeypatch, JobEnd(143), stop=143) == 143
    assert requeued == []
    assert submission.end(0) == TaskEnd(exit_code=143)
    assert not submission.is_over(0)  # whether it begins again is for SLURM to say


def test_a_slurmctld_that_stays_away_is_not_asked_for_ever(submission, slurm, monkeypatch):
    answers, _ = slurm
    answers += [AWAY] * 2
    monkeypatch.setattr(attempt_module, "_ASK_S", 0.0)
    assert attempted(submission, monkeypatch, JobEnd(143), stop=143) == 143
    assert "not put into its queue again (scontrol: error: Unable to contact" in submission.end(0).message


def test_variables_that_would_change_what_slurms_programs_do_are_not_passed_on(monkeypatch):
    for name in ("SQUEUE_STATES", "SCANCEL_INTERACTIVE", "SBATCH_ARRAY_INX", "SLURM_RESTART_COUNT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SBATCH_PARTITION", "gpu")  # the user's to say
    names = {line.partition("=")[0] for line in client.call("env").splitlines()}
    assert "SBATCH_PARTITION" in names
    assert not names & {"SQUEUE_STATES", "SCANCEL_INTERACTIVE", "SBATCH_ARRAY_INX", "SLURM_RESTART_COUNT"}


@pytest.mark.parametrize(
    ("said", "passing"),
    [
        ("slurm_load_jobs error: Unable to contact slurm controller (connect failure)", True),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", True),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", True),
        ("sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified", False),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", False),
    ],
)  # fmt: skip
def test_what_may_pass_is_told_from_what_is_wrong_with_the_question(said, passing):
    with pytest.raises(SlurmError) as caught:
        client.call("sh", "-c", f"echo '{said}' >&2; exit 1")
    assert caught.value.passing is passing


def test_a_program_that_gives_no_answer_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(client, "_TIMEOUT_S", 0.2)
    with pytest.raises(SlurmError, match="sleep: no answer in 0 s") as caught:
        client.call("sleep", "30")
    assert caught.value.passing


def test_what_accounts_say_of_an_array_whose_jobs_are_forgotten_is_asked_from_before_midnight(
    monkeypatch, tmp_path
):
    for name, body in (
        ("scontrol", 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1'),
        ("sacct", 'echo "$@" >asked; echo "12_0|TIMEOUT|0:0"; echo "12_7|CANCELLED by 0|0:15"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert client.endings("12") == {
        0: "SLURM says TIMEOUT, code 0:0",
        7: "SLURM says CANCELLED by 0, code 0:15",
    }
    assert "-S now-30days" in (tmp_path / "asked").read_text()
