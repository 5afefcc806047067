"""Studies that are trained look by look, and noted when their first run starts."""

from __future__ import annotations

import json

import pytest
from commands import tinyexp
from test_command_runs import place, write

__all__ = ["place"]  # a fixture

STUDY = """
title = "Rates"
question = "Is a lower rate better?"
baseline = "high"
contender = "low"
metric = "test_loss"
margin = 0.05
"""


@pytest.fixture
def study(place):
    """Two experiments whose loss is the rate and a height that the seed gives, and a study over them."""
    (place / "experiments" / "mine.toml").unlink()
    write(place, "low")
    path = place / "experiments" / "studies" / "rates.toml"
    path.parent.mkdir()
    path.write_text(STUDY)
    return path


def against(place, rate):
    write(place, "high", replace={"rate = 0.5": f"rate = {rate}"})


def runs(place):
    return len([*(place / "runs").glob("*/*/*-*/run.json")])


def reported(place):
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert tinyexp("check", "out").returncode == 0
    values = json.loads((place / "out" / "report.json").read_text())["values"]["studies"][0]
    return values, (place / "out" / "report.md").read_text().replace("\N{NO-BREAK SPACE}", " ")


def test_a_clear_difference_stops_at_the_first_look(place, study):
    against(place, 5.0)
    done = tinyexp("run-all", "--until-decided")
    assert done.returncode == 0, done.stderr
    assert "look at 3 runs of each: rates" in done.stderr
    assert "rates: low beats the other" in done.stderr
    assert "expected decided at 3 seeds" in tinyexp("plan", "rates").stdout
    assert runs(place) == 6
    values, page = reported(place)
    assert (values["comparison"]["verdict"], values["comparison"]["look"]["error"]) == ("beats", 0.01)
    assert "The study looks at its results at 3 and 6 runs of each; this is look 1 of 2." in page


@pytest.mark.slow
def test_an_open_one_is_trained_to_its_last_look_and_no_further(place, study):
    against(place, 0.55)
    assert "expected" not in tinyexp("plan", "rates").stdout, "nothing is trained yet"
    assert tinyexp("run-all").returncode == 0
    told = json.loads(tinyexp("plan", "rates", "--json").stdout)
    assert [look["runs"] for look in told["looks"]] == [6, 12]
    assert told["expected_look"] == {"decided": False, "first": None, "last": None}
    assert "expected not at any of its looks" in tinyexp("plan", "rates").stdout
    done = tinyexp("run-all", "--until-decided")
    assert done.returncode == 0, done.stderr
    assert "look at 6 runs of each: rates" in done.stderr
    assert runs(place) == 12
    again = tinyexp("run-all", "--until-decided")
    assert again.returncode == 0, again.stderr
    assert runs(place) == 12
    assert tinyexp("run-all", "--seeds", "8").returncode == 0
    values, page = reported(place)
    assert values["comparison"]["contender_runs"]["later"] == [6, 7]
    assert "Mine (low): seed 6 and seed 7 beyond the last look, so not part of the verdict." in page


def test_a_study_that_was_changed_after_its_first_run_is_told_with_the_keys(place, study):
    against(place, 5.0)
    assert tinyexp("run-all").returncode == 0
    note = place / "runs" / "default" / "rates.study.json"
    before = note.read_bytes()
    values, page = reported(place)
    assert values["changed"] == []
    assert "changed after its first run" not in page
    study.write_text(STUDY.replace("margin = 0.05", "margin = 0.5\nlooks = [3, 9]"))
    assert tinyexp("run-all").returncode == 0
    assert note.read_bytes() == before, "it is noted once"
    values, page = reported(place)
    assert [(one["key"], one["left"], one["right"]) for one in values["changed"]] == [
        ("looks", [], [3, 9]),
        ("margin", 0.05, 0.5),
    ]
    told = "changed after its first run had started (looks: [], now [3, 9] and margin: 0.05, now 0.5)"
    assert told in page.replace("\\", "")
    note.unlink()
    (place / "out" / "runs" / "default" / "rates.study.json").unlink()
    assert tinyexp("check", "out").returncode == 1, "the note is part of the report"


def test_seeds_and_looks_do_not_go_together(place, study):
    against(place, 5.0)
    done = tinyexp("run-all", "--until-decided", "--seeds", "4")
    assert (done.returncode, runs(place)) == (2, 0)
    assert "--until-decided trains a study at its looks. Leave --seeds out" in done.stderr
    study.unlink()
    done = tinyexp("run-all", "--until-decided")
    assert done.returncode == 2
    assert "--until-decided needs a study" in done.stderr
