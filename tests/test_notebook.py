"""The example notebook runs as it is kept, and shows what the report says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

PROJECT = Path(__file__).parent.parent
BOOK = PROJECT / "examples" / "compare.ipynb"
REPORT = PROJECT / "reports" / "embedded"


def kept():
    return nbformat.read(BOOK, as_version=4)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each code cell shows, run in a kernel of its own, beside the file."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("jupyter")
    book = kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PLATFORM_DIRS", "1")
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder / name.lower()))  # nobody's own settings
        where = {"metadata": {"path": str(BOOK.parent)}}
        NotebookClient(book, kernel_name="python3", timeout=120, resources=where).execute()
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    return [
        "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs).replace(
            "\N{NO-BREAK SPACE}", " "
        )
        for cell in cells
    ]


def plain(text):
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_it_is_kept_as_the_format_says_and_without_outputs():
    """An output would be true of one day's records; what it says is held against the report below instead."""
    book = kept()
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_its_verdict_is_the_sentence_of_the_report(shown):
    headline, _, details, *_ = plain((REPORT / "summary.md").read_text(encoding="utf-8")).splitlines()[1:]
    said = shown[2].replace("tiny-design1", "Design 1").replace("tiny-design2", "Design 2")
    assert f"<p>{headline.removeprefix('# ')}. {details}" in said
    assert said.count("<tr>") == 3


def test_its_shares_are_those_of_the_report(shown):
    page = plain((REPORT / "report.md").read_text(encoding="utf-8"))
    rows = re.findall(r"<tr><td>([^<]+)</td><td>([^ ]+) points \(95 % interval ([^)]+)\)", shown[3])
    assert len(rows) == 5
    for _, share, interval in rows:
        assert share in page
        assert interval in page


def test_it_shows_the_runs_and_a_comparison_of_numbers_from_anywhere(shown):
    assert "tiny-design1" in shown[1]
    assert "wide beats base by 20.0 points" in shown[4]
