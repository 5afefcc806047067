"""The same picture in fewer bytes: what elements in a row have alike is said once, and paths take the short commands."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from itertools import groupby

_INHERITED = (
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "text-anchor",
    "fill",
    "stroke",
    "font-size",
    "font-weight",
)
"""What a group may say for all that is in it; ``opacity`` is not among them, as a group with it is laid over the rest as one."""
_GROUP = len("<g></g>")
_POINT = r"(-?[\d.]+) (-?[\d.]+)"
_CIRCLE = re.compile(r"M-?0 ([\d.]+)(?:C[-\d. ]+){8}z")
"""matplotlib's: eight curves from the lowest point; nothing else that is drawn here has curves."""
_STEP = re.compile(rf"([ML]){_POINT}")


def smaller(elements: Sequence[ET.Element]) -> list[ET.Element]:
    """Elements in the order in which they are drawn, with what neighbours have alike given once by a group around them."""
    joined = list(_joined(elements))
    found: list[ET.Element] = []
    for alike, run in groupby(joined, _shared):
        own = list(run)
        said = sum(len(f' {key}="{value}"') for key, value in alike)
        if said * (len(own) - 1) <= _GROUP:
            found += own
            continue
        group = ET.Element("g", dict(alike))
        for one in own:
            for key, _ in alike:
                del one.attrib[key]
            group.append(one)
        found.append(group)
    return found


def short_path(path: str) -> str:
    """A path of straight lines with ``H`` and ``V`` where they do, and without points that repeat the one before; a circle as two arcs.

    >>> short_path("M1 2L1 5L1 5L4 5z")
    'M1 2V5H4z'
    """
    circle = _CIRCLE.fullmatch(path)
    if circle:
        radius = circle[1]
        half = f"A{radius} {radius} 0 1 1 0 "
        return f"M0 {radius}{half}-{radius}{half}{radius}z"
    steps = _STEP.findall(path)
    if "".join(f"{command}{x} {y}" for command, x, y in steps) != path.removesuffix("z"):
        return path
    return "".join(_steps(steps)) + ("z" if path.endswith("z") else "")


def _steps(steps: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    before = ("", "")
    for command, x, y in steps:
        if command == "M":
            yield f"M{x} {y}"
        elif (x, y) != before:
            yield f"V{y}" if x == before[0] else f"H{x}" if y == before[1] else f"L{x} {y}"
        before = (x, y)


def _joined(elements: Sequence[ET.Element]) -> Iterator[ET.Element]:
    """Groups one after another that tell the same when pointed at are one."""
    last: ET.Element | None = None
    for one in elements:
        if last is not None and (told := _told(one)) and told == _told(last):
            last.extend(list(one)[1:])
        else:
            yield one
            last = one


def _told(element: ET.Element) -> str | None:
    return element.findtext("title") if element.tag == "g" and not element.attrib else None


def _shared(element: ET.Element) -> tuple[tuple[str, str], ...]:
    if element.tag not in ("path", "text"):
        return ()
    return tuple((key, element.attrib[key]) for key in _INHERITED if key in element.attrib)
