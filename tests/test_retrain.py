"""A reviewer trains some of a report's runs anew: a true report holds, one that was forged whole does not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_runs import trained

from tinyexp import retrain as module
from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.files import json_text, write_text
from tinyexp.report.check import examine
from tinyexp.report.render import write_report
from tinyexp.retrain import drawn, retrain
from tinyexp.runs.folder import RunFolder, find_runs
from tinyexp.runs.metrics import read_metrics
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import (
    Environment,
    Predictions,
    Status,
    read_predictions,
    read_section,
    table_text,
    write_predictions,
    write_section,
)
from tinyexp.runs.verify import record_digests


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small runs on patterns, which are built in."""
    folder = tmp_path_factory.mktemp("trained") / "runs"
    for name in ("tiny-design1", "tiny-design2"):
        for seed in (0, 1):
            trained(folder, name, seed, data__dataset="patterns", training__stop_after=1)
    return folder


@pytest.fixture(scope="module")
def true_report(runs: Path) -> Path:
    write_report(runs, runs.parent / "out")
    return runs.parent / "out"


@pytest.fixture
def altered(runs: Path, tmp_path: Path) -> Callable[[Callable[[RunFolder], object]], Path]:
    """A report of runs that were all altered, their digests with them, before it was written: its check finds nothing."""

    def made(alter: Callable[[RunFolder], object]) -> Path:
        shutil.copytree(runs, tmp_path / "runs")
        for folder in find_runs(tmp_path / "runs"):
            alter(folder)
            status = read_section(folder.status, Status)
            write_section(folder.status, status.model_copy(update={"digests": record_digests(folder)}))
        write_report(tmp_path / "runs", tmp_path / "out")
        assert examine(tmp_path / "out").found == ()
        return tmp_path / "out"

    return made


def forge(folder: RunFolder) -> None:
    """Every third answer that was wrong is right, in predictions and metrics alike."""
    told = read_predictions(folder)
    predicted = told.predicted.copy()
    wrong = (predicted != told.label).nonzero()[0][::3]
    predicted[wrong] = told.label[wrong]
    in_top5 = told.in_top5.copy() if told.in_top5 is not None else None
    if in_top5 is not None:
        in_top5[wrong] = True
    write_predictions(folder.predictions, Predictions(told.label, predicted, in_top5, told.classes))
    rows = read_metrics(folder.metrics)
    rows[-1]["test_accuracy"] = float((predicted == told.label).mean())
    if in_top5 is not None:
        rows[-1]["test_top5_accuracy"] = float(in_top5.mean())
    write_text(folder.metrics, table_text(rows[0], rows))


def elsewhere(folder: RunFolder) -> None:
    """As trained on another type of machine."""
    environment = read_section(folder.environment, Environment)
    write_section(
        folder.environment, environment.model_copy(update={"processor": "Another", "arithmetic": "0" * 64})
    )


def check(report: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["check", str(report), *options])


