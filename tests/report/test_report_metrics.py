"""A report of a metric that is better lower, or that stands in percent, reads as one of accuracies does.

The records hold our own trainer's columns; what is read of them is renamed here to those of other people's logs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from page_reader import Page, sample

from tinyexp.analysis.comparison import compare
from tinyexp.analysis.study import Study
from tinyexp.config.metric import MetricTable, metric_of
from tinyexp.report import measured
from tinyexp.report.evidence import Evidence, gather
from tinyexp.report.render import write_report
from tinyexp.report.sections.compared import compared_section, verdict_details, verdict_pieces
from tinyexp.report.sections.compared_runs import runs_table
from tinyexp.report.sections.curves import curves_section
from tinyexp.report.select import select_runs
from tinyexp.report.view import Paragraph
from tinyexp.resources import shipped
from tinyexp.runs.recorded import read_runs
from tinyexp.words import change, level

WHY = "why-design1-beat-design2"
metrics_frame = measured.metrics_frame


def language(frame: pd.DataFrame) -> pd.DataFrame:
    """Perplexities in place of accuracies, and a column of which nobody knows what it is."""
    told = frame.drop(
        columns=["train_clean_accuracy", "train_clean_loss", "test_top5_accuracy", "val_accuracy"]
    )
    for split in ("train", "test"):
        told[f"{split}_perplexity"] = np.round(40 - 30 * told.pop(f"{split}_accuracy"), 4)
    return told.assign(oddity=1.0)


def timm(frame: pd.DataFrame) -> pd.DataFrame:
    """Accuracies in percent."""
    told = frame[["profile", "experiment", "configuration", "seed", "identity", "state", "epoch"]].copy()
    return told.assign(
        eval_top1=100 * frame["test_accuracy"], eval_loss=frame["test_loss"], train_loss=frame["train_loss"]
    )


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[pd.DataFrame], pd.DataFrame]], None]:
    sample()  # is made of what the records hold

    def of(rewritten: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        monkeypatch.setattr(measured, "metrics_frame", lambda runs: rewritten(metrics_frame(runs)))

    return of


def gathered(study: Study) -> Evidence:
    """The evidence of the sample's runs, with their leading study's comparison as that study asks for it."""
    evidence = gather(select_runs(read_runs(sample() / "runs")))
    lead = evidence.results[0]
    pair = (study.contender, study.baseline)
    found = compare(
        evidence.measured.rows(pair),
        *pair,
        study.measure,
        study.margin,
        study.endpoint,
        selected_on_test=study.selected_on_test,
    )
    design = replace(lead.design, study=study)
    result = replace(lead, design=design, comparison=found, problem="", attributions={}, judgements=())
    return replace(evidence, results=(result, *evidence.results[1:]))


def study_of(**keys: object) -> Study:
    words = {"name": WHY, "title": "Mine", "question": "Which?"}
    return Study.model_validate({**words, "baseline": "tiny-design2", "contender": "tiny-design1", **keys})


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u00a0", " "))


def test_a_page_of_perplexities_says_that_the_lower_one_beats(
    reading: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading(language)
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    path = tmp_path / "experiments" / "studies" / f"{WHY}.toml"
    text = path.read_text(encoding="utf-8").replace('metric = "test_accuracy"', 'metric = "test_perplexity"')
    text = text.replace("margin = 0.01 ", "looks = [3]\nmargin = 0.5 ").split("[[claims]]")[0]
    source = (
        tmp_path / "experiments" / "source.toml"
    )  # which gives the order of claims that this study now has not
    source.write_text(re.sub(r"(?ms)^claims = \[.*?^\]\n", "", source.read_text("utf-8")), encoding="utf-8")
    path.write_text(
        f"{text}\n[fail_on]\nworse_than = {{ tiny-design1 = 25.0, tiny-design2 = 25.0 }}\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    result = write_report(sample() / "runs", tmp_path / "out")
    page = plain(Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8")).text)
    told = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    found = told["values"]["studies"][0]["comparison"]
    assert (found["verdict"], found["winner"], found["mean"] < 0) == ("beats", "tiny-design1", True)
    assert re.search(r"Design 1 beats Design 2 by \d\.\d+ in test perplexity$", plain(told["verdict"]))
    assert re.search(
        r"95 % interval [\d.]+ to [\d.]+; 3 runs of each; test perplexity \(lower is better\) after epoch 9\.",
        page,
    )
    assert re.search(r"Design 1 is ahead in test perplexity (at every epoch|from epoch)", page)
    assert "Training perplexity over the epochs" in page
    # What the networks do differently is told by the images that they get right, whatever is compared.
    before, _, after = page.partition(" test images of ")
    assert "points" not in before
    assert "share of the gap, points" in after
    assert "oddity" in page
    assert "Left out of the curves, because nothing says whether higher or lower is better: oddity." in page
    assert "Clean training accuracy is measured" not in page
    assert "gap between training and test" not in page
    values = told["values"]
    assert (values["metric"], values["untyped"]) == ("test_perplexity", ["oddity"])
    assert values["metrics"]["test_perplexity"]["direction"] == "lower"
    assert {"test_perplexity", "train_perplexity"} <= values["experiments"][0]["curves"].keys()
    assert len(values["experiments"][0]["last"]["test_perplexity"]) == 3
    passed = {gate.subject: gate.passed for gate in result.gates}
    assert passed == {"tiny-design1": True, "tiny-design2": False}
    [gate] = [gate for gate in result.gates if not gate.passed]
    assert gate.required == "25 or less"


def test_a_metric_in_percent_has_points_and_a_margin_of_one(reading: Callable[..., None]) -> None:
    reading(timm)
    study = study_of(metric="eval_top1", metrics={"eval_top1": {"direction": "higher", "unit": "percent"}})
    evidence = gathered(study)
    lead = evidence.results[0]
    assert lead.comparison
    assert lead.comparison.margin == 1.0
    assert re.search(
        r"Design 1 beats Design 2 by \d\d\.\d points$", plain("".join(verdict_pieces(evidence, lead)))
    )
    details = plain(" ".join(verdict_details(evidence, lead)))
    assert re.search(
        r"95 % interval \d\d\.\d to \d\d\.\d points; 3 runs of each; top-1 evaluation accuracy after epoch 9\.",
        details,
    )
    table = runs_table(evidence, lead.comparison)
    assert "Design 1 minus Design 2, points" in [row[0].replace("\u00a0", " ") for row in table.rows]
    assert re.fullmatch(r"\d\d\.\d %", plain(table.rows[0][1]))
    section = compared_section(evidence, lead, with_figure=True)
    notes = plain(" ".join(block.text for block in section.blocks if isinstance(block, Paragraph)))
    assert "and a margin of 1.0 point" in notes
    curves = curves_section(evidence, WHY, lead.pair)
    assert curves
    [figure] = [block for block in curves.blocks if hasattr(block, "panels")]
    assert [panel.name for panel in figure.panels] == [
        f"{WHY}-eval-top1",
        f"{WHY}-eval-loss",
        f"{WHY}-train-loss",
    ]


def test_the_same_accuracies_as_fractions_and_as_percents_read_the_same(reading: Callable[..., None]) -> None:
    fractions = gathered(study_of(metric="test_accuracy"))
    told = "".join(verdict_pieces(fractions, fractions.results[0]))
    reading(timm)
    table = {"eval_top1": {"direction": "higher", "unit": "percent"}}
    percents = gathered(study_of(metric="eval_top1", metrics=table))
    assert "".join(verdict_pieces(percents, percents.results[0])) == told


def test_an_epoch_chosen_by_the_test_is_told(reading: Callable[..., None]) -> None:
    study = study_of(metric="test_accuracy", endpoint={"best": "test_accuracy"}, selected_on_test=True)
    evidence = gathered(study)
    details = plain(" ".join(verdict_details(evidence, evidence.results[0])))
    assert "test accuracy at the epoch of each run with the best test accuracy." in details
    assert "The epoch of each run was chosen by its test result" in details
    by_validation = gathered(study_of(metric="test_accuracy", endpoint={"best": "val_accuracy"}))
    details = plain(" ".join(verdict_details(by_validation, by_validation.results[0])))
    assert "at the epoch of each run with the best validation accuracy" in details
    assert "chosen by its test result" not in details


@pytest.mark.parametrize(
    ("name", "unit", "value", "as_level", "as_change"),
    [
        ("test_accuracy", None, 0.7123, "71.2 %", "+71.2 points"),
        ("eval_top1", "percent", 71.23, "71.2 %", "+71.2 points"),
        ("perplexity", None, 23.4, "23.4", "+23.4"),
        ("perplexity", None, 23.456, "23.46", "+23.5"),
        ("wer", None, 0.1234, "12.3 %", "+12.3 points"),
        ("reward", None, 1234.4, "1,234", "+1,234"),
        ("latency", None, 3.2, "3.2 s", "+3.2 s"),
        ("test_loss", None, 1.2345, "1.234 nats", "+1.234 nats"),
        ("psnr", None, 31.456, "31.46 dB", "+31.46 dB"),
        ("mse", None, 0.000123456, "0.0001235", "+0.000123"),
        ("mse", None, 1.25e-8, "1.25e\u22128", "+1.25e\u22128"),
        ("reward", None, 0.0, "0", "0"),
    ],
)
def test_a_value_reads_as_its_metric_is_written(
    name: str, unit: str | None, value: float, as_level: str, as_change: str
) -> None:
    usual = metric_of(name)
    metric = metric_of(name, {name: MetricTable(direction=usual.direction, unit=unit)} if unit else None)
    assert plain(level(metric, value)) == as_level
    assert plain(change(metric, value, signed=True)) == as_change
