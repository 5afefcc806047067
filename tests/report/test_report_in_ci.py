"""What a report gives a CI system: its gates and claims as tests, and a badge that says what the first screen says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from page_reader import sample
from records_maker import Shape, make_run, make_runs, make_study

from tinyexp.cli import main
from tinyexp.report.render import write_report
from tinyexp.resources import shipped

KEPT = Path(__file__).parents[2] / "reports"
WHY = "why-design1-beat-design2"


def parsed(path: Path) -> ET.Element:
    return ET.fromstring(path.read_bytes())  # noqa: S314 - of our own making


def suites(out: Path) -> dict[str, ET.Element]:
    root = parsed(out / "junit.xml")
    return {suite.get("name"): suite for suite in root}


def outcomes(suite: ET.Element) -> dict[str, str]:
    """Of each case: passed, failure or skipped."""
    return {
        case.get("name"): next(
            (tag for tag in ("failure", "skipped") if case.find(tag) is not None), "passed"
        )
        for case in suite
    }


def badge(out: Path) -> ET.Element:
    return parsed(out / "badge.svg")


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixtures")
    make_study(folder / "runs", {"fc-width": 0.2}, seeds=range(4))
    return folder


@pytest.fixture
def gated(mixtures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    study = tmp_path / "experiments" / "studies" / f"{WHY}.toml"
    study.write_text(study.read_text() + '\n[fail_on]\nclaim_refuted = ["why-augmentation", "gap-smaller"]\n')
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(main, ["report", "--runs", str(mixtures / "runs"), "--out", "out"])
    assert told.exit_code == 1
    return tmp_path / "out"


def test_a_gate_that_fails_is_a_failure_and_nothing_else_is(gated: Path) -> None:
    found = outcomes(suites(gated)[WHY])
    failed = [name for name, outcome in found.items() if outcome == "failure"]
    assert failed == ["gate claim_refuted why-augmentation"]
    assert found["gate claim_refuted gap-smaller"] == "passed"
    assert found["comparison"] == "passed"
    [case] = [one for one in suites(gated)[WHY] if one.get("name") == failed[0]]
    assert "found not as predicted here; required not refuted" in case.find("failure").get("message")


def test_a_claim_passes_only_where_it_came_out_as_predicted() -> None:
    out = KEPT / "embedded"
    told = json.loads((out / "report.json").read_text())["values"]
    cases = {name: outcomes(suite) for name, suite in suites(out).items()}
    seen = set()
    for study in told["studies"]:
        for claim in study["claims"]:
            wanted = "passed" if claim["verdict"] in {"supported", "as_predicted_here"} else "skipped"
            assert cases[study["study"]][f"claim {claim['claim']}"] == wanted
            seen.add(wanted)
    assert seen == {"passed", "skipped"}


def test_the_counts_of_suites_and_of_all_agree_with_the_cases(gated: Path) -> None:
    root = parsed(gated / "junit.xml")
    totals = {"tests": 0, "failures": 0, "skipped": 0}
    for suite in root:
        found = list(outcomes(suite).values())
        counted = {"tests": len(found), "failures": found.count("failure"), "skipped": found.count("skipped")}
        assert {key: int(suite.get(key)) for key in counted} == counted
        totals = {key: totals[key] + counted[key] for key in totals}
    assert {key: int(root.get(key)) for key in totals} == totals
    assert totals["failures"] == 1


def test_texts_that_are_markup_or_no_xml_at_all_stay_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    for path in (tmp_path / "experiments" / "studies").glob("*.toml"):
        path.write_text(
            path.read_text().replace('says = "', 'says = "]]></skipped><b>&amp;\\u0001\\uFFFE ', 1)
        )
    monkeypatch.chdir(tmp_path)
    make_runs(tmp_path / "runs", ["tiny-design1", "tiny-design2"])
    write_report(tmp_path / "runs", tmp_path / "out")
    messages = [
        one.get("message") for suite in suites(tmp_path / "out").values() for one in suite.iter("skipped")
    ]
    hostile = [message for message in messages if "</skipped><b>&amp;" in message]
    assert hostile
    assert all("\x01" not in message for message in hostile)


def test_the_badge_says_what_the_first_screen_says(mixtures: Path, tmp_path: Path) -> None:
    write_report(mixtures / "runs", tmp_path / "decided")
    told = json.loads((tmp_path / "decided" / "report.json").read_text())
    assert badge(tmp_path / "decided").get("aria-label") == "tinyexp: Design 1 ahead"
    assert told["verdict"].replace("\N{NO-BREAK SPACE}", " ").startswith("Design 1 beats")


def test_a_badge_of_nothing_decided_and_of_a_failed_gate(gated: Path, tmp_path: Path) -> None:
    assert badge(gated).get("aria-label") == "tinyexp: 1 gate failed"
    make_run(tmp_path / "one", "tiny-design1", 0)
    write_report(tmp_path / "one", tmp_path / "open")
    assert badge(tmp_path / "open").get("aria-label") == "tinyexp: undecided"


def test_a_long_or_hostile_title_stays_in_its_badge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    design = tmp_path / "experiments" / "tiny-design1.toml"
    design.write_text(design.read_text().replace('title = "Design 1"', f'title = "<script>{"long " * 20}"'))
    monkeypatch.chdir(tmp_path)
    good, bad = Shape(0.9, 0.95, 0.95, 3.0, 0.001), Shape(0.5, 0.6, 0.6, 3.0, 0.001)
    for name, shape in (("tiny-design1", good), ("tiny-design2", bad)):
        for seed in range(3):
            make_run(tmp_path / "runs", name, seed, shape=shape)
    write_report(tmp_path / "runs", tmp_path / "out")
    svg = badge(tmp_path / "out")
    assert {one.tag.rpartition("}")[2] for one in svg.iter()} == {"svg", "title", "rect", "g", "text"}
    [_, text] = list(svg.iter("{http://www.w3.org/2000/svg}text"))
    assert text.text.startswith("<script>long")
    assert len(text.text) == 48
    assert int(text.get("textLength")) + 76 < int(svg.get("width"))


def test_both_files_belong_to_the_report_and_are_checked(tmp_path: Path) -> None:
    out = Path(shutil.copytree(sample() / "out", tmp_path / "out"))
    assert CliRunner().invoke(main, ["check", str(out)]).exit_code == 0
    for name in ("junit.xml", "badge.svg"):
        before = (out / name).read_bytes()
        (out / name).write_bytes(before.replace(b"tinyexp", b"tinyexq", 1))
        told = CliRunner().invoke(main, ["check", str(out)])
        assert (told.exit_code, name in told.stdout) == (1, True)
        (out / name).write_bytes(before)
