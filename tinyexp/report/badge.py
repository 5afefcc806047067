"""The verdict as a badge for a README: an SVG file with nothing in it but two words' worth of text."""

from __future__ import annotations

from html import escape

from tinyexp.report.view import ReportView

_DECIDED, _OPEN, _FAILED, _LABEL = "#1a5fb4", "#5e5c64", "#a51d2d", "#3d3846"
"""White text on each has a contrast of 6 to 1 or more."""
_PER_CHARACTER, _ROOM, _MAX_CHARACTERS = 6.6, 10, 48
"""Pixels that a character of 11 px takes in the fonts named below; the text is set to that width in any other."""


def badge(view: ReportView) -> str:
    """What the report's first screen says, in a few words; red where a gate failed."""
    told, colour = _told(view)
    told = told if len(told) <= _MAX_CHARACTERS else told[: _MAX_CHARACTERS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return _svg("tinyexp", told, colour)


def _told(view: ReportView) -> tuple[str, str]:
    verdict = view.values["verdict"]
    failed = sum(not gate.passed for gate in view.gates)
    if failed:
        return f"{failed} gate{'s' * (failed != 1)} failed", _FAILED
    if verdict["kind"] == "beats":
        return f"{_winner(view)} ahead", _DECIDED
    return (
        ("no difference that matters", _DECIDED)
        if verdict["kind"] == "within_margin"
        else ("undecided", _OPEN)
    )


def _winner(view: ReportView) -> str:
    """The title of the design that the first screen says is ahead."""
    [study] = [one for one in view.values["studies"] if one["study"] == view.values["verdict"]["study"]]
    name: str = study["comparison"]["winner"]
    titles = {one["name"]: one["title"] for one in view.values["experiments"]}
    return titles.get(name) or name


def _svg(label: str, told: str, colour: str) -> str:
    left, right = (round(len(text) * _PER_CHARACTER) + 2 * _ROOM for text in (label, told))
    texts = "".join(
        f'<text x="{x}" y="14" textLength="{width - 2 * _ROOM}">{escape(text)}</text>'
        for x, width, text in ((_ROOM, left, label), (left + _ROOM, right, told))
    )
    title = escape(f"{label}: {told}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<rect width="{left}" height="20" fill="{_LABEL}"/><rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{texts}</g></svg>\n'
    )
