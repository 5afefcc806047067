"""Tables of timm, ultralytics, fastai and Keras, held against what was captured in the training, and their traps one by one."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from truth import FIXTURES, check_against_truth, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.columns import table_of
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.readers.tables import (
    AGAIN_AT_ZERO,
    FASTAI,
    GENERIC,
    KERAS,
    LATER,
    TIMM,
    ULTRALYTICS,
    UNVALIDATED,
)
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.separated import CUT

READERS = {"timm": TIMM, "ultralytics": ULTRALYTICS, "fastai": FASTAI, "keras": KERAS}


def read_below(root, reader):
    """What a reader makes of all folders, by the path of the log; a log that is refused has the error."""
    found, refused = [], {}
    for path in sorted([root, *(one for one in root.rglob("*") if one.is_dir())]):
        for unit in reader.find(Folder(path)):
            try:
                found += reader.read(unit)
            except UserError as error:
                refused[unit.where.relative_to(root).as_posix()] = str(error)
    return {one.where.relative_to(root).as_posix(): one for one in reader.join(found)}, refused


@pytest.fixture(scope="module")
def real():
    return {trainer: read_below(FIXTURES / trainer, reader) for trainer, reader in READERS.items()}


def rounded(run):
    """A run's truth in as many digits as ultralytics writes."""
    form = "%.5g" if run["version"].startswith("8.0") else "%.6g"
    rows = [
        {**row, "values": {key: float(form % value) for key, value in row["values"].items()}}
        for row in run["rows"]
    ]
    return {**run, "rows": rows}


@pytest.mark.parametrize(
    ("trainer", "run"),
    [
        (trainer, run)
        for trainer in READERS
        for run in truth_of(trainer)
        if run["case"] != "misaligned" and run["run"] != "append/restarted.csv"
    ],
    ids=lambda value: value["run"] if isinstance(value, dict) else value,
)
def test_every_real_run_has_the_values_that_were_logged(real, trainer, run):
    log = real[trainer][0][run["run"]]
    metrics = {name: column for name, column in log.metrics.items() if name != "time"}  # not captured
    check_against_truth(replace(log, metrics=metrics), rounded(run) if trainer == "ultralytics" else run)
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.reader == trainer


@pytest.mark.parametrize("trainer", READERS)
def test_each_real_log_is_found_once_and_by_its_own_reader_alone(real, trainer):
    logs, refused = real[trainer]
    assert set(logs) | set(refused) == {run["run"] for run in truth_of(trainer)}
    for other, reader in READERS.items():
        if other != trainer:
            assert read_below(FIXTURES / trainer, reader) == ({}, {})


@pytest.mark.parametrize("trainer", ["timm", "ultralytics"])
def test_seeds_and_settings_are_in_the_file_beside_the_log(real, trainer):
    logs, _ = real[trainer]
    for run in truth_of(trainer):
        assert logs[run["run"]].settings["seed"] == run["seed"]
        assert [path.name for path in logs[run["run"]].files][1:] == ["args.yaml"]


def test_values_under_wrong_names_are_refused_where_their_number_shows_it(real):
    _, refused = real["keras"]
    assert {name: "line 5 has" in said for name, said in refused.items()} == {
        run["run"]: True for run in truth_of("keras") if run.get("refuse")
    }


def test_a_fit_that_keras_appends_from_epoch_0_is_taken_for_a_new_one_and_that_is_told(real):
    log = real["keras"][0]["append/restarted.csv"]
    (run,) = (one for one in truth_of("keras") if one["run"] == "append/restarted.csv")
    check_against_truth(log, {**run, "rows": run["rows"][:3]})
    assert [(one.what, one.rows) for one in log.repairs] == [(AGAIN, 5)]
    assert AGAIN_AT_ZERO in log.notes


def test_what_a_resume_of_timm_logs_again_counts_and_is_told(real):
    logs, _ = real["timm"]
    log = logs["train_py/output/train/resumed_older"]
    assert [(one.what, one.rows) for one in log.repairs] == [(AGAIN, 2)]
    assert log.rows_read == 7
    assert LATER in log.notes
    assert "train_loss includes label smoothing (0.1), and eval_loss does not." in log.notes
    assert logs["output/train/base_seed0"].repairs == ()


def test_an_epoch_of_ultralytics_that_stands_twice_has_its_later_values(real):
    logs, _ = real["ultralytics"]
    assert [(one.what, one.rows) for one in logs["runs/classify/resumed_twice"].repairs] == [(TWICE, 1)]
    assert UNVALIDATED in logs["runs/classify/no_val"].notes


def test_a_second_fit_of_fastai_goes_on_after_the_first_unless_it_was_told_where_to_start(real):
    logs, _ = real["fastai"]
    assert [one.rows for one in logs["resume_s2"].repairs] == [3]
    assert "counted on" in logs["resume_s2"].repairs[0].what
    assert [one.rows for one in logs["start_s2"].repairs] == [2, 2]
    assert logs["other_s0"].metrics["error_rate"][3:] == [None] * 3
    assert any("time" in note for note in logs["base_s0"].notes)


def folder_of(path, name, text):
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(text.encode())
    return path


def only(path, reader):
    logs, refused = read_below(path, reader)
    assert not refused
    (log,) = logs.values()
    return log


KERAS_LOG = "epoch,accuracy,loss,val_accuracy,val_loss\r\n0,.5,.9,.4,1\r\n1,.6,.8,.5,.9\r\n"


