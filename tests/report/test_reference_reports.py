"""The reports that are kept in the repository are what their records give, by today's code and study files."""

from __future__ import annotations

from pathlib import Path

import pytest
from thinned import thinned

from tinyexp.report.check import examine
from tinyexp.report.place import is_report

REPORTS = Path(__file__).parents[2] / "reports"
KEPT = ("desk", "embedded")


@pytest.mark.parametrize("name", thinned(KEPT, ["embedded"]))
def test_a_kept_report_is_what_its_records_give(name: str) -> None:
    """To write one anew after a change of the pages: `tinyexp report --runs reports/NAME/runs --out reports/NAME`."""
    assert is_report(REPORTS / name)
    assert examine(REPORTS / name).found == ()
