"""Names and messages that attack come out as text, in every file."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from page_reader import Page
from records_maker import make_run, make_study

from tinyexp.analysis.study import load_study
from tinyexp.config.experiment import Experiment
from tinyexp.config.load import load_experiment
from tinyexp.report.markdown import code, escaped
from tinyexp.report.render import write_report
from tinyexp.words import plain, typed

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)> & \"quoted\" 'too'",
    "a | b || c\n# heading\n- item\n\n    code",
    "`tick` ``two`` *bold* _it_ [link](http://evil.example) ![p](x) ~~no~~ $x^2$ @someone www.evil.example",
    "very long " * 40,
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd",
    "=HYPERLINK('http://evil.example')",
    "{{ 7 * 7 }} {% raw %} {0} %s",
    "\x00\x1b[31m\x07 \ue000typed\ue001",
]
_PAGE = "html head meta title style body main header footer nav a section h1 h2 p strong em span dl div dt dd ul li pre code"
_FIGURES = (
    "figure figcaption svg desc g path use defs rect text details summary table caption thead tbody tr th td"
)
_MARKER = "<!-- tinyexp:why-design1-beat-design2 -->"
_ANCHOR = re.compile(r'<a id="[a-z0-9-]+">')
_OWN = (
    r"figures/[a-z0-9-]+\.svg|#[a-z0-9-]+|runs/embedded/[a-z0-9-]+/\d+-[0-9a-f]{8}/(?:metrics\.csv|run\.json)"
)
"""Where the links of a page lead: to its pictures, its sections and the records of its runs."""
_TAGS = {*_PAGE.split(" "), *_FIGURES.split(" ")}


def titled(name: str, title: str) -> Experiment:
    experiment = load_experiment(name)
    return experiment.model_copy(
        update={"title": title, "profile_title": title, "profile_summary": title, "profile_evidence": title}
    )


@pytest.fixture(scope="module", params=[HOSTILE[0:3], HOSTILE[3:6], HOSTILE[6:9]], ids=range(3))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    texts = request.param
    for seed in range(2):
        for name, title in zip(("tiny-design1", "tiny-design2"), texts, strict=False):
            make_run(folder / "runs", name, seed, experiment=titled(name, title))
    for seed, text in enumerate(texts):
        make_run(folder / "runs", "imagenet-design1", seed, state="failed", epochs_done=2, message=text)
    make_run(folder / "runs", "imagenet-resnet18", 0, experiment=titled("imagenet-resnet18", texts[2]))
    write_report(folder / "runs", folder / "out")
    return folder / "out"


def test_hostile_text_makes_no_element_and_no_attribute(report: Path) -> None:
    page = Page((report / "report.html").read_text(encoding="utf-8"))
    assert {tag.lower() for tag, _ in page.elements} <= _TAGS
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "src"]


@pytest.mark.parametrize("name", ["report.md", "summary.md"])
def test_hostile_text_makes_no_markup_in_markdown(report: Path, name: str) -> None:
    text = (report / name).read_text(encoding="utf-8")
    html = {tag for tag in re.findall(r"(?<!`)<[^>\n]*>?", text) if not _ANCHOR.fullmatch(tag)}
    assert html - {_MARKER} <= {"<details>", "<summary>", "</summary>", "</details>", "</a>"}
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    outside = re.sub(r"(`+)[^`].*?\1", "", text)
    assert not re.search(rf"(?<!\\)\]\((?!(?:{_OWN})\))", outside)
    assert not re.search(r"@[a-z]|://|www\.|(?<!\\)[$~]", outside)
    assert "# heading" not in text.replace("## ", "").replace("\\#", "") or "\n# heading" not in text


@pytest.mark.parametrize("name", ["report.md", "summary.md"])
def test_a_markdown_reader_finds_no_link_picture_or_html_of_theirs(report: Path, name: str) -> None:
    """As a CommonMark parser with tables sees the page; rich brings one along."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    blocks = parser.parse((report / name).read_text(encoding="utf-8"))
    tokens = [token for block in blocks for token in [block, *(block.children or [])]]
    assert not [token.content for token in tokens if token.type == "s_open"]
    for token in tokens:
        if token.type == "html_inline":
            assert _ANCHOR.fullmatch(token.content) or token.content == "</a>"
        if token.type == "link_open":
            assert re.fullmatch(_OWN, token.attrs["href"])
        if token.type == "html_block":
            own = rf"(<details><summary>[^<>]*</summary>|</details>|{_MARKER})\n?"
            assert re.fullmatch(own, token.content)
        if token.type == "image":
            assert token.attrs["src"].startswith("figures/")
    assert {token.tag for token in tokens if token.type == "heading_open"} == {"h1", "h2"}


def test_nothing_invisible_reaches_any_page(report: Path) -> None:
    for name in ("report.html", "report.md", "summary.md", "report.json"):
        text = (report / name).read_text(encoding="utf-8")
        assert not re.search("[\x00-\x09\x0b-\x1f\u202a-\u202e\ue000\ue001]", text), name


def test_report_json_stays_json(report: Path) -> None:
    assert json.loads((report / "report.json").read_text(encoding="utf-8"))["values"]["runs"]


def test_line_breaks_and_length_are_taken_from_foreign_text() -> None:
    assert plain("a\n\n# b\t c") == "a # b c"
    assert len(plain("x" * 500)) == 160
    assert plain("\u05e9\u05dc\u05d5\u05dd").startswith("\u2068")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no list", "\\- no list"),
        ("57.9 %", "57.9 %"),
        ("+21.7", "+21.7"),
        ("a_b", "a\\_b"),
        ("<b>", "&lt;b&gt;"),
    ],
)
def test_markdown_shows_what_was_put_in(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_typed_commands_become_code_and_the_rest_is_escaped() -> None:
    assert escaped(f"To go on: {typed('run a|b')} <x>") == "To go on: `run a\\|b` &lt;x&gt;"
    assert code("a`b") == "``a`b``"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_titles_of_factors_variants_and_claims_come_out_as_text(
    tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study file is anybody's: what it calls things reaches headings, tables, pictures and Markdown."""
    study = load_study("why-design1-beat-design2")
    hostile = study.model_copy(
        update={
            "title": text,
            "question": text,
            "factors": tuple(one.model_copy(update={"title": text}) for one in study.factors),
            "variants": tuple(one.model_copy(update={"title": text}) for one in study.variants),
            "claims": tuple(one.model_copy(update={"says": text, "predicts": text}) for one in study.claims),
        }
    )
    make_study(tmp_path / "runs", {"augmentation": 0.2})
    monkeypatch.setattr("tinyexp.report.select.load_studies", lambda: [hostile])
    write_report(tmp_path / "runs", tmp_path / "out")
    test_hostile_text_makes_no_element_and_no_attribute(tmp_path / "out")
    for name in ("report.md", "summary.md"):
        test_hostile_text_makes_no_markup_in_markdown(tmp_path / "out", name)
        test_a_markdown_reader_finds_no_link_picture_or_html_of_theirs(tmp_path / "out", name)
    for picture in (tmp_path / "out" / "figures").glob("*.svg"):
        ET.fromstring(picture.read_bytes())  # noqa: S314 - ours
