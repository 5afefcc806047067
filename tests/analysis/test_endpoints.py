"""Which value of a curve is compared: the last, one at an epoch or step, or the best by another metric."""

from __future__ import annotations

import pandas as pd
import pytest

from tinyexp.analysis.comparison import compare
from tinyexp.analysis.study import Study
from tinyexp.config.endpoint import Endpoint
from tinyexp.config.metric import Metric, metric_of
from tinyexp.errors import MetricValuesError, UserError

PPL = metric_of("test_perplexity")
TOP1 = Metric(name="eval_top1", label="top-1 accuracy", direction="higher", unit="percent", low=0, high=100)


def runs(metric, values, **others):
    """``values`` maps an experiment to a curve a seed; ``others`` have the same shape."""
    rows = [
        {
            "experiment": name,
            "seed": seed,
            "epoch": epoch,
            "step": 100 * epoch,
            metric: value,
            **{other: curves[name][seed][epoch - 1] for other, curves in others.items()},
        }
        for name, curves in values.items()
        for seed, curve in enumerate(curves)
        for epoch, value in enumerate(curve, start=1)
    ]
    return pd.DataFrame(rows)


CURVES = {
    "new": [[40.0, 22.0, 25.0], [41.0, 21.0, 26.0], [42.0, 23.0, 27.0]],
    "old": [[50.0, 31.0, 30.0], [51.0, 33.0, 31.0], [52.0, 32.0, 33.0]],
}


def test_of_a_perplexity_the_lower_one_wins():
    found = compare(runs("test_perplexity", CURVES), "new", "old", "test_perplexity", margin=0.5)
    assert (found.verdict, found.winner, found.at, found.index) == ("beats", "new", 3, "epoch")
    assert found.mean == pytest.approx(-16 / 3)
    assert (found.ahead("new"), found.ahead("old")) == ((9, 0, 9), (0, 0, 9))


def test_without_a_margin_a_perplexity_is_not_compared():
    with pytest.raises(
        UserError, match="compare: no margin is given, and 'test_perplexity' has none by itself"
    ):
        compare(runs("test_perplexity", CURVES), "new", "old", "test_perplexity")


def test_a_twentieth_of_a_percent_is_no_win_under_the_margin_of_percents():
    """Under the margin of fractions, 0.01, it was one."""
    curves = {"new": [[75.05], [75.06], [75.04]], "old": [[75.0], [75.01], [74.99]]}
    found = compare(runs("eval_top1", curves), "new", "old", TOP1)
    assert (found.margin, found.verdict) == (1.0, "within_margin")
    with pytest.raises(UserError, match="looks like percent"):
        compare(runs("eval_top1", curves), "new", "old", "eval_top1")


def test_fractions_of_one_design_are_not_held_against_percents_of_the_other():
    curves = {"new": [[0.75], [0.76], [0.74]], "old": [[75.0], [74.0], [76.0]]}
    with pytest.raises(
        UserError, match=r"mixed with percents: .* experiment old, seed 0, epoch 1, .* experiment new"
    ):
        compare(runs("top1", curves), "new", "old", TOP1.model_copy(update={"name": "top1"}))


@pytest.mark.parametrize("endpoint", [Endpoint(epoch=2), Endpoint(step=200)])
def test_the_value_at_an_epoch_or_a_step_is_compared(endpoint):
    found = compare(runs("test_perplexity", CURVES), "new", "old", PPL, 0.5, endpoint)
    assert (found.contender_values, found.at) == ((22.0, 21.0, 23.0), endpoint.epoch or endpoint.step)
    assert found.index == ("epoch" if endpoint.epoch else "step")


def test_runs_that_do_not_come_to_the_endpoint_are_named():
    frame = runs("test_perplexity", {**CURVES, "old": [*CURVES["old"][:2], [50.0]]})
    with pytest.raises(
        UserError, match=r"not all runs have the epochs up to 3.* 'old' seed 2 lacks 2, 3.*\{ epoch = 1 \}"
    ):
        compare(frame, "new", "old", PPL, 0.5)
    with pytest.raises(
        UserError, match="the endpoint is epoch 2, which these runs do not have: 'old' seed 2"
    ):
        compare(frame, "new", "old", PPL, 0.5, Endpoint(epoch=2))
    assert compare(frame, "new", "old", PPL, 0.5, Endpoint(epoch=1)).baseline_values == (50.0, 51.0, 50.0)


def test_the_best_by_a_validation_metric_is_taken_from_each_run_whatever_its_length():
    lengths = {"new": CURVES["new"], "old": [*CURVES["old"][:2], [50.0]]}
    losses = {"new": [[3, 2, 1], [2, 1, 3], [1, 2, 3]], "old": [[1, 1, 2], [3, 3, 1], [1]]}
    frame = runs("test_perplexity", lengths, val_loss=losses)
    found = compare(frame, "new", "old", PPL, 0.5, Endpoint(best="val_loss"))
    assert found.contender_values == (25.0, 21.0, 42.0)
    assert found.baseline_values == (50.0, 31.0, 50.0), "of equal ones the first"
    assert found.at is None
    higher = frame.rename(columns={"val_loss": "val_score"})
    assert compare(higher, "new", "old", PPL, 0.5, Endpoint(best="val_score")).contender_values == (
        40.0,
        26.0,
        27.0,
    )


def test_what_chooses_the_epoch_must_be_there_in_every_row():
    frame = runs("test_perplexity", CURVES).assign(val_loss=1.0)
    frame.loc[4, "val_loss"] = float("nan")
    with pytest.raises(UserError, match="'val_loss' is nan at experiment new, seed 1, epoch 2"):
        compare(frame, "new", "old", PPL, 0.5, Endpoint(best="val_loss"))
    with pytest.raises(UserError, match="unknown metric 'val_acc'"):
        compare(frame, "new", "old", PPL, 0.5, Endpoint(best="val_acc"))


