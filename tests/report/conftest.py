"""The tests of reports draw a picture once, and those of words alone none."""

import drawn_once  # noqa: F401 - by being loaded
import pytest
from page_reader import sample

from tinyexp.report import figures
from tinyexp.report.svg import Picture
from tinyexp.report.view import Panel


@pytest.fixture
def blank_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of tests that read what the page says, and look at no picture: drawing takes a third of a report's time."""
    sample()  # is there for others, too

    def blank(panel: Panel) -> Picture:
        return Picture(panel.name, panel.title, panel.description, 1, 1, "")

    monkeypatch.setattr(figures, "_draw", blank)
