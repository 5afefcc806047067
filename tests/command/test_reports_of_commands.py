"""Reports over logs of commands: by step, and with no study to say what is compared."""

from __future__ import annotations

import json
import re

import pytest
from commands import tinyexp
from test_command_runs import TRAIN, place, write

__all__ = ["place"]  # a fixture

BY_STEP = TRAIN.replace('"epoch,train_loss', '"step,train_loss').replace('f"{epoch},', 'f"{100 * epoch},')


def write_others(folder, *names):
    """Experiments of the same trainer at other rates, whose settings do not speak of epochs."""
    for number, name in enumerate(names):
        text = {
            "rate = 0.5": f"rate = 0.{number + 1}",
            "--epochs {epochs}": "--epochs {lines}",
            "epochs = 4": "lines = 4",
        }
        write(folder, name, replace=text)


@pytest.mark.parametrize(
    "names", [("one", "two"), ("one", "two", "three", "four", "five", "six")], ids=["a pair", "many"]
)
def test_what_was_logged_by_step_is_told_by_step(place, names):
    (place / "train.py").write_text(BY_STEP)
    (place / "experiments" / "mine.toml").unlink()
    write_others(place, *names)
    trained = tinyexp("run-all", "--seeds", "3")
    assert trained.returncode == 0, trained.stderr
    assert "one seed 0: finished, 4 rows by step" in trained.stderr
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 0, done.stderr
    for path in [*(place / "out").glob("*.md"), *(place / "out" / "figures").glob("*.svg")]:
        said = path.read_text().replace("--epochs", "")
        assert not re.search("epoch", said, re.IGNORECASE), path
    markdown = (place / "out" / "report.md").read_text().replace("\N{NO-BREAK SPACE}", " ")
    if len(names) == 2:
        assert "Test loss over the steps" in markdown
        assert "after step 400" in markdown
    else:
        assert "Test loss after the last step, each against" in markdown
        assert "After the last step of each" in markdown
    assert ">step" in "".join(path.read_text() for path in (place / "out" / "figures").glob("*.svg"))
    assert tinyexp("check", "out").returncode == 0


def comparison(folder):
    return json.loads((folder / "out" / "report.json").read_text())["values"]["studies"][0]["comparison"]


LOGGED = {
    "the only one": ("train_loss,test_perplexity", "test_perplexity", ""),
    "test before validation": ("val_loss,test_loss", "test_loss", "What is compared is test\\_loss; a study file can name another metric (val\\_loss)."),
    "validation before training": ("train_loss,val_loss", "val_loss", ""),
    "training where there is nothing else": ("oddity,train_loss", "train_loss", ""),
    "an accuracy before a loss": ("loss,score", "score", "What is compared is score; a study file can name another metric (loss)."),
}  # fmt: skip


@pytest.mark.parametrize("case", LOGGED)
def test_without_a_study_the_metric_is_chosen_by_rule_and_said(place, case):
    columns, metric, said = LOGGED[case]
    raised = TRAIN.replace("train_loss,test_loss", columns).replace(
        "{height / epoch!r},{2 * height / epoch!r}", "{2 + height / epoch!r},{2 + 2 * height / epoch!r}"
    )
    (place / "train.py").write_text(raised)
    write(place, "other", replace={"rate = 0.5": "rate = 0.25"})
    assert tinyexp("run-all", "--seeds", "3").returncode == 0
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert comparison(place)["metric"]["name"] == metric
    head = (place / "out" / "report.md").read_text()[:1200]
    assert ("a study file can name" in head) == bool(said)
    assert said in head
    assert "Nothing says how much of it is too small to matter, so any difference counts." in head


@pytest.mark.parametrize("names", [("other",), ("other", "third")], ids=["two", "three"])
def test_where_nothing_that_was_measured_is_known_the_report_says_how_to_tell(place, names):
    (place / "train.py").write_text(TRAIN.replace("train_loss,test_loss", "oddity,quirk"))
    for number, name in enumerate(names):
        write(place, name, replace={"rate = 0.5": f"rate = 0.{number + 1}"})
    assert tinyexp("run-all", "--seeds", "2").returncode == 0
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "of the metric 'oddity' it is not known whether higher or lower is better" in done.stderr
    assert '[metrics.oddity] with direction = "lower" or "higher"' in done.stderr
    write(place, replace={"[settings]": '[metrics.oddity]\ndirection = "lower"\n[settings]'})
    assert tinyexp("report", "--out", "out").returncode == 0


def test_experiments_that_contradict_each_other_are_not_compared(place):
    for name, direction in (("mine", "lower"), ("other", "higher"), ("third", "lower")):
        table = f'[metrics.test_loss]\ndirection = "{direction}"\n[settings]'
        write(place, name, replace={"[settings]": table, "rate = 0.5": f"rate = 0.{len(name)}"})
    assert tinyexp("run-all", "--seeds", "2").returncode == 0
    done = tinyexp("report", "--out", "out")
    assert done.returncode == 2
    assert "other.toml: [metrics.test_loss] direction = 'higher' contradicts " in done.stderr
    assert "mine.toml, which has direction = 'lower'" in done.stderr
