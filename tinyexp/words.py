"""Numbers and foreign text as a reader meets them. Only the view calls these; templates look up."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from tinyexp.config.metric import Metric

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


def number(value: float, decimals: int, *, signed: bool = False) -> str:
    """A number with a fixed count of decimals, a real minus sign, and no negative zero.

    >>> number(-0.04, 1), number(2.0, 1, signed=True)
    ('0.0', '+2.0')
    """
    text = f"{abs(value):,.{decimals}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def significant(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with so many significant digits, no digit before the point left out and no zero behind it.

    >>> significant(23.4, 4), significant(1234.5, 4), significant(0.01234, 3), significant(2.5e7, 3)
    ('23.4', '1,234', '0.0123', '25,000,000')
    """
    mantissa, _, exponent = f"{abs(value):.{digits - 1}e}".partition("e")
    places = int(exponent)
    if value and not -5 <= places <= 11:
        told = f"{mantissa.rstrip('0').rstrip('.')}e{places}".replace("-", MINUS)
        return (MINUS if value < 0 else "+" if signed else "") + told
    told = number(value, max(0, digits - 1 - places) if value else 0, signed=signed)
    return told.rstrip("0").rstrip(".") if "." in told else told


def bare_level(metric: Metric, value: float) -> str:
    """A value of a metric, without its unit."""
    shown = metric.shown
    if shown.decimals is None:
        return significant(shown.scale * value, 4)
    return number(shown.scale * value, shown.decimals)


def level(metric: Metric, value: float) -> str:
    """A value of a metric with its unit."""
    return _with_unit(bare_level(metric, value), metric.shown.suffix)


def bare_fine(metric: Metric, value: float) -> str:
    """A value of a metric with a digit more, where it is held against a bound; without its unit."""
    shown = metric.shown
    if shown.decimals is None:
        return significant(shown.scale * value, 5)
    return number(shown.scale * value, shown.decimals + 1)


def fine(metric: Metric, value: float) -> str:
    """The same with its unit."""
    return _with_unit(bare_fine(metric, value), metric.shown.suffix)


def bare_change(metric: Metric, value: float, *, signed: bool = False) -> str:
    """A difference of two values of a metric, without its unit."""
    shown = metric.shown
    if shown.decimals is None:
        return significant(shown.scale * value, 3, signed=signed)
    return number(shown.scale * value, shown.decimals, signed=signed)


def change(metric: Metric, value: float, *, signed: bool = False) -> str:
    """A difference of two values of a metric with its unit."""
    return _with_unit(bare_change(metric, value, signed=signed), metric.shown.step)


def in_units(text: str, unit: str) -> str:
    """What a column or an axis shows, with the unit after a comma; of a plain number there is none.

    >>> in_units("difference", "points"), in_units("difference", "")
    ('difference, points', 'difference')
    """
    return f"{text}, {unit}" if unit else text


def axis(text: str, unit: str) -> str:
    """The title of an axis, with the unit in parentheses."""
    return f"{text} ({unit})" if unit else text


def measured_at(index: str, at: int | None, chooser: Metric | None) -> str:
    """Where on its curve a value was taken: ``after epoch 12``, or where another metric is best."""
    if chooser is not None:
        return f"at the {index} of each run with the best {chooser.label}"
    return f"after {index}{NBSP}{at or 0:,}"


_PLURALS = {"points": "point", "nats": "nat", "bits": "bit"}


def _with_unit(text: str, unit: str) -> str:
    """A number with its unit, which is in the singular beside a one.

    >>> _with_unit("+1.0", "points").split(NBSP), _with_unit("1.1", "points").split(NBSP)
    (['+1.0', 'point'], ['1.1', 'points'])
    """
    if unit in _PLURALS and text.strip(f"+{MINUS}").rstrip("0").rstrip(".") == "1":
        unit = _PLURALS[unit]
    return f"{text}{NBSP}{unit}" if unit else text


def per_cent(share: float) -> str:
    """A level of confidence.

    >>> per_cent(0.95).split(NBSP), per_cent(0.9956).split(NBSP)
    (['95', '%'], ['99.56', '%'])
    """
    return f"{float(f'{100 * share:.2f}'):g}{NBSP}%"


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


_FRACTIONS = {
    0.5: "\u00bd",
    0.25: "\u00bc",
    0.75: "\u00be",
    0.125: "\u215b",
    0.375: "\u215c",
    0.625: "\u215d",
    0.875: "\u215e",
}


def scaled_setting(ran: Any, written: Any, factor: float) -> str:
    r"""A setting as it ran, and in parentheses what was multiplied.

    >>> scaled_setting(16, 128, 0.125), scaled_setting([8, 16], [64, 128], 0.125)
    ('16 (128 ×\xa0⅛)', '8, 16 (64, 128 ×\xa0⅛)')
    """
    return f"{setting(ran)} ({setting(written)} \u00d7{NBSP}{_FRACTIONS.get(factor, setting(factor))})"


def first_upper(text: str) -> str:
    """A clause as a sentence begins, the rest as it is."""
    return text[:1].upper() + text[1:]
