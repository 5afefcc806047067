"""What the page says agrees with itself and with the settings of the runs, and a reader finds their way."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_reader import Page, contents, sample
from records_maker import SHAPES, make_run, make_runs

from tinyexp.analysis.comparison import compare
from tinyexp.config.metric import metric_of
from tinyexp.config.source import load_source
from tinyexp.files import json_text
from tinyexp.report.build import build_view
from tinyexp.report.digest import report_digest
from tinyexp.report.evidence import gather
from tinyexp.report.render import write_report
from tinyexp.report.sections.compared_runs import compared_figure, rounding_note, runs_table
from tinyexp.report.sections.glossary import WORDS, glossary_section
from tinyexp.report.sections.source import source_link
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph, Section
from tinyexp.resources import shipped
from tinyexp.runs.recorded import read_runs
from tinyexp.words import change

KEPT = shipped("experiments").parent / "reports"


def text_of(source: str) -> str:
    return re.sub(r"\s+", " ", Page(source).text.replace("\u00a0", " "))


def html(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reversed_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The baseline is the better one."""
    runs = tmp_path_factory.mktemp("reversed") / "runs"
    make_runs(runs, ["tiny-design1"], shape=SHAPES["tiny-design2"])
    make_runs(runs, ["tiny-design2"], shape=SHAPES["tiny-design1"])
    return runs


def test_headline_table_and_figure_have_one_sign_whoever_wins(reversed_runs: Path) -> None:
    for runs, winner, loser in (
        (sample() / "runs", "Design\u00a01", "Design\u00a02"),
        (reversed_runs, "Design\u00a02", "Design\u00a01"),
    ):
        evidence = gather(select_runs(read_runs(runs)))
        result = evidence.lead
        assert result
        assert result.comparison
        head = build_view(evidence).head
        assert head.verdict.before == f"{winner} beats {loser} by "
        row = runs_table(evidence, result.comparison).rows[-2]
        assert row[0] == f"{winner} minus {loser}, points"
        assert row[-1] == f"+{head.verdict.number.partition(chr(160))[0]}"
        drawing = compared_figure(evidence, result).panels[1].drawing
        assert drawing.mean.shown == row[-1]
        assert drawing.mean.interval[0] > 0
        assert (drawing.left, drawing.right) == (f"\u2190 {loser} better", f"{winner} better \u2192")


def test_of_a_metric_that_is_better_lower_the_winner_still_stands_at_the_right() -> None:
    evidence = gather(select_runs(read_runs(sample() / "runs")))
    assert evidence.lead
    metric = metric_of("test_loss")
    pair = evidence.lead.pair
    found = compare(evidence.measured.rows(pair), *pair, metric, 0.01)
    assert found.winner == "tiny-design1"
    assert found.order == ("tiny-design2", "tiny-design1"), "the loss of the other one is higher"
    drawing = compared_figure(evidence, replace(evidence.lead, comparison=found)).panels[1].drawing
    assert drawing.mean.value > 0
    assert drawing.right == "Design\u00a01 better \u2192"


def test_means_that_do_not_add_up_as_shown_have_a_note_and_others_none() -> None:
    evidence = gather(select_runs(read_runs(KEPT / "desk" / "runs")))
    assert evidence.lead
    assert evidence.lead.comparison
    assert rounding_note(evidence.lead.comparison) == "Rounded: 86.42 \u2212 75.85 = 10.57."
    even = gather(select_runs(read_runs(KEPT / "embedded" / "runs")))
    assert even.lead
    assert even.lead.comparison
    assert rounding_note(even.lead.comparison) == ""


def test_one_point_is_one_point() -> None:
    metric = metric_of("test_accuracy")
    told = [change(metric, value, signed=True) for value in (0.01, -0.01, 0.011, 0.1, 0.001)]
    assert [one.replace("\u00a0", " ") for one in told] == [
        "+1.0 point",
        "\u22121.0 point",
        "+1.1 points",
        "+10.0 points",
        "+0.1 points",
    ]


@pytest.mark.parametrize("name", ["desk", "embedded"])
def test_no_data_are_named_that_were_not_used(name: str) -> None:
    """The claims are the source's and so is what it leaves open; nothing else speaks of its data."""
    source = re.sub(r'<section id="contradictions".*?</section>', "", html(KEPT / name), flags=re.DOTALL)
    assert "on ImageNet" not in text_of(source)
    assert "noise" not in text_of(html(KEPT / name))


@pytest.mark.parametrize("name", ["desk", "embedded"])
def test_what_holds_only_at_the_sources_scale_says_so(name: str) -> None:
    text = text_of(html(KEPT / name))
    for key in ("C1", "C10", "C12"):
        source = load_source(shipped("experiments"))
        assert source
        told = next(iter(source.ambiguities[key].interpretations.values())).meaning
        assert f"At full scale: {told}" in text
    assert "At full scale: Kept as printed" not in text


def test_the_source_is_named_once_and_linked_where_its_address_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = gather(select_runs(read_runs(sample() / "runs")))
    link = source_link(evidence)
    assert link
    assert (link.text, link.address) == ("Tiny Imagenet", "")
    assert "\u201cTiny Imagenet, 1. Network Design (best accuracy)\u201d" in link.after
    known = load_source()
    assert known
    monkeypatch.setattr(
        "tinyexp.report.sections.source.load_source",
        lambda: known.model_copy(update={"address": "https://a.example/paper"}),
    )
    write_report(sample() / "runs", tmp_path / "out")
    assert html(tmp_path / "out").count('<a href="https://a.example/paper">Tiny Imagenet</a>') == 1
    page = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "[Tiny Imagenet](https://a.example/paper)" in page
    monkeypatch.setattr(
        "tinyexp.report.sections.source.load_source",
        lambda: known.model_copy(update={"address": "javascript:alert(1)"}),
    )
    assert source_link(evidence) == link, "nothing but a web address is linked"


