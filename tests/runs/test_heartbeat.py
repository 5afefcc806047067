"""A run under way touches its status, and nothing of what it says."""

import os
import time

from small_runs import results, small_plan, trained

from tinyexp.launch.job import Job, run_job
from tinyexp.runs import heartbeat
from tinyexp.runs.overview import overview
from tinyexp.runs.records import Status, write_section


def silent(path, seconds):
    """Have a file be last touched so long ago."""
    os.utime(path, (time.time() - seconds,) * 2)


def test_training_beats_between_its_commits_and_its_records_are_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.0)
    plan, ages = small_plan(tmp_path / "beating"), []

    def stop_code():
        if plan.folder.status.exists():
            ages.append(time.time() - plan.folder.status.stat().st_mtime)
            silent(plan.folder.status, 1000)
        return 0

    run_job(Job(plan, tmp_path), stop_code)
    assert len(ages) > 12, "asked at every step and batch of an evaluation"
    assert max(ages) < 500
    assert results(plan) == results(trained(tmp_path / "other"))


def test_a_beat_is_rare_and_a_missing_status_no_error(tmp_path, monkeypatch):
    path, clock = tmp_path / "status.json", [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    ask = heartbeat.beating(path, lambda: 143)
    path.write_text("{}")
    for moment, touched in ((0, False), (9, False), (10, True), (15, False), (20, True)):
        silent(path, 1000)
        clock[0] = float(moment)
        assert ask() == 143
        assert (time.time() - path.stat().st_mtime < 500) == touched
    path.unlink()
    clock[0] = 100.0
    assert ask() == 143


def test_the_overview_says_of_a_run_that_fell_silent_how_long_ago_that_was(tmp_path):
    plan = small_plan(tmp_path)
    write_section(plan.folder.record, plan.record)
    write_section(plan.folder.status, Status(state="running", epochs_done=0, epochs=3))
    assert overview(tmp_path)[0]["message"] == ""
    silent(plan.folder.status, 312.4)
    [row] = overview(tmp_path)
    assert (row["state"], row["message"]) == ("running", "last heartbeat 312 s ago")
    write_section(plan.folder.status, Status(state="interrupted", epochs_done=0, epochs=3, message="stopped"))
    silent(plan.folder.status, 312.4)
    assert overview(tmp_path)[0]["message"] == "stopped"
