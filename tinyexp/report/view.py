"""What a report says, ready to be looked up: every number a string, every sentence chosen.

A view is a head, some sections, and the raw values for programs. A section is a heading that states
its finding, and blocks; a template knows how to show each kind of block and nothing else. What is
added to the report later is a function that returns a :class:`Section`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tinyexp.report.content import GateResult
from tinyexp.report.drawings import Drawing

LONG_TABLE = 15
"""Rows; a table with more of them is folded wherever a reader can do without it."""
MOST_CARDS = 40
"""Rows; a longer table of words stays one on a phone, where it scrolls."""
MOST_LINES = 40
"""Bullets or commands of one kind; of more than this the first are told, and how many there are besides."""

Column = Literal["text", "number", "code"]


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str
    tone: Literal["text", "muted", "warning"] = "text"
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Bullets:
    """Sentences that stand apart."""

    items: tuple[str, ...]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True)
class Entry:
    """Something with a name, a sentence or two about it, and what is said in a lower voice."""

    term: str
    text: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Entries:
    """Things that take more words than a table's row holds."""

    items: tuple[Entry, ...]
    wide: bool = False
    """Whether the names are words and not numbers."""
    folded_as: str = ""
    """What stands for them until they are opened; empty where they stand open."""
    kind: ClassVar[str] = "entries"


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: tuple[str, ...]
    kind: ClassVar[str] = "commands"


@dataclass(frozen=True)
class Table:
    """Rows of strings; the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    formats: tuple[Column, ...] = ()
    """One a column; all text where none is given."""
    folded: bool = False
    links: tuple[str, ...] = ()
    """One a row: where a cell of it leads, by a path from the page; empty where the table has none."""
    linked: int = 0
    """The column whose cells lead there."""
    kind: ClassVar[str] = "table"

    @property
    def has_words(self) -> bool:
        """Whether any but the first column is of words, which a phone shows below one another, were there not too many rows."""
        return len(self.rows) <= MOST_CARDS and any(
            self.format_of(place) != "number" for place in range(1, len(self.columns))
        )

    @property
    def is_numbers(self) -> bool:
        """Whether a word names each row and numbers are all that follows: then the table says so once, not each cell."""
        own = [self.format_of(place) for place in range(len(self.columns))]
        return len(own) > 1 and own[0] != "number" and set(own[1:]) == {"number"}

    def link_of(self, place: int) -> str:
        """Where a row leads; empty where it leads nowhere."""
        return self.links[place] if self.links else ""

    def format_of(self, place: int) -> Column:
        """How the cells of a column are set."""
        return self.formats[place] if self.formats else "text"


@dataclass(frozen=True)
class Panel:
    """One picture."""

    name: str
    """File name without its ending, and the beginning of every id in the picture."""
    title: str
    description: str
    drawing: Drawing


@dataclass(frozen=True)
class Figure:
    """Pictures that belong together, how to read them, and their numbers."""

    panels: tuple[Panel, ...]
    how_to_read: str
    table: Table
    more: tuple[Table, ...] = ()
    """Numbers that would make the first table too long."""
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Image:
    """A test image."""

    uri: str
    """The image itself, as a ``data:`` address."""
    alt: str
    caption: str


@dataclass(frozen=True)
class Images:
    """Test images side by side; a page that holds no images leaves them to the table that follows."""

    items: tuple[Image, ...]
    kind: ClassVar[str] = "images"


Block = Paragraph | Bullets | Entries | Commands | Table | Figure | Images


@dataclass(frozen=True)
class Section:
    """A heading that states a finding, and what it rests on."""

    id: str
    heading: str
    blocks: tuple[Block, ...]
    summary: tuple[Block, ...] = ()
    """What the short page has of it, folded; a section without any is left out there."""


@dataclass(frozen=True)
class Fact:
    """A number, large, and what it is."""

    value: str
    label: str


@dataclass(frozen=True)
class Link:
    """A sentence of which a part leads to a page, where there is an address."""

    before: str
    text: str
    after: str
    address: str = ""


@dataclass(frozen=True)
class Verdict:
    """The first sentence, in the pieces that are set in different sizes."""

    before: str
    number: str
    after: str
    details: tuple[str, ...]
    """How sure, from how much, and by which test."""

    @property
    def sentence(self) -> str:
        """The pieces as one line."""
        return f"{self.before}{self.number}{self.after}"


@dataclass(frozen=True)
class Head:
    """The first screen."""

    title: str
    question: str
    verdict: Verdict
    why: str
    """What carries the difference, in a sentence; empty where that was not asked."""
    profile: str
    facts: tuple[Fact, ...]
    opening: Figure | None
    cautions: tuple[str, ...]
    """What the runs do not show."""
    claims: str = ""
    """How many claims came to which verdict; empty without claims."""
    unfinished: str = ""
    """The runs that did not finish and are not named beside the verdict; empty where all did."""
    source: Link | None = None
    """What the experiments implement."""


@dataclass(frozen=True)
class Brief:
    """What a comment shows besides the verdict."""

    marker: str
    """Names the study, so that the comment is found again; harmless inside an HTML comment."""
    table: Table | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ReportView:
    """A report, before any of its faces."""

    head: Head
    brief: Brief
    sections: tuple[Section, ...]
    made_with: tuple[tuple[str, str], ...]
    """Package and version of what decides the bytes."""
    values: dict[str, Any]
    """The same for programs: raw numbers, no wording."""
    since: str = ""
    """What changed since the baseline, in a line; empty without one."""
    gates: tuple[GateResult, ...] = ()
    faults: tuple[str, ...] = ()
    """Values that no metric of that name, unit and bounds can have; the page says it where they would be compared."""

    def figures(self) -> Iterator[Figure]:
        """Every figure, in the order of the page."""
        if self.head.opening:
            yield self.head.opening
        for section in self.sections:
            yield from (block for block in section.blocks if isinstance(block, Figure))

    def panels(self) -> Iterator[Panel]:
        """Every picture, in the order of the page."""
        for figure in self.figures():
            yield from figure.panels
