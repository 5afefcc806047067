"""Text and code for Markdown as GitHub reads it: what is put in shows as itself and does nothing."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

from tinyexp.words import CODE, END_CODE

_SIGNS = re.compile(r"([\\`*_\[\]|~$])")
_ACTIVE = re.compile(r"[\[\]@~$`*_]|:(?=//)|(?<=www)\.")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BLOCK_START = re.compile(r"^(\s*)(#{1,6}(?=\s|$)|[+-](?=[\s+-]|$)|=|\d+[.)](?=\s|$))")
_CODE = re.compile(f"{CODE}([^{END_CODE}]*){END_CODE}")
_BREAK = "\u200b"
"""Invisible, and enough to keep a name or an address from becoming a mention or a link."""


class Raw(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escaped(value: object) -> str:
    r"""A value as literal text in Markdown; what is :class:`Raw` stays as it is.

    >>> print(escaped("a|b *c* <d>"))
    a\|b \*c\* &lt;d&gt;
    """
    if isinstance(value, Raw):
        return value
    # Every second part is code.
    parts = _CODE.split(str(value))
    return "".join(code(part) if place % 2 else _escaped(part) for place, part in enumerate(parts))


def _escaped(text: str) -> str:
    text = text.replace("\n", " ").replace("\r", " ")
    text = "".join(_ENTITIES.get(sign, sign) for sign in text)
    text = _SIGNS.sub(r"\\\1", text)
    text = text.replace("@", f"@{_BREAK}").replace("://", f":{_BREAK}//").replace("www.", f"www{_BREAK}.")
    return _BLOCK_START.sub(_kept_inline, text)


def code(value: object) -> Raw:
    """A value as a code span, also inside a table's cell."""
    text = str(value).replace("\n", " ").replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence, pad = "`" * (longest + 1), " " if text.startswith("`") or text.endswith("`") else ""
    return Raw(f"{fence}{pad}{text}{pad}{fence}")


def entities(value: object) -> Raw:
    """Text inside an HTML element of a Markdown page, where backslashes would show."""
    escaped_text = html.escape(str(value).replace("\n", " "), quote=False)
    return Raw(_ACTIVE.sub(lambda sign: f"&#{ord(sign[0])};", escaped_text))


def target(value: object) -> Raw:
    """Where a link leads: an address, a path or an anchor, with nothing in it that would end the link.

    >>> print(target("runs/a (b)/<c>"))
    runs/a%20%28b%29/%3Cc%3E
    """
    return Raw(quote(str(value), safe="/:#?&=%+,;@~!$*.-_"))


def literal(value: object) -> Raw:
    """A line of an indented block: shown as it is, as long as it stays one line."""
    return Raw(str(value).replace("\n", " "))


def _kept_inline(match: re.Match[str]) -> str:
    """A sign that would begin a heading, a list or a rule, with a backslash."""
    space, sign = match[1], match[2]
    return f"{space}{sign[:-1]}\\{sign[-1]}" if sign[0].isdigit() else f"{space}\\{sign}"
