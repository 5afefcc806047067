"""What is asked of a cluster, so that the executor's bookkeeping can be tried without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tinyexp.launch.executor import Handle
from tinyexp.launch.ray.order import Order, Spoken


@dataclass(frozen=True)
class Need:
    """What a run takes of a node; fractions of a processor or a GPU are shared."""

    cpus: float = 1.0
    gpus: float = 0.0


@dataclass(frozen=True)
class Lost:
    """A worker or its node ended without a word."""

    how: str


@dataclass(frozen=True)
class Failed:
    """The order could not be carried out at all, as where tinyexp is not installed."""

    message: str


Heard = Spoken | Lost | Failed
Stream = object
"""What a cluster calls an order that it was given."""


class Cluster(Protocol):
    """The few things that are asked of Ray."""

    def start(self, order: Order, state: bytes, need: Need) -> Stream:
        """Have an order carried out as soon as there is room for it."""

    def heard(self, streams: Mapping[Handle, Stream], wait_s: float) -> list[tuple[Handle, Heard]]:
        """What was said since the last call, at most one thing of each; waits up to so many seconds for the first."""

    def stop(self, number: int) -> None:
        """Have the order of that number commit and leave."""

    def forget(self, stream: Stream) -> None:
        """Take an order back; no error where it has ended."""

    def room(self, need: Need) -> int:
        """How many such orders the nodes of now can carry out at once."""

    def close(self) -> None:
        """End everything."""
