"""Two report.json, value by value: where they differ, and whether only in the last digits of numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tinyexp.words import plain

LAST_DIGITS = 1.001e-9
"""What one step in the tenth digit makes of a number at most, relatively, and the rounding of that step itself."""
_SMALL = 1e-3
"""Numbers below count as this, so that what differs by less than 1e-12 never counts."""
_MAX_NAMED = 5
_MAX_LETTERS = 60


@dataclass(frozen=True)
class Differences:
    """How a report differs from what its records give."""

    lines: tuple[str, ...]
    """The first few values that are others, each with its place; then how many more there are."""
    near: int
    """Numbers that differ in their last digits only."""
    largest: float
    """The largest relative difference among these."""

    @property
    def note(self) -> str:
        """What the last digits are about, in words; empty where none differs."""
        if not self.near:
            return ""
        numbers = "1 number differs" if self.near == 1 else f"{self.near:,} numbers differ"
        return (
            f"report.json: {numbers} from what the records give, in the last digits only (the largest relative "
            f"difference is {self.largest:.1e}). Compiled functions of another processor or another version may do that."
        )


def differences(told: Any, again: Any, place: str = "") -> Differences:
    """What a report tells beside what its records give, both as JSON has them.

    Only of two fractions the last digits are overlooked: a whole number, a truth value and a text are equal or not,
    and what is no number (NaN) equals nothing.

    >>> differences({"mean": [0.5, 0.25]}, {"mean": [0.5, 0.26]}, "values").lines
    ('values.mean[1]: 0.25 here, 0.26 by the records',)
    """
    lines: list[str] = []
    more, near, largest = 0, 0, 0.0
    for found in _differing(told, again, place):
        if isinstance(found, float):
            near, largest = near + 1, max(largest, found)
        elif len(lines) < _MAX_NAMED:
            lines.append(found)
        else:
            more += 1
    if more:
        lines.append(f"{more:,} more {'value differs' if more == 1 else 'values differ'}")
    return Differences(tuple(lines), near, largest)


def _differing(told: Any, again: Any, place: str) -> Iterator[str | float]:
    """For each difference a line, or how far two numbers are apart that differ in their last digits."""
    if isinstance(told, dict) and isinstance(again, dict):
        for key in sorted({*told, *again}):
            name = plain(key, _MAX_LETTERS)  # it may be anybody's
            inner = f"{place}.{name}" if place else name
            if key not in told:
                yield f"{inner}: is missing"
            elif key not in again:
                yield f"{inner}: is no part of a report"
            else:
                yield from _differing(told[key], again[key], inner)
    elif isinstance(told, list) and isinstance(again, list) and len(told) == len(again):
        for number, (one, other) in enumerate(zip(told, again, strict=True)):
            yield from _differing(one, other, f"{place}[{number}]")
    elif type(told) is not type(again) or told != again:
        apart = _apart(told, again)
        yield (
            apart if apart <= LAST_DIGITS else f"{place}: {_shown(told)} here, {_shown(again)} by the records"
        )


def _apart(told: Any, again: Any) -> float:
    """The relative difference of two fractions; infinite for anything else."""
    if not (isinstance(told, float) and isinstance(again, float)):
        return float("inf")
    return abs(told - again) / max(abs(told), abs(again), _SMALL)


def _shown(value: Any) -> str:
    if isinstance(value, list | dict):
        return f"{len(value):,} {'entry' if len(value) == 1 else 'entries'}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_LETTERS else f"{text[:_MAX_LETTERS]}..."
