"""Reading YAML from a place in its text: tags, anchors, quoted scalars, and what stands in brackets and braces."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from tinyexp.errors import UserError
from tinyexp.logs.yaml_scalars import double_quoted, folded, resolved, single_quoted

MAX_DEPTH = 50
MAX_NODES = 200_000
"""Of a document when its aliases are written out, which a few lines can make as many as one likes."""

_SPACE = re.compile(r"[ \t]*+")
_SKIP = re.compile(r"(?:[ \t]++|\n|(?<![^ \t\n])#[^\n]*+)*+")
_WHITE = re.compile(r"[ \t\n]*+")
_PLAIN_END = re.compile(r"[\n,\[\]{}]|:(?=[ \t\n,\[\]{}]|\Z)|(?<=[ \t])#|\Z")
_PLAIN_START = re.compile(r"[^ \t\n\-?:,\[\]{}#&*!|>'\"%@`]|[-?:](?=[^ \t\n,\[\]{}])")
_QUESTION = re.compile(r"\?(?=[ \t\n])")
_SINGLE = re.compile(r"'((?:[^']|'')*+)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_TAG = re.compile(r"!(?:<[^>\s]*>|[^\s,\[\]{}]*)")
_NAME = re.compile(r"[0-9A-Za-z_-]++(?=[ \t\n?:,\]}%@`]|\Z)")
_TEXT_TAGS = frozenset({"str", "!", "python/str", "python/unicode"})
_PLAIN_TAGS = frozenset({"int", "float", "bool", "null"})


class Properties(NamedTuple):
    """What may stand before a value."""

    tag: str = ""
    """Without ``!!``; empty where there is none."""
    anchor: str = ""


class FlowParser:
    r"""A place in a text, and what can be read there in one go.

    Parameters
    ----------
    text
        With ``\n`` at the ends of lines.
    where
        The beginning of every message.
    """

    def __init__(self, text: str, where: str, start: int = 0) -> None:
        self.text, self.where, self.at = text, where, start
        self.depth = self.nodes = 0
        self.anchors: dict[str, tuple[Any, int]] = {}

    def error(self, what: str, at: int | None = None) -> UserError:
        line = self.text.count("\n", 0, self.at if at is None else at) + 1
        return UserError(f"{self.where}: line {line}: {what}.")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self) -> None:
        """Over spaces, line breaks and comments."""
        match = _SKIP.match(self.text, self.at)
        assert match, "it matches nothing too"
        self.at = match.end()

    def skip_spaces(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match, "it matches nothing too"
        self.at = match.end()

    def count(self, nodes: int = 1) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self.error(f"more than {MAX_NODES:,} values, aliases written out; settings have fewer")

    def deeper(self, read: Callable[[], Any]) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} levels deep")
        value = read()
        self.depth -= 1
        return value

    def properties(self) -> Properties:
        """The tag and the anchor here, in either order, and the spaces after them."""
        tag = anchor = ""
        while (sign := self.peek()) in ("!", "&"):
            pattern = _TAG if sign == "!" else _NAME
            match = pattern.match(self.text, self.at + (sign == "&"))
            if not match or (tag if sign == "!" else anchor):
                raise self.error(f"{sign} has no name, or stands twice")
            if sign == "!":
                tag = _tag_name(match[0])
            else:
                anchor = match[0]
            self.at = match.end()
            self.skip_spaces()
        return Properties(tag, anchor)

    def anchored(self, properties: Properties, read: Callable[[], Any]) -> Any:
        """What ``read`` gives, kept for the aliases of the anchor here."""
        before = self.nodes
        self.count()
        value = read()
        if properties.anchor:
            self.anchors[properties.anchor] = (value, self.nodes - before)
        return value

    def alias(self) -> Any:
        match = _NAME.match(self.text, self.at + 1)
        name = match[0] if match else ""
        if not match or name not in self.anchors:
            raise self.error(f"*{name} refers to nothing that was read before it")
        self.at = match.end()
        value, size = self.anchors[name]
        self.count(size)
        return value

    def scalar(self, tag: str, text: str, *, plain: bool) -> Any:
        """The value of a scalar; the name of a function or class, which PyYAML puts into the tag, is text."""
        if not text and tag.startswith(("python/name:", "python/module:")):
            return tag.partition(":")[2]
        if tag in _TEXT_TAGS or not (plain or tag in _PLAIN_TAGS):
            return text
        return resolved(text)

    def quoted(self, tag: str) -> Any:
        single = self.peek() == "'"
        match = (_SINGLE if single else _DOUBLE).match(self.text, self.at)
        if not match:
            raise self.error("a quotation mark has no partner")
        try:
            text = single_quoted(match[1]) if single else double_quoted(match[1])
        except ValueError as error:
            raise self.error(str(error)) from error
        self.at = match.end()
        return self.scalar(tag, text, plain=False)

    def key(self, value: Any) -> Hashable:
        """A value as a key: a list is a tuple."""
        if isinstance(value, list):
            return tuple(self.key(one) for one in value)
        if isinstance(value, dict):
            raise self.error("a mapping is a key, which settings have not")
        assert isinstance(value, Hashable)
        return value

    def add(self, mapping: dict[Any, Any], key: Any, value: Any) -> None:
        key = self.key(key)
        if key in mapping:
            raise self.error(f"the key '{key}' stands twice in one mapping, so that its value is not clear")
        mapping[key] = value

    def flow(self) -> Any:
        """A value inside of brackets or braces, or either of these."""
        properties = self.properties()
        self.skip()
        return self.anchored(properties, lambda: self._flow_value(properties.tag))

    def _flow_value(self, tag: str) -> Any:
        sign = self.peek()
        if sign == "[":
            return self.deeper(self._flow_sequence)
        if sign == "{":
            return self.deeper(self._flow_mapping)
        if sign == "*":
            return self.alias()
        if sign in ("'", '"'):
            return self.quoted(tag)
        if _PLAIN_START.match(self.text, self.at):
            return self.scalar(tag, self._flow_plain(), plain=True)
        if tag and sign in (",", "]", "}"):
            return self.scalar(tag, "", plain=True)
        raise self.error(f"{sign!r} is not understood here" if sign else "a bracket or brace has no partner")

    def _flow_plain(self) -> str:
        start, end = self.at, self.at
        while True:
            match = _PLAIN_END.search(self.text, self.at)
            assert match, "the end of the text matches"
            if match.start() > self.at:
                end = match.start()
            if match[0] != "\n":
                break
            white = _WHITE.match(self.text, match.start())
            assert white, "it matches nothing too"
            self.at = white.end()
            if self.peek() == "#":
                break
        self.at = end
        return folded(self.text[start:end].rstrip(" \t\n"))

    def _flow_sequence(self) -> list[Any]:
        found: list[Any] = []
        self.at += 1
        while not self._closed("]"):
            asked = self._question()
            value = self._flow_key() if asked else self.flow()
            self.skip()
            if asked or self.peek() == ":":
                value = {self.key(value): self._flow_after_colon()}
            found.append(value)
            self._comma("]")
        return found

    def _flow_mapping(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        self.at += 1
        while not self._closed("}"):
            self._question()
            key = self._flow_key()
            self.skip()
            self.add(found, key, self._flow_after_colon())
            self._comma("}")
        return found

    def _question(self) -> bool:
        """Over the ``?`` that may stand before a key, as PyYAML puts it before an empty or a long one."""
        asked = bool(_QUESTION.match(self.text, self.at))
        if asked:
            self.at += 1
            self.skip()
        return asked

    def _flow_key(self) -> Any:
        return None if self.peek() == ":" and not _PLAIN_START.match(self.text, self.at) else self.flow()

    def _flow_after_colon(self) -> Any:
        if self.peek() != ":":
            return None
        self.at += 1
        self.skip()
        return None if self.peek() in (",", "]", "}") else self.flow()

    def _closed(self, bracket: str) -> bool:
        self.skip()
        closed = self.peek() == bracket
        self.at += closed
        return closed

    def _comma(self, bracket: str) -> None:
        self.skip()
        if self.peek() == ",":
            self.at += 1
        elif self.peek() != bracket:
            raise self.error(f"',' or '{bracket}' is missing")


def _tag_name(tag: str) -> str:
    inside = tag[2:-1] if tag.startswith("!<") else tag
    return inside.removeprefix("tag:yaml.org,2002:").removeprefix("!!")
