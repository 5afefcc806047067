"""Two logs of one training, by two loggers side by side, are one run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinyexp.logs.log import RunLog
from tinyexp.logs.twins import without_twins

LOSSES = [0.912345678, 0.712345678, 0.512345678, 0.412345678]


def log(reader: str, where: str, **metrics: list[float]) -> RunLog:
    length = len(next(iter(metrics.values())))
    return RunLog(
        reader, Path(where), (), [None] * length, [*map(float, range(length))], dict(metrics), length
    )


def single(values: list[float]) -> list[float]:
    return [float(np.float32(value)) for value in values]


def test_the_more_exact_log_is_kept_and_the_other_named():
    events = log("tensorboard", "runs/a/tb", loss=single(LOSSES))
    table = log("lightning", "runs/a", loss=LOSSES)
    kept, left_out = without_twins([events, table])
    assert kept == [table]
    assert [one.where for one in left_out] == [Path("runs/a/tb")]
    assert "no training of its own" in left_out[0].why


def test_names_that_loggers_write_in_their_own_way_are_the_same():
    theirs = {"eval/loss": single(LOSSES), "train/loss": single(LOSSES[::-1])}
    mine = {"eval_loss": LOSSES, "loss": LOSSES[::-1]}
    kept, _ = without_twins(
        [log("huggingface", "out/s0", **mine), log("tensorboard", "out/s0/runs/x", **theirs)]
    )
    assert len(kept) == 1


def test_one_that_went_on_for_longer_is_still_the_same():
    kept, _ = without_twins(
        [log("keras", "a", loss=LOSSES[:3]), log("tensorboard", "a/tb", loss=single(LOSSES))]
    )
    assert len(kept) == 1


def test_other_values_are_another_training():
    other = log("tensorboard", "a/tb", loss=single([0.9, 0.8, 0.7, 0.6]))
    assert len(without_twins([log("keras", "a", loss=LOSSES), other])[0]) == 2


def test_two_logs_of_one_logger_are_never_taken_for_one():
    """Equal trainings of one logger are copies, which a comparison names."""
    assert len(without_twins([log("keras", "a", loss=LOSSES), log("keras", "b", loss=LOSSES)])[0]) == 2


def test_a_few_counts_that_agree_by_chance_somewhere_else_are_no_twin():
    a, b = (
        log("keras", "x/a", accuracy=[0.5, 0.75, 0.75]),
        log("tensorboard", "y/b", accuracy=[0.5, 0.75, 0.75]),
    )
    assert len(without_twins([a, b])[0]) == 2
