"""Metrics: what a name means, never guessed; which values it can have; which margin it has by itself."""

from __future__ import annotations

import numpy as np
import pytest

from tinyexp.config.endpoint import LAST, Endpoint, check_selection
from tinyexp.config.metric import (
    USUAL,
    Metric,
    MetricTable,
    check_values,
    default_margin,
    known_metric,
    metric_of,
    parsed,
)
from tinyexp.errors import UserError

LOWER = "loss error error_rate perplexity ppl nll cross_entropy bpc wer cer rmse mse mae fid kid lpips brier ece latency seconds"
HIGHER = "accuracy acc top1 top5 precision recall f1 auc auroc map miou dice bleu rouge ndcg mrr r2 psnr ssim reward return score"


@pytest.mark.parametrize("name", LOWER.split())
@pytest.mark.parametrize(
    "written", ["{}", "val_{}", "test/{}", "eval-{}", "{}_train", "metrics.{}", "Valid {}"]
)
def test_where_lower_is_better_no_name_says_otherwise(name, written):
    assert metric_of(written.format(name)).direction == "lower"
    assert metric_of(written.format(name)).sense == -1


@pytest.mark.parametrize("name", HIGHER.split())
@pytest.mark.parametrize(
    "written", ["{}", "val_{}", "test/{}", "eval-{}", "{}_train", "metrics.{}", "Valid {}"]
)
def test_where_higher_is_better_no_name_says_otherwise(name, written):
    assert metric_of(written.format(name)).direction == "higher"


@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("test_accuracy", "test accuracy", "test"),
        ("test_top5_accuracy", "top-5 test accuracy", "test"),
        ("train_accuracy", "training accuracy", "train"),
        ("train_clean_accuracy", "accuracy on clean training images", "train"),
        ("val_accuracy", "validation accuracy", "validation"),
        ("generalisation_gap", "gap between clean training and test accuracy", "unknown"),
        ("test_loss", "test loss", "test"),
        ("train_loss", "training loss", "train"),
        ("train_clean_loss", "loss on clean training images", "train"),
        ("val_loss", "validation loss", "validation"),
        ("val/acc", "validation accuracy", "validation"),
        ("eval_top1", "top-1 evaluation accuracy", "unknown"),
        ("metrics/accuracy_top1", "top-1 accuracy", "unknown"),
        ("Test.Perplexity", "test perplexity", "test"),
        ("valPpl", "validation perplexity", "validation"),
        ("acc@5", "top-5 accuracy", "unknown"),
        ("test_top_5_accuracy", "top-5 test accuracy", "test"),
        ("dev wer", "validation WER", "validation"),
        ("train_val_loss", "loss", "unknown"),
    ],
)
def test_a_name_is_told_in_words_with_the_data_it_is_taken_on(name, label, split):
    assert (metric_of(name).label, metric_of(name).split) == (label, split)


def test_every_usual_name_is_found_as_it_is_written_in_the_table():
    for name, usual in USUAL.items():
        assert parsed(name).base == name
        assert metric_of(name).direction == usual.direction
        assert metric_of(f"val_{name}").base == name


def test_an_unknown_name_is_refused_with_the_place_the_nearest_and_the_table_to_write():
    with pytest.raises(UserError) as refused:
        metric_of("val/acuracy", where="studies/mine.toml")
    assert str(refused.value) == (
        "studies/mine.toml: of the metric 'val/acuracy' it is not known whether higher or lower is better. Did you mean "
        '\'accuracy\'? Say it in a table: [metrics."val/acuracy"] with direction = "lower" or "higher"; in Python, pass a Metric.'
    )
    assert known_metric("quality") is None


def test_a_table_says_what_a_name_means_and_keeps_the_usual_where_it_says_nothing():
    tables = {
        "eval_quality": MetricTable(direction="lower"),
        "eval_top1": MetricTable(direction="higher", unit="percent", label="right answers"),
        "eval_wer": MetricTable(direction="lower", unit="percent", split="test"),
        "score": MetricTable(direction="lower", low=0, high=5),
    }
    quality, top1, wer, score = (metric_of(name, tables) for name in tables)
    assert (quality.label, quality.unit, quality.low, quality.high) == (
        "evaluation quality",
        "plain",
        None,
        None,
    )
    assert (top1.label, top1.unit, top1.low, top1.high) == ("right answers", "percent", 0, 100)
    assert top1.is_share
    assert top1.first_counts
    assert (wer.label, wer.low, wer.high, wer.split) == ("evaluation WER", 0, None, "test")
    assert (score.direction, score.low, score.high) == ("lower", 0, 5)


