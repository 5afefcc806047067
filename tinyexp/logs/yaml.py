"""The YAML that trainers write, read without a YAML library and without making any object.

Settings stand in it: ``args.yaml``, ``hparams.yaml``, ``params.yaml``, ``config.yaml``, ``meta.yaml``. Read are block
and flow collections, all forms of scalars, comments, ``---``, anchors, aliases, ``<<`` and tags; of a tag such as
``!!python/object:argparse.Namespace`` the structure below it is kept. Values are what PyYAML's ``safe_load`` gives, but
for ``1e-3``, which is a number here, and for dates, which stay text. What is not understood is refused with its line,
a key that stands twice too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.yaml_flow import FlowParser
from tinyexp.logs.yaml_scalars import block_text, folded, resolved

MAX_SETTINGS_BYTES = 5_000_000

_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BEFORE = re.compile(r"(?:(?:%[^\n]*+|[ \t]*+(?:#[^\n]*+)?+)\n)*+---(?=[ \t\n]|\Z)")
_MARK = re.compile(r"^(?:---|\.\.\.)(?=[ \t\n]|\Z)", re.MULTILINE)
_NOTHING = re.compile(r"(?:(?:---|\.\.\.)?[ \t]*+(?:#[^\n]*+)?+(?:\n|\Z))*+\Z")
_WHITE = re.compile(r"[ \t\n]*+")
_DASH = re.compile(r"-(?=[ \t\n]|\Z)")
_QUESTION = re.compile(r"\?(?=[ \t\n]|\Z)")
_COLON = re.compile(r"[ \t]*+:(?=[ \t\n]|\Z)")
_PLAIN_START = re.compile(r"[^ \t\n\-?:,\[\]{}#&*!|>'\"%@`]|[-?:](?=[^ \t\n])")
_PLAIN_END = re.compile(r"\n|:(?=[ \t\n]|\Z)|(?<=[ \t])#|\Z")
_HEADER = re.compile(r"([|>])([-+]?)([1-9]?)([-+]?)(?:[ \t]++#[^\n]*+|[ \t]*+)(?:\n|\Z)")
_SIMPLE = re.compile(
    r"([A-Za-z_][\w.]*+): (''|(?:[-+]?[0-9]|[A-Za-z_/])[\w./+-]*+)\n( *+)(?=[A-Za-z_])", re.ASCII
)
"""Most lines of most files: a key, a word or number, and a key in the next line."""
_MERGE = object()
"""The key ``<<`` without quotation marks."""


def read_yaml(path: Path) -> Mapping[str, Any]:
    """The settings in a file: a mapping, empty where the file is. Keys that are no text are as they are written.

    Raises
    ------
    UserError
        It cannot be read, is no YAML, or holds something else than a mapping; the message names the file and the line.
    """
    try:
        text = read_bounded(path, MAX_SETTINGS_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not text in UTF-8 (byte {error.start}).") from error
    value = parsed_yaml(text, str(path))
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no settings by name, but {type(value).__name__} alone.")
    return {key if isinstance(key, str) else str(key): one for key, one in value.items()}


def parsed_yaml(text: str, where: str) -> Any:
    r"""What a document of YAML holds: dicts, lists, texts, numbers, booleans and None.

    Parameters
    ----------
    where
        The beginning of the message if it cannot be read.

    Raises
    ------
    UserError
        With the line. Several documents in one text are refused as well.

    >>> parsed_yaml("lr: 1e-3\nmodel: !!python/object:a.B\n  depth: [2, 3]\n  name: 'it''s'\n", "x")
    {'lr': 0.001, 'model': {'depth': [2, 3], 'name': "it's"}}
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    before = _BEFORE.match(text)
    start = before.end() if before else 0
    mark = _MARK.search(text, start)
    parser = _Parser(text[: mark.start()] if mark else text, where, start)
    if odd := _UNPRINTABLE.search(text):
        raise parser.error(f"the character {odd[0]!r} is none of YAML's", odd.start())
    if mark and not _NOTHING.match(text, mark.start()):
        raise parser.error("a second document begins; one is read", mark.start())
    return parser.document()


