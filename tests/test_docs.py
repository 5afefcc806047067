"""What the documents show is what the program prints."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tinyexp.cli import main

PROJECT = Path(__file__).parent.parent


def test_the_examples_of_the_page_on_attribution_run():
    found = doctest.testfile(str(PROJECT / "docs" / "attribution.md"), module_relative=False)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize(
    ("kind", "mixtures", "error"),
    [("one-at-a-time", 14, "1.00"), ("fraction", 16, "0.50"), ("full", 64, "0.38")],
)
def test_the_table_of_plans_is_what_plan_prints(tmp_path, kind, mixtures, error):
    page = (PROJECT / "docs" / "attribution.md").read_text(encoding="utf-8")
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{kind}`")]
    assert f"| {mixtures} |" in row
    assert f"| {float(error):g} |" in row or f"| {float(error):.1f} |" in row
    arguments = ["plan", "why-design1-beat-design2", "--set", "readings.C5=normalize_design1_only"]
    said = (
        CliRunner().invoke(main, [*arguments, "--plan", kind, "--seeds", "1", "--runs", str(tmp_path)]).output
    )
    assert f"{kind}: {mixtures} mixtures of 6 factors" in said
    assert f"a standard error of {error} times the spread of one run" in said


@pytest.mark.parametrize("name", ["README.md", "docs/using-it.md"])
def test_every_command_that_a_page_names_exists(name):
    page = (PROJECT / name).read_text(encoding="utf-8")
    shells = page.split("```sh")[1:]
    lines = [line for block in shells for line in block.split("```")[0].splitlines()]
    named = {line.split()[1] for line in lines if line.startswith("tinyexp ")}
    assert named
    assert named <= set(main.list_commands(click.Context(main)))


def test_every_test_that_the_page_on_reliability_names_exists():
    page = (PROJECT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:tests/)?((?:[a-z_]+/)*test_[a-z_]+\.py)(?:::(\w+))?`", page))
    assert len(named) > 30
    for file, name in sorted(named):
        source = (PROJECT / "tests" / file).read_text(encoding="utf-8")
        assert not name or f"\ndef {name}(" in source, f"{file}::{name}"


def test_every_rate_on_the_page_on_the_method_was_printed_by_the_benchmark():
    page = (PROJECT / "docs" / "method.md").read_text(encoding="utf-8")
    tables = (PROJECT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    given = set(re.findall(r"(\d+\.\d) %", page))
    assert len(given) > 40
    assert given <= set(re.findall(r"\| (\d+\.\d) ± ", tables))


def test_the_growth_of_a_step_is_told_as_the_benchmark_printed_it():
    page = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    tables = (PROJECT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    told = page.split("## How memory and time of a step grow")[1].split("### Memory in a run")[0]
    printed = tables.split("## Memory and time of a training step")[1].split("## Error rates")[0]
    rows = [line for line in told.splitlines() if line.startswith("| design 1")]
    assert len(rows) == 10
    for row in rows:
        assert row in printed
    prose = "".join(line for line in told.splitlines() if not line.startswith("|"))
    figures = set(re.findall(r"\d+\.\d+|\d{3,}", prose))
    assert len(figures) > 10
    assert figures <= set(re.findall(r"\d+\.\d+|\d+", printed))
