"""Anybody's logs as one frame: every run of every trainer is there, or is named with the reason why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from truth import FIXTURES, check_against_truth, truth_of

import tinyexp
from tinyexp.errors import UserError
from tinyexp.logs.log import RunLog
from tinyexp.logs.registry import READERS, TRAINERS

FOLDERS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
MANY_IN_ONE_FILE = ("mlflow.db", "long/all.csv")
REFUSED = ("misaligned", "wider_s2")


def frames(trainer: str) -> tuple[pd.DataFrame, list[str]]:
    frame = tinyexp.read_logs(FIXTURES / trainer)
    return frame, [Path(name).relative_to(FIXTURES / trainer).as_posix() for name in frame.attrs["left_out"]]


def test_every_reader_has_a_name_for_messages():
    assert set(READERS) == set(TRAINERS)


@pytest.mark.parametrize("trainer", FOLDERS)
def test_every_run_of_a_trainer_is_read_or_named(trainer: str):
    frame, left_out = frames(trainer)
    names = set(frame["run"])
    for run in truth_of(trainer):
        own = {run["run"], *run.get("parts", ()), run.get("also", "")}
        found = own & names or any(name.startswith(run["run"]) for name in names)
        assert found or run["run"] in left_out, run["run"]
        if not found and run["rows"]:
            assert run["case"] == "deleted" or any(word in run["run"] for word in REFUSED), run["run"]


@pytest.mark.parametrize("trainer", FOLDERS)
def test_the_values_in_the_frame_are_those_that_were_captured(trainer: str):
    """Through the walk, the grouping and the frame, and not through one reader alone."""
    frame, _ = frames(trainer)
    checked = 0
    for run in truth_of(trainer):
        name = next((one for one in (run["run"], *run.get("parts", ())) if one in set(frame["run"])), None)
        if name is None or run["run"].endswith(MANY_IN_ONE_FILE) or trainer not in EXACT:
            continue
        own = frame[frame["run"] == name]
        epochs, steps = ([None if np.isnan(one) else one for one in own[key]] for key in ("epoch", "step"))
        metrics = {
            column: [None if np.isnan(one) else one for one in own[column]]
            for column in own.columns[5:]
            if own[column].notna().any() and any(column in row["values"] for row in run["rows"])
        }
        # Rows of one epoch are one row, whatever their steps are.
        steps = [None if epoch is not None else step for epoch, step in zip(epochs, steps, strict=True)]
        log = RunLog(trainer, Path(name), (), epochs, steps, metrics, 0)
        check_against_truth(log, run, single=trainer == "tensorboard")
        checked += 1
    assert checked or trainer not in EXACT


EXACT = ("dvclive", "fabric", "lightning", "huggingface", "tensorboard", "wandb", "timm")
"""Trainers whose truth holds all that they log, under the names and with the digits in the log."""


def test_the_first_columns_say_which_run_and_where_a_row_stands():
    frame = tinyexp.read_logs(FIXTURES / "timm" / "output")
    assert list(frame.columns[:5]) == ["run", "experiment", "seed", "epoch", "step"]
    assert set(frame["seed"].dropna()) == {0, 1, 42}
    first = frame.groupby("run")["epoch"].first()
    assert sorted(first)[:-1] == [1.0] * (len(first) - 1), "one validates every second epoch"


def test_what_was_read_put_right_and_is_unknown_stands_beside_the_frame():
    frame = tinyexp.read_logs(FIXTURES / "keras" / "logs")
    told = frame.attrs["log"]["base_seed0.csv"]
    assert told["trainer"] == "keras"
    assert (told["rows_read"], told["rows"]) == (5, 5)
    assert set(told["unknown"]) >= {"settings", "code"}
    ((path, digest),) = told["files"].items()
    assert path.endswith("base_seed0.csv")
    assert len(digest) == 64


def test_a_file_a_list_and_a_pattern_can_be_asked_for():
    folder = FIXTURES / "generic" / "designs"
    alone = tinyexp.read_logs(folder / "base" / "s0.csv")
    assert set(alone["run"]) == {"s0.csv"}
    both = tinyexp.read_logs([folder / "base", folder / "wide"])
    assert set(both["run"]) == {"base/s0.csv", "base/s1.csv", "wide/s0.csv", "wide/s1.csv"}
    assert len(tinyexp.read_logs(str(folder / "*" / "s0.csv"))["run"].unique()) == 2


def test_a_file_that_was_named_and_cannot_be_read_is_refused(tmp_path: Path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="no column says where a row stands"):
        tinyexp.read_logs(path)


def test_a_metric_called_as_a_column_of_the_frame_keeps_its_values(tmp_path: Path):
    (tmp_path / "m.jsonl").write_text(
        '{"step": 1, "epoch": 1, "experiment": 3.5}\n{"step": 2, "epoch": 2, "experiment": 4.5}\n'
    )
    frame = tinyexp.read_logs(tmp_path / "m.jsonl")
    assert frame["experiment (logged)"].tolist() == [3.5, 4.5]
