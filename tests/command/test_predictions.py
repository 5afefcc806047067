"""A table of predictions that a command leaves: read, kept with the run, told by class; refused where it says nothing certain."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.trainers.command.predictions import read_predictions_table

TRAIN = """
import argparse, random
from pathlib import Path
parser = argparse.ArgumentParser()
for name, kind in (("cats", float), ("seed", int), ("out", Path)):
    parser.add_argument(f"--{name}", type=kind, required=True)
asked = parser.parse_args()
draw = random.Random(f"{asked.seed} {asked.cats}")
rows, right = [], 0
for image in range(300):
    label = ("cat", "dog", "owl")[image % 3]
    chance = asked.cats if label == "cat" else 0.9
    said = label if draw.random() < chance else "dog" if label == "cat" else "cat"
    right += said == label
    rows.append(f"{image},{label},{said}")
draw.shuffle(rows)
(asked.out / "said.csv").write_text("id,label,predicted\\n" + "\\n".join(rows) + "\\n")
(asked.out / "metrics.csv").write_text(f"epoch,test_accuracy\\n1,{right / 300!r}\\n")
"""
FILE = """
title = "{title}"
trainer = "command"
[command]
run = "{python} train.py --cats {{cats}} --seed {{seed}} --out {{folder}}"
metrics = "metrics.csv"
predictions = "said.csv"
inputs = ["train.py"]
[settings]
cats = {cats}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "experiments").mkdir()
    for name, title, cats in (("plain", "Plain net", 0.3), ("better", "Better net", 0.9)):
        text = FILE.format(title=title, python=sys.executable, cats=cats)
        (tmp_path / "experiments" / f"{name}.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_report_tells_which_class_carries_the_gap(place: Path) -> None:
    assert CliRunner().invoke(main, ["run-all", "--seeds", "3"]).exit_code == 0
    assert CliRunner().invoke(main, ["report", "--out", "out"]).exit_code == 0
    text = (place / "out" / "report.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    assert re.search(r"## One class, cat, accounts for 2\d\.\d of the 2\d\.\d points", text)
    assert re.search(r"Plain net takes [67]\d\.\d % of cat for dog, Better net \d+\.\d %\.", text)
    assert (
        "The images themselves are not shown: only the command that trained the nets knows where they are."
        in text
    )
    checked = CliRunner().invoke(main, ["check", "out"])
    assert (checked.exit_code, "the report is what its records give" in checked.output) == (0, True)


def test_a_command_without_the_table_that_it_promised_has_failed(place: Path) -> None:
    train = place / "train.py"
    train.write_text(TRAIN.replace('"said.csv"', '"other.csv"'))
    result = CliRunner().invoke(main, ["run", "plain", "--seed", "0"])
    assert result.exit_code != 0
    assert re.search(r"said\.csv: is not there\. Have the command write it below \{folder\}", result.output)


def test_a_path_outside_of_the_folder_is_refused(place: Path) -> None:
    path = place / "experiments" / "plain.toml"
    path.write_text(path.read_text().replace('"said.csv"', '"../said.csv"'))
    result = CliRunner().invoke(main, ["run", "plain", "--seed", "0"])
    assert result.exit_code == 2
    assert (
        "command.predictions = '../said.csv' must be a path below {folder}, such as predictions.csv."
        in result.output
    )


def test_names_and_numbers_are_read_in_the_order_of_the_images(tmp_path: Path) -> None:
    path = tmp_path / "said.csv"
    path.write_text("\ufeffPredicted , id,label\nb,10,a\na,9,a\n", encoding="utf-8")
    told = read_predictions_table(path)
    assert (told.classes, told.label.tolist(), told.predicted.tolist()) == (("a", "b"), [0, 0], [0, 1])
    path.write_text("y_true,y_pred\n3,1\n0,0\n")
    told = read_predictions_table(path)
    assert (told.classes, told.label.tolist(), told.predicted.tolist()) == ((), [3, 0], [1, 0])
    assert told.label.dtype == np.int32


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column label"),
        ("label,prediction\n", "has no rows below its header"),
        ("label,guess\n1,2\n", r"has no column predicted \(or prediction, pred, y_pred\), only label, guess"),
        ("label,predicted\n1\n", "line 2 does not have a value under each name"),
        ("label,predicted\n1,2\n1,\n", "line 3 does not have a value under each name"),
        ("id,label,predicted\n7,1,2\n7,1,1\n", "the image '7' stands twice"),
        ("label,predicted\n\xff\xfe,2\n", "cannot be read as a table"),
    ],
)
def test_a_table_that_says_nothing_certain_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "said.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=words):
        read_predictions_table(path)
