"""Cases of a parameter of which `make test` tries some, the slow tests of CI others, and `make test-all` every one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

LONG = (pytest.mark.slow, pytest.mark.long)
"""Of a test that takes minutes beside a shorter one of the same: a slow test that CI leaves to whoever makes a release."""


def thinned(cases: Iterable[Any], keep: Iterable[Any], long: Iterable[Any] = ()) -> list[Any]:
    """The cases, of which those that are not kept are marked slow, or long; every one that is named is a case."""
    cases, kept, long = list(cases), list(keep), list(long)
    assert all(case in cases for case in kept + long), "a case that is named is none"
    return [
        case
        if case in kept
        else pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=LONG if case in long else pytest.mark.slow
        )
        for case in cases
    ]
