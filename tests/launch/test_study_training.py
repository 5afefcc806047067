"""A study from end to end at the smallest size: mixtures trained once, shared, found again by the report."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from small_runs import SET

from tinyexp.cli import main


def tinyexp(*arguments):
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.slow
def test_run_all_trains_a_studys_mixtures_once_and_the_report_shares_the_gap_out(tmp_path):
    runs, out = str(tmp_path / "runs"), str(tmp_path / "out")
    command = ["run-all", "--only", "tiny-*", "--seeds", "3", *SET, "--runs", runs, "--json"]
    rows = json.loads(tinyexp(*command).stdout)
    assert len(rows) == 54
    assert {row["state"] for row in rows} == {"finished"}
    again = json.loads(tinyexp(*command).stdout)
    assert not any(row["trained_now"] for row in again)
    assert [row["value"] for row in again] == [row["value"] for row in rows]

    tinyexp("report", "--runs", runs, "--out", out)
    assert "the report is what its records give" in tinyexp("check", out).output
    values = json.loads((tmp_path / "out" / "report.json").read_text())["values"]
    study = next(one for one in values["studies"] if one["study"] == "why-design1-beat-design2")
    found = study["attributions"]["test_accuracy"]
    assert (found["plan"]["kind"], found["seeds"], found["runs"]) == ("fraction", [0, 1, 2], 48)
    accuracy = {(row["run"], row["seed"]): row["value"] for row in rows}
    gap = [accuracy["tiny-design1", seed] - accuracy["tiny-design2", seed] for seed in range(3)]
    scale = found["in_metric"]
    assert abs(scale["gap"]["estimate"] - sum(gap) / 3) < 1e-9
    total = sum(row["share"]["estimate"] for row in scale["shares"]) + scale["not_explained"]["estimate"]
    assert abs(total - scale["gap"]["estimate"]) < 1e-9
    verdicts = {claim["claim"]: claim["verdict"] for claim in study["claims"]}
    assert verdicts["pools-vary"] == "refuted"
    assert set(verdicts.values()) - {"refuted"} <= {
        "as_predicted_here",
        "not_as_predicted_here",
        "below_margin",
        "undecided_here",
        "not_tested",
    }
    assert [name for name, verdict in verdicts.items() if verdict == "refuted"] == ["pools-vary"]

    # A larger plan uses the smaller one's runs again.
    told = json.loads(
        tinyexp(
            "plan",
            "why-design1-beat-design2",
            *SET,
            "--plan",
            "full",
            "--seeds",
            "3",
            "--runs",
            runs,
            "--json",
        ).stdout
    )
    assert (told["runs"], told["finished"]) == (102, 54)


@pytest.mark.slow
def test_other_seeds_are_trained_from_the_first_on(tmp_path):
    command = ["run-all", "--only", "tiny-*", "--plan", "none", *SET, "--runs", str(tmp_path), "--json"]
    rows = json.loads(tinyexp(*command, "--first-seed", "7", "--seeds", "2").stdout)
    assert {(row["experiment"], row["seed"]) for row in rows} == {
        (name, seed) for name in ("tiny-design1", "tiny-design2") for seed in (7, 8)
    }
    assert {row["seed"] for row in json.loads(tinyexp(*command, "--first-seed", "7").stdout)} == {7, 8, 9}
