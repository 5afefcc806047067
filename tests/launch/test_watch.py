"""Progress, read from what runs write, and read only where it changed."""

import pytest
from small_runs import small_plan
from test_executor import Heard

from tinyexp.files import append_text
from tinyexp.launch.watch import Watch
from tinyexp.runs.records import Status, table_text, write_section


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A run of which two epochs were trained before it is watched."""
    monkeypatch.setattr("tinyexp.launch.watch._LOOK_S", 0.0)
    monkeypatch.setattr("tinyexp.launch.watch._SHARE", 0)
    plan = small_plan(tmp_path)
    commit(plan, 2)
    append_text(plan.folder.log, "warning: of an earlier attempt\n")
    heard = Heard()
    watch = Watch(heard)
    watch.begin(plan)
    return plan, watch, heard


def commit(plan, epochs, state="running"):
    numbers = range(1, epochs + 1)
    plan.folder.path.mkdir(parents=True, exist_ok=True)
    plan.folder.metrics.write_text(
        table_text(("epoch", "test_accuracy"), [{"epoch": n, "test_accuracy": n / 10} for n in numbers])
    )
    plan.folder.timing.write_text(
        table_text(
            ("epoch", "train_s", "evaluate_s", "images_per_s"),
            [{"epoch": n, "train_s": 10.0 * n, "evaluate_s": 1.0, "images_per_s": 7.0} for n in numbers],
        )
    )
    write_section(plan.folder.status, Status(state=state, epochs_done=epochs, epochs=9))


def test_only_what_is_new_is_told_with_the_seconds_of_the_new_epochs(watched):
    plan, watch, heard = watched
    watch.look()
    assert (heard.started_runs, heard.epochs, heard.notes) == ([], [], [])
    commit(plan, 2)  # begun again, where it stood
    watch.look()
    assert (heard.started_runs, heard.epochs) == ([plan.title], [])
    commit(plan, 4)
    watch.look()
    watch.look()
    assert heard.epochs == [(plan.title, 4, 36.0, "test accuracy 40.0%")]
    assert heard.started_runs == [plan.title]


def test_a_run_that_begins_anew_is_counted_from_its_first_epoch(watched):
    plan, watch, heard = watched
    commit(plan, 0)
    watch.look()
    commit(plan, 1)
    watch.look()
    assert heard.epochs == [(plan.title, 1, 11.0, "test accuracy 10.0%")]


def test_warnings_are_whole_lines_of_the_log_told_once(watched):
    plan, watch, heard = watched
    append_text(plan.folder.log, "epoch 3: test accuracy 0.3\nwarning: slow")
    watch.look()
    assert heard.notes == []
    append_text(plan.folder.log, " disk\nwarning: at the end\n")
    watch.end(plan)
    assert heard.notes == [f"{plan.title}: slow disk", f"{plan.title}: at the end"]


def test_the_log_of_a_fresh_attempt_is_read_from_its_beginning(watched):
    plan, watch, heard = watched
    plan.folder.log.rename(plan.folder.path / "old.txt")
    append_text(plan.folder.log, "warning: " + "long " * 100 + "\n")
    watch.look()
    assert len(heard.notes) == 1


def test_nothing_is_read_of_a_run_that_did_nothing_and_looking_backs_off(watched, monkeypatch):
    plan, watch, _ = watched
    reads = []
    monkeypatch.setattr("tinyexp.launch.watch._status", reads.append)
    for _ in range(5):
        watch.look()
    assert reads == []
    commit(plan, 3)
    watch.look()
    assert reads == [plan]
    monkeypatch.setattr("tinyexp.launch.watch._LOOK_S", 1000.0)
    watch.look()
    commit(plan, 4)
    watch.look()
    assert reads == [plan]


def test_records_that_are_torn_or_something_else_end_no_watch(watched):
    plan, watch, heard = watched
    for path in (plan.folder.status, plan.folder.log, plan.folder.timing, plan.folder.metrics):
        path.unlink()
    plan.folder.status.write_text("{")
    plan.folder.log.mkdir()
    watch.look()
    write_section(plan.folder.status, Status(state="running", epochs_done=3, epochs=9))
    watch.end(plan)
    assert heard.epochs == [(plan.title, 3, None, "no metric")]
