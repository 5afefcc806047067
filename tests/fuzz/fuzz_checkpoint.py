"""A fuzzer of checkpoints: any bytes, any values in the place of others, and pickles that would act."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from harness import Fuzzer
from hypothesis import strategies as st
from mutations import anything, changed, spoiled
from torch import nn

from tinyexp.runs.records import table_text
from tinyexp.trainers.vision.columns import METRIC_COLUMNS, TIMING_COLUMNS
from tinyexp.trainers.vision.training.checkpoint import load_checkpoint
from tinyexp.trainers.vision.training.peak import PeakMemory
from tinyexp.trainers.vision.training.state import Totals, TrainingState

ACTED = Path(tempfile.gettempdir()) / f"tinyexp-fuzz-acted-{os.getpid()}"
"""Comes into being if a checkpoint is ever executed."""


class Acting:
    """What an attacker would put into a pickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(ACTED),)


def new_state() -> TrainingState:
    """A net with two layers, trained for no step."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return TrainingState(model, optimizer, Totals.on(torch.device("cpu")), PeakMemory("cpu"))


@cache
def _content() -> dict[str, Any]:
    state = new_state()
    state.model(torch.ones(2, 3)).sum().backward()
    state.optimizer.step()
    state.rows = [dict.fromkeys(METRIC_COLUMNS, 0.5)]
    state.timings = [dict.fromkeys(TIMING_COLUMNS, 0.5)]
    state.predictions = {"label": torch.zeros(3, dtype=torch.int32)}
    content = state.to_checkpoint()
    return content | {"model": dict(content["model"])}


tensors = st.sampled_from(
    (
        torch.zeros(0),
        torch.zeros(4, 3),
        torch.zeros(4, 3, dtype=torch.int8),
        torch.full((), float("nan")),
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(1).expand(1 << 40),
        torch.eye(3).to_sparse(),
        torch.zeros(3, device="meta"),
    )
)


def _saved(value: Any) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


@cache
def _bytes() -> bytes:
    return _saved(_content())


bodies = st.one_of(
    st.deferred(lambda: changed(_content(), tensors | anything | st.just(Acting()))).map(_saved),
    st.deferred(lambda: spoiled(_bytes())),
    (anything | tensors | st.just(Acting())).map(_saved),
    st.binary(max_size=100),
)
inputs = st.one_of(
    st.tuples(st.just("right"), bodies),
    st.tuples(st.just("right"), bodies),
    st.tuples(st.just("none"), bodies),
)


def read_checkpoint(place: Path, given: tuple[str, bytes]) -> None:
    """Load a checkpoint, with its own digest or without one, take it over, and write the records from it."""
    digest, body = given
    head = (
        b"tinyexp-checkpoint-1 " + hashlib.sha256(body).hexdigest().encode() + b"\n"
        if digest == "right"
        else b""
    )
    path = place / "epoch-000001-step-00000000.ckpt"
    path.write_bytes(head + body)
    state = new_state()
    try:
        state.restore(load_checkpoint(path), path)
    finally:
        assert not ACTED.exists(), "a checkpoint was executed"
    table_text(METRIC_COLUMNS, state.rows)
    table_text(TIMING_COLUMNS, state.timings)
    for values in state.predictions.values():
        values.numpy()
    state.is_finite()


CHECKPOINTS = Fuzzer(inputs, lambda place: place, read_checkpoint, (".ckpt",))
