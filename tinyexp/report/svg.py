"""matplotlib's SVG made fit for a page: small, with roles in place of colours, and with a voice.

What comes out has no prolog, no style attribute, no reference outside itself; numbers have two
decimals; ids begin with a digest of the picture's name, so that many pictures stand in one page; black is the
text's colour and the series' colours are classes, so that the page decides how they look.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from tinyexp.files import sha256_of_bytes
from tinyexp.report.palette import DARK, DARK_SERIES, GROUND, INK, LIGHT, SERIES
from tinyexp.report.smaller import short_path, smaller

_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")
_SPACE = re.compile(r"\s+")
_AROUND_COMMAND = re.compile(r"\s*([MLHVCSQTAZz])\s*")
_FONT_SIZE = re.compile(r"(\d+(?:\.\d+)?)px")
_KEPT = ("d", "x", "y", "width", "height", "transform", "points")
_KEPT_STYLES = (
    "stroke-width",
    "stroke-opacity",
    "fill-opacity",
    "opacity",
    "stroke-dasharray",
    "text-anchor",
)
_DEFAULTS = {
    "stroke-width": "1",
    "opacity": "1",
    "stroke-opacity": "1",
    "fill-opacity": "1",
    "text-anchor": "start",
}
USUAL_SIZE = "12.5"
"""Of most texts; it stands once at the picture's root."""
_MARGIN = 14
"""Pixels around a picture that stands alone."""
_XLINK = "{http://www.w3.org/1999/xlink}href"

STYLE = (
    "svg{{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}}{light}"
    "@media (prefers-color-scheme:dark){{{dark}}}"
)


@dataclass(frozen=True)
class Picture:
    """One drawing in its two forms, without what differs between them."""

    name: str
    title: str
    description: str
    width: int
    height: int
    body: str

    @property
    def inline(self) -> str:
        """For a page, whose style sheet gives the colours."""
        return f"<svg {self._attributes(0)}>{self._voice}{self.body}</svg>"

    @property
    def file(self) -> str:
        """For a file of its own: it brings its colours, its ground and a margin, in light and in dark."""
        width, height = self.width + 2 * _MARGIN, self.height + 2 * _MARGIN
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" {self._attributes(_MARGIN)}>'
            f"{self._voice}<style>{style_sheet()}</style>"
            f'<rect class="bg" x="-{_MARGIN}" y="-{_MARGIN}" width="{width}" height="{height}"/>{self.body}</svg>\n'
        )

    def _attributes(self, margin: int) -> str:
        box = f"{-margin} {-margin} {self.width + 2 * margin} {self.height + 2 * margin}"
        return (
            f'class="picture" viewBox="{box}" role="img" fill="currentColor" font-size="{USUAL_SIZE}"'
            f' stroke-linejoin="round" aria-labelledby="{_own(self.name)}t {_own(self.name)}d"'
        )

    @property
    def _voice(self) -> str:
        return (
            f'<title id="{_own(self.name)}t">{escape(self.title)}</title>'
            f'<desc id="{_own(self.name)}d">{escape(self.description)}</desc>'
        )


def style_sheet() -> str:
    """The classes of a picture that stands alone."""
    return STYLE.format(light=_roles(LIGHT, SERIES), dark=_roles(DARK, DARK_SERIES))


def clean(raw: bytes, *, name: str, title: str, description: str, hover: Mapping[str, str]) -> Picture:
    """Make a picture of what matplotlib wrote.

    Parameters
    ----------
    name
        Begins every id in it.
    hover
        Text that a group shows when pointed at, by the group's id.
    """
    root = ET.fromstring(raw)  # noqa: S314 - matplotlib wrote it just now
    _, _, width, height = (float(value) for value in root.attrib["viewBox"].split())
    _share_markers(root)
    kept = smaller([one for child in root for one in _element(child, name, hover)])
    body = "".join(map(_written, kept))
    return Picture(name, title, description, round(width), round(height), body)


def series_styles(colours: Sequence[str]) -> str:
    """The classes of the experiments' colours."""
    return "".join(
        f".s{place}{{stroke:{c}}}.f{place}{{fill:{c}}}" for place, c in enumerate(colours, start=1)
    )


def _roles(colours: Mapping[str, str], of_series: Sequence[str]) -> str:
    series = series_styles(of_series)
    return f"svg{{color:{colours['ink']}}}.bg{{fill:{colours['ground']}}}{series}"