@pytest.mark.parametrize(
    ("name", "text", "reader"),
    [
        ("summary.csv", "epoch,train_loss,eval_loss,eval_top1,eval_top5\r\n0,1,1,1,1\r\n", "timm"),
        ("summary.csv", "epoch,train_loss,eval_loss,eval_top1,lr\n0,1,1,1,1\n", "timm"),
        ("net.csv", "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\r\n0,1,1,1,1,1\r\n", "timm"),
        ("results.csv", "epoch,time,train/box_loss,metrics/mAP50(B),lr/pg0\n1,1,1,1,1\n", "ultralytics"),
        (
            "results.csv",
            "     epoch,  train/box_loss,  metrics/mAP_0.5,  x/lr0\n 0, 1, 1, 1\n",
            "ultralytics",
        ),
        ("history.csv", "epoch,train_loss,valid_loss,accuracy\n0,1,1,1\n", "fastai"),
        (
            "fit.csv",
            "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,time\n0,1,1,1,1,00:01\n",
            "fastai",
        ),
        ("training.log", KERAS_LOG, "keras"),
        ("training.tsv", KERAS_LOG.replace(",", "\t"), "keras"),
        ("a.csv", "epoch,accuracy,loss,val_accuracy,val_auc,val_loss\r\n0,1,1,1,1,1\r\n", "keras"),
        ("a.csv", "epoch,accuracy,loss,lr,val_accuracy,val_loss,val_lr\r\n0,1,1,1,NA,NA,NA\r\n", "keras"),
        ("a.csv", "epoch,train_loss,valid_loss\n1,1,1\n", None),
        ("a.csv", "epoch,loss,accuracy\r\n1,1,1\r\n", None),
        ("a.csv", "epoch,accuracy,loss\n1,1,1\n", None),
        ("summary.csv", "epoch,loss,top1\n1,1,1\n", None),
        ("results.csv", "epoch,seed,accuracy\n1,1,1\n", None),
    ],
)
def test_a_log_is_its_trainers_by_its_columns(tmp_path, name, text, reader):
    folder = Folder(folder_of(tmp_path, name, text))
    assert [own for own, one in READERS.items() if one.find(folder)] == ([reader] if reader else [])
    assert len(GENERIC.find(folder)) == 1


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_row_that_is_cut_anywhere_is_left_out_and_told(tmp_path, cut):
    text = "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr\r\n0,1.5,1.25,10,50,0.1\r\n1,1.125,1,20,60,0.05\r\n"
    log = only(folder_of(tmp_path, "summary.csv", text[:-cut]), TIMM)
    whole = cut == 1  # cut within the line end
    assert log.epoch == ([1, 2] if whole else [1])
    assert [(one.what, one.rows) for one in log.repairs] == ([] if whole else [(CUT, 1)])
    assert log.rows_read == 2


def test_an_args_yaml_that_cannot_be_read_costs_no_run_and_is_told(tmp_path):
    path = tmp_path / "run"
    shutil.copytree(FIXTURES / "timm" / "output/train/base_seed0", path)
    (path / "args.yaml").write_text("a: [1\n")
    log = only(tmp_path, TIMM)
    assert log.settings == {}
    assert len(log.epoch) == 5
    assert any("args.yaml" in note for note in log.notes)


def test_old_versions_of_ultralytics_count_from_0(tmp_path):
    head = "     epoch,  train/loss,  metrics/accuracy_top1,  lr/pg0\n"
    assert only(
        folder_of(tmp_path, "results.csv", f"{head} 0, 1, 1, 1\n 1, 1, 1, 1\n"), ULTRALYTICS
    ).epoch == [1, 2]


def test_a_keras_log_of_a_resume_counts_from_0_as_others_do_and_one_from_1_stays_as_it_is(tmp_path):
    folder_of(tmp_path / "a", "log.csv", KERAS_LOG.replace("0,.5", "4,.5").replace("1,.6", "5,.6"))
    assert only(tmp_path, KERAS).epoch == [5, 6]
    folder_of(tmp_path / "a", "log.csv", KERAS_LOG.replace("1,.6", "2,.6").replace("0,.5", "1,.5"))
    assert only(tmp_path, KERAS).epoch == [1, 2]
    assert any("cannot be told" in note for note in only(tmp_path, KERAS).notes)


@pytest.mark.parametrize("trainer", READERS)
@pytest.mark.parametrize(
    "text", ["", "epoch\n", "epoch,loss\n", "epoch,loss\n,1\n", "epoch,loss\nx,1\n", "\0\0", "a,b\n1,2\n"]
)
def test_what_is_no_log_of_a_trainer_is_refused_and_nothing_else_happens(tmp_path, trainer, text):
    (tmp_path / "summary.csv").write_text(text)
    assert READERS[trainer].find(Folder(tmp_path)) == []
    with pytest.raises(UserError, match=r"summary\.csv: "):
        READERS[trainer].read(Unit(tmp_path, (tmp_path / "summary.csv",)))


def test_a_thousand_tables_are_cut_without_looking_at_every_cell():
    text = "epoch,loss\n" + "".join(f"{epoch},{1 / (epoch + 3)!r}\n" for epoch in range(200))
    table = table_of(text, "log.csv")
    assert table.numbers["loss"][7] == 0.1
    assert isinstance(table.lines, range)  # the quick way was taken