def test_an_epoch_chosen_by_the_test_is_refused_unless_that_is_said():
    frame = runs("test_perplexity", CURVES)
    best = Endpoint(best="test_perplexity")
    with pytest.raises(UserError, match=r"compare: the endpoint .* which is of test data; .* too good"):
        compare(frame, "new", "old", PPL, 0.5, best)
    assert compare(frame, "new", "old", PPL, 0.5, best, selected_on_test=True).verdict
    with pytest.raises(UserError, match="does not say which data"):
        compare(frame.assign(score=1.0), "new", "old", PPL, 0.5, Endpoint(best="score"))


def test_values_that_no_metric_of_the_name_has_are_an_error_of_their_own():
    """Which a report tells from runs that cannot be compared for other reasons, and ends with exit code 2."""
    for curves in (
        {"new": [[71.0]], "old": [[75.0]]},
        {"new": [[0.7]], "old": [[75.0]]},
        {"new": [[-0.1]], "old": [[0.5]]},
    ):
        with pytest.raises(MetricValuesError) as caught:
            compare(runs("test_accuracy", curves), "new", "old")
        assert caught.value.exit_code == 2


def test_runs_that_count_steps_alone_are_compared_at_their_last_step():
    found = compare(runs("test_perplexity", CURVES).drop(columns="epoch"), "new", "old", PPL, 0.5)
    assert (found.at, found.index) == (300, "step")


def study(**keys):
    words = {"name": "mine", "title": "", "question": "", "baseline": "old", "contender": "new"}
    return Study.model_validate({**words, "metric": "test_accuracy", **keys})


def test_a_study_has_the_margin_of_its_metrics_unit():
    assert study().margin == 0.01
    percent = {"eval_top1": {"direction": "higher", "unit": "percent"}}
    assert study(metric="eval_top1", metrics=percent).margin == 1.0
    with pytest.raises(ValueError, match="no margin is given, and 'test_perplexity' has none by itself"):
        study(metric="test_perplexity")
    assert study(metric="test_perplexity", margin=0.5).margin == 0.5


def test_a_study_may_name_any_metric_that_it_says_the_meaning_of():
    with pytest.raises(ValueError, match=r"'quality' it is not known whether .*\[metrics.quality\]"):
        study(metric="quality", margin=1)
    told = study(metric="quality", margin=1, metrics={"quality": {"direction": "lower"}})
    assert told.measure.sense == -1
    claim = {"id": "c", "says": "", "predicts": "", "kind": "higher"}
    with pytest.raises(ValueError, match="claim 'c': of the metric 'oddity' it is not known"):
        study(claims=[{**claim, "metric": "oddity"}])
    with pytest.raises(ValueError, match="claim 'c': no margin is given, and 'test_loss' has none by itself"):
        study(claims=[{**claim, "metric": "test_loss"}])
    own = study(
        claims=[{**claim, "metric": "test_loss", "margin": 0.1}, {**claim, "id": "d", "metric": "val_f1"}]
    )
    assert [own.margin_of(one) for one in own.claims] == [0.1, 0.01]


def test_a_study_does_not_choose_by_the_test_unless_it_says_so():
    assert study(endpoint={"best": "val_accuracy"}).endpoint.chooser == metric_of("val_accuracy")
    with pytest.raises(ValueError, match="'test_accuracy', which is of test data"):
        study(endpoint={"best": "test_accuracy"})
    assert study(endpoint={"best": "test_accuracy"}, selected_on_test=True).selected_on_test
    with pytest.raises(ValueError, match="'eval_top1', which does not say which data"):
        study(endpoint={"best": "eval_top1"})
    table = {"eval_top1": {"direction": "higher", "split": "validation"}}
    assert study(endpoint={"best": "eval_top1"}, metrics=table).endpoint.chooser.split == "validation"


def test_a_bound_holds_in_the_worse_direction_of_the_metric():
    with pytest.raises(ValueError, match=r"'test_perplexity' is no accuracy. Give worse_than"):
        study(metric="test_perplexity", margin=1, fail_on={"accuracy_below": {"new": 0.5}})
    assert study(metric="test_perplexity", margin=1, fail_on={"worse_than": {"new": 25.0}})


def early(taken):
    """Runs of which the new ones stop early, after two epochs or three, each taken at its best."""
    frame = runs(
        "test_perplexity",
        {"new": [[40.0, 22.0], [41.0, 21.0, 26.0], [42.0, 23.0, 27.0]], "old": CURVES["old"]},
    )
    new = frame["experiment"] == "new"
    return frame.assign(taken_epoch=frame["seed"].map(dict(enumerate(taken))).where(new))


def test_a_run_that_stops_early_ends_with_the_epoch_that_it_was_taken_at():
    found = compare(early((2, 2, 3)), "new", "old", PPL, 0.5)
    assert found.contender_values == (22.0, 21.0, 27.0)
    assert found.baseline_values == (30.0, 31.0, 33.0)


def test_a_run_that_was_cut_is_refused_beside_those_that_stop_early():
    frame = early((2, 2, 3))
    frame = frame[~((frame["experiment"] == "old") & (frame["seed"] == 1) & (frame["epoch"] == 3))]
    with pytest.raises(UserError, match="'old' seed 1 lacks 3"):
        compare(frame, "new", "old", PPL, 0.5)


def test_runs_that_may_all_stop_early_are_compared_though_none_is_left_that_must_be_whole():
    frame = early((2, 2, 3))
    frame["taken_epoch"] = frame["taken_epoch"].fillna(3.0)
    assert compare(frame, "new", "old", PPL, 0.5).contender_values == (22.0, 21.0, 27.0)