def checked(metric, *runs):
    """Values of runs, an array each, as they stand in a frame; a row is named by its run and place."""
    lengths = [len(run) for run in runs]
    starts = np.array([sum(lengths[:place]) for place in range(len(runs))], dtype=np.intp)

    def row(place):
        run = int(np.searchsorted(starts, place, side="right")) - 1
        return f"run {run} epoch {place - starts[run] + 1}"

    check_values(metric, np.concatenate([np.asarray(run, dtype=float) for run in runs]), starts, row)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused_by_run_epoch_and_value(value):
    with pytest.raises(UserError, match=rf"'loss' is {value} at run 1 epoch 2 \(1 such rows\)"):
        checked(metric_of("loss"), [1, 2], [1, value])


def test_what_lies_outside_the_bounds_is_refused_with_them():
    with pytest.raises(
        UserError, match=r"'perplexity' is 0.5 at run 0 epoch 2, outside its bounds, 1 to any"
    ):
        checked(metric_of("perplexity"), [9, 0.5])
    with pytest.raises(UserError, match=r"'accuracy' is -0.1 at run 0 epoch 1, outside its bounds, 0 to 1"):
        checked(metric_of("accuracy"), [-0.1])
    checked(metric_of("accuracy"), [0.0, 1.0 + 1e-12])  # as far as rounding goes


def test_percents_under_the_unit_fraction_are_refused_with_the_unit_to_give():
    with pytest.raises(
        UserError,
        match=r"is 75.1 at run 0 epoch 2, .* looks like percent. Give unit = \"percent\" in \[metrics.eval_top1\]",
    ):
        checked(metric_of("eval_top1"), [71.0, 75.1], [70.0, 74.0])
    with pytest.raises(UserError, match="looks like percent"):
        checked(metric_of("wer"), [30.0, 12.0])
    with pytest.raises(UserError, match="looks like percent"):
        checked(metric_of("wer"), [1.9, 1.5])  # a word error rate that never falls below all words
    checked(metric_of("wer"), [1.2, 0.4])  # words put in count


@pytest.mark.parametrize("unit", ["fraction", "percent"])
def test_fractions_beside_percents_are_refused_with_one_of_each(unit):
    metric = metric_of("top1", {"top1": MetricTable(direction="higher", unit=unit)})
    with pytest.raises(
        UserError,
        match=r"fractions are mixed with percents: 'top1' is 76 at run 1 epoch 2, and at most 0.75 at run 0 epoch 1",
    ):
        checked(metric, [0.75, 0.7], [50.0, 76.0], [50.0, 74.0])


def test_a_run_that_learned_nothing_is_no_fraction_among_percents():
    metric = metric_of("top1", {"top1": MetricTable(direction="higher", unit="percent")})
    checked(metric, [0.1, 0.1, 0.1], [50.0, 76.0, 76.1])
    error = metric_of("error", {"error": MetricTable(direction="lower", unit="percent")})
    checked(error, [0.9, 0.5], [2.1, 0.6])


def test_a_share_has_a_margin_of_a_point_and_other_units_have_none():
    assert default_margin(metric_of("accuracy"), "compare") == 0.01
    percent = Metric(name="top1", label="top-1", direction="higher", unit="percent")
    assert default_margin(percent, "compare") == 1.0
    with pytest.raises(
        UserError,
        match=r"compare: no margin is given, and 'ppl' has none by itself, as its unit is 'plain'. Give 'margin'",
    ):
        default_margin(metric_of("ppl"), "compare")


@pytest.mark.parametrize(
    "value", ["first", {"epoch": 1, "step": 2}, {"best": ""}, {"epoch": -1}, {"epochs": 1}, 12]
)
def test_what_is_no_endpoint_is_refused(value):
    with pytest.raises(ValueError, match=r"endpoint|Endpoint"):
        Endpoint.model_validate(value)


def test_the_last_is_what_is_compared_where_nobody_says_otherwise():
    assert Endpoint.model_validate("last") == Endpoint() == LAST
    assert LAST.is_last
    assert LAST.chooser is None


@pytest.mark.parametrize(
    ("best", "words"), [("test_accuracy", "is of test data"), ("top1", "does not say which data")]
)
def test_an_epoch_is_not_chosen_by_its_test_result_unless_that_is_said(best, words):
    with pytest.raises(UserError, match=words):
        check_selection(Endpoint(best=best), "compare", selected_on_test=False)
    check_selection(Endpoint(best=best), "compare", selected_on_test=True)
    for allowed in (Endpoint(best="val_loss"), Endpoint(epoch=3), LAST):
        check_selection(allowed, "compare", selected_on_test=False)
