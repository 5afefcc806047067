"""Runs of MLflow's two stores, held against what was logged, and their traps one by one."""

from __future__ import annotations

import contextlib
import math
import shutil
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from truth import FIXTURES, check_against_truth, truth_of

from tinyexp.errors import UserError
from tinyexp.logs import mlflow_db, mlflow_runs
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.mlflow_db import INFINITE
from tinyexp.logs.readers.mlflow import CUT, READER
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.series import BACKWARDS, NO_STEP
from tinyexp.logs.walk import read_paths

RUNS = truth_of("mlflow")
KEPT = [run for run in RUNS if run["case"] != "deleted"]
STORE = FIXTURES / "mlflow"


def key(run):
    return run["run"] if run["run"] != "mlflow.db" else f"mlflow.db/{run['run_id']}"


@pytest.fixture(scope="module")
def real():
    units = [unit for path in (STORE, *STORE.glob("mlruns/*/*/")) for unit in READER.find(Folder(path))]
    logs = [log for unit in units if "bbaa0d" not in str(unit.where) for log in READER.read(unit)]
    return {log.where.relative_to(STORE).as_posix(): log for log in logs}


@pytest.fixture
def run(tmp_path):
    """An empty run in a file store."""
    folder = tmp_path / "mlruns" / "1" / "abc"
    for kind in ("metrics", "params", "tags"):
        (folder / kind).mkdir(parents=True)
    (folder / "meta.yaml").write_text("lifecycle_stage: active\nrun_id: abc\nrun_name: name\nstatus: 3\n")
    return folder


def metric(run, name, *lines):
    path = run / "metrics" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(run):
    (unit,) = READER.find(Folder(run))
    (log,) = READER.read(unit)
    return log


def repairs(log):
    return {one.what: one.rows for one in log.repairs}


def series(log, name):
    return [
        (step, value) for step, value in zip(log.step, log.metrics[name], strict=True) if value is not None
    ]


@pytest.mark.parametrize("run", KEPT, ids=lambda run: f"{key(run)}")
def test_every_real_run_has_the_values_that_were_logged(real, run):
    check_against_truth(real[key(run)], run)


@pytest.mark.parametrize("run", KEPT, ids=lambda run: f"{key(run)}")
def test_epochs_and_steps_are_those_of_the_rows(real, run):
    log = real[key(run)]
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.step == [row["step"] for row in run["rows"]]


@pytest.mark.parametrize("run", KEPT, ids=lambda run: f"{key(run)}")
def test_settings_name_and_end_are_those_of_the_run(real, run):
    log = real[key(run)]
    if run["case"] != "parent":
        lr = {"base": 0.1, "slow": 0.02}[run["design_by_settings"]]
        assert log.settings == {"lr": lr, "seed": run["seed"], "model.width": 6}
    assert log.name == f"tiny/{run['run_name']}"
    assert log.ended is (run["case"] != "killed")


def test_both_stores_hold_nothing_besides(real):
    assert set(real) == {key(run) for run in KEPT}


def test_a_deleted_run_is_left_out_and_told():
    (run,) = [run for run in RUNS if run["case"] == "deleted"]
    (unit,) = READER.find(Folder(STORE / run["run"]))
    with pytest.raises(UserError, match="was deleted in MLflow"):
        READER.read(unit)


def test_a_run_of_a_deleted_experiment_is_left_out_and_told(run):
    metric(run, "a", "1 0.5 0")
    (run.parent / "meta.yaml").write_text("lifecycle_stage: deleted\nname: tiny\nexperiment_id: '1'\n")
    with pytest.raises(UserError, match="was deleted in MLflow"):
        read(run)


def test_repairs_and_states_are_told(real):
    by_name = {(run["run_name"], run["run"] == "mlflow.db"): real[key(run)] for run in KEPT}
    for stored in (False, True):
        assert repairs(by_name["resume-s2", stored]) == {AGAIN: 2}
        assert "MLflow has the run as RUNNING." in by_name["killed-s3", stored].notes
        assert by_name["base-s0", stored].repairs == ()
    assert "MLflow has the run as FAILED." in by_name["failed-s0", False].notes
    assert NO_STEP in by_name["nostep-s0", False].notes
    assert any("no metric was logged" in note for note in by_name["sweep-s0", False].notes)


