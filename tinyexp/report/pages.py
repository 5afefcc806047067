"""The templates filled in: three pages from one view and its pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from tinyexp.report.markdown import Raw, code, entities, escaped, literal, target
from tinyexp.report.palette import DARK, DARK_SERIES, LIGHT, SERIES
from tinyexp.report.svg import Picture, series_styles
from tinyexp.report.view import ReportView
from tinyexp.resources import shipped
from tinyexp.words import CODE, END_CODE

_NUMBERED = re.compile(r"(\w{1,20}-\d{1,6})\b")
_HYPHENED = re.compile(r"(?<!\S)(?=\S*-)(\S{1,36})(?!\S)")
"""Words with a hyphen, as long as they fit on a phone's line."""
_MARKED = re.compile(f"{CODE}([^{END_CODE}]*){END_CODE}")
SUMMARY_LIMIT = 60_000
"""Characters; GitHub refuses comments above 65,536."""


def html_page(view: ReportView, pictures: Mapping[str, Picture]) -> str:
    """One file: styles and pictures inside, no script, nothing from elsewhere."""
    environment = _environment(markdown=False)
    inline = {name: Markup(picture.inline) for name, picture in pictures.items()}  # noqa: S704 - svg.clean escaped it
    return environment.get_template("report.html.j2").render(
        view=view,
        pictures=inline,
        light=LIGHT,
        dark=DARK,
        series=series_styles(SERIES),
        dark_series=series_styles(DARK_SERIES),
    )


def markdown_page(view: ReportView) -> str:
    """The same as a file beside ``figures/``, as GitHub shows it."""
    return _environment(markdown=True).get_template("report.md.j2").render(view=view)


def summary_page(view: ReportView) -> str:
    """For a comment or a job summary: some twenty lines, and the sections folded, as many as there is room for."""
    template = _environment(markdown=True).get_template("summary.md.j2")
    sections = [section for section in view.sections if section.summary]
    for count in range(len(sections), -1, -1):
        text = template.render(view=view, sections=sections[:count], all=count == len(sections))
        if len(text) <= SUMMARY_LIMIT:
            return text
    return template.render(view=view, sections=None, all=False)


def _with_code(value: object) -> object:
    """Marks around what is typed become elements, once the rest is escaped."""
    if not isinstance(value, str) or CODE not in value:
        return value
    parts = _MARKED.split(str(escape(value)))
    # Every second part is code.
    return Markup("").join(
        Markup(f"<code>{_command(Markup(part))}</code>") if place % 2 else Markup(part)  # noqa: S704 - escaped above
        for place, part in enumerate(parts)
    )


def _command(line: str) -> Markup:
    """A line for a shell, broken between its words only: half an option at the end of a line is another one."""
    return Markup(_HYPHENED.sub(r'<span class="nb">\1</span>', str(escape(line))))  # noqa: S704 - escaped here


def _unbroken(text: str) -> Markup:
    """Names such as ResNet-18 stay on one line of a heading."""
    return Markup(_NUMBERED.sub(r'<span class="nb">\1</span>', str(escape(text))))  # noqa: S704 - escaped here


@cache
def _environment(*, markdown: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(shipped("templates"), encoding="utf-8"),
        autoescape=not markdown,  # noqa: S701 - Markdown has an escaping of its own, applied to every value
        finalize=escaped if markdown else _with_code,
        undefined=StrictUndefined,
        auto_reload=False,  # a process renders one report: its templates are compiled once
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "code": code,
        "raw": Raw,
        "unbroken": _unbroken,
        "command": _command,
        "literal": literal,
        "entities": entities,
        "target": target,
    }
    return environment
