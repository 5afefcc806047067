"""Scalars of YAML: what plain text means, what a quoted one holds, and how lines of a block are put together.

A scalar that cannot be read is a ValueError whose text says why; :mod:`tinyexp.logs.yaml` names the line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)")
_BASED = re.compile(r"([-+]?)(?:0b([01_]+)|0x([0-9a-fA-F_]+)|0([0-7_]+))")
_SIXTIES = re.compile(r"[-+]?(?:[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)")
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|(?:0|[1-9][0-9_]*)[eE][-+]?[0-9]+)",
)
_MAX_DIGITS = 400
"""A longer number is left as text: no setting has so many, and Python refuses to read very long ones."""
_ESCAPES: Mapping[str, str] = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "\\": "\\",
    "/": "/",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def resolved(text: str) -> Any:
    """What plain text means in YAML 1.1, as PyYAML's ``safe_load`` has it, with two differences.

    ``1e-3``, which PyYAML takes for text as it lacks a point, is the number that was meant; dates stay text.

    >>> [resolved(text) for text in ("1e-3", "0x1F", "1_000", "off", "~", "2024-01-01", "1:30", "08")]
    [0.001, 31, 1000, False, None, '2024-01-01', 90, '08']
    """
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _MAX_DIGITS or text[0] not in "+-.0123456789":
        return text
    if _DECIMAL.fullmatch(text):
        return int(text.replace("_", ""))
    if based := _BASED.fullmatch(text):
        sign, *digits = based.groups()
        return _with_base(text, sign, digits)
    if _FLOAT.fullmatch(text):
        number = float(text.replace("_", ""))
        # A commit such as 7e12345 is no number; nobody writes infinity like this.
        return number if math.isfinite(number) else text
    return _base_60(text) if _SIXTIES.fullmatch(text) else text


def _with_base(text: str, sign: str, candidates: Sequence[str | None]) -> Any:
    for digits, base in zip(candidates, (2, 16, 8), strict=True):
        if digits is not None and digits.strip("_"):
            return int(sign + digits.replace("_", ""), base)
    return 0 if text.lstrip("+-").replace("_", "") == "0" else text


def _base_60(text: str) -> float:
    total, weight = 0 if "." not in text else 0.0, 1
    for part in reversed(text.lstrip("+-").replace("_", "").split(":")):
        total += (float(part) if "." in text else int(part)) * weight
        weight *= 60
    return -total if text[0] == "-" else total


def single_quoted(inside: str) -> str:
    """What stands between single quotes."""
    return folded(inside).replace("''", "'")


def double_quoted(inside: str) -> str:
    r"""What stands between double quotes.

    >>> double_quoted("a\\\n   \\ b\\t\\x41  \n c")
    'a b\tA c'
    """
    text = _ESCAPE.sub(_unescaped, folded(inside, escapes=True))
    if _SURROGATE.search(text):
        # JSON writes a sign beyond U+FFFF as two halves; a half alone is no text.
        try:
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise ValueError("holds half of a pair of surrogates") from error
    return text


def _unescaped(match: re.Match[str]) -> str:
    *codes, sign = match.groups()
    if sign is None:
        number = int(next(code for code in codes if code), 16)
        if number > 0x10FFFF:
            raise ValueError(f"the escape {match[0]} is no character")
        return chr(number)
    if sign not in _ESCAPES:
        raise ValueError(f"\\{sign} is no escape of YAML")
    return _ESCAPES[sign]


def folded(inside: str, *, escapes: bool = False) -> str:
    """Lines of a plain or quoted scalar as one text: a line break is a space, and each empty line a break.

    Parameters
    ----------
    escapes
        A backslash at the end of a line takes its break away, and one before a space keeps the space.
    """
    if "\n" not in inside:
        return inside
    lines = inside.split("\n")
    pieces: list[str] = []
    blank, between = 0, ""
    for place, line in enumerate(lines):
        content = line.lstrip(" \t") if place else line
        goes_on = False
        if place < len(lines) - 1:
            content, goes_on = _without_end(content, escapes=escapes)
            if place and not content and not goes_on:
                blank += 1
                continue
        if place:
            pieces.append("\n" * blank or between)
        pieces.append(content)
        blank, between = 0, "" if goes_on else " "
    return "".join(pieces)


def _without_end(line: str, *, escapes: bool) -> tuple[str, bool]:
    """A line without the spaces at its end, and whether the next one continues it without a space."""
    content = line.rstrip(" \t")
    if not escapes or (len(content) - len(content.rstrip("\\"))) % 2 == 0:
        return content, False
    if len(content) < len(line):
        return line[: len(content) + 1], False  # that space was escaped
    return content[:-1], True


def block_text(lines: Sequence[str], style: str, chomp: str, *, ended: bool) -> str:
    r"""The text of a literal (``|``) or folded (``>``) block scalar.

    Parameters
    ----------
    lines
        Without their indentation; empty ones at the end too.
    chomp
        ``-`` drops the last line break, ``+`` keeps all that follow, and nothing keeps one.
    ended
        Whether the last line has a line break.

    >>> block_text(["a", "b", "", " c", "d", ""], ">", "", ended=True)
    'a b\n\n c\nd\n'
    """
    content = list(lines)
    while content and not content[-1]:
        content.pop()
    pieces: list[str] = []
    blank, before = 0, ""
    for line in content:
        if not line:
            blank += 1
            continue
        fold = style == ">" and before and before[0] not in " \t" and line[0] not in " \t"
        # Before the first line only empty lines give breaks.
        pieces.append(("\n" * blank or " ") if fold else "\n" * (blank + bool(before)))
        pieces.append(line)
        blank, before = 0, line
    after = len(lines) - len(content)
    if chomp != "-" and content and (ended or after):
        pieces.append("\n")
    if chomp == "+":
        pieces.append("\n" * after)
    return "".join(pieces)
