"""Lines of cells: text with commas, semicolons or tabs, cut into columns of cells.

A header may stand again in the middle, with other names too. A row that has more or fewer cells than its header is refused:
its values would stand under wrong names. Only the last line may be cut, where the file does not end with a line end.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from pydantic_core import from_json

from tinyexp.errors import UserError
from tinyexp.logs.cells import number, shortly
from tinyexp.logs.log import Column, Repair

Unended = Literal["kept", "dropped"]
"""A last row without a line end that has all cells: kept where the writer is known to have come to its end."""
Ignored = Callable[[Sequence[str], Sequence[str]], str]
"""Given the cells of a row of another length and the names: why it may be passed over, or nothing."""
COMMENTS = "of comments before the header, passed over"
CUT = "cut at the end of the file, as by a kill, and left out"
MAX_CELLS = 20_000_000
_SEPARATOR = re.compile(r"sep=.$")
_NEGATIVE_ZERO = re.compile(r"-0(?![.eE\d])")
_FIXED = re.compile(r"-?\d+\.(\d+)\Z")


@dataclass
class Block:
    """Rows below one header."""

    names: tuple[str, ...]
    lines: Sequence[int]
    """The line in which each row ends, counted from 1."""
    plain: list[Column] | None = None
    """The columns, where every cell is a number without more ado."""
    rows: list[list[str]] = field(default_factory=list)
    """The cells of each row, where not."""


@dataclass
class Separated:
    """A text, cut."""

    separator: str
    blocks: list[Block]
    repairs: list[Repair]


def separated(
    text: str, where: str, *, unended: Unended = "dropped", ignored: Ignored | None = None
) -> Separated:
    """Cut a text into blocks of rows, one for each header; none where the text has no line.

    Raises
    ------
    UserError
        A row has more or fewer cells than its header, a name stands twice, or it is no table.
    """
    text, tail = _ended(text)
    start = len(text) - len(text.lstrip("\n"))
    if start == len(text):
        text, tail = tail and f"{text}{tail}\n", ""
    start, comments = passed_over(text, start)
    if comments:
        text = text[start:]
        start = 0
    head = text[start:].partition("\n")[0]
    found = Separated(separator_of(head), [], [Repair(COMMENTS, comments)] if comments else [])
    if not head.strip(" \t\0"):
        return found
    if tail and not tail.isspace():
        if _is_cut(text, head, tail, found.separator, unended):
            found.repairs.append(Repair(CUT, 1))
        else:
            text += f"{tail}\n"
    if len(text) > MAX_CELLS and text.count(found.separator) + text.count("\n") > MAX_CELLS:
        raise UserError(f"{where}: has more than {MAX_CELLS:,} values, more than are read at once.")
    width = head.count(found.separator) + 1
    body = start + len(head) + 1
    if '"' not in head and (plain := _plain(text, body, found.separator, width)) is not None:
        names = names_of(head.split(found.separator), where)
        lines = range(start + 2, start + 2 + len(plain[0]))
        found.blocks.append(Block(names, lines, plain))
    else:
        _in_blocks(found, text, where, ignored)
    return found


def separator_of(head: str) -> str:
    """What stands between the names of a header: a comma, tab or semicolon.

    >>> separator_of('epoch;"loss, train";acc'), separator_of("epoch")
    (';', ',')
    """
    bare = re.sub(r'"[^"]*"', "", head) if '"' in head else head
    return max(",\t;", key=bare.count)


def names_of(cells: Iterable[str], where: str) -> tuple[str, ...]:
    """The names of a header; a column may have none. Raises UserError where one stands twice."""
    names = [cell.strip() for cell in cells]
    names[0] = names[0].removeprefix("#").lstrip()  # as numpy.savetxt writes it
    seen = set[str]()
    for name in names:
        if name and name in seen:
            raise UserError(
                f"{where}: the column '{shortly([name])}' stands twice in its first line. Give one of them another name."
            )
        seen.add(name)
    return tuple(names)


def passed_over(text: str, start: int) -> tuple[int, int]:
    """Where a table begins behind lines of comments and ``sep=;``, and how many these are; a header after ``#`` is none.

    >>> passed_over(chr(10).join(["# made by hand", "epoch,loss", "1,0.5", ""]), 0)
    (15, 1)
    >>> passed_over(chr(10).join(["# epoch,loss", "1,0.5", ""]), 0)
    (0, 0)
    """
    lines = 0
    while (end := text.find("\n", start)) >= 0:
        line = text[start:end]
        if not line.startswith("#") and not _SEPARATOR.match(line):
            break
        follows = text[end + 1 :].partition("\n")[0]
        cells = follows.split(separator_of(follows))
        is_named = len(cells) > 1 and len(cells) == len(line.split(separator_of(follows)))
        if not follows or (line.startswith("#") and is_named and _is_number(cells[0])):
            break
        start, lines = end + 1, lines + 1
    return start, lines


def is_header(cells: Sequence[str], known: Collection[str]) -> bool:
    """Whether a row is a header again, perhaps with other names: no number in it, and half of it names that are known."""
    names = [cell.strip() for cell in cells]
    if sum(name in known for name in names) * 2 < len(names):
        return False
    return not any(_is_number(name) for name in names)


def _is_number(cell: str) -> bool:
    try:
        return number(cell) is not None
    except ValueError:
        return False


def _ended(text: str) -> tuple[str, str]:
    r"""The lines that have an end, with ``\n``, and what stands after the last."""
    if "\r" in text:
        if text.endswith("\r") and "\n" in text:
            text += "\n"  # cut between the two signs of a line end: the row is whole
        text = text.replace("\r\n", "\n") if "\n" in text else text.replace("\r", "\n")
    end = text.rfind("\n") + 1
    return text[:end], text[end:]


def _is_cut(text: str, head: str, tail: str, separator: str, unended: Unended) -> bool:
    """Whether a last line without an end may be cut: in its last number too, where all cells are there."""
    near = text[-100_000:].rstrip("\n").split("\n")[-100:]
    before = _width(near[-1], separator)
    if tail.count('"') % 2 or _width(tail, separator) < before or head.startswith(tail):
        return True
    if unended == "kept" or _width(tail, separator) > before:
        return False
    # Where all numbers above have as many digits after the point, none is missing here.
    cells = [line.rpartition(separator)[2].strip() for line in (*near, tail) if line != head]
    digits = [match and len(match[1]) for match in map(_FIXED.match, cells)]
    return len(digits) < 3 or None in digits or len(set(digits)) > 1


def _width(line: str, separator: str) -> int:
    return line.count(separator) if '"' not in line else re.sub(r'"[^"]*"', "", line).count(separator)


def _plain(text: str, start: int, separator: str, width: int) -> list[Column] | None:
    """All columns, where every line from ``start`` on has as many cells as names, each of them a number; else None."""
    body = text[start:-1]
    if not body or not body.isascii() or "_" in body or (separator != "," and "," in body):
        return None
    cells = body.replace(separator, ",")
    for numbers_of in (_of_json, _of_text):
        try:
            values = numbers_of(cells)
            ends = values[width :: width + 1]
            if ends.count(None) == len(ends) == len(values) - len(ends) * width:
                del values[width :: width + 1]
                # Raises TypeError where a line ends elsewhere too.
                table = np.fromiter(values, np.float64, len(values)).reshape(-1, width)
                return [*map(np.ndarray.tolist, table.T)]
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _of_json(cells: str) -> list[float | None]:
    """The numbers of lines, None behind each line: the same as ``float()`` makes, in a third of its time.

    Raises ValueError where a cell is no number, or not written as JSON has it.
    """
    # All that is no number in JSON has one of these signs. Its whole numbers have no negative zero.
    if any(sign in cells for sign in 'us"[{') or _NEGATIVE_ZERO.search(cells):
        raise ValueError
    found: list[float | None] = from_json("[" + cells.replace("\n", ",null,") + ",null]")
    return found


def _of_text(cells: str) -> list[float | None]:
    return [one for line in cells.split("\n") for one in (*map(float, line.split(",")), None)]


def _in_blocks(found: Separated, text: str, where: str, ignored: Ignored | None) -> None:
    block, lines = Block((), ()), list[int]()
    known, passed = set[str](), dict[str, int]()
    for line, cells in _rows(text, found.separator, where):
        if not block.names or (not known.isdisjoint(cells) and is_header(cells, known)):
            lines = []
            block = Block(names_of(cells, f"{where}: line {line}" if known else where), lines)
            known.update(cells, block.names)
            known.discard("")
            found.blocks.append(block)
        elif len(cells) == len(block.names):
            block.rows.append(cells)
            lines.append(line)
        elif ignored and (why := ignored(cells, block.names)):
            passed[why] = passed.get(why, 0) + 1
        else:
            raise UserError(
                f"{where}: line {line} has {len(cells)} values, and the first line {len(block.names)} names: they would stand "
                "under wrong names. Put the rows from there on into a file of their own, with their own names."
            )
    found.repairs += [Repair(why, rows) for why, rows in passed.items()]


def _rows(text: str, separator: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of every line that is not empty, with the line's number."""
    if '"' not in text:
        for line, row in enumerate(text.split("\n"), start=1):
            if row and not row.isspace():
                yield line, row.split(separator)
        return
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), delimiter=separator, strict=True)
    line = 0
    try:
        for cells in reader:
            line = reader.line_num
            if cells and any(cells):
                yield line, cells
    except csv.Error as error:
        raise UserError(
            f"{where}: the row that begins in line {line + 1} is none ({error}). Look for a quotation mark there."
        ) from error
