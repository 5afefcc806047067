"""The README's three doors: each is a screen, and its commands do as they are printed."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "README.md").read_text(encoding="utf-8")
DOORS = {"The source": "make report", "Your trainer": "tinyexp init", "Your logs": "tinyexp compare"}
SCREEN = 25


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def block(title, language, number=0):
    """One of the listings of a door."""
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)[number]


def shell(text, folder, programs=Path(sys.executable).parent, environment=os.environ):
    """What a shell says to a listing, line for line, up to the first that fails.

    The listings say `tinyexp` and `python`, as where an environment was activated: `programs` is its folder.
    """
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=folder,
        env={**environment, "PATH": f"{programs}{os.pathsep}{environment['PATH']}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\N{NO-BREAK SPACE}", " ")


def first_line(report):
    """A report's headline, below the hidden line by which a comment is found again."""
    return report.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ").splitlines()[1]


@pytest.mark.parametrize("title", DOORS)
def test_a_door_is_one_screen_and_the_table_at_the_top_leads_to_it(title):
    lines = [line for line in section(title).splitlines() if line]
    assert len(lines) <= SCREEN
    [row] = [line for line in PAGE.split("\n## ")[0].splitlines() if f"`{DOORS[title]}`" in line]
    assert f"](#{title.lower().replace(' ', '-')})" in row
    assert any(line.startswith(DOORS[title]) for line in lines)


def test_what_make_is_asked_for_is_in_the_makefile_and_in_ci():
    """Both are run whole by continuous integration, on a fresh clone."""
    targets = (PROJECT / "Makefile").read_text(encoding="utf-8")
    stages = (PROJECT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    asked = [line.split("#")[0].strip() for line in block("The source", "sh").splitlines()]
    assert asked == ["make report", "make test"]
    for line in asked:
        assert f"\n{line.split()[1]}:" in targets
        assert line in stages


def test_what_the_source_shows_without_training_can_be_given_as_printed():
    said = shell(block("The source", "sh", 1), PROJECT)
    assert "runs     " in said
    assert "p        " in said
    assert "reports/embedded: the report is what its records give" in said


def test_somebody_elses_trainer_is_started_trained_and_reported_as_printed(tmp_path):
    (tmp_path / "train.py").write_text(block("Your trainer", "python"), encoding="utf-8")
    said = shell(block("Your trainer", "sh"), tmp_path)
    assert "experiments/baseline.toml" in said
    assert "baseline seed 0: 5 rows by epoch, 1 metric. Nothing was kept." in said
    assert (tmp_path / "reports" / "latest" / "report.html").is_file()
    assert first_line(tmp_path / "reports" / "latest" / "summary.md").startswith(
        "# Contender beats Baseline by"
    )


def test_logs_are_compared_checked_and_imported_as_printed(tmp_path):
    for design, level in (("baseline", 0.80), ("wide", 0.84)):
        for seed in range(3):
            draws = np.random.default_rng([seed, round(100 * level)])
            path = tmp_path / "logs" / design / f"seed{seed}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [(epoch, level + draws.normal(0, 0.003)) for epoch in range(1, 6)]
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("epoch", "val_accuracy"), *rows])
    said = shell(block("Your logs", "sh"), tmp_path)
    assert said.count("wide beats baseline by") == 2
    assert "report: the report is what its records give." in said
    for report in (tmp_path / "report", tmp_path / "reports" / "mine"):
        assert (report / "report.html").is_file()
        assert first_line(report / "summary.md").startswith("# wide beats baseline by")


@pytest.mark.parametrize(
    "page", ["README.md", "docs/using-it.md", "examples/README.md", "docs/your-own-trainer.md"]
)
def test_every_file_that_a_page_links_to_is_there(page):
    text = (PROJECT / page).read_text(encoding="utf-8")
    linked = {link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link} - {""}
    assert linked
    missing = [link for link in sorted(linked) if not ((PROJECT / page).parent / link).exists()]
    assert missing == []
