"""What reaches a terminal: text of anybody's, in which nothing acts on the terminal or turns its line round."""

from __future__ import annotations

import unicodedata

import click

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Unicode's categories of what is not seen: controls (escape sequences among them), marks of direction, halves of
surrogate pairs (of which file names that are no UTF-8 are made), private use, separators of lines."""


def say(what: object, *, err: bool = False) -> None:
    """A line for people, of whatever text: nothing in it acts on their terminal."""
    click.echo(visible(str(what)), err=err)


def visible(text: str, *, one_line: bool = False, pairs: bool = False) -> str:
    r"""The text with ``\u001b`` and the like in place of what would not be seen; line ends stay.

    Parameters
    ----------
    one_line
        Line ends become spaces.
    pairs
        Characters beyond 16 bits as two escapes, as JSON wants them.

    >>> visible("\x1b[31mred\u202e")
    '\\u001b[31mred\\u202e'
    """
    if one_line:
        text = " ".join(text.splitlines())
    if text.isprintable():
        return text
    return "".join(
        _escape(letter, pairs=pairs) if letter != "\n" and unicodedata.category(letter) in _UNSEEN else letter
        for letter in text
    )


def _escape(letter: str, *, pairs: bool) -> str:
    code = ord(letter)
    if code < 1 << 16:
        return f"\\u{code:04x}"
    if not pairs:
        return f"\\U{code:08x}"
    high, low = 0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF)
    return f"\\u{high:04x}\\u{low:04x}"


def counted(number: int, noun: str) -> str:
    """As in ``1 run``, ``3 runs``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
