"""How the site is made of the repository: its pages keep their places, so that a link that is true on GitHub is true on the site.

The pages are those in docs/ and the others that ``nav`` in mkdocs.yml names. Any other file that one of them links to is carried
along as it is; of a report it is the page in HTML that stands beside the Markdown, of a folder its README or a list of its files.
A link that leads nowhere fails the build, and so do an anchor that is not there and a page of docs/ that ``nav`` leaves out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files, InclusionLevel

PROJECT = Path(__file__).parents[2]
_LINK = re.compile(r"(\]\()([^()\s:#]+)((?:#[^()\s]*)?\))")
"""A link of Markdown to a file, without its text; addresses have a colon."""
_LISTING = "/all-files.md"
"""Ends the name of the page for a folder that has no README."""


def on_config(config: Any) -> Any:
    config.mdx_configs["toc"] = {"slugify": github_anchor}
    return config


def on_files(files: Files, config: Any) -> Files:
    """The theme's files, the pages, and what they link to."""
    site = Files([file for file in files if not (file.abs_src_path or "").startswith(f"{config.docs_dir}/")])
    pages = {*_pages(config.nav), *(f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md"))}
    linked = {target for page in pages for target in _targets(page)}
    folders = {target.removesuffix(_LISTING) for target in linked if target.endswith(_LISTING)}
    carried = linked.union(*(_files_of(folder) for folder in folders)) - pages
    for page in sorted(pages):
        site.append(File.generated(config, page, abs_src_path=str(PROJECT / page)))
    for target in sorted(carried):
        path = PROJECT / target
        if path.is_file():  # else mkdocs names the page and the link
            site.append(_outside_nav(config, target, abs_src_path=str(path)))
    for folder in sorted(folders):
        site.append(_outside_nav(config, folder + _LISTING, content=_listing(folder)))
    return site


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links lead to the file that the site has instead of a folder, or of a report in Markdown."""
    origin = page.file.src_uri

    def written(link: re.Match[str]) -> str:
        target = posixpath.relpath(_carried(origin, link[2]), posixpath.dirname(origin) or ".")
        return link[1] + target + link[3]

    return _LINK.sub(written, markdown)


def github_anchor(heading: str, separator: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", separator)


def _outside_nav(config: Any, target: str, **source: str) -> File:
    return File.generated(config, target, inclusion=InclusionLevel.NOT_IN_NAV, **source)


def _pages(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages(part)


def _targets(page: str) -> Iterator[str]:
    for link in _LINK.finditer((PROJECT / page).read_text(encoding="utf-8")):
        yield _carried(page, link[2])


def _carried(page: str, link: str) -> str:
    """The file that the site has for what a page links to."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    path = PROJECT / target
    if path.is_dir():
        return f"{target}/README.md" if (path / "README.md").is_file() else target + _LISTING
    if path.suffix == ".md" and path.with_suffix(".html").is_file():
        return target.removesuffix(".md") + ".html"
    return target


def _listing(folder: str) -> str:
    lines = [
        f"- [{path}]({path})" for path in (file.removeprefix(f"{folder}/") for file in _files_of(folder))
    ]
    return "\n".join([f"# {folder}", "", *lines, ""])


def _files_of(folder: str) -> list[str]:
    paths = sorted((PROJECT / folder).rglob("*"))
    return [
        path.relative_to(PROJECT).as_posix()
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    ]
