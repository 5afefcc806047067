"""What is done to a valid file to make a damaged or hostile one, and values that nobody expects.

Edits of bytes know nothing of the format; edits of structure keep it valid, and so come further into the code.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st


class Raw(str):
    """A value that is written into a file as it stands, valid or not."""

    __slots__ = ()


HOSTILE_TEXTS = (
    "",
    " ",
    "../../etc/passwd",
    "/etc/passwd",
    "<script>alert(1)</script>",
    "[bold]x[/bold][link=http://evil.example]y[/link]",
    "[/]",
    "\x1b[31m\x1b]0;title\x07",
    "\u202eevil\u202c",
    "a\r\nb\x00c",
    "=HYPERLINK(1)",
    "{{ 7 * 7 }}",
    "{0.__class__}%s%n",
    "nan",
    "-0",
    "\ud800",
    "\U0001f600",
    "x" * 5000,
)
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**9, 10**19, 10**400)
FRACTIONS = (0.0, -0.0, 1.5, -1.0, 1e-320, 1e308, float("inf"), float("-inf"), float("nan"))
RAW = (
    Raw("9" * 5000),
    Raw("[" * 3000 + "]" * 3000),
    Raw("[" * 100_000),
    Raw('{"a":' * 3000 + "1" + "}" * 3000),
    Raw("1979-05-27T07:32:00Z"),
    Raw("07:32:00"),
    Raw("1e999"),
    Raw("0x" + "f" * 5000),
    Raw("NaN"),
    Raw("-Infinity"),
    Raw("'x'"),
    Raw('"\\ud800"'),
)

texts = st.sampled_from(HOSTILE_TEXTS) | st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.integers(-3, 300)
    | st.sampled_from(FRACTIONS)
    | st.floats()
    | texts
)
anything = st.sampled_from(RAW) | st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
FILLINGS = (
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\n",
    b'"',
    b"[",
    b"{",
    b",",
    b"-",
    b"9" * 40,
)


@st.composite
def spoiled(draw: st.DrawFn, content: bytes) -> bytes:
    """These bytes with one to four edits: a bit flipped, bytes overwritten, cut out, inserted, repeated; or cut short."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, max(0, len(content) - 1))), draw(st.integers(1, 64))
        new = draw(st.sampled_from(FILLINGS) | st.binary(min_size=1, max_size=8))
        match draw(st.sampled_from(("flip", "write", "cut", "insert", "repeat", "end"))):
            case "flip" if content:
                flipped = content[at] ^ (1 << draw(st.integers(0, 7)))
                content = content[:at] + bytes((flipped,)) + content[at + 1 :]
            case "write":
                content = content[:at] + new + content[at + len(new) :]
            case "cut":
                content = content[:at] + content[at + length :]
            case "insert":
                content = content[:at] + new + content[at:]
            case "repeat":
                content = content[:at] + content[at : at + length] * draw(st.integers(2, 50)) + content[at:]
            case _:
                content = content[:at]
    return content


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside a value, to the whole first."""
    inner = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(place for key, entry in inner for place in _places(entry, (*path, key)))]


@st.composite
def changed(draw: st.DrawFn, value: Any, values: st.SearchStrategy[Any] = anything) -> Any:
    """A value of tables and lists with one or two places in it replaced, taken out, renamed, added to or repeated."""
    for _ in range(draw(st.sampled_from((1, 1, 1, 2)))):
        value = _at(value, draw(st.sampled_from(_places(value))), draw, values)
    return value


def _at(value: Any, path: tuple[Any, ...], draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    if path:
        copy = dict(value) if isinstance(value, Mapping) else list(value)
        copy[path[0]] = _at(value[path[0]], path[1:], draw, values)
        return copy
    kinds = ["replace", "like", "like", "like"]
    kinds += ["remove", "rename", "add"] if isinstance(value, Mapping) and value else []
    kinds += ["remove", "repeat", "add"] if isinstance(value, list) and value else []
    kind, new = draw(st.sampled_from(kinds)), draw(values)
    if isinstance(value, Mapping) and kind in ("remove", "rename", "add"):
        gone = draw(st.sampled_from(list(value)))
        kept = value if kind == "add" else {key: entry for key, entry in value.items() if key != gone}
        return kept if kind == "remove" else {**kept, draw(texts): value[gone] if kind == "rename" else new}
    if isinstance(value, list) and kind in ("remove", "repeat", "add"):
        at = draw(st.integers(0, len(value) - 1))
        middle = {
            "remove": [],
            "repeat": [value[at]] * draw(st.sampled_from((2, 70))),
            "add": [new, value[at]],
        }
        return [*value[:at], *middle[kind], *value[at + 1 :]]
    return draw(_like(value)) if kind == "like" else new


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Values of the same kind: most of them valid, and so read further than others."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(0, 9) | st.integers(max(0, value - 2), max(2, value + 2)) | st.just(value * 1000)
    if isinstance(value, float):
        return st.floats(0, 1) | st.floats(allow_nan=False) | st.just(value * 2)
    if isinstance(value, str):
        return st.sampled_from((value.upper(), f"{value}x", value[:-1], value * 2)) | texts
    return st.just(value)


def json_bytes(value: Any) -> bytes:
    """As JSON, with Python's NaN and Infinity, and raw values as they stand; need not be valid."""
    return _bytes(_written(value, ": "))


