"""What training took in time and memory stands beside the arithmetic, and is no result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from page_reader import sample
from records_maker import make_run, make_runs, make_study

from tinyexp.errors import DamagedError
from tinyexp.report.build import build_view
from tinyexp.report.evidence import gather
from tinyexp.report.render import write_report
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph, ReportView, Section, Table
from tinyexp.runs.recorded import read_runs

NO_RECORD = "These runs have no record of training time and peak memory."


def view_of(runs: Path) -> ReportView:
    return build_view(gather(select_runs(read_runs(runs))))


def cost_of(runs: Path) -> tuple[list[Table], str]:
    section: Section = next(one for one in view_of(runs).sections if one.id == "cost")
    text = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    return [block for block in section.blocks if isinstance(block, Table)], text.replace("\u00a0", " ")


def timed(runs: Path) -> None:
    for seed, cost in enumerate(((2.0, 90.0), (3.0, 100.0), (2.5, 95.0))):
        make_run(runs, "tiny-design1", seed, cost=cost)
        make_run(runs, "tiny-design2", seed, cost=(1.0, 40.0))


def test_time_images_and_memory_stand_below_the_arithmetic_as_median_and_range(tmp_path: Path) -> None:
    timed(tmp_path)
    (arithmetic, took), text = cost_of(tmp_path)
    assert arithmetic.columns[1:4] == (
        "parameters",
        "multiply-adds an image, millions",
        "of a training, billions",
    )
    assert took.columns == ("", "seconds", "images a second", "peak memory, MB")
    assert took.rows[0][1:] == ("2.5 (2 to 3)", "720 (600 to 900)", "95 (90 to 100)")
    assert took.rows[1][1:] == ("1", "1,800", "40"), "no range where all are equal"
    assert [row[0] for row in took.rows] == [row[0] for row in arithmetic.rows]
    assert "Times are the machine's, under whatever ran beside the training." in text
    assert "no record" not in text


def test_runs_without_a_record_are_counted(tmp_path: Path) -> None:
    timed(tmp_path)
    make_run(tmp_path, "tiny-design2", 3)
    _, text = cost_of(tmp_path)
    assert "1 of 7 runs has no record of training time. 1 of 7 runs has no record of peak memory." in text


def test_where_nothing_was_recorded_there_is_no_table_of_it() -> None:
    [table], text = cost_of(sample() / "out" / "runs")
    assert len(table.columns) == 5
    assert text.endswith(NO_RECORD)


def test_networks_that_only_a_study_has_are_folded_below(tmp_path: Path) -> None:
    make_study(tmp_path, {"augmentation": 0.2}, cost=(2.0, 90.0))
    (first, took, own, own_took), _ = cost_of(tmp_path)
    assert [table.folded for table in (first, took, own, own_took)] == [False, False, True, True]
    assert "Design\u00a01 without normalization" in [row[0] for row in own.rows]
    assert (own.columns, own_took.columns) == (first.columns, took.columns)


def test_costs_are_neither_curves_nor_metrics_of_the_report(tmp_path: Path) -> None:
    timed(tmp_path / "runs")
    view = view_of(tmp_path / "runs")
    assert not [panel.name for panel in view.panels() if "memory" in panel.name or "seconds" in panel.name]
    write_report(tmp_path / "runs", tmp_path / "out")
    values = json.loads((tmp_path / "out" / "report.json").read_text())["values"]
    own = values["experiments"][0]
    for names in (values["untyped"], own["curves"], own["last"]):
        assert not {"peak_memory_mb", "train_seconds", "train_s", "taken_epoch"} & set(names)
    assert "train_seconds" not in values["metrics"]
    assert "peak_memory_mb" in values["metrics"], "a claim of a study is about it"
    told = {run["name"]: (run["train_seconds"], run["peak_memory_mb"]) for run in values["runs"]}
    assert sorted(told.values())[:3] == [(1.0, 40.0)] * 3


def test_the_timing_travels_with_the_report(tmp_path: Path) -> None:
    timed(tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "out")
    write_report(tmp_path / "out" / "runs", tmp_path / "again")
    for name in ("report.html", "report.json"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_a_mean_over_runs_of_unlike_lengths_is_that_of_their_ends(tmp_path: Path) -> None:
    make_runs(tmp_path)
    [table], _ = cost_of(tmp_path)
    view = view_of(tmp_path)
    reached = {row[0]: row[-1] for row in table.rows}
    assert view.head.facts[0].value.partition("\u00a0")[0] == reached["Design\u00a01"]


def test_a_record_of_a_network_that_cannot_be_is_named(tmp_path: Path) -> None:
    """Its own identity would be wrong too; here it is believed."""
    folder = make_run(tmp_path, "tiny-design1", 0)
    make_run(tmp_path, "tiny-design2", 0)
    told = json.loads(folder.record.read_text())
    told["experiment"]["settings"]["model"]["kernels"] = [31, 31, 3, 3, 3]
    folder.record.write_text(json.dumps(told))
    with pytest.raises(DamagedError, match=r"run\.json.*leaves nothing after convolution"):
        view_of(tmp_path)