def test_runs_that_did_not_finish_are_named_on_the_first_screen(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2", "imagenet-resnet18"])
    make_run(tmp_path / "runs", "imagenet-design1", 2, state="diverged", epochs_done=2)
    write_report(tmp_path / "runs", tmp_path / "out")
    head = text_of(html(tmp_path / "out").split("<section", maxsplit=1)[0])
    assert "1 other run did not finish: Five-convolution net, seed 2 (diverged)." in head


def test_a_run_beyond_the_look_that_did_not_finish_is_named_there_too(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"], range(4))
    make_run(tmp_path / "runs", "tiny-design2", 4, state="diverged", epochs_done=2)
    write_report(tmp_path / "runs", tmp_path / "out")
    head = text_of(html(tmp_path / "out").split("<section", maxsplit=1)[0])
    assert "1 other run did not finish: Design 2, seed 4 (diverged)." in head


def test_contents_lead_to_every_section_on_both_pages() -> None:
    for name in ("desk", "embedded"):
        page = html(KEPT / name)
        sections = re.findall(r'<section id="([^"]+)"', page)
        assert re.findall(r'<li><a href="#([^"]+)">', page) == sections
        assert re.findall(r'<h2 id="[^"]+"><a href="#([^"]+)">', page) == sections
        markdown = (KEPT / name / "report.md").read_text(encoding="utf-8")
        assert re.findall(r"^- \[.*\]\(#([^)]+)\)$", markdown, re.MULTILINE) == sections
        assert re.findall(r'^<a id="([^"]+)"></a>$', markdown, re.MULTILINE) == sections


def test_the_glossary_has_the_words_that_are_used_and_no_others() -> None:
    told = glossary_section([Section("a", "By Welch's interval", (Paragraph("One run, two seeds."),))])
    assert told
    [table] = told.blocks
    assert [row[0] for row in table.rows] == ["interval", "run", "seed", "Welch"]
    assert glossary_section([Section("a", "Nothing", ())]) is None
    assert list(WORDS) == sorted(WORDS, key=str.lower)
    assert all(meaning.count(". ") == 0 and meaning.endswith(".") for _, meaning in WORDS.values())
    for name in ("desk", "embedded"):
        assert re.search(r"<summary>\d+\s+words in one sentence each", html(KEPT / name))


@pytest.mark.parametrize("name", ["desk", "embedded"])
def test_each_run_leads_to_its_records(name: str) -> None:
    folder = KEPT / name
    runs = json.loads((folder / "report.json").read_text(encoding="utf-8"))["values"]["runs"]
    for source, pattern in (("report.html", r'href="(runs/[^"]+)"'), ("report.md", r"\]\((runs/[^)]+)\)")):
        found = re.findall(pattern, (folder / source).read_text(encoding="utf-8"))
        assert len(found) == len(runs)
        assert all((folder / path).is_file() for path in found)


def test_all_runs_stand_sorted_by_the_metric_too() -> None:
    text = (KEPT / "desk" / "report.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    table = text.split("The same runs by their test accuracy, the best first")[1].split("</details>")[0]
    values = [float(one) for one in re.findall(r"\| ([\d.]+) % \|", table)]
    assert len(values) == len(list((KEPT / "desk" / "runs").rglob("run.json")))
    assert values == sorted(values, reverse=True)


def test_the_citation_has_a_digest_of_the_records_that_anybody_can_take() -> None:
    folder = KEPT / "desk"
    runs = json.loads((folder / "report.json").read_text(encoding="utf-8"))["values"]["runs"]
    listed = {run["name"]: run["records"] for run in runs}
    assert listed[runs[0]["name"]]["metrics.csv"] in {
        hashlib.sha256(content).hexdigest() for content in contents(folder / "runs").values()
    }
    digest = hashlib.sha256(json_text(listed).encode()).hexdigest()
    assert f"records {digest}." in text_of(html(folder))


def test_writing_a_report_gives_the_digest_to_keep_elsewhere(tmp_path: Path) -> None:
    result = write_report(sample() / "runs", tmp_path / "out")
    assert result.digest == report_digest(tmp_path / "out")


def test_one_setting_that_differs_is_not_told_as_several(tmp_path: Path) -> None:
    """What the settings contradict is not said."""
    make_runs(tmp_path / "runs", ["tiny-design2"])
    make_runs(tmp_path / "runs", ["tiny-design1"])
    evidence = gather(select_runs(read_runs(tmp_path / "runs")))
    together = "That any one difference between the two is the cause: they were switched together."
    assert together in build_view(evidence).head.cautions
    lead = evidence.lead
    assert lead
    other = lead.design.members["tiny-design2"]
    settings = {**other.experiment.settings}
    settings["model"] = {**settings["model"], "fc_width": 7}
    near = replace(other, experiment=other.experiment.model_copy(update={"settings": settings}))
    members = {**lead.design.members, "tiny-design1": near}
    result = replace(lead, design=replace(lead.design, members=members))
    from tinyexp.report.sections.head import _cautions

    assert together not in _cautions(evidence, result)
