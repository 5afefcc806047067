"""Which epoch a row belongs to, where trackers log the epoch as a metric beside the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyexp.logs.logged_epochs import UNFINISHED, epoch_name, with_epochs


def placed(*rows, steps=None):
    return with_epochs(list(steps or range(len(rows))), rows, Path("run"))


def test_epochs_from_zero_become_epochs_completed():
    assert placed({"epoch": 0, "a": 1}, {"epoch": 1, "a": 2}).epoch == [1, 2]


def test_epochs_from_one_are_those_completed():
    assert placed({"epoch": 1, "a": 1}, {"epoch": 2, "a": 2}).epoch == [1, 2]


def test_every_second_epoch_from_one_is_known_by_its_stride():
    assert placed({"epoch": 2, "a": 1}, {"epoch": 4, "a": 2}).epoch == [2, 4]


@pytest.mark.parametrize("epochs", [(1, 3, 5), (4, 9), (3,), (3, 4), (0, -1), (0, float("inf"))])
def test_what_is_not_known_stays_a_metric_and_is_told(epochs):
    found = placed(*({"epoch": epoch, "a": 1} for epoch in epochs))
    assert found.epoch == [None] * len(epochs)
    assert found.metrics["epoch"] == list(epochs)
    assert "stays a metric" in found.notes[0]


def test_epochs_that_go_back_stay_a_metric():
    found = placed({"epoch": 0, "a": 1}, {"epoch": 1, "a": 1}, {"epoch": 0, "a": 1})
    assert found.metrics["epoch"] == [0, 1, 0]
    assert "go back" in found.notes[0]


def test_fractions_are_as_logged():
    found = placed({"train/epoch": 0.5, "a": 1}, {"train/epoch": 1.0, "a": 2}, {"train/epoch": 1.5, "b": 2})
    assert found.epoch == [0.5, 1.0, 1.5]
    assert "train/epoch" not in found.metrics


def test_metrics_of_one_epoch_stand_in_its_last_row():
    found = placed(
        {"epoch": 1, "loss": 3}, {"epoch": 1, "acc": 4}, {"epoch": 2, "loss": 5}, {"epoch": 2, "acc": 6}
    )
    assert found.epoch == [1, 2]
    assert found.step == [1, 3]
    assert found.metrics == {"loss": [3, 5], "acc": [4, 6]}


def test_what_is_logged_with_every_batch_stays_at_its_step():
    rows = [{"epoch": epoch, "loss": batch} for epoch in (0, 1) for batch in (1, 2)]
    rows.insert(2, {"epoch": 0, "acc": 7})
    rows.append({"epoch": 1, "acc": 8})
    found = placed(*rows)
    assert found.epoch == [None, None, 1, None, None, 2]
    assert found.metrics == {"loss": [1, 2, None, 1, 2, None], "acc": [None, None, 7, None, None, 8]}


def test_a_batchs_value_in_the_epochs_last_row_stays_there():
    found = placed({"epoch": 0, "loss_step": 1}, {"epoch": 0, "loss_step": 2, "acc": 3})
    assert found.epoch == [None, 1]
    assert found.metrics == {"loss_step": [1, 2], "acc": [None, 3]}


def test_a_batchs_value_is_known_by_its_name_where_epochs_are_short():
    found = placed(
        *(one for epoch in (0, 1) for one in ({"epoch": epoch, "loss_step": 1}, {"epoch": epoch, "acc": 2}))
    )
    assert found.epoch == [None, 1, None, 2]


def test_an_epoch_that_lacks_what_every_other_has_was_not_completed():
    """A learning rate is logged where an epoch begins; the run was killed in the third."""
    rows = [one for epoch in (0, 1) for one in ({"epoch": epoch, "lr": 1}, {"epoch": epoch, "loss": 2})]
    found = placed(*rows, {"epoch": 2, "lr": 1})
    assert found.epoch == [1, 2, None]
    assert UNFINISHED in found.notes


def test_epochs_without_validation_are_completed_all_the_same():
    rows = [{"epoch": epoch, "loss": 1, **({"acc": 2} if epoch % 2 else {})} for epoch in range(5)]
    assert placed(*rows).epoch == [1, 2, 3, 4, 5]


def test_rows_without_an_epoch_stay_where_they_are():
    found = placed({"loss": 1}, {"epoch": 1, "acc": 2}, {"loss": 3}, {"epoch": 2, "acc": 4})
    assert found.epoch == [None, 1, None, 2]


def test_no_rows_and_no_epochs_are_none():
    assert placed().epoch == []
    assert placed({"a": 1}).epoch == [None]
    assert placed({"epoch": 0}, {"epoch": 1}).metrics == {}


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["a", "epoch", "train/epoch"], "epoch"),
        (["train/epoch"], "train/epoch"),
        (["train.Epoch", "a"], "train.Epoch"),
        (["train/epoch", "val/epoch"], None),
        (["epoch_time", "epochs"], None),
    ],
)
def test_the_metric_that_says_the_epoch_is_found_by_its_name(names, name):
    assert epoch_name(names) == name