def toml_bytes(table: Any) -> bytes:
    """As TOML, a line for each key of the table, the tables in it in one line each; need not be valid."""
    if not isinstance(table, Mapping):
        return _bytes(_written(table, " = "))
    lines = (f"{_quoted(key)} = {_written(value, ' = ')}" for key, value in table.items())
    return _bytes("\n".join(lines) + "\n")


def _written(value: Any, between: str) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Mapping):
        inside = ", ".join(
            f"{_quoted(key)}{between}{_written(entry, between)}" for key, entry in value.items()
        )
        return f"{{{inside}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_written(entry, between) for entry in value)}]"
    if isinstance(value, str):
        return _quoted(value)
    text = json.dumps(value)
    return (
        text
        if between == ": "
        else {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf", "null": '""'}.get(text, text)
    )


def _quoted(text: str) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


def edited(
    value: Any, written: Callable[[Any], bytes], values: st.SearchStrategy[Any] = anything
) -> st.SearchStrategy[bytes]:
    """A file of a format, damaged by its structure more often than by its bytes, and now and then no such file at all."""
    structured = changed(value, values).map(written)
    whole = written(value)
    others = spoiled(whole), st.binary(max_size=200), st.just(whole)
    return st.one_of(structured, structured, structured, structured, *others)


CELLS = (
    "",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-0.5",
    "0.5",
    "2",
    "1.0",
    "True",
    "0x10",
    "1_000",
    " 1",
    '"1"',
    '"',
    "\x00",
    "9" * 400,
    "=1+1",
    "1,2",
    "\n",
    "\r",
    "\u0661",
    "\ufeff",
)


@st.composite
def changed_table(draw: st.DrawFn, content: bytes) -> bytes:
    """A CSV file with cells replaced, or a line taken out, doubled, moved, cut or added."""
    rows = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(rows) - 1))
        match draw(st.sampled_from(("cell", "cell", "cell", "remove", "repeat", "move", "cut", "add"))):
            case "remove" if len(rows) > 1:
                rows.pop(at)
            case "repeat":
                rows[at:at] = [rows[at]] * draw(st.sampled_from((1, 2, 300)))
            case "move":
                rows.insert(draw(st.integers(0, len(rows) - 1)), rows.pop(at))
            case "cut":
                rows[at] = rows[at][: draw(st.integers(0, len(rows[at])))]
            case "add":
                rows[at] = [*rows[at], draw(st.sampled_from(CELLS))]
            case _ if rows[at]:
                row = list(rows[at])
                row[draw(st.integers(0, len(row) - 1))] = draw(
                    st.sampled_from(CELLS) | texts | scalars.map(str)
                )
                rows[at] = row
    return _bytes("".join(",".join(row) + "\n" for row in rows))


def edited_table(content: bytes) -> st.SearchStrategy[bytes]:
    """A CSV file, damaged as :func:`edited` damages others."""
    return st.one_of(
        changed_table(content), changed_table(content), spoiled(content), st.binary(max_size=200)
    )
