"""What a metric's name means may stand in three kinds of files, and none of them may contradict another."""

from __future__ import annotations

import pytest

from tinyexp.analysis.study import load_study
from tinyexp.config.load import load_experiment
from tinyexp.config.metric import MetricTable, metric_of
from tinyexp.config.metric_tables import merged
from tinyexp.config.show import as_toml
from tinyexp.errors import UserError

MINE = """
title = "Mine"
trainer = "command"
[command]
run = "python train.py --seed {seed}"
metrics = "metrics.csv"
[metrics."val.acc/top"]
direction = "higher"
unit = "percent"
"""
STUDY = 'title = "t"\nquestion = "q"\nbaseline = "mine"\ncontender = "other"\nmetric = "val.acc/top"\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.toml").write_text(MINE)
    (tmp_path / "other.toml").write_text(MINE.split("[metrics", maxsplit=1)[0])
    (tmp_path / "source.toml").write_text('title = "S"\n[metrics."val.acc/top"]\nlabel = "right answers"\n')
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "why.toml").write_text(STUDY)
    return tmp_path


def test_the_keys_of_several_files_are_put_together(folder):
    """A name may have dots, which part the keys of settings."""
    [(name, table)] = load_experiment("mine", folder=folder).metrics.items()
    assert name == "val.acc/top"
    assert (table.label, table.direction, table.unit) == ("right answers", "higher", "percent")
    study = load_study("why", folder)
    assert (study.measure.label, study.measure.unit, study.margin) == ("right answers", "percent", 1.0)


def test_what_is_said_of_metrics_is_shown_and_is_no_setting(folder):
    experiment = load_experiment("mine", folder=folder)
    assert '[metrics."val.acc/top"]\nlabel = "right answers"' in as_toml(experiment)
    assert "metrics" not in experiment.settings
    assert "metrics" not in experiment.model_dump(mode="json")


@pytest.mark.parametrize("second", ["source", "other", "studies/why"])
def test_two_files_that_contradict_each_other_are_named(folder, second):
    path = folder / f"{second}.toml"
    kept = path.read_text().split("[metrics")[0]
    path.write_text(f'{kept}[metrics."val.acc/top"]\ndirection = "lower"\n')
    with pytest.raises(UserError) as caught:
        load_study("why", folder)
    said = str(caught.value)
    assert '[metrics."val.acc/top"] direction = ' in said
    assert f"{folder / 'mine.toml'}" in said
    assert f"{path}" in said
    assert "say the same in both, or take it out of one" in said


def test_a_table_that_is_wrong_is_told_with_its_file_and_choices(folder):
    (folder / "source.toml").write_text('title = "S"\n[metrics.x]\nunit = "percents"\n')
    for load in (lambda: load_experiment("mine", folder=folder), lambda: load_study("why", folder)):
        with pytest.raises(
            UserError, match=r"source\.toml: metrics\.x\.unit = 'percents'.*Did you mean 'percent'"
        ):
            load()


def test_a_usual_name_needs_no_direction_and_another_does():
    percent = {"val/acc": MetricTable(unit="percent"), "oddity": MetricTable(unit="percent")}
    assert (metric_of("val/acc", percent).direction, metric_of("val/acc", percent).high) == ("higher", 100.0)
    with pytest.raises(UserError, match="'oddity' it is not known whether higher or lower is better"):
        metric_of("oddity", percent)


def test_one_thing_said_twice_is_no_contradiction():
    table = {"x": MetricTable(direction="lower")}
    assert merged([("a.toml", table), ("b.toml", table)]) == table
