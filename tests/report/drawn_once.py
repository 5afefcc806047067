"""What looks at a report's words or files: the same picture is drawn once in a process, and taken from there again.

What it is drawn from and matplotlib's settings at that moment are the key, so that a report that heeds a user's settings is seen.
"""

from __future__ import annotations

import pickle

import matplotlib as mpl

from tinyexp.report import figures
from tinyexp.report.svg import Picture
from tinyexp.report.view import Panel

_draw = figures._draw
_drawn: dict[bytes, Picture] = {}


def _drawn_once(panel: Panel) -> Picture:
    key = pickle.dumps((panel, dict(mpl.rcParams)))
    if key not in _drawn:
        _drawn[key] = _draw(panel)
    return _drawn[key]


figures._draw = _drawn_once
