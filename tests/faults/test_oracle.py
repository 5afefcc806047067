"""What tells that two runs are the same must tell when they are not: each part of a checkpoint is left out in turn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import results, trained

from tinyexp.errors import InterruptedRunError
from tinyexp.trainers.vision.data import loader, makers
from tinyexp.trainers.vision.data.draws import KeyedRng
from tinyexp.trainers.vision.training import loop
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint
from tinyexp.trainers.vision.training.run import Listener
from tinyexp.trainers.vision.training.state import TrainingState

Results = dict[str, bytes]
DROPOUT = {"model__dropout": 0.3}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return results(trained(tmp_path_factory.mktemp("untouched")))


def stopped(runs: Path, after: int, **overrides: object) -> None:
    """Train until a stop has been asked for so many times; once a step, once before each batch of an evaluation."""
    asked: list[int] = []

    def stop_code() -> int:
        asked.append(1)
        return 143 if len(asked) > after else 0

    with pytest.raises(InterruptedRunError):
        trained(runs, listener=Listener(stop_code=stop_code), **overrides)


INSIDE_EPOCH_2 = 10
"""Asks: four for the steps of the first epoch, four in evaluations, one at its end; so this is after a step of the second."""


def left_out(part: str, initial: dict[str, Any], checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint in which one part is as it was when the run began."""
    whole, _, entry = part.partition(".")
    if entry == "buffers":
        fresh = {name: value for name, value in initial[whole].items() if "running" in name or "num_" in name}
        return {**checkpoint, whole: {**checkpoint[whole], **fresh}}
    if entry:
        return {**checkpoint, whole: {**checkpoint[whole], entry: initial[whole][entry]}}
    return {**checkpoint, whole: initial[whole]}


PARTS = (
    "model",
    "model.buffers",
    "optimizer",
    "position.epoch",
    "position.step",
    "position.total_steps",
    "totals.loss",
    "totals.correct",
    "totals.images",
    "rows",
)


def forgetting(part: str) -> Callable[[TrainingState, dict[str, Any], Path], None]:
    restore = TrainingState.restore

    def partly(self: TrainingState, checkpoint: dict[str, Any], where: Path) -> None:
        restore(self, left_out(part, self.to_checkpoint(), checkpoint), where)

    return partly


def test_a_resumed_run_is_the_same_where_nothing_is_left_out(tmp_path: Path, untouched: Results) -> None:
    stopped(tmp_path, INSIDE_EPOCH_2)
    assert results(trained(tmp_path)) == untouched


@pytest.mark.parametrize("part", PARTS)
def test_leaving_a_part_out_of_the_checkpoint_is_noticed(
    tmp_path: Path, untouched: Results, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    stopped(tmp_path, INSIDE_EPOCH_2)
    monkeypatch.setattr(TrainingState, "restore", forgetting(part))
    assert results(trained(tmp_path)) != untouched


def test_leaving_the_predictions_out_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They matter where a run was ended after its last commit and before its last projection."""
    plan = trained(tmp_path)
    plan.folder.predictions.unlink()
    monkeypatch.setattr(TrainingState, "restore", forgetting("predictions"))
    with pytest.raises(TypeError):
        trained(tmp_path)


def test_every_part_of_a_checkpoint_is_left_out_in_turn_or_is_a_clock(tmp_path: Path) -> None:
    state = load_checkpoint(checkpoints(trained(tmp_path).folder.checkpoints)[-1])
    tried = {part.partition(".")[0] for part in PARTS} | {"predictions"}
    tried |= {"records"}  # tests/vision/training/test_resumed.py
    assert set(state) - tried == {"timings", "train_s", "precision"}
    assert state["precision"] == {}, (
        "half precision alone has a state, on a GPU: tests/vision/training/test_cuda.py"
    )
    assert set(state["position"]) == {"epoch", "step", "total_steps"}
    assert set(state["totals"]) == {"loss", "correct", "images"}


class GoingOn(KeyedRng):
    """As most programs have it: numbers come one after the other from a generator that goes on."""

    unkeyed = ""

    def __init__(self, seed: int, purpose: str) -> None:
        super().__init__(seed, purpose)
        self._purpose = purpose

    def at(self, epoch: int, index: int = 0) -> np.random.Generator:
        return self._generator if self._purpose == self.unkeyed else super().at(epoch, index)


@pytest.mark.parametrize("what", ["order", "view", "dropout"])
def test_randomness_that_goes_on_from_what_was_drawn_before_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "dropout":
        monkeypatch.setattr(loop, "key_step", lambda *_: None)
    else:
        monkeypatch.setattr(GoingOn, "unkeyed", what)
        monkeypatch.setattr(loader, "KeyedRng", GoingOn)
        monkeypatch.setattr(makers, "KeyedRng", GoingOn)
    overrides = {**DROPOUT, "execution__transforms": "torchvision"}
    once = results(trained(tmp_path / "once", **overrides))
    stopped(tmp_path / "twice", INSIDE_EPOCH_2, **overrides)
    assert results(trained(tmp_path / "twice", **overrides)) != once


def test_the_same_with_keyed_randomness_is_the_same(tmp_path: Path) -> None:
    overrides = {**DROPOUT, "execution__transforms": "torchvision"}
    once = results(trained(tmp_path / "once", **overrides))
    stopped(tmp_path / "twice", INSIDE_EPOCH_2, **overrides)
    assert results(trained(tmp_path / "twice", **overrides)) == once
