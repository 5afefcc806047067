"""The summary fits a comment: some twenty lines to see, the rest folded, and never too long."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from page_reader import sample
from thinned import thinned

from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.pages import SUMMARY_LIMIT, summary_page
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph, ReportView, Section, Table
from tinyexp.resources import shipped
from tinyexp.runs.recorded import read_runs

COLUMNS = ("", "a", "b")
KEPT = shipped("experiments").parent / "reports"


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


def seen(text: str) -> list[str]:
    """The lines that are there without unfolding anything."""
    while "<details>" in text:
        text = re.sub(r"<details>(?:(?!</?details>).)*</details>", "", text, flags=re.DOTALL)
    return [line for line in text.splitlines() if line.strip()]


def assert_whole(text: str) -> None:
    """What is folded ends, and nothing stands behind it."""
    assert text.endswith("</details>\n")
    assert text.count("<details>") == text.count("</details>")


def test_a_comment_shows_ten_to_twenty_five_lines(view: ReportView) -> None:
    for text in (summary_page(view), *(path.read_text("utf-8") for path in KEPT.glob("*/summary.md"))):
        assert 10 <= len(seen(text)) <= 25
        assert_whole(text)


def test_a_comment_begins_with_a_hidden_line_that_names_its_study(view: ReportView) -> None:
    first, second = summary_page(view).splitlines()[:2]
    assert first == "<!-- tinyexp:why-design1-beat-design2 -->"
    assert second.replace("\u00a0", " ").startswith("# Design 1 beats Design 2 by")


def test_a_comment_shows_both_designs_their_difference_and_what_became_of_the_claims(
    view: ReportView,
) -> None:
    lines = [line.replace("\u00a0", " ") for line in seen(summary_page(view))]
    rows = [line for line in lines if line.startswith("| Design")]
    assert [row.split("|")[1].strip() for row in rows] == ["Design 1", "Design 2", "Design 1 \u2212 Design 2"]
    assert "| +" in rows[-1], "as the headline has it"
    assert any(line.startswith("Claims of the source: ") for line in lines)


@pytest.mark.parametrize("rows", thinned([10, 300, 2000], [10, 300]))
def test_sections_without_room_are_left_out_from_the_end(view: ReportView, rows: int) -> None:
    names = [f"part-{place}" for place in range(12)]
    text = summary_page(replace(view, sections=tuple(section(name, rows) for name in names)))
    assert len(text) <= SUMMARY_LIMIT
    kept = headings(text)
    assert kept == [f"Heading of {name}" for name in names[: len(kept)]]
    assert (len(kept) == 12) == (rows == 10)
    assert ("left out for length" in text) == (0 < len(kept) < 12)


def test_a_first_screen_without_end_is_cut(view: ReportView) -> None:
    verdict = replace(view.head.verdict, details=("a command " * 10_000,))
    text = summary_page(replace(view, head=replace(view.head, verdict=verdict)))
    assert len(text) <= SUMMARY_LIMIT
    assert len(seen(text)) <= 25


def test_the_summary_needs_no_picture(view: ReportView) -> None:
    """Curves are rows of blocks, made from the values; nothing in it is an image."""
    text = summary_page(view)
    assert "![" not in text
    assert "<img" not in text
    lines = [line for line in text.splitlines() if re.search("[▁▂▃▄▅▆▇█]{5}", line)]
    assert len(lines) == 4, "one for each experiment of a study"
    for line in lines:
        [row] = re.findall("[▁▂▃▄▅▆▇█]+", line)
        heights = ["▁▂▃▄▅▆▇█".index(block) for block in row]
        assert heights[-1] > heights[0], "these curves rise"
    assert sum("█" in line for line in lines) >= 2, "the highest value of each study fills its block"


def test_a_summary_of_sentences_alone_is_one(view: ReportView) -> None:
    only = Section("again", "Again", (), summary=(Paragraph("Once more."),))
    assert headings(summary_page(replace(view, sections=(only,)))) == ["Again"]
