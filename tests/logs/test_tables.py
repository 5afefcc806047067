"""Logs that are tables are read as they stand, and what cannot be read is said."""

from __future__ import annotations

import math

import pytest

from tinyexp.errors import UserError
from tinyexp.logs.tables import parsed, read_table


def values(log, name):
    return [row[name] for row in log.rows]


@pytest.mark.parametrize(
    "text",
    [
        "epoch,loss,acc\n1,0.5,0.7\n2,0.25,0.9\n",
        "epoch\tloss\tacc\n1\t0.5\t0.7\n2\t0.25\t0.9\n",
        "epoch;loss;acc\r\n1;0.5;0.7\r\n2;0.25;0.9\r\n",
        '{"epoch": 1, "loss": 0.5, "acc": 0.7}\n{"epoch": 2, "loss": 0.25, "acc": 0.9}\n',
        "\ufeffepoch, loss, acc\n1, 0.5, 0.7\n2, 0.25, 0.9",
        "loss,acc,Epoch\n0.5,0.7,1\n0.25,0.9,2\n",
    ],
    ids=[
        "csv",
        "tsv",
        "semicolons and CRLF",
        "json lines",
        "mark and spaces, no end",
        "index last, in capitals",
    ],
)
def test_the_same_table_in_any_form(tmp_path, text):
    path = tmp_path / "log"
    path.write_bytes(text.encode())
    log = read_table(path)
    assert log.columns == ("epoch", "loss", "acc")
    assert values(log, "epoch") == [1, 2]
    assert values(log, "loss") == [0.5, 0.25]
    assert values(log, "acc") == [0.7, 0.9]


def test_steps_are_an_index_too_and_an_epoch_comes_before_them():
    assert parsed("iteration,loss\n10,1\n20,2\n", "x").index == "step"
    both = parsed("step,epoch,loss\n10,1,3\n20,2,4\n", "x")
    assert both.columns == ("epoch", "step", "loss")


def test_training_and_validation_in_rows_of_their_own_are_one_row():
    log = parsed("epoch,step,train_loss,val_acc\n0,9,0.5,\n0,9,,0.7\n1,19,0.4,\n1,19,,0.8\n", "x")
    assert [tuple(row.values()) for row in log.rows] == [(0, 9, 0.5, 0.7), (1, 19, 0.4, 0.8)]


def test_an_attempt_that_was_resumed_counts_and_is_told():
    log = parsed("epoch,loss\n1,5\n2,4\n3,3\nepoch,loss\n2,4.5\n3,3.5\n4,2.5\n", "x")
    assert values(log, "loss") == [5, 4.5, 3.5, 2.5]
    assert log.notes == ("2 rows were logged again by a later attempt, which counts.",)


def test_what_is_no_number_is_left_out_and_named_and_what_is_missing_stays_empty():
    log = parsed('epoch,note,loss,empty\n1,"a, b",,\n2,c,NaN,NA\n', "x")
    assert log.columns == ("epoch", "loss")
    assert log.rows[0]["loss"] is None
    assert math.isnan(log.rows[1]["loss"])
    assert log.notes == ("left out, as they hold no numbers: note, empty.",)


def test_nested_json_has_names_with_slashes():
    assert parsed('{"step": 1, "val": {"acc": 0.5, "loss": 1}}\n', "x").columns == (
        "step",
        "val/acc",
        "val/loss",
    )


def test_a_line_that_is_still_being_written_waits():
    text = "epoch,loss\n1,0.5\n2,0."
    assert len(parsed(text[: text.rfind("\n") + 1], "x").rows) == 1


def test_a_line_without_its_end_is_read_only_when_the_log_is_whole(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n1,0.5\n2,0.25")
    assert len(read_table(path, whole=False).rows) == 1
    assert len(read_table(path).rows) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no row"),
        ("epoch,loss\n", "holds no row"),
        ("time,loss\n1,2\n", "no column says where a row stands. Its columns: time, loss"),
        ("epoch,loss\n1,2,3\n", "line 2 has 3 values, and the first line 2 names"),
        ("epoch,loss,loss\n1,2,3\n", "the column 'loss' stands twice"),
        ("epoch,loss\n,2\n", "row 1: epoch is empty"),
        ("epoch,loss\none,2\n", "row 1: epoch is no number"),
        ('{"epoch": 1}\n{"epoch"\n', "line 2 is not JSON"),
        ('{"epoch": 1}\n[]\n', "line 2 is no JSON object"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text, said):
    with pytest.raises(UserError) as caught:
        parsed(text, "runs/log.csv")
    assert str(caught.value).startswith("runs/log.csv: ")
    assert said in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(UserError, match=r"log\.csv: cannot be read \(No such file"):
        read_table(tmp_path / "log.csv")
    (tmp_path / "log.csv").write_bytes(b"epoch,\xff\n")
    with pytest.raises(UserError, match=r"log\.csv: is not text in UTF-8"):
        read_table(tmp_path / "log.csv")
