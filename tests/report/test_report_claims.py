"""One table has every claim, in the order of the source, with its verdict and where to read on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from page_reader import Page, sample
from records_maker import make_runs, make_study

from tinyexp.config.source import load_source
from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.render import write_report
from tinyexp.report.select import select_runs
from tinyexp.report.view import Commands, ReportView, Section, Table
from tinyexp.resources import shipped
from tinyexp.runs.recorded import read_runs

WHY = "why-design1-beat-design2"


def view_of(runs: Path) -> ReportView:
    return build_view(gather(select_runs(read_runs(runs))))


def claims_of(view: ReportView) -> Section | None:
    return next((section for section in view.sections if section.id == "claims"), None)


def table_of(view: ReportView) -> Table:
    section = claims_of(view)
    assert section is not None
    assert isinstance(section.blocks[0], Table)
    return section.blocks[0]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of one study's experiments: of the deeper networks there is none."""
    runs = tmp_path_factory.mktemp("claims") / "runs"
    make_study(runs, {"augmentation": 0.2})
    return runs


def test_the_table_has_every_claim_in_the_order_of_the_source(two: Path) -> None:
    source = load_source(shipped("experiments"))
    assert source is not None
    for runs in (two, sample() / "out" / "runs"):
        table = table_of(view_of(runs))
        assert [row[2] for row in table.rows] == list(source.claims)
        assert not table.folded


def test_a_claim_has_the_verdict_of_its_study_and_leads_to_its_section(two: Path) -> None:
    view = view_of(two)
    table = table_of(view)
    told = {row[2]: (row, table.link_of(place)) for place, row in enumerate(table.rows)}
    assert told["why-augmentation"] == (
        ("Design 1 worked well because of its data augmentation.", "As predicted here", "why-augmentation"),
        f"#{WHY}-claims",
    )
    assert f"{WHY}-claims" in [section.id for section in view.sections]
    assert told["deeper-better"][0][1] == "Not tested"


def test_a_claim_without_any_run_has_no_link_but_the_command_that_trains_it(two: Path) -> None:
    view = view_of(two)
    table, section = table_of(view), claims_of(view)
    assert section is not None
    assert table.link_of([row[2] for row in table.rows].index("deeper-better")) == ""
    [commands] = [block for block in section.blocks if isinstance(block, Commands)]
    assert commands.lines == ("tinyexp run-all --profile embedded --study deeper-on-imagenet --seeds 3",)
    assert "deeper-on-imagenet-claims" not in [one.id for one in view.sections]


def test_every_link_of_the_table_leads_somewhere_on_the_page(two: Path) -> None:
    view = view_of(two)
    assert {link[1:] for link in table_of(view).links if link} <= {section.id for section in view.sections}


def test_head_heading_and_table_count_alike(two: Path) -> None:
    view = view_of(two)
    section = claims_of(view)
    assert section is not None
    counted = section.heading.partition(": ")[2]
    assert view.head.claims == f"Claims of the source: {counted}."
    assert sum(int(number) for number in re.findall(r"\d+", counted)) == len(table_of(view).rows)


def test_the_short_page_has_the_table_without_links(two: Path, tmp_path: Path) -> None:
    write_report(two, tmp_path / "out")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert "| A deeper network converges faster. | Not tested | `deeper-faster` |" in summary
    assert "](#" not in summary


def own_studies(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped experiments as one's own; the file of their source."""
    shutil.copytree(shipped("experiments"), place / "experiments")
    monkeypatch.chdir(place)
    return place / "experiments" / "source.toml"


def without_order(source: Path) -> None:
    text = source.read_text(encoding="utf-8")
    source.write_text(re.sub(r"(?ms)^claims = \[.*?^\]\n", "", text), encoding="utf-8")


def test_without_an_order_claims_stand_by_study_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_order(own_studies(tmp_path, monkeypatch))
    path = tmp_path / "experiments" / "studies" / "deeper-on-imagenet.toml"
    path.write_text(path.read_text().replace('baseline = "', 'lead = true\nbaseline = "', 1))
    make_runs(tmp_path / "runs")
    view = view_of(tmp_path / "runs")
    section = claims_of(view)
    assert section is not None
    assert "claims of the source: " in section.heading, "nothing is said of an order"
    ids = [row[2] for row in table_of(view).rows]
    assert ids[:3] == ["deeper-faster", "deeper-better", "why-augmentation"], "leading studies first"


def test_another_order_in_the_file_is_the_order_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, moved = own_studies(tmp_path, monkeypatch), '"deeper-faster", "deeper-better",'
    path.write_text(path.read_text().replace(moved, "").replace("claims = [", f"claims = [{moved}"))
    make_runs(tmp_path / "runs")
    assert [row[2] for row in table_of(view_of(tmp_path / "runs")).rows][:3] == [
        "deeper-faster",
        "deeper-better",
        "why-augmentation",
    ]


def test_one_studys_claims_stand_in_its_own_section_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_order(own_studies(tmp_path, monkeypatch))
    for path in (tmp_path / "experiments" / "studies").glob("*.toml"):
        if path.stem != WHY:
            path.unlink()
    make_runs(tmp_path / "runs")
    view = view_of(tmp_path / "runs")
    assert claims_of(view) is None
    assert f"{WHY}-claims" in [section.id for section in view.sections]


def test_a_page_without_claims_has_no_such_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_order(own_studies(tmp_path, monkeypatch))
    shutil.rmtree(tmp_path / "experiments" / "studies")
    make_runs(tmp_path / "runs")
    view = view_of(tmp_path / "runs")
    assert claims_of(view) is None
    assert view.head.claims == ""


def test_the_page_shows_it_as_a_table_with_links(two: Path, tmp_path: Path) -> None:
    write_report(two, tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    [section] = re.findall(r'<section id="claims".*?</section>', text, re.DOTALL)
    assert "<details" not in section
    assert f'<a href="#{WHY}-claims"><code>why-kernel</code></a>' in section
    assert "Not tested" in Page(section).text
    assert json.loads((tmp_path / "out" / "report.json").read_text())["values"]["claims"][0] == {
        "study": WHY,
        "claim": "why-augmentation",
    }