def _share_markers(root: ET.Element) -> None:
    """A marker is defined once with its colours, however many lines have it: matplotlib defines it for each of them."""
    styles = {use.get(_XLINK, ""): use.get("style", "") for use in root.iter() if _XLINK in use.attrib}
    first: dict[tuple[str, str], str] = {}
    names: dict[str, str] = {}
    for parent in list(root.iter()):
        for child in list(parent) if parent.tag.endswith("}defs") else ():
            own = f"#{child.get('id')}"
            if own in styles:
                child.set("style", f"{styles[own]}; {child.get('style', '')}")
                look = (child.get("d", ""), child.attrib["style"])
                if look in first:
                    parent.remove(child)
                names[own] = first.setdefault(look, f"m{len(first)}")
                child.set("id", names[own])
    for use in root.iter():
        if use.get(_XLINK) in names:
            use.set(_XLINK, f"#{names[use.attrib[_XLINK]]}")
            use.attrib.pop("style", None)


def _element(element: ET.Element, name: str, hover: Mapping[str, str]) -> list[ET.Element]:
    """What is kept of an element: itself, or what is in it where it says nothing; nothing where nothing is drawn."""
    tag = element.tag.rpartition("}")[2]
    if tag in ("metadata", "style", "clipPath"):  # nothing is drawn outside its axes
        return []
    inner = [one for child in element for one in _element(child, name, hover)]
    if tag in ("g", "defs") and not inner:
        return []
    kept = ET.Element(tag, _attributes(element, name, tag))
    told = hover.get(element.get("id", ""))
    if told:
        ET.SubElement(kept, "title").text = told
    if tag == "g" and element.get("id", "").startswith("matplotlib.axis"):
        inner.sort(key=lambda one: one.tag == "text")  # its lines, then its labels, which lie beside them
    if tag == "g" and not kept.attrib and not told:
        return inner
    kept.extend(inner)
    kept.text = element.text if tag == "text" else None
    return [kept]


def _written(element: ET.Element) -> str:
    inner = escape(element.text or "") + "".join(map(_written, element))
    opening = " ".join([element.tag, *(f'{key}="{escape(value)}"' for key, value in element.items())])
    return f"<{opening}>{inner}</{element.tag}>" if inner else f"<{opening}/>"


def _attributes(element: ET.Element, name: str, tag: str) -> dict[str, str]:
    found = {key: _short(element.attrib[key]) for key in _KEPT if key in element.attrib}
    if found.get("transform", "").startswith("rotate(-0 "):  # matplotlib writes it on every upright text
        del found["transform"]
    if "d" in found:
        found["d"] = short_path(_AROUND_COMMAND.sub(r"\1", found["d"]))
    if _XLINK in element.attrib:
        found["href"] = f"#{_own(name)}{element.attrib[_XLINK].removeprefix('#')}"
    if "id" in element.attrib and tag == "path":  # a marker's shape, which a later element uses
        found["id"] = _own(name) + element.attrib["id"]
    return found | _styles(element.get("style", ""), tag)


def _own(name: str) -> str:
    """The beginning of every id in a picture: of this picture alone, and short, as every dot has it."""
    return f"p{sha256_of_bytes(name.encode())[:6]}"


def _styles(style: str, tag: str) -> dict[str, str]:
    rules = dict(part.strip().split(":", 1) for part in style.split(";") if ":" in part)
    rules = {key.strip(): value.strip() for key, value in rules.items()}
    found = {
        key: _short(rules[key])
        for key in _KEPT_STYLES
        if key in rules and _short(rules[key]) != _DEFAULTS.get(key)
    }
    classes = []
    for key, letter in (("fill", "f"), ("stroke", "s")):
        colour = rules.get(key, "").lower()
        if colour in SERIES:
            classes.append(f"{letter}{SERIES.index(colour) + 1}")
        elif colour == GROUND:
            classes.append("bg")
        elif colour == INK and key == "stroke":
            found[key] = "currentColor"
        elif colour == "none" and key == "fill":
            found[key] = "none"
    if classes:
        found["class"] = " ".join(classes)
    size = _FONT_SIZE.search(rules.get("font-size", rules.get("font", ""))) if tag == "text" else None
    if size and size[1] != USUAL_SIZE:
        found["font-size"] = size[1]
    if "bold" in rules.get("font", "") or rules.get("font-weight") in ("bold", "600", "700"):
        found["font-weight"] = "600"
    return found


def _short(text: str) -> str:
    return _SPACE.sub(" ", _NUMBER.sub(_two_decimals, text)).strip()


def _two_decimals(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
