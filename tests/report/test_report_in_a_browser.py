"""What a reader meets who opens the page: in Chromium, without a network, in light and dark, on a phone and on paper.

`tests/browser/look.mjs` looks at a page; the tests here judge what it saw.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from records_maker import Shape, make_run, make_runs
from test_report_hostile import titled
from thinned import thinned

from tinyexp.report.render import write_report

PROJECT = Path(__file__).parents[2]
BROWSER = PROJECT / "tests" / "browser"
PAIR = ("tiny-design1", "tiny-design2")
ALIKE = Shape(test=0.5, train=0.5, clean=0.55, pace=0.3)
_LONG = "A design whose name takes very many words, $x^2$ and <b>tags</b> among them, and does not end soon"

BROKEN = """<!doctype html><html><head><title>t</title></head><body><h1>All wrong</h1>
<img src="http://nothing.example/a.png"><p style="color:#ddd;background:#fff">Too pale to read.</p>
<p style="width:3000px">Wider than any window.</p>
<p style="overflow:hidden;white-space:nowrap;width:4rem">Cut where it hides what it says.</p>
<p style="width:4rem"><code>my run-all</code></p>
<h2 style="margin-top:70rem">A heading</h2>
<figure><div class="panels"><div><svg width="300" height="3000" viewBox="0 0 300 3000"><title>A tower</title>
<text x="10" y="30">one label</text><text x="14" y="32">another</text><text x="280" y="90">sticking out</text><text x="10" y="200" font-size="9">tiny</text></svg></div></div>
<figcaption>Too high for a sheet.</figcaption></figure></body></html>"""
"""A page on which every look must find something, so that none of them looks past it."""


def lacking(runs: Path) -> None:
    """No run of one design, of ResNet-18, of any study."""
    make_runs(runs, ["tiny-design1", "imagenet-design1"])


def one_seed(runs: Path) -> None:
    make_runs(runs, PAIR, seeds=[0])


def diverged(runs: Path) -> None:
    make_runs(runs, ["tiny-design1"])
    for seed in range(3):
        message = f"train_loss is nan in step {17 + seed}"
        make_run(runs, "tiny-design2", seed, state="diverged", epochs_done=2, message=message)


def alike(runs: Path) -> None:
    """Two designs that do the same to the last digit."""
    for name in PAIR:
        make_runs(runs, [name], shape=ALIKE, key="same")


def long_names(runs: Path) -> None:
    for name, title in zip(PAIR, (_LONG, f"B{_LONG}"), strict=True):
        for seed in range(6):
            make_run(runs, name, seed, experiment=titled(name, title))


MADE: Mapping[str, Callable[[Path], None]] = {
    make.__name__: make for make in (lacking, one_seed, diverged, alike, long_names)
}
KEPT = ("embedded", "desk")
PAGES = thinned((*KEPT, *MADE), ("embedded", "long_names"))


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the browser sees of each page, by the page's name."""
    chromium, node = tool("chromium"), tool("node")
    if not (BROWSER / "node_modules").is_dir():
        absent(
            "tests/browser/node_modules is not there; `make test` installs it, and so does `npm ci --prefix tests/browser`"
        )
    return Looked(chromium, node, tmp_path_factory.mktemp("looked"))


class Looked(dict[str, dict[str, Any]]):
    """A page is looked at when it is first asked for."""

    def __init__(self, chromium: str, node: str, folder: Path) -> None:
        super().__init__()
        self._command, self._folder = (node, BROWSER / "look.mjs", chromium), folder

    def __missing__(self, name: str) -> dict[str, Any]:
        own = self._folder / name
        own.mkdir()
        path = PROJECT / "reports" / name / "report.html" if name in KEPT else own / "out" / "report.html"
        if name in MADE:
            MADE[name](own / "runs")
            write_report(own / "runs", own / "out")
        elif name == "broken":
            path.parent.mkdir()
            path.write_text(BROKEN, encoding="utf-8")
        command = [*self._command, own, path]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0, done.stderr
        self[name] = json.loads(done.stdout)[str(path)]
        return self[name]


def tool(name: str) -> str:
    path = shutil.which(name)
    return path or absent(
        f"{name} is not installed; on Debian: apt-get install {name}{'js' * (name == 'node')}"
    )


def absent(what: str) -> Any:
    """Where tests decide what is merged, the browser's must run; elsewhere they may be left out."""
    told = f"The report is not tested in a browser: {what}."
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


_SHEET_NUMBER = 45.0
"""Points above the lower edge within which a sheet's number stands."""