def test_a_true_report_has_the_same_bits_from_its_folder_alone(
    true_report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(true_report, "report")
    said = check(Path("report"), "--retrain", "2", "--number", "5")
    assert said.exit_code == 0, said.output
    told = said.stdout.splitlines()
    assert told[0] == "report: the report is what its records give."
    assert [line.split(": ")[1] for line in told[1:]] == ["the same bits."] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"], "nothing is kept"


def test_a_report_that_was_forged_whole_is_found_though_its_check_passes(
    altered: Callable[[Callable[[RunFolder], object]], Path],
) -> None:
    said = check(altered(forge), "--retrain", "1", "--number", "5", "--json")
    assert said.exit_code == 1, said.output
    told = json.loads(said.stdout)
    assert (told["found"], told["sound"], told["number"]) == ([], False, 5)
    [run] = told["retrained"]
    assert (run["outcome"], run["holds"]) == ("other_bits", False)
    assert run["reported"] > run["found"]
    assert "other bits in metrics.csv and predictions.npz, in the same environment" in run["told"]


@pytest.mark.parametrize("is_forged", [False, True])
def test_on_another_type_of_machine_it_is_held_against_the_spread_of_seeds(
    altered: Callable[[Callable[[RunFolder], object]], Path],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_forged: bool,
) -> None:
    def alter(folder: RunFolder) -> None:
        elsewhere(folder)
        if is_forged:
            forge(folder)
        else:  # as last bits that went apart would do
            rows = read_metrics(folder.metrics)
            write_text(
                folder.metrics,
                table_text(rows[0], [{**row, "train_loss": row["train_loss"] + 1e-6} for row in rows]),
            )  # type: ignore[operator]

    monkeypatch.setattr(module, "_allowed", lambda runs, metric, risk: 0.1)
    [run] = retrain(altered(alter) / "runs", "0" * 64, 1, 5, Path("data"), lambda words: None)
    assert run.outcome == ("beyond_spread" if is_forged else "within_spread")
    assert any(change.startswith("processor") for change in run.environment)
    assert run.told.startswith("trained in another environment (")
    assert "the spread of seeds in the report allows 0.1" in run.told


def test_what_the_spread_allows_is_pooled_over_the_designs_and_no_number_without_one(
    true_report: Path,
) -> None:
    found = read_runs(true_report / "runs")
    allowed = module._allowed(found, "test_accuracy", 0.01)
    by_design = {run.record.configuration: [] for run in found}  # type: ignore[var-annotated]
    for run in found:
        by_design[run.record.configuration].append(read_metrics(run.folder.metrics)[-1]["test_accuracy"])
    squares = sum((one - other) ** 2 / 2 for one, other in by_design.values())
    assert allowed == pytest.approx(9.92484 * (2 * squares / 2) ** 0.5, rel=1e-5)  # t of two degrees
    assert module._allowed(found[:1], "test_accuracy", 0.01) is None


def test_which_runs_is_decided_by_the_digest_and_the_number(true_report: Path) -> None:
    found = read_runs(true_report / "runs")

    def rank(name: str) -> str:
        return hashlib.sha256(f"{'a' * 64} 7 {name}".encode()).hexdigest()

    assert [run.name for run in drawn(found, "a" * 64, 3, 7)] == sorted(
        (run.name for run in found), key=rank
    )[:3]
    first = {drawn(found, "a" * 64, 1, number)[0].name for number in range(40)}
    assert len(first) == len(found), "each comes first by some number"


def test_a_report_that_its_check_refuses_is_not_trained(true_report: Path, tmp_path: Path) -> None:
    out = shutil.copytree(true_report, tmp_path / "out")
    (out / "summary.md").write_text("other")
    said = check(out, "--retrain", "1")
    assert said.exit_code == 1
    assert "trained anew" not in said.output


def changed_record(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[RunFolder], None]:
    def alter(folder: RunFolder) -> None:
        told = json.loads((folder.path / name).read_text())
        change(told)
        (folder.path / name).write_text(json_text(told))

    return alter


PROVENANCE = {"log": "csv", "name": "x", "read_by": "tinyexp", "files": {}, "rows_read": 1}
COMMAND = {"trainer": "command", "settings": {"command": {"run": "rm -r {folder}", "metrics": "m.csv"}}}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: run.update(provenance=PROVENANCE), "was read from a log, and nothing here trains it"),
        (lambda run: run["experiment"].update(COMMAND, file_settings=COMMAND["settings"]), "which may do anything: 'rm -r {folder}'"),
        (lambda run: run.update(numerics_version=99), "was trained by numerics version 99, and this tinyexp trains version 1"),
        (lambda run: run["data"].update(fingerprint="0" * 64), "was trained on other data, or other files, than are here"),
    ],
    ids=["imported", "command", "numerics", "data"],
)  # fmt: skip
def test_what_cannot_be_trained_here_is_said_and_none_is_left_out_for_it(
    true_report: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    shutil.copytree(true_report / "runs", tmp_path / "runs")
    found = read_runs(tmp_path / "runs")
    [run] = drawn(found, "b" * 64, 1, 3)
    changed_record("run.json", change)(run.folder)
    if "numerics" in words or "data" in words:
        changed_record("run.json", lambda told: told.update(identity="1" * 64))(run.folder)
    with pytest.raises(UserError) as error:
        retrain(tmp_path / "runs", "b" * 64, 1, 3, Path("data"), lambda words: None)
    assert words in str(error.value)
    assert run.name in str(error.value)


WITH_INPUTS = {
    "command": {
        "run": "python absent.py --seed {seed} --out {folder}",
        "metrics": "m.csv",
        "inputs": ["absent.py"],
    }
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda run: run["settings"]["data"].update(dataset="tiny-imagenet"),
            "Data are missing; nothing was trained.",
        ),
        (
            lambda run: run.update(trainer="command", settings=WITH_INPUTS, file_settings=WITH_INPUTS),
            "no file matches 'absent.py'",
        ),
    ],
    ids=["data", "command"],
)
def test_data_or_a_command_that_are_not_here_are_named(
    true_report: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, Any]], object],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(true_report / "runs", tmp_path / "runs")
    [run] = drawn(read_runs(tmp_path / "runs"), "b" * 64, 1, 3)
    changed_record("run.json", lambda told: change(told["experiment"]))(run.folder)
    with pytest.raises(UserError, match=words):
        retrain(tmp_path / "runs", "b" * 64, 1, 3, Path("data"), lambda words: None, run_commands=True)