def test_of_several_values_at_a_step_the_later_timestamp_counts(run):
    metric(run, "a", "100 0.1 0", "300 0.3 1", "200 0.2 1", "400 0.4 2")
    assert series(read(run), "a") == [(0, 0.1), (1, 0.3), (2, 0.4)]
    assert repairs(read(run)) == {TWICE: 1}


def test_what_an_attempt_logged_behind_the_checkpoint_is_dropped(run):
    """The second one was killed before it came as far as the first, and validation was not reached again."""
    metric(run, "loss", *(f"{10 * step} 0.{step} {step}" for step in range(1, 7)), "100 0.9 3", "110 0.8 4")
    metric(run, "acc", "21 0.5 2", "41 0.6 4", "61 0.7 6")
    log = read(run)
    assert series(log, "loss") == [(1, 0.1), (2, 0.2), (3, 0.9), (4, 0.8)]
    assert series(log, "acc") == [(2, 0.5)]
    assert repairs(log) == {AGAIN: 4}


def test_a_third_attempt_is_held_against_what_counts_of_the_first_two(run):
    first = [f"{step} 0.1 {step}" for step in range(7)]
    second = [f"{100 + step} 0.2 {step}" for step in range(2, 6)]
    third = [f"{200 + step} 0.3 {step}" for step in range(4, 8)]
    metric(run, "a", *first, *second, *third)
    assert [value for _, value in series(read(run), "a")] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3]


def test_steps_that_go_back_while_others_go_on_are_no_resume(run):
    """A value for each class, whose number is the step, after every epoch."""
    metric(run, "loss", *(f"{100 * epoch} 0.{epoch} {epoch}" for epoch in range(1, 5)))
    metric(
        run,
        "class",
        *(f"{100 * epoch + 1 + one} {epoch}.{one} {one}" for epoch in range(1, 5) for one in range(3)),
    )
    log = read(run)
    assert series(log, "loss") == [(1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4)]
    assert series(log, "class") == [(0, 4.0), (1, 4.1), (2, 4.2)]
    assert BACKWARDS in log.notes
    assert repairs(log) == {TWICE: 3}


def test_a_last_value_without_a_step_takes_nothing_away(run):
    metric(run, "acc", "1 0.1 0", "2 0.2 1", "3 0.3 2", "9 0.9 0")
    assert series(read(run), "acc") == [(0, 0.9), (1, 0.2), (2, 0.3)]
    assert repairs(read(run)) == {TWICE: 1}


def test_a_clock_that_was_set_back_takes_nothing_away(run):
    metric(run, "a", "100 0.1 0", "200 0.2 1", "150 0.3 2", "160 0.4 3", "300 0.5 4")
    assert series(read(run), "a") == [(0, 0.1), (1, 0.2), (2, 0.3), (3, 0.4), (4, 0.5)]
    assert read(run).repairs == ()


def test_values_without_a_step_stand_in_the_order_of_their_times(run):
    metric(run, "a", "2 0.2 0", "1 0.1 0", "3 0.3 0")
    assert read(run).metrics == {"a": [0.1, 0.2, 0.3]}
    assert NO_STEP in read(run).notes


def test_steps_that_go_back_all_the_time_end(run, monkeypatch):
    monkeypatch.setattr(mlflow_runs, "MAX_ATTEMPTS", 5)
    metric(run, "a", *(f"{place} 0.5 {place % 10}" for place in range(100)))
    assert BACKWARDS in read(run).notes
    assert len(read(run).step) == 10


def test_lines_of_older_and_newer_versions_are_read(run):
    metric(run, "old", "1 0.5")
    metric(run, "new", "1 0.25 3 dataset 0a1b2c")
    assert series(read(run), "old") == [(0, 0.5)]
    assert series(read(run), "new") == [(3, 0.25)]


