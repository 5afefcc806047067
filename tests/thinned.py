"""Cases of a parameter of which `make test` tries some, and the slow tests the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def thinned(cases: Iterable[Any], keep: Iterable[Any]) -> list[Any]:
    """The cases, of which those that are not kept are marked slow; every kept one is a case."""
    cases, kept = list(cases), list(keep)
    assert all(case in cases for case in kept), "a case that is kept is none"
    return [
        case
        if case in kept
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.slow)
        for case in cases
    ]
