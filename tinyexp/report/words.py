"""Numbers and foreign text as a reader meets them. Only the view calls these; templates look up."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NBSP = "\u00a0"
"""Between a number and its unit, so that no line breaks there."""
MINUS = "\u2212"
NOTHING = "\u2013"
"""Stands in a cell that has no value."""

CODE, END_CODE = "\ue000", "\ue001"
"""Around what is to be typed, inside a sentence; :func:`plain` lets no foreign text have them."""

_ISOLATE, _POP = "\u2068", "\u2069"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co"})
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})


@dataclass(frozen=True)
class Quantity:
    """How a metric is told: its name, the unit of a value and of a difference."""

    name: str
    unit: str
    step: str
    """The unit of a difference."""
    scale: float
    """What a raw value is multiplied by."""
    decimals: int


_ACCURACY = ("%", "points", 100.0, 1)
_LOSS = ("nats", "nats", 1.0, 3)
QUANTITIES = {
    "test_accuracy": Quantity("test accuracy", *_ACCURACY),
    "test_top5_accuracy": Quantity("top-5 test accuracy", *_ACCURACY),
    "train_accuracy": Quantity("training accuracy", *_ACCURACY),
    "train_clean_accuracy": Quantity("accuracy on clean training images", *_ACCURACY),
    "val_accuracy": Quantity("validation accuracy", *_ACCURACY),
    "generalisation_gap": Quantity("gap between clean training and test accuracy", *_ACCURACY),
    "test_loss": Quantity("test loss", *_LOSS),
    "train_loss": Quantity("training loss", *_LOSS),
    "train_clean_loss": Quantity("loss on clean training images", *_LOSS),
    "val_loss": Quantity("validation loss", *_LOSS),
}


def number(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with a fixed count of decimals, a real minus sign, and no negative zero.

    >>> number(-0.04, 1), number(2.0, 1, signed=True)
    ('0.0', '+2.0')
    """
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def percent(fraction: float, decimals: int = 1) -> str:
    """A fraction as per cent."""
    return f"{number(100 * fraction, decimals)}{NBSP}%"


def level(metric: str, value: float) -> str:
    """A value of a metric with its unit."""
    told = QUANTITIES[metric]
    return f"{number(told.scale * value, told.decimals)}{NBSP}{told.unit}"


def change(metric: str, value: float, *, signed: bool = False) -> str:
    """A difference of two values of a metric with its unit."""
    told = QUANTITIES[metric]
    return f"{bare_change(metric, value, signed=signed)}{NBSP}{told.step}"


def bare_change(metric: str, value: float, *, signed: bool = False) -> str:
    """A difference of two values of a metric, without its unit."""
    told = QUANTITIES[metric]
    return number(told.scale * value, told.decimals, signed=signed)


def p_value(p: float) -> str:
    """A probability: two significant figures, at most four decimals.

    >>> p_value(0.25), p_value(0.03125), p_value(1e-9)
    ('0.25', '0.031', 'below 0.0001')
    """
    return "below 0.0001" if p < 0.0001 else f"{float(f'{p:.2g}'):.4f}".rstrip("0").rstrip(".")


def p_told(p: float) -> str:
    """A probability as a clause: ``p = 0.25`` or ``p below 0.0001``."""
    told = p_value(p)
    return f"p {told}" if told.startswith("below") else f"p = {told}"


def counted(n: int, one: str, many: str = "") -> str:
    """A count with its noun in the right number.

    >>> counted(1, "run").split(NBSP), counted(1200, "run").split(NBSP)
    (['1', 'run'], ['1,200', 'runs'])
    """
    return f"{n:,}{NBSP}{one if n == 1 else many or one + 's'}"


def listing(names: Iterable[str]) -> str:
    """Names in a sentence: ``a, b and c``."""
    *first, last = list(names) or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def some(names: Sequence[str], most: int = 6) -> str:
    """As :func:`listing`, of many only the first and how many there are besides.

    >>> some(["a", "b", "c", "d"], 3)
    'a, b and 2 others'
    """
    if len(names) <= most:
        return listing(names)
    first = names[: most - 1]
    return f"{', '.join(first)} and {len(names) - len(first):,} others"


def plain(text: str, limit: int = 160) -> str:
    """Foreign text made fit for a line: no line breaks, nothing invisible, not endless.

    Text that runs from right to left is isolated, so that it cannot turn round what stands beside it.
    """
    line = " ".join(text.split())
    shown = "".join("\ufffd" if unicodedata.category(sign) in _UNSEEN else sign for sign in line)
    if len(shown) > limit:
        shown = f"{shown[: limit - 1].rstrip()}\u2026"
    if any(unicodedata.bidirectional(sign) in _RIGHT_TO_LEFT for sign in shown):
        return f"{_ISOLATE}{shown}{_POP}"
    return shown


def typed(command: str) -> str:
    """What a reader types, marked so that the pages set it as code."""
    return f"{CODE}{command}{END_CODE}"


def setting(value: Any) -> str:
    """A value of a spec, for a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(setting(entry) for entry in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return NOTHING
    return plain(value if isinstance(value, str) else json.dumps(value, sort_keys=True), 80)


def first_upper(text: str) -> str:
    """A clause as a sentence begins, the rest as it is."""
    return text[:1].upper() + text[1:]
