"""Runs that somebody else trained become run folders, on which studies, factors, gates, reports and checks work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from test_compare import FIXTURES, design, tinyexp

from tinyexp import load_runs
from tinyexp.report.check import examine


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of somebody's with the logs of a grid of two settings, two seeds each."""
    shutil.copytree(FIXTURES / "hydra" / "multirun" / "grid", tmp_path / "grid")
    monkeypatch.chdir(tmp_path)
    return tmp_path


STUDY = """
title = "Augmentation and width"
question = "Which of the two carries the difference?"
baseline = "aug-False-model-small"
contender = "aug-True-model-big"
metric = "val_acc"
plan = "full"
[[factors]]
name = "augmentation"
keys = ["aug"]
[[factors]]
name = "width"
keys = ["model.width"]
[fail_on]
accuracy_below = { "aug-True-model-big" = 0.99 }
"""


def test_a_sweep_that_somebody_ran_has_its_gap_shared_out_and_its_gate_held(own: Path):
    assert tinyexp("import", "grid").exit_code == 0
    (own / "experiments" / "studies").mkdir(parents=True)
    (own / "experiments" / "studies" / "grid.toml").write_text(STUDY)
    result = tinyexp("report", "--out", "out")
    assert result.exit_code == 1, "the gate fails"
    assert "gate failed: grid: accuracy_below aug-True-model-big" in result.stderr
    told = json.loads((own / "out" / "report.json").read_text())["values"]
    (study,) = told["studies"]
    attribution = study["attributions"]["val_acc"]
    shares = {one["factor"]: one["share"]["estimate"] for one in attribution["in_metric"]["shares"]}
    assert shares == pytest.approx({"augmentation": 0.0, "width": 0.225})
    assert told["missing"] == []
    assert examine(own / "out").found == ()
    assert tinyexp("check", "runs").exit_code == 0


def test_the_settings_of_the_logs_are_those_of_the_experiments(own: Path):
    tinyexp("import", "grid")
    record = json.loads(next((own / "runs").glob("imported/aug-True-model-big/0-*/run.json")).read_text())
    assert record["experiment"]["settings"]["model"] == {"width": 8}
    assert record["seed"] == 0
    assert record["provenance"]["log"] == "table"
    assert set(record["provenance"]["files"]) == {"train.csv", ".hydra/config.yaml"}
    assert "settings" not in record["provenance"]["unknown"]
    assert str(own) not in json.dumps(record)


def test_what_was_imported_before_is_left_as_it_is(own: Path):
    tinyexp("import", "grid")
    before = {path: path.stat().st_mtime_ns for path in (own / "runs").rglob("*.json")}
    assert tinyexp("import", "grid").stdout.count("(there before)") == 8
    assert before == {path: path.stat().st_mtime_ns for path in (own / "runs").rglob("*.json")}


def test_what_was_killed_between_two_files_of_a_run_is_gone_on_with(own: Path):
    tinyexp("import", "grid")
    whole = {path: path.read_bytes() for path in (own / "runs").rglob("*") if path.is_file()}
    run = next((own / "runs").glob("imported/aug-True-model-big/0-*"))
    in_order = ["run.json", "metrics.csv", "status.json"]
    assert {path.name for path in run.iterdir()} == set(in_order), "each is tried"
    for kept in range(len(in_order)):
        for name in in_order[kept:]:
            (run / name).unlink()
        again = tinyexp("import", "grid")
        assert (again.exit_code, again.stdout.count("(there before)")) == (0, 7)
        assert {path: path.read_bytes() for path in (own / "runs").rglob("*") if path.is_file()} == whole


def test_another_log_in_the_place_of_one_is_refused(own: Path):
    tinyexp("import", "grid")
    log = next((own / "grid").glob("*/train.csv"))
    log.write_text(log.read_text().replace("0.", "0.0", 1))
    result = tinyexp("import", "grid")
    assert result.exit_code == 2
    assert "holds another run of" in result.stderr
    assert "--into OTHER" in result.stderr


def test_a_dry_run_writes_nothing(own: Path):
    result = tinyexp("import", "grid", "--dry-run")
    assert result.stdout.splitlines()[-1] == "Nothing was written."
    assert not (own / "runs").exists()


def test_seeds_that_no_log_says_are_numbers_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name, end in (("a", 0.6), ("b", 0.7)):
        design(tmp_path / "logs" / name, [end, end + 0.011, end + 0.02])
    assert "2 (a number)" in tinyexp("import", "logs").stdout
    assert not load_runs("runs")["seed_known"].any()
    assert tinyexp("report", "--out", "out").exit_code == 0
    page = (tmp_path / "out" / "report.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "The seed of 6 runs is not known, so these runs are numbered." in page
    assert "their logs do not say which seeds they used" in page


def test_a_run_that_was_cut_and_one_that_diverged_are_recorded_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    folder = design(tmp_path / "logs", [0.6, 0.61, 0.62])
    whole = (folder / "run0.csv").read_text()
    (folder / "run0.csv").write_text("".join(whole.splitlines(keepends=True)[:-1]))
    text = (folder / "run1.csv").read_text()
    (folder / "run1.csv").write_text(text[: text.rindex(",")] + ",nan\n")
    told = json.loads(tinyexp("import", "logs", "--json").stdout)
    assert {one["name"]: one["state"] for one in told} == {
        "run0.csv": "interrupted",
        "run1.csv": "diverged",
        "run2.csv": "finished",
    }


def test_nothing_here_trains_what_was_imported(own: Path):
    tinyexp("import", "grid")
    (own / "experiments").mkdir()
    (own / "experiments" / "aug-True-model-big.toml").write_text('title = "Both"\ntrainer = "imported"\n')
    result = tinyexp("run", "aug-True-model-big")
    assert result.exit_code == 2
    assert "its runs were imported, and nothing here trains them" in result.stderr


def test_metrics_and_comparisons_go_on_to_other_programs(own: Path):
    tinyexp("import", "grid")
    assert tinyexp("export", "--to", "csv").stdout.startswith("profile,experiment,")
    (own / "experiments" / "studies").mkdir(parents=True)
    (own / "experiments" / "studies" / "grid.toml").write_text(STUDY)
    table = tinyexp("export", "--to", "latex").stdout
    assert r"\begin{tabular}{lrrrrl}" in table
    assert r"aug=True,model=big & 2 & 67.50" in table
    assert r"+22.5 [" in table


def test_the_end_of_a_run_is_known_only_where_its_log_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    result = tinyexp("import", FIXTURES / "lightning" / "killed", "--dry-run")
    assert "finished  not known" in result.stdout
    assert "in the middle of an epoch" in result.stdout
    assert "Of 1 of these runs no log says that they came to their end" in result.stdout
    killed = tinyexp("import", FIXTURES / "huggingface" / "killed", "--dry-run").stdout
    assert "interrupted  not reached" in killed
    whole = tinyexp("import", FIXTURES / "huggingface" / "out" / "base-s0", "--dry-run").stdout
    assert "finished  in the log" in whole
    assert "came to their end" not in whole
