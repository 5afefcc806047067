"""What the beginning of a file says of the table in it, for finders, which read no whole file."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from tinyexp.logs.records import flat
from tinyexp.logs.separated import passed_over, separator_of

_LINES = 5
"""That are looked into, as the first may have nothing but settings."""


@lru_cache(maxsize=64)  # as each reader asks in turn
def names_in(head: bytes) -> tuple[str, ...]:
    r"""The column names in the beginning of a file; none where it is no table. Never raises.

    >>> names_in(b"epoch,loss\r\n1,0.5\r\n"), names_in(b'{"step": 1, "val": {"acc": 0.5}}\n'), names_in(b"\x89PNG\0\0")
    (('epoch', 'loss'), ('step', 'val.acc'), ())
    """
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = head.decode(encoding, errors="replace").lstrip("\ufeff\r\n\t ")
    if not text or "\0" in text:
        return ()
    if text[0] in "{[":
        return _json_names(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    line = text[passed_over(text, 0)[0] :].partition("\n")[0]
    return tuple(name.strip('"# ') for name in line.split(separator_of(line)))


def _json_names(text: str) -> tuple[str, ...]:
    names: dict[str, None] = {}
    *lines, _ = text.split("\n", _LINES)
    if text[0] == "{" and lines:
        for line in lines:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                return ()
            if not isinstance(value, dict):
                return ()
            names.update(dict.fromkeys(flat(value, ".")))
        return tuple(names)
    # A list, or a first line that is longer than what is at hand.
    if re.match(r'\[?\s*\{\s*"', text) is None:
        return ()
    return tuple(re.findall(r'"([^"\\]{1,200})"\s*:', text))