def test_odd_numbers_are_read(run):
    metric(run, "a", "1 nan 0", "2 inf 1", "3 -inf 2", "4 1e-300 3")
    values = read(run).metrics["a"]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf, 1e-300]


def test_a_name_with_slashes_is_a_file_in_folders(run):
    metric(run, "val/top/5", "1 0.5 0")
    (run / "params" / "optim").mkdir()
    (run / "params" / "optim" / "name").write_text("sgd")
    assert list(read(run).metrics) == ["val/top/5"]
    assert read(run).settings == {"optim/name": "sgd"}


def test_a_last_line_without_an_end_is_dropped_unless_the_run_came_to_its_end(run):
    path = metric(run, "a", "1 0.5 0")
    path.write_text("1 0.5 0\n2 0.25 1")
    assert series(read(run), "a") == [(0, 0.5), (1, 0.25)]
    meta = run / "meta.yaml"
    meta.write_text(meta.read_text().replace("status: 3", "status: 1"))
    assert series(read(run), "a") == [(0, 0.5)]
    assert repairs(read(run)) == {CUT: 1}


@pytest.mark.parametrize(
    "line",
    ["1", "1 2 3 4", "x 0.5 0", "1 word 0", "1 0.5 0.5", "1 0_5 0", "1 0.5 0 a b c", "9" * 5_000 + " 1 1"],
)
def test_a_line_that_is_no_value_is_told(run, line):
    metric(run, "a", "1 0.5 0", line, "3 0.5 1")
    with pytest.raises(UserError, match=r"metrics/a: line 2 is no value"):
        read(run)


def test_tags_of_the_users_are_named(run):
    metric(run, "a", "1 0.5 0")
    (run / "tags" / "team").write_text("x")
    (run / "tags" / "mlflow.user").write_text("y")
    assert "tags were not taken for settings: team." in read(run).notes


def test_logged_models_and_other_metas_are_no_runs(tmp_path):
    (tmp_path / "meta.yaml").write_text("lifecycle_stage: active\nexperiment_id: '1'\nname: tiny\n")
    assert READER.find(Folder(tmp_path)) == []
    (tmp_path / "meta.yaml").write_text("model_id: m-1\nsource_run_id: abc\nname: model\n")
    assert READER.find(Folder(tmp_path)) == []


