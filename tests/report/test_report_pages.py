"""The pages hold what a reader, a browser and a program expect of them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from page_reader import Page, markdown_text, numbers, sample

from tinyexp.report.palette import DARK, DARK_SERIES, LIGHT, SERIES

KEPT = Path(__file__).parents[2] / "reports"
REPORTS = ("sample", "embedded", "desk")
"""Invented runs of four experiments; and the kept reports, which have studies too."""


def report(name: str) -> Path:
    return sample() / "out" if name == "sample" else KEPT / name


def page(name: str = "sample") -> Page:
    return Page(html(name))


def html(name: str = "sample") -> str:
    return (report(name) / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("markdown", ["summary.md", "report.md"])
def test_every_number_of_the_markdown_pages_stands_in_the_html_page(name: str, markdown: str) -> None:
    text = markdown_text((report(name) / markdown).read_text(encoding="utf-8"))
    assert len(numbers(text)) > 30
    assert numbers(text) - numbers(page(name).text) == set()


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_has_one_h1_and_its_headings_skip_no_level(name: str) -> None:
    headings = [int(tag[1]) for tag, _ in page(name).tags("h1", "h2", "h3", "h4")]
    assert headings.count(1) == 1
    assert headings[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    told = re.findall(r"<h2[^>]*>(.*?)</h2>", html(name))
    assert len(set(told)) == len(told) > 8, "two sections say the same"


@pytest.mark.parametrize("name", REPORTS)
def test_ids_are_unique_and_what_points_at_them_finds_them(name: str) -> None:
    found = page(name)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in found.elements:
        for pointed in attributes.get("aria-labelledby", "").split():
            assert pointed in ids
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in ids


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_says_its_language_and_asks_for_nothing_from_elsewhere(name: str) -> None:
    found = page(name)
    assert found.tags("html")[0][1]["lang"] == "en"
    assert not found.tags("script", "link", "iframe", "object", "base", "form")
    assert all(one["src"].startswith("data:image/png;base64,") and one["alt"] for _, one in found.tags("img"))
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert policy in [attributes.get("content") for _, attributes in found.tags("meta")]
    for tag, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "xlink:href")]
        assert tag == "img" or "src" not in attributes
        assert attributes.get("href", "#").startswith(("#", "runs/"))
    assert "url(" not in html(name)
    assert "@import" not in html(name)


@pytest.mark.parametrize(("name", "count"), [("sample", 18), ("embedded", 20), ("desk", 36)])
def test_every_picture_has_role_title_description_and_every_figure_a_table(name: str, count: int) -> None:
    pictures = re.findall(r"<svg.*?</svg>", html(name), re.DOTALL)
    assert len(pictures) == len(page(name).tags("svg")) == count
    for picture in pictures:
        root = ET.fromstring(picture)  # noqa: S314 - our own
        assert root.get("role") == "img"
        assert [child.tag for child in list(root)[:2]] == ["title", "desc"]
        assert all(child.text for child in list(root)[:2])
    for figure in re.findall(r"<figure.*?</figure>", html(name), re.DOTALL):
        assert "<svg" in figure
        assert "<g><title>" in figure, "nothing is told when pointed at"
        assert re.search(r"<table\b", figure)
        assert "How to read this." in figure


def test_a_line_tells_its_name_and_value_when_pointed_at() -> None:
    titles = re.findall(r"<g><title>([^<]*)</title>", html())
    assert any(title.startswith("Design\u00a01: ") and "mean of" in title for title in titles)


def test_picture_files_bring_their_own_colours_for_light_and_dark() -> None:
    files = sorted((sample() / "out" / "figures").glob("*.svg"))
    assert len(files) == 18
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
        assert "prefers-color-scheme:dark" in text
        drawn = " ".join(re.findall(r' (?:d|x|y|x1|width|transform)="([^"]*)"', text))
        assert not re.search(r"\d\.\d{3}", drawn), "more than two decimals"
        assert "style=" not in text
        assert "<?xml" not in text
        assert "DejaVu" not in text


@pytest.mark.parametrize("name", ["embedded", "desk"])
def test_the_shares_add_up_to_the_measured_gap_as_they_are_printed(name: str) -> None:
    [table] = re.findall(r"<caption>Shares of the gap.*?</tbody>", html(name), re.DOTALL)
    rows = re.findall(r'<tr><th scope="row"[^>]*>([^<]*)</th>(.*?)</tr>', table)
    shares = {row: re.findall(r">([^<]*)</td>", cells)[3].replace("\u2212", "-") for row, cells in rows}
    gap = float(shares.pop("measured gap"))
    assert len(shares) > 3
    # Each of them is rounded to a tenth.
    assert sum(map(float, shares.values())) == pytest.approx(gap, abs=0.05 * (len(shares) + 1))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours ``#rrggbb``, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_every_colour_reaches_its_contrast_on_its_ground() -> None:
    assert (LIGHT["ground"], DARK["ground"]) == ("#ffffff", "#0d1117")
    for theme, series in ((LIGHT, SERIES), (DARK, DARK_SERIES)):
        for colour in series:
            assert contrast(colour, theme["ground"]) >= 3
        for role in ("ink", "muted", "link"):
            assert contrast(theme[role], theme["ground"]) >= 4.5


def test_only_the_colours_of_the_palette_are_used() -> None:
    known = {*SERIES, *DARK_SERIES, *LIGHT.values(), *DARK.values(), "#fff", "#000"}
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[;}\"])", html())) <= known


@pytest.mark.parametrize(("name", "most"), [("sample", 250_000), ("embedded", 250_000), ("desk", 500_000)])
def test_the_report_is_small(name: str, most: int) -> None:
    assert len(html(name).encode()) <= most
    assert len((report(name) / "summary.md").read_text(encoding="utf-8")) <= 60_000


def test_the_first_screen_answers_who_won_by_how_much_how_sure_and_on_what() -> None:
    head = html().split("<section", maxsplit=1)[0]
    text = Page(head).text
    for words in (
        "beats",
        "points",
        "99\u00a0% interval",
        "3\u00a0runs of each",
        "Profile embedded",
        "What this does not show",
    ):
        assert words in text


def test_report_json_has_raw_values_versions_and_digests() -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    assert (told["format"], told["schema_version"]) == ("tinyexp-report", 8)
    assert set(told["made_with"]) == {"tinyexp", "matplotlib", "jinja2"}
    values = told["values"]
    assert values["verdict"] == {"kind": "beats", "study": "why-design1-beat-design2"}
    comparison = values["studies"][0]["comparison"]
    assert 0 < comparison["low"] < comparison["mean"] < comparison["high"] < 1
    assert len(values["runs"]) == 12
    assert set(values["runs"][0]["records"]) >= {"run.json", "metrics.csv", "predictions.npz", "status.json"}


def test_markdown_pictures_exist_and_tables_are_whole() -> None:
    out = sample() / "out"
    text = (out / "report.md").read_text(encoding="utf-8")
    pictures = re.findall(r"\]\((figures/[^)]*)\)", text)
    assert len(pictures) == 18
    assert all((out / name).is_file() for name in pictures)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1
