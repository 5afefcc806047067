"""What the tests of the pages look at: elements, texts, numbers and files."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from records_maker import make_runs

from tinyexp.report.render import write_report

_KEPT: list[tempfile.TemporaryDirectory[str]] = []
_VOID = {"meta", "br", "path", "use", "rect", "img"}
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@cache
def sample() -> Path:
    """A folder with ``runs/`` of four experiments and three seeds, and their report in ``out/``; read only."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="tinyexp-test-"))
    folder = Path(_KEPT[-1].name)
    make_runs(folder / "runs")
    write_report(folder / "runs", folder / "out")
    return folder


class Page(HTMLParser):
    """The elements of a page in order, with their attributes, depth and the text inside."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in _VOID:
            self._inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "style" not in self._inside:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """Everything a reader can be told."""
        return " ".join(self.texts)

    def tags(self, *names: str) -> list[tuple[str, dict[str, str]]]:
        """The elements of these names, in order."""
        return [(tag, attributes) for tag, attributes in self.elements if tag in names]


def numbers(text: str) -> set[str]:
    """The numbers that stand in a text."""
    return {match.rstrip(",") for match in NUMBER.findall(text)}


def markdown_text(source: str) -> str:
    """The words of a Markdown page, without the paths of its pictures."""
    return re.sub(r"\]\(figures/[^)]*\)", "]", source).replace("\\", "")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def drawn_points(path: str) -> list[tuple[float, float]]:
    """The points of a path of straight lines, in order."""
    found: list[tuple[float, float]] = []
    for command, told in re.findall(r"([MLHV])([^MLHVz]*)", path):
        own = [float(one) for one in told.split()]
        x, y = found[-1] if found else (0.0, 0.0)
        found.append({"H": (own[0], y), "V": (x, own[0])}.get(command) or (own[0], own[-1]))
    return found