def test_without_torch_it_says_what_to_install(true_report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinyexp import extras

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else object())
    said = check(true_report, "--retrain", "1", "--number", "1")
    assert said.exit_code == 2
    assert "tinyexp[train]" in said.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--number", "3"], "--number: chooses the runs that are trained anew; say how many"),
        (["--expect", "abc"], "--expect abc: is no SHA-256"),
        (["--retrain", "0"], "0 is not in the range x>=1"),
    ],
)
def test_options_that_mean_nothing_are_refused(true_report: Path, options: list[str], words: str) -> None:
    said = check(true_report, *options)
    assert (said.exit_code, words in said.stderr) == (2, True), said.output


@pytest.mark.parametrize("option", [["--retrain", "1"], ["--expect", "0" * 64], ["--values-only"]])
def test_of_a_folder_of_runs_they_are_refused(runs: Path, option: list[str]) -> None:
    said = check(runs, *option)
    assert (said.exit_code, "has no report.json" in said.stderr) == (2, True), said.output


def test_check_says_what_it_is_and_prints_the_digest_that_the_report_printed(
    true_report: Path, tmp_path: Path
) -> None:
    written = CliRunner().invoke(
        main, ["report", "--runs", str(true_report / "runs"), "--out", str(tmp_path / "out")]
    )
    [digest] = [
        line.split()[-1] for line in written.stderr.splitlines() if "SHA-256 of the whole report" in line
    ]
    said = check(tmp_path / "out", "--expect", digest)
    assert said.exit_code == 0
    assert f"the SHA-256 of the whole report is {digest}" in said.stderr
    assert "this finds accidents, not forgery" in said.stderr
    other = check(tmp_path / "out", "--expect", "0" * 64)
    assert (other.exit_code, f"and {'0' * 64} was expected." in other.stdout) == (1, True)


def test_as_json_a_check_says_the_same(true_report: Path, runs: Path) -> None:
    told = json.loads(check(true_report, "--json").stdout)
    assert (told["sound"], told["found"], told["retrained"], told["number"]) == (True, [], [], None)
    assert told["digest"] == examine(true_report).digest
    assert told["verdict"].startswith("Too few seeds")
    of_runs = json.loads(check(runs, "--json").stdout)
    assert (of_runs["sound"], of_runs["runs"], of_runs["found"]) == (True, 4, [])