def sheets(pdf: str) -> tuple[int, dict[str, list[set[int]]]]:
    """How many sheets, and for each figure and heading on which of them its parts lie."""
    reader = PdfReader(pdf)
    found: dict[str, list[set[int]]] = defaultdict(list)
    for number, page in enumerate(reader.pages):
        for annotation in page.get("/Annots") or []:
            # A link inside the page has a place and no address.
            uri = annotation.get_object().get("/A", {}).get("/URI", "")
            if uri.endswith(".example/"):
                found[uri.removeprefix("https://").removesuffix(".example/")].append(number)
    return len(reader.pages), found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_for_nothing_and_the_browser_complains_of_nothing(looked, name):
    assert looked[name]["requests"] == {"asked": [], "complaints": []}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_no_violation(looked, name, scheme):
    """Rules wcag2a, wcag2aa, wcag21aa and wcag22aa, with all that is folded open."""
    found = looked[name]["axe"][scheme]
    assert found["violations"] == []
    assert {"color-contrast", "html-has-lang", "document-title"} <= set(found["passes"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows_overlaps_is_cut_torn_or_too_small_to_read(looked, name, width, scheme):
    found = looked[name]["layout"][f"{width} {scheme}"]
    assert found.pop("labels")
    assert found == {"overflow": [], "overlaps": [], "outside": [], "cut": [], "torn": [], "small": []}


@pytest.mark.parametrize("name", PAGES)
def test_no_figure_is_split_and_no_heading_is_left_behind_on_paper(looked, name):
    _, parts = sheets(looked[name]["pdf"])
    assert any(part.startswith("figure-") for part in parts)
    assert [part for part, numbers in parts.items() if len(set(numbers)) > 1] == []


def filled(pdf: str) -> list[float]:
    """How far down each sheet has text, as a share of its height; the sheet's number is passed over."""
    found = []
    for page in PdfReader(pdf).pages:
        height, lowest = float(page.mediabox.height), [0.0]

        def take(text: str, cm: list[float], tm: list[float], *_: Any, height=height, lowest=lowest) -> None:
            up = cm[1] * tm[4] + cm[3] * tm[5] + cm[5]
            if text.strip() and up > _SHEET_NUMBER:
                lowest.append(1 - up / height)

        page.extract_text(visitor_text=take)
        found.append(max(lowest))
    return found


@pytest.mark.parametrize("name", thinned(KEPT, ("embedded",)))
def test_no_sheet_but_the_last_is_a_third_empty(looked, name):
    *others, last = filled(looked[name]["pdf"])
    assert min(others) > 2 / 3, others
    assert last > 0


def test_the_embedded_page_prints_on_ten_sheets(looked):
    count, parts = sheets(looked["embedded"]["pdf"])
    assert count <= 10
    assert len(parts) > 20


@pytest.mark.parametrize("name", PAGES)
def test_every_sheet_is_numbered(looked, name):
    pages = PdfReader(looked[name]["pdf"]).pages
    for number, page in enumerate(pages, start=1):
        assert f"{number} / {len(pages)}" in page.extract_text().replace("\u00a0", " ")


def test_the_opening_table_is_printed_and_other_folded_ones_are_not(looked):
    text = " ".join(page.extract_text() for page in PdfReader(looked["embedded"]["pdf"]).pages)
    assert re.search(r"run by run\s+Design 1 Design 2\s+seed 0", text.replace("\u00a0", " "))
    assert "Shares seed by seed" not in text


def test_text_is_printed_in_ten_points(looked):
    sizes = defaultdict(int)

    def seen(text, _user, matrix, _font, size):
        sizes[round(abs(size * matrix[0] * _user[0]), 1)] += len(text.strip())

    for page in PdfReader(looked["embedded"]["pdf"]).pages:
        page.extract_text(visitor_text=seen)
    assert max(sizes, key=sizes.get) in (9.0, 10.0)
    assert sizes[10.0] > 2000


def test_the_look_finds_what_is_wrong(looked):
    found = looked["broken"]
    assert found["requests"]["asked"] == ["http://nothing.example/a.png"]
    assert found["requests"]["complaints"]
    for scheme in ("light", "dark"):
        rules = {line.split(":")[0] for line in found["axe"][scheme]["violations"]}
        assert {"color-contrast", "html-has-lang", "image-alt"} <= rules
    for seen in found["layout"].values():
        assert seen["overflow"]
        assert seen["overlaps"] == ["A tower: one label / another"]
        assert seen["outside"] == ["A tower: sticking out"]
        assert seen["torn"] == ["run-all"]
        assert seen["small"] == ["A tower: tiny 9.0"]
        assert any("Cut where it hides" in line for line in seen["cut"])
    _, parts = sheets(found["pdf"])
    assert len(set(parts["figure-0"])) > 1
