"""A metric that is not taken after every epoch has a curve of those at which it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tinyexp.analysis.checked import checked_runs, where_taken
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.curves import mean_curves
from tinyexp.config.metric import metric_of
from tinyexp.errors import UserError

ACCURACY = metric_of("val_accuracy")


def frame(**values: list[float]) -> pd.DataFrame:
    """Three seeds a design, a row an epoch."""
    return pd.DataFrame(
        {"experiment": name, "seed": seed, "epoch": epoch, "val_accuracy": value + seed / 100}
        for name, own in values.items()
        for seed in range(3)
        for epoch, value in enumerate(own, 1)
    )


HOLE = np.nan


def test_epochs_without_it_are_no_part_of_its_curve():
    rows = frame(a=[HOLE, 0.5, HOLE, 0.6], b=[HOLE, 0.4, HOLE, 0.5])
    (curve, _) = mean_curves(rows, ACCURACY)
    assert curve.epochs == (2, 4)
    assert curve.mean == pytest.approx((0.51, 0.61))
    assert compare(rows, "a", "b", ACCURACY).at == 4


def test_a_hole_in_one_run_alone_is_refused():
    rows = frame(a=[0.5, 0.6], b=[0.4, 0.5])
    rows.loc[1, "val_accuracy"] = HOLE
    with pytest.raises(UserError, match="'val_accuracy' is nan at experiment a, seed 0, epoch 2"):
        checked_runs(rows, ("a", "b"), ACCURACY)


def test_a_metric_that_nobody_took_leaves_the_frame_as_it_is():
    rows = frame(a=[HOLE, HOLE])
    assert where_taken(rows, ("a",), ACCURACY) is rows


def test_nothing_is_copied_where_there_is_no_hole():
    rows = frame(a=[0.5, 0.6])
    assert where_taken(rows, ("a",), ACCURACY) is rows