class _Parser(FlowParser):
    """The part of YAML in which indentation counts."""

    def document(self) -> Any:
        value = self._block(-1, compact=True)
        self.skip()
        if self.at < len(self.text):
            raise self.error(f"{self._rest()} is not understood here")
        return value

    def _rest(self) -> str:
        end = self.text.find("\n", self.at)
        rest = self.text[self.at : len(self.text) if end < 0 else end]
        return repr(rest if len(rest) <= 40 else rest[:37] + "...")

    def _column(self, at: int | None = None) -> int:
        at = self.at if at is None else at
        return at - self.text.rfind("\n", 0, at) - 1

    def _block(self, indent: int, *, in_mapping: bool = False, compact: bool = False) -> Any:
        """The value whose lines are indented by more than ``indent``; None where there is none.

        Parameters
        ----------
        in_mapping
            A list may be indented as the mapping whose value it is.
        compact
            A list or mapping may begin in the same line, as after ``-``.
        """
        line = self.text.rfind("\n", 0, self.at)
        self.skip()
        if not self._belongs(indent, in_mapping=in_mapping):
            return None
        begin, properties = self.at, self.properties()
        if not any(properties) or self.peek() not in ("", "\n", "#"):
            compact = compact or self.text.rfind("\n", 0, begin) != line
            self.at = begin
            return self._node(indent, "", compact=compact)
        # A tag or anchor that stands alone in its line is of all that follows, not of the first key there.
        self.skip()
        if not self._belongs(indent, in_mapping=in_mapping):
            return self.anchored(properties, lambda: self.scalar(properties.tag, "", plain=True))
        return self.anchored(properties, lambda: self._node(indent, properties.tag, compact=True))

    def _belongs(self, indent: int, *, in_mapping: bool) -> bool:
        if self.at >= len(self.text):
            return False
        column = self._column()
        return column > indent or (in_mapping and column == indent and bool(_DASH.match(self.text, self.at)))

    def _node(self, indent: int, tag: str, *, compact: bool) -> Any:
        begin = self.at
        if _DASH.match(self.text, begin):
            self._may_begin(begin, compact=compact)
            return self.deeper(lambda: self._sequence(self._column(begin)))
        if _QUESTION.match(self.text, begin):
            self._may_begin(begin, compact=compact)
            return self.deeper(lambda: self._mapping(self._column(begin)))
        properties = self.properties()
        tag = properties.tag or tag
        if self.peek() in ("|", ">"):
            return self.anchored(properties, lambda: self.scalar(tag, self._literal(indent), plain=False))
        start = self.at
        value = self.anchored(properties, lambda: self._in_line(tag))
        if _COLON.match(self.text, self.at) and "\n" not in self.text[start : self.at]:
            self._may_begin(begin, compact=compact)
            first = _MERGE if self.text[start : self.at] == "<<" else value
            return self.deeper(lambda: self._mapping(self._column(begin), first))
        if _PLAIN_START.match(self.text, start):
            self.at = start
            value = self.anchored(properties, lambda: self.scalar(tag, self._plain(indent), plain=True))
        return value

    def _may_begin(self, begin: int, *, compact: bool) -> None:
        if not compact:
            raise self.error(f"{self._rest()} begins a list or a mapping in the line of its key")
        if "\t" in self.text[begin - self._column(begin) : begin]:
            raise self.error("a tab is in the indentation")

    def _in_line(self, tag: str) -> Any:
        """A value that may be a key; of plain text what stands in this line."""
        sign = self.peek()
        if sign == "*":
            return self.alias()
        if sign in ("[", "{"):
            return self.flow()
        if sign in ("'", '"'):
            return self.quoted(tag)
        if not _PLAIN_START.match(self.text, self.at):
            raise self.error(f"{self._rest()} is not understood here")
        start, match = self.at, _PLAIN_END.search(self.text, self.at)
        assert match, "the end of the text matches"
        self.at = start + len(self.text[start : match.start()].rstrip(" \t"))
        return self.scalar(tag, self.text[start : self.at], plain=True)

    def _plain(self, indent: int) -> str:
        """Plain text, of several lines as long as they are indented by more than ``indent``."""
        start = end = self.at
        while True:
            match = _PLAIN_END.search(self.text, self.at)
            assert match, "the end of the text matches"
            if match[0] == ":":
                raise self.error(
                    f"{self._rest()} has a colon within text, and no quotation marks", match.start()
                )
            end = match.start()
            white = _WHITE.match(self.text, end)
            assert white, "it matches nothing too"
            self.at = white.end()
            if match[0] != "\n" or self.peek() in ("", "#") or self._column() <= indent:
                break
        self.at = end
        return folded(self.text[start:end].rstrip(" \t\n"))

    def _literal(self, indent: int) -> str:
        """The text of a block scalar."""
        header = _HEADER.match(self.text, self.at)
        if not header or (header[2] and header[4]):
            raise self.error(f"{self._rest()} is no beginning of a block of text")
        self.at = header.end()
        width = max(indent, 0) + int(header[3]) if header[3] else 0
        lines: list[str] = []
        ended = True
        while self.at < len(self.text):
            end = self.text.find("\n", self.at)
            line = self.text[self.at : end if end >= 0 else len(self.text)]
            content = line.lstrip(" ")
            inside = len(line) - len(content)
            if content and not width:
                width = max(inside, indent + 1, 1)
            if content and inside < width:
                break
            lines.append(line[width:] if width else "")
            ended = end >= 0
            self.at = end + 1 if ended else len(self.text)
        return block_text(lines, header[1], header[2] or header[4], ended=ended)

    def _sequence(self, column: int) -> list[Any]:
        found: list[Any] = []
        while True:
            self.at += 1
            found.append(self._block(column, compact=True))
            if not self._goes_on(column) or not _DASH.match(self.text, self.at):
                return found

    def _mapping(self, column: int, key: Any = None) -> dict[Any, Any]:
        """The mapping whose keys stand in ``column``; the first key was read, unless ``?`` stands before it."""
        found: dict[Any, Any] = {}
        merged: list[Any] = []
        while True:
            if _QUESTION.match(self.text, self.at):
                key, value = self._explicit(column)
            else:
                colon = _COLON.match(self.text, self.at)
                if not colon:
                    raise self.error(f"{self._rest()} stands where ':' is expected")
                self.at = colon.end()
                value = self._block(column, in_mapping=True)
            if key is _MERGE:
                merged += value if isinstance(value, list) else [value]
            else:
                self.add(found, key, value)
            if not self._goes_on(column):
                return self._with_merged(merged, found) if merged else found
            self._simple(column, found)
            if not _QUESTION.match(self.text, self.at):
                key = self._next_key()

    def _simple(self, column: int, found: dict[Any, Any]) -> None:
        """Over all simple lines here, which it reads as everything else here would, five times as fast."""
        while (match := _SIMPLE.match(self.text, self.at)) and len(match[3]) == column:
            self.count()
            self.add(found, resolved(match[1]), "" if match[2] == "''" else resolved(match[2]))
            self.at = match.end()

    def _next_key(self) -> Any:
        properties = self.properties()
        start = self.at
        value = self.anchored(properties, lambda: self._in_line(properties.tag))
        return _MERGE if self.text[start : self.at] == "<<" else value

    def _explicit(self, column: int) -> tuple[Any, Any]:
        self.at += 1
        key = self._block(column, in_mapping=True, compact=True)
        if not self._goes_on(column) or not _COLON.match(self.text, self.at):
            return key, None
        self.at += 1
        return key, self._block(column, in_mapping=True, compact=True)

    def _goes_on(self, column: int) -> bool:
        """Whether what follows stands in ``column``; False where it stands before it."""
        self.skip()
        if self.at >= len(self.text) or self._column() < column:
            return False
        if self._column() > column:
            raise self.error(f"{self._rest()} does not belong to what stands before it")
        return True

    def _with_merged(self, merged: list[Any], found: dict[Any, Any]) -> dict[Any, Any]:
        together: dict[Any, Any] = {}
        for one in reversed(merged):
            if not isinstance(one, dict):
                raise self.error("'<<' takes in what is no mapping")
            together.update(one)
        return together | found
