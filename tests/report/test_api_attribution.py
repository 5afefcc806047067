"""`tinyexp.attribute` and `tinyexp.Study`: on anybody's numbers, and on the runs of a study."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pandas as pd
import pytest
from records_maker import make_study

import tinyexp
from tinyexp.errors import UserError

WHY = "why-design1-beat-design2"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    make_study(folder, {"augmentation": 0.15, "hidden-activation": 0.05})
    return tinyexp.load_runs(folder)


def numbers():
    rows = [
        (a, b, seed, 0.5 + 0.2 * a + 0.01 * b + 0.001 * seed * a)
        for a, b, seed in itertools.product((0, 1), (0, 1), range(3))
    ]
    return pd.DataFrame(rows, columns=["warmup", "wider", "seed", "f1"])


def made(*names):
    words = {"name": "mine", "title": "", "question": "", "baseline": "old", "contender": "new"}
    return tinyexp.Study(
        **words, metric="test_accuracy", margin=0.01, factors=[{"name": name} for name in names]
    )


def test_anybodys_numbers_need_no_study_and_no_metric_of_ours():
    found = tinyexp.attribute(numbers(), ["warmup", "wider"], metric="f1")
    assert [round(row.share.estimate, 3) for row in found.in_metric.shares] == [0.201, 0.01]
    assert found.in_log_odds is not None, "an f1 is a share of a whole"
    plain = tinyexp.attribute(numbers().rename(columns={"f1": "rmse"}), ["warmup", "wider"], metric="rmse")
    assert plain.in_log_odds is None
    with pytest.raises(UserError, match="'quality' it is not known whether higher or lower is better"):
        tinyexp.attribute(numbers().rename(columns={"f1": "quality"}), ["warmup", "wider"], metric="quality")


def test_it_says_its_shares_in_a_line_and_in_a_notebook_as_a_table():
    found = tinyexp.attribute(numbers(), ["warmup", "wider"], metric="f1")
    told = str(found)
    assert told.startswith("The gap in F1 is +21.1 points (95 % interval ")
    assert told.index("warmup +20.1 points") < told.index("wider +1.0 point")
    shown = found._repr_html_()
    assert shown.count("<tr>") == 3
    assert "carries a part of the gap" in shown
    odd = numbers().rename(columns={"wider": "<b>wider</b>"})
    hostile = tinyexp.attribute(odd, ["warmup", "<b>wider</b>"], metric="f1")._repr_html_()
    assert "<b>" not in hostile


def test_a_study_made_by_hand_names_factors_and_metric():
    frame = numbers().rename(columns={"f1": "test_accuracy"})
    assert tinyexp.attribute(frame, made("warmup", "wider")).plan.factors == ("warmup", "wider")
    with pytest.raises(UserError, match="no column for colder"):
        tinyexp.attribute(frame, made("warmup", "wider", "colder"))


def test_the_runs_of_a_shipped_study_are_found_by_their_configuration(runs):
    found = tinyexp.attribute(runs, tinyexp.load_study(WHY))
    assert (found.plan.kind, found.runs, found.seeds) == ("fraction", 48, (0, 1, 2))
    shares = {row.factor: row.share.estimate for row in found.in_metric.shares}
    assert shares["augmentation"] == pytest.approx(0.15, abs=0.02)
    gap = tinyexp.attribute(runs, tinyexp.load_study(WHY), metric="generalisation_gap")
    assert gap.in_metric.gap.estimate < 0


def test_runs_of_several_profiles_or_of_another_configuration_are_refused(runs):
    study = tinyexp.load_study(WHY)
    with pytest.raises(UserError, match="profiles: desk, embedded"):
        tinyexp.attribute(pd.concat([runs, runs.assign(profile="desk")]), study)
    with pytest.raises(UserError, match="none of the 32 mixtures of the plan has a finished run"):
        tinyexp.attribute(runs, study, overrides={"model.dropout": 0.1})
    with pytest.raises(UserError, match=r"no column for a factor of 'mine'.*profiles: \(none\)"):
        tinyexp.attribute(numbers(), made("other"))


def test_attribution_needs_no_torch(tmp_path):
    code = f"""
import sys
import tinyexp
from test_api_attribution import numbers
found = tinyexp.attribute(numbers(), ["warmup", "wider"], metric="f1")
study = tinyexp.load_study({WHY!r})
print(found.plan.kind, study.name, "torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": "tests:tests/report", "PATH": "", "HOME": str(tmp_path)},
    )
    assert done.stdout.split() == ["full", WHY, "False"], done.stderr


def test_a_study_is_compared_as_its_report_compares_it(runs):
    """Mixtures lie in the frame under the baseline's name; looks and margin are the study's."""
    study = tinyexp.load_study(WHY)
    found = tinyexp.compare_study(runs, study)
    assert (found.contender, found.baseline) == (study.contender, study.baseline)
    assert found.look.looks == (3, 6)
    assert found.margin == study.margin
    with pytest.raises(UserError, match="more than one configuration"):
        tinyexp.compare(runs, study.contender, study.baseline)


def test_a_frame_that_is_not_of_one_profile_is_refused_for_a_study(runs):
    study = tinyexp.load_study(WHY)
    for frame in (numbers(), pd.concat([runs, runs.assign(profile="desk")])):
        with pytest.raises(UserError, match="compare_study: the frame is not of one profile"):
            tinyexp.compare_study(frame, study)
