"""The form of a checkpoint's content, looked at before anything is taken over: any file may have a right digest."""

from __future__ import annotations

import math
from collections.abc import Collection
from types import NoneType
from typing import Any

from torch import Tensor

from tinyexp.trainers.vision.columns import METRIC_COLUMNS, TIMING_COLUMNS

_PREDICTIONS = frozenset({"label", "predicted", "in_top5"})
_MOST = 1 << 60


def require_form(checkpoint: dict[str, Any], precision: Collection[str]) -> None:
    """Look at everything but weights and optimizer, which torch compares with its own.

    Parameters
    ----------
    precision
        The names that the state of the run's arithmetic has.

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        It is not of the form that :meth:`tinyexp.trainers.vision.training.state.TrainingState.to_checkpoint` gives.
    """
    for name in ("precision", "position", "totals", "predictions"):
        if type(checkpoint[name]) is not dict:
            raise ValueError(f"its {name} are no table")
    totals = checkpoint["totals"]
    counts = [*checkpoint["position"].values(), totals["images"]]
    if not all(type(count) is int and 0 <= count < _MOST for count in counts):
        raise ValueError("its position is not made of numbers")
    if set(checkpoint["precision"]) != set(precision):
        raise ValueError("it is of another precision")
    scale = checkpoint["precision"].values()
    if not all(type(value) in (int, float) and math.isfinite(value) for value in scale):
        raise ValueError("its scale of the loss is not made of numbers")
    if not all(isinstance(totals[name], Tensor) and totals[name].ndim == 0 for name in ("loss", "correct")):
        raise ValueError("its sums are not numbers")
    _require_rows("rows", METRIC_COLUMNS, checkpoint["rows"])
    _require_rows("timings", TIMING_COLUMNS, checkpoint["timings"])
    predictions = checkpoint["predictions"]
    if set(predictions) - _PREDICTIONS or not all(isinstance(one, Tensor) for one in predictions.values()):
        raise ValueError("its predictions are not of this version")
    if type(checkpoint["train_s"]) is not float:
        raise ValueError("its time is not a number")


def _require_rows(name: str, columns: tuple[str, ...], rows: Any) -> None:
    """Rows of these columns, numbers alone: they become the tables that people open."""
    if type(rows) is not list:
        raise ValueError(f"its {name} are no list")
    for row in rows:
        numbers = all(type(value) in (int, float, NoneType) for value in row.values())
        if set(row) != set(columns) or not numbers:
            raise ValueError(f"its {name} are not of this version")