@pytest.fixture
def database(tmp_path):
    """A copy of the real database, and a connection to it."""
    path = tmp_path / "mlflow.db"
    shutil.copy(STORE / "mlflow.db", path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield path, connection


def test_a_database_is_left_as_it_is(database):
    path, connection = database
    connection.close()
    before = path.read_bytes()
    path.chmod(0o444)
    (unit,) = READER.find(Folder(path.parent))
    assert len(READER.read(unit)) == 6
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["mlflow.db"]


def test_a_database_with_a_write_ahead_log_that_was_closed_gets_none(database):
    path, connection = database
    connection.execute("pragma journal_mode = wal")
    connection.close()
    assert len(READER.read(Unit(path, (path,)))) == 6
    assert [one.name for one in path.parent.iterdir()] == ["mlflow.db"]


def test_deleted_runs_of_a_database_are_left_out_and_told(database):
    path, connection = database
    connection.execute("update runs set lifecycle_stage = 'deleted' where name like 'slow%'")
    connection.commit()
    logs = READER.read(Unit(path, (path,)))
    assert len(logs) == 4
    assert "runs of mlflow.db that were deleted in MLflow are left out: slow-s0, slow-s1." in logs[0].notes
    connection.execute("update experiments set lifecycle_stage = 'deleted'")
    connection.commit()
    with pytest.raises(UserError, match="holds no run: 6 were deleted"):
        READER.read(Unit(path, (path,)))


def test_infinity_is_the_largest_number_in_a_database(database):
    path, connection = database
    connection.execute("update metrics set value = -1.7976931348623157e308 where step = 0 and key = 'lr'")
    connection.execute("update metrics set value = 0, is_nan = 1 where step = 1 and key = 'lr'")
    connection.commit()
    (log,) = [log for log in READER.read(Unit(path, (path,))) if log.name == "tiny/base-s0"]
    assert log.metrics["lr"][0] == -math.inf
    assert math.isnan(log.metrics["lr"][1])
    assert repairs(log) == {INFINITE: 1}


def test_changes_that_are_not_in_the_database_yet_are_told(database):
    path, _ = database
    for ending in ("-wal", "-journal"):
        beside = path.with_name(path.name + ending)
        beside.write_bytes(b"")
        assert READER.read(Unit(path, (path,)))
        beside.write_bytes(b"x")
        with pytest.raises(UserError, match="are not in it yet"):
            READER.read(Unit(path, (path,)))
        beside.unlink()


def test_other_databases_are_not_claimed(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("create table runs (run_uuid)")
        connection.execute("create view metrics as select 1")
        connection.commit()
    (tmp_path / "text.db").write_text("none")
    assert READER.find(Folder(tmp_path)) == []
    with pytest.raises(UserError, match="is no MLflow database"):
        READER.read(Unit(tmp_path / "other.db", (tmp_path / "other.db",)))


def test_a_database_that_never_ends_is_stopped(database, monkeypatch):
    path, connection = database
    monkeypatch.setattr(mlflow_db, "_AT_ONCE", 1_000)
    monkeypatch.setattr(mlflow_db, "_MAX_TURNS", 100)
    connection.execute("drop table params")
    connection.execute(
        "create table params (key, value as (zeroblob(1000000000)), run_uuid as (substr(hex(zeroblob(100000)), 1, 3)))"
    )
    connection.executemany("insert into params (key) values (?)", [(str(place),) for place in range(5_000)])
    connection.commit()
    with pytest.raises(UserError, match="cannot be read as MLflow's database"):
        READER.read(Unit(path, (path,)))


def test_a_database_that_lost_a_row_from_its_index_is_refused(database):
    path, connection = database
    (page,) = connection.execute(
        "select rootpage from sqlite_master where name = 'index_metrics_run_uuid'"
    ).fetchone()
    (size,) = connection.execute("pragma page_size").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size + 4] -= 1  # the number of its cells
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        READER.read(Unit(path, (path,)))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_damaged_database_is_read_or_refused(tmp_path_factory, data):
    content = bytearray((STORE / "mlflow.db").read_bytes())
    for _ in range(data.draw(st.integers(1, 30))):
        content[data.draw(st.integers(16, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("db")
    path = folder / "mlflow.db"
    path.write_bytes(content[: data.draw(st.sampled_from([None, 1_000, 50_000]))])
    READER.find(Folder(folder))
    with contextlib.suppress(UserError):
        READER.read(Unit(path, (path,)))
    shutil.rmtree(folder)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="0123456789.einfa- \n", max_size=80))
def test_any_lines_are_read_or_refused(tmp_path_factory, lines):
    run = tmp_path_factory.mktemp("run")
    (run / "metrics").mkdir()
    (run / "meta.yaml").write_text("lifecycle_stage: active\nrun_uuid: abc\nstatus: FAILED\n")
    (run / "metrics" / "a").write_text(lines)
    with contextlib.suppress(UserError):
        read(run)
    shutil.rmtree(run)


def test_a_run_that_sums_up_those_nested_in_it_is_left_out_with_its_values(run, tmp_path):
    metric(run, "acc", "1 0.5 0", "2 0.6 1")
    (run / "tags" / "mlflow.parentRunId").write_text("above")
    above = run.with_name("above")
    shutil.copytree(run, above)
    (above / "meta.yaml").write_text((run / "meta.yaml").read_text().replace("abc", "above"))
    (above / "tags" / "mlflow.parentRunId").unlink()
    assert len(read_paths([tmp_path]).runs) == 2, "both have trained"
    (above / "metrics" / "acc").unlink()
    metric(above, "mean_acc", "3 0.6 0")
    reading = read_paths([tmp_path])
    assert [log.where.name for log in reading.runs] == ["abc"]
    assert "it sums them up and is no run: mean_acc 0.6." in reading.left_out[0].why
    assert len(read_paths([above]).runs) == 1
