"""What a fuzzer is, and what must be true of every input: read, or refused by name; in bounded time and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bounds import bounded
from hypothesis.strategies import SearchStrategy

from tinyexp.errors import TinyexpError


@dataclass(frozen=True)
class Fuzzer:
    """One reader of files, and inputs for it."""

    inputs: SearchStrategy[Any]
    prepare: Callable[[Path], Any]
    """Makes valid files in an empty folder, once; what it gives is handed to every call of ``feed``."""
    feed: Callable[[Any, Any], None]
    """Has one input read: of what ``prepare`` gave, and the input. It returns where the input was accepted."""
    names: tuple[str, ...]
    """One of these must stand in the message of a refusal: the file, or the option."""


@dataclass
class Tally:
    """How many inputs there were, and what became of them."""

    accepted: int = 0
    refused: int = 0
    failed: int = 0
    found: dict[str, str] = field(default_factory=dict)
    """For each way to fail the smallest input that does."""

    @property
    def tried(self) -> int:
        return self.accepted + self.refused + self.failed


def try_one(fuzzer: Fuzzer, place: Any, given: Any, tally: Tally) -> None:
    """Feed one input; raises whatever is not as it should be."""
    try:
        with bounded():
            fuzzer.feed(place, given)
    except TinyexpError as error:
        said = str(error)
        assert any(name in said for name in fuzzer.names), f"the message does not name the file: {said!r}"
        tally.refused += 1
    else:
        tally.accepted += 1
