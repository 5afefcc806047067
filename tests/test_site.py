"""The documentation as a site: every link in it leads somewhere, and no page asks for anything from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None and not os.environ.get("CI"),
    reason="mkdocs is not installed here; pip install '.[docs]'",
)


def build(project, site):
    arguments = [
        "--strict",
        "--config-file",
        str(project / "docs" / "site" / "mkdocs.yml"),
        "--site-dir",
        str(site),
    ]
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = tmp_path_factory.mktemp("made") / "site"
    done = build(PROJECT, made)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture
def copy(tmp_path):
    """The project with pages that a test may change."""
    for path in PROJECT.iterdir():
        if path.name not in (".git", "docs"):
            (tmp_path / "project" / path.name).parent.mkdir(exist_ok=True)
            (tmp_path / "project" / path.name).symlink_to(path)
    shutil.copytree(PROJECT / "docs", tmp_path / "project" / "docs")
    return tmp_path / "project"


def test_every_page_of_the_documentation_is_on_the_site(site):
    for page in (PROJECT / "docs").glob("*.md"):
        assert (site / "docs" / f"{page.stem}.html").is_file()
    assert "Show, not assert" in (site / "index.html").read_text(encoding="utf-8")


def test_what_pages_link_to_outside_of_the_documentation_is_carried_along(site):
    for path in ("action.yml", "templates/kubernetes-job.yaml", ".github/workflows/report.yml"):
        assert (site / path).read_bytes() == (PROJECT / path).read_bytes()
    report = "reports/embedded/report.html"
    assert (site / report).read_bytes() == (PROJECT / report).read_bytes()
    assert f'href="{report}"' in (site / "index.html").read_text(encoding="utf-8")
    listing = (site / "examples" / "fashion-mnist" / "all-files.html").read_text(encoding="utf-8")
    assert 'href="main.py"' in listing


def test_every_link_of_every_page_leads_to_a_file_and_an_anchor_of_the_site(site):
    pages = {
        path: path.read_text(encoding="utf-8") for path in site.rglob("*.html") if path.name != "404.html"
    }
    links = [
        (page, link)
        for page, text in pages.items()
        if "reports" not in page.parts
        for link in re.findall(r'(?:href|src)="([^":]*)"', text)
    ]
    assert len(links) > 500
    for page, link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path and path != "." else page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or f'id="{anchor}"' in pages[target], f"{page}: {link}"


def test_no_page_asks_for_anything_from_elsewhere(site):
    asked = re.compile(
        r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//|<link\b[^>]*\bhref=["']?(?:https?:)?//"""
    )
    for page in site.rglob("*.html"):
        assert not asked.search(page.read_text(encoding="utf-8")), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("nowhere.md", "'docs/nowhere.md' is not found"),
        ("../nowhere/README.md", "'nowhere/README.md' is not found"),
        ("method.md#nowhere", "does not contain an anchor '#nowhere'"),
        ("../benchmarks/README.md#nowhere", "does not contain an anchor '#nowhere'"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(copy, tmp_path, link, told):
    with (copy / "docs" / "ci.md").open("a", encoding="utf-8") as page:
        page.write(f"\n[A link]({link})\n")
    done = build(copy, tmp_path / "site")
    assert done.returncode == 1
    assert "docs/ci.md" in done.stderr
    assert told in done.stderr


def test_a_page_that_nobody_finds_fails_the_build(copy, tmp_path):
    (copy / "docs" / "hidden.md").write_text("# Hidden\n")
    done = build(copy, tmp_path / "site")
    assert done.returncode == 1
    assert "docs/hidden.md" in done.stderr


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("Ten lines", "ten-lines"),
        ("Runs, a table & more: --on ray", "runs-a-table--more---on-ray"),
        ("What `run_all` writes", "what-run_all-writes"),
    ],
)
def test_anchors_are_those_that_github_gives(heading, anchor):
    spec = importlib.util.spec_from_file_location("site_hooks", PROJECT / "docs" / "site" / "hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    assert hooks.github_anchor(heading, "-") == anchor
