"""The summary fits a comment: sections leave it whole, in one order, and it says which."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from page_reader import sample

from tinyexp.report import pages
from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.pages import DROPPED_FIRST, SUMMARY_LIMIT, summary_page
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph, ReportView, Section, Table
from tinyexp.runs.recorded import read_runs

COLUMNS = ("", "a", "b")


@pytest.fixture(scope="module")
def view() -> ReportView:
    return build_view(gather(select_runs(read_runs(sample() / "runs"))))


def section(name: str, rows: int) -> Section:
    table = Table(
        f"Table of {name}", COLUMNS, tuple((f"{name} {row}", "x" * 20, "y" * 20) for row in range(rows))
    )
    return Section(name, f"Heading of {name}", (), summary=(table,))


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def assert_whole(text: str) -> None:
    """Every table has its head and rows of one width, and nothing is cut off behind them."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert {line.count("|") for line in table.splitlines()} == {4}
    assert text.endswith("\n")
    assert text.count("<details>") == text.count("</details>")


@pytest.mark.parametrize("rows", [10, 60, 120, 300, 2000])
def test_a_long_report_drops_sections_whole_and_in_the_fixed_order(view: ReportView, rows: int) -> None:
    names = [
        "gates",
        "since",
        *(f"study-{ending}" for ending in DROPPED_FIRST if ending not in ("gates", "since")),
    ]
    text = summary_page(replace(view, sections=tuple(section(name, rows) for name in names)))
    assert len(text) <= SUMMARY_LIMIT
    assert_whole(text)
    kept = [heading.removeprefix("Heading of ").removeprefix("study-") for heading in headings(text)]
    order = [ending for ending in DROPPED_FIRST if ending in kept]
    assert tuple(order) == DROPPED_FIRST[len(DROPPED_FIRST) - len(order) :], (
        "those that stay are the last to go"
    )
    assert set(kept) == set(order)
    gone = [ending for ending in DROPPED_FIRST if ending not in kept]
    assert bool(gone) == ("Some sections were left out for length" in text)
    for ending in gone:
        assert (
            f"Heading of {'' if ending in ('gates', 'since') else 'study-'}{ending}" in text.splitlines()[-1]
        )


def test_thousands_of_dropped_sections_are_counted_and_not_all_named(view: ReportView) -> None:
    many = tuple(
        replace(section(f"others{n}-curves", 3), heading=f"How {'Net ' * 20}number {n} learned")
        for n in range(3000)
    )
    text = summary_page(replace(view, sections=many))
    assert len(text) <= SUMMARY_LIMIT
    assert "and 2,960 more." in text


def test_a_section_that_no_order_knows_cannot_break_the_limit(view: ReportView) -> None:
    text = summary_page(replace(view, sections=(section("of-a-later-time", 3000),)))
    assert len(text) <= SUMMARY_LIMIT
    assert text.startswith("# ")
    assert "Heading of of-a-later-time" in text


def test_a_first_screen_without_end_leaves_the_first_sentence(view: ReportView) -> None:
    verdict = replace(view.head.verdict, details=("a command " * 10_000,))
    text = summary_page(replace(view, head=replace(view.head, verdict=verdict)))
    assert len(text) <= SUMMARY_LIMIT
    assert text.splitlines()[0].replace("\u00a0", " ").startswith("# Design 1 beats Design 2")
    assert "they are in the report" in text


def test_a_report_that_fits_is_whole(view: ReportView, monkeypatch: pytest.MonkeyPatch) -> None:
    text = summary_page(view)
    assert "left out for length" not in text
    monkeypatch.setattr(pages, "SUMMARY_LIMIT", len(text))
    assert summary_page(view) == text
    monkeypatch.setattr(pages, "SUMMARY_LIMIT", len(text) - 1)
    assert "left out for length" in summary_page(view)


def test_the_summary_needs_no_picture(view: ReportView) -> None:
    """Curves are rows of blocks, made from the values; nothing in it is an image."""
    text = summary_page(view)
    assert "![" not in text
    assert "<img" not in text
    lines = [line for line in text.splitlines() if re.search("[▁▂▃▄▅▆▇█]{6}", line)]
    assert len(lines) == 4, "one for each experiment of a study"
    for line in lines:
        [row] = re.findall("[▁▂▃▄▅▆▇█]+", line)
        heights = ["▁▂▃▄▅▆▇█".index(block) for block in row]
        assert heights[-1] > heights[0], "these curves rise"
    assert sum("█" in line for line in lines) >= 2, "the highest value of each study fills its block"


def test_a_summary_of_sentences_alone_is_one(view: ReportView) -> None:
    only = Section("again", "Again", (), summary=(Paragraph("Once more."),))
    assert headings(summary_page(replace(view, sections=(only,)))) == ["Again"]
