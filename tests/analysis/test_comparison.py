"""Comparisons: the verdicts, their guards, and the promise under A/A."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.comparison import _verdict, compare, compare_two_networks
from tinyexp.analysis.statistics import decisive_interval, seeds_to_decide
from tinyexp.errors import UserError


def table(values, *, metric="test_accuracy", epochs=2, **columns):
    """Runs as rows: ``values`` maps an experiment to its last values by seed, the epochs before are lower."""
    rows = [
        {"experiment": name, "seed": seed, "epoch": epoch, metric: value * epoch / epochs}
        for name, by_seed in values.items()
        for seed, value in (by_seed if isinstance(by_seed, dict) else dict(enumerate(by_seed))).items()
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows).assign(**columns)


CLEAR = {"new": [0.71, 0.72, 0.70], "old": [0.50, 0.52, 0.51]}


def test_a_clear_difference_beats_with_the_paired_t_interval():
    result = compare(table(CLEAR), "new", "old")
    expected = stats.ttest_rel(CLEAR["new"], CLEAR["old"])
    interval = expected.confidence_interval(0.95)
    assert (result.verdict, result.winner, result.at, result.seeds) == ("beats", "new", 2, (0, 1, 2))
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.differences == pytest.approx((0.21, 0.20, 0.19))
    assert (result.p_sign_flip, result.p_floor, result.seeds_to_confirm) == (0.25, 0.25, 6)


def test_the_baseline_can_win():
    result = compare(table(CLEAR), "old", "new")
    assert (result.verdict, result.winner, result.contender) == ("beats", "new", "old")
    assert result.mean == pytest.approx(-0.2)


def test_of_a_loss_the_lower_one_wins():
    result = compare(table(CLEAR, metric="test_loss"), "new", "old", metric="test_loss", margin=0.01)
    assert (result.verdict, result.winner) == ("beats", "old")
    assert result.mean > 0


def test_an_interval_inside_the_margin_is_within_margin():
    values = {"new": [0.501, 0.502, 0.500, 0.503], "old": [0.500, 0.502, 0.501, 0.502]}
    result = compare(table(values), "new", "old", margin=0.01)
    assert (result.verdict, result.winner) == ("within_margin", None)


def test_an_interval_across_the_margin_detects_no_difference():
    values = {"new": [0.55, 0.50, 0.62], "old": [0.50, 0.52, 0.51]}
    result = compare(table(values), "new", "old", margin=0.01)
    assert (result.verdict, result.winner) == ("no_difference_detected", None)


def test_a_difference_that_is_sure_but_may_lie_inside_the_margin_does_not_beat():
    assert compare(table(CLEAR), "new", "old", margin=0.19).verdict == "no_difference_detected"
    assert compare(table(CLEAR), "new", "old", margin=0.17).verdict == "beats"


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_seeds_are_too_few_whatever_they_show(n):
    values = {"new": [0.9, 0.91][:n], "old": [0.1, 0.12][:n]}
    result = compare(table(values), "new", "old")
    assert (result.verdict, result.winner, result.seeds_to_confirm) == ("too_few_seeds", None, 6)
    assert (result.low is None) == (n == 1)


def test_equal_differences_outside_the_margin_need_six_seeds_as_they_show_no_spread():
    new, old = [0.5, 0.6, 0.7, 0.5, 0.6, 0.7], [0.3, 0.4, 0.5, 0.3, 0.4, 0.5]
    five = compare(table({"new": new[:5], "old": old[:5]}), "new", "old")
    six = compare(table({"new": new, "old": old}), "new", "old")
    assert (five.verdict, five.low, five.high) == ("too_few_seeds", None, None)
    assert (six.verdict, six.p_sign_flip) == ("beats", 0.03125)
    assert (six.low, six.high) == pytest.approx((0.2, 0.2))


def test_equal_differences_inside_the_margin_are_within_margin_from_three_seeds_on():
    three = compare(table({"new": [0.5, 0.6, 0.7], "old": [0.5, 0.6, 0.7]}), "new", "old")
    assert (three.verdict, three.low, three.high) == ("within_margin", 0.0, 0.0)


def test_unequal_seeds_are_paired_on_the_common_ones_and_the_others_are_named():
    values = {"new": {0: 0.7, 1: 0.72, 2: 0.71, 7: 0.1}, "old": {2: 0.5, 1: 0.52, 0: 0.51, 9: 0.9}}
    result = compare(table(values), "new", "old")
    assert (result.seeds, result.unpaired_seeds) == ((0, 1, 2), (7, 9))
    assert result.mean == pytest.approx(0.2)


def test_only_finished_runs_count_and_the_others_are_named():
    frame = table(CLEAR, state="finished")
    frame.loc[(frame["experiment"] == "new") & (frame["seed"] == 1), "state"] = "diverged"
    result = compare(frame, "new", "old")
    assert (result.seeds, result.unpaired_seeds, result.unfinished_seeds) == ((0, 2), (1,), (1,))
    assert result.verdict == "too_few_seeds"


@given(st.permutations(range(12)), st.booleans())
def test_the_order_of_the_rows_does_not_matter(order, swap):
    frame = table(CLEAR)
    names = ("old", "new") if swap else ("new", "old")
    assert compare(frame.iloc[order], *names) == compare(frame, *names)


@given(
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=9),
    st.floats(0, 0.2),
)
def test_verdict_and_interval_never_disagree(pairs, margin):
    values = {"a": [x / 1000 for x, _ in pairs], "b": [y / 1000 for _, y in pairs]}
    result = compare(table(values), "a", "b", margin=margin)
    mirrored = compare(table(values), "b", "a", margin=margin)
    assert (result.verdict, result.winner) == (mirrored.verdict, mirrored.winner)
    if result.verdict == "beats":
        assert abs(result.mean) > margin
        assert result.low > margin or result.high < -margin
        assert result.winner == ("a" if result.mean > 0 else "b")
    if result.verdict == "within_margin":
        assert -margin <= result.low <= result.high <= margin
    if len(pairs) < 3:
        assert result.verdict == "too_few_seeds"


def share_of_beats(draws):
    """Draws of shape (simulations, 2, seeds); the rule alone, and for the first fifty the whole comparison too."""
    verdicts = [_verdict(decisive_interval(a - b, 0.0, 0.0), len(a), 0.0) for a, b in draws]
    whole = [compare(table({"a": a, "b": b}, epochs=1), "a", "b", margin=0.0).verdict for a, b in draws[:50]]
    assert whole == verdicts[:50]
    return verdicts.count("beats") / len(verdicts)


LOW, HIGH = stats.binom.ppf([0.001, 0.999], 2000, 0.05) / 2000


@pytest.mark.parametrize("n", [3, 5, 8])
def test_under_a_a_beats_appears_in_at_most_five_of_a_hundred(n):
    """2,000 simulated A/A comparisons at margin 0, within the 99.8 % binomial range of 5 %."""
    share = share_of_beats(np.random.default_rng(n).normal(0.6, 0.01, size=(2000, 2, n)))
    assert LOW <= share <= HIGH  # nor is it blunter than it says


@pytest.mark.parametrize("n", [3, 5, 8])
def test_under_a_a_with_the_margin_of_the_studies_beats_is_rarer_still(n):
    """Margin of a point, spread of a point a run."""
    draws = np.random.default_rng(n).normal(0.6, 0.01, size=(2000, 2, n))
    verdicts = [_verdict(decisive_interval(a - b, -0.01, 0.01), n, 0.01) for a, b in draws]
    assert verdicts.count("beats") / 2000 <= 0.02


@pytest.mark.parametrize("n", [3, 5, 8])
def test_under_a_a_on_few_test_images_beats_is_no_more_frequent(n):
    """Twenty test images: equal differences are common, and a t interval alone would call them certain."""
    assert share_of_beats(np.random.default_rng(n).binomial(20, 0.95, size=(2000, 2, n)) / 20) <= HIGH


def test_an_open_verdict_says_how_many_seeds_would_decide():
    """By the spread seen here; the edge of the margin that is nearer to the mean is the one to clear."""
    values = {"new": [0.55, 0.50, 0.62], "old": [0.50, 0.52, 0.51]}
    result = compare(table(values), "new", "old", margin=0.01)
    assert result.seeds_to_decide == seeds_to_decide(result.differences, -0.01, 0.01) > 3
    two = compare(table({"new": [0.9, 0.91], "old": [0.1, 0.12]}), "new", "old")
    assert (two.verdict, two.seeds_to_decide) == ("too_few_seeds", 3)


def test_equal_differences_are_decided_by_the_seeds_that_the_rule_asks_for():
    new, old = [0.5, 0.6, 0.7], [0.3, 0.4, 0.5]
    assert compare(table({"new": new, "old": old}), "new", "old").seeds_to_decide == 6
    assert compare(table({"new": old[:2], "old": old[:2]}), "new", "old").seeds_to_decide == 3


def test_a_settled_verdict_asks_for_no_more_seeds():
    assert compare(table(CLEAR), "new", "old").seeds_to_decide is None
    values = {"new": [0.501, 0.502, 0.500, 0.503], "old": [0.500, 0.502, 0.501, 0.502]}
    assert compare(table(values), "new", "old", margin=0.01).seeds_to_decide is None


# --- nothing silent -------------------------------------------------------------------------------


def refused(frame, *args, **kwargs):
    with pytest.raises(UserError) as caught:
        compare(frame, *args, **kwargs)
    return str(caught.value)


def test_a_misspelt_metric_is_refused_with_the_nearest():
    message = refused(table(CLEAR), "new", "old", metric="test_acuracy")
    assert "unknown metric 'test_acuracy'. Known: test_accuracy. Did you mean 'test_accuracy'?" in message


def test_a_misspelt_experiment_is_refused_with_the_nearest():
    assert "unknown experiment 'nwe'. Known: new, old. Did you mean 'new'?" in refused(
        table(CLEAR), "nwe", "old"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("epoch", [1, 2])
def test_a_value_that_is_not_finite_is_refused_with_its_place(value, epoch):
    frame = table(CLEAR)
    frame.loc[
        (frame["experiment"] == "old") & (frame["seed"] == 1) & (frame["epoch"] == epoch), "test_accuracy"
    ] = value
    assert f"experiment old, seed 1, epoch {epoch}" in refused(frame, "new", "old")


def test_an_empty_frame_is_refused():
    assert "there is no row" in refused(table(CLEAR).iloc[:0], "new", "old")
    assert "the column 'experiment' is missing" in refused(pd.DataFrame(), "new", "old")


def test_a_column_of_texts_is_no_metric():
    frame = table(CLEAR).astype({"test_accuracy": object})
    assert "not numeric" in refused(frame, "new", "old")


@pytest.mark.parametrize("key", ["epoch", "images_seen", "seed"])
def test_a_column_that_says_where_a_row_stands_is_no_metric(key):
    assert "unknown metric" in refused(table(CLEAR, images_seen=5), "new", "old", metric=key)


def test_runs_of_other_length_are_refused_by_name():
    frame = table(CLEAR)
    frame = frame[~((frame["experiment"] == "new") & (frame["seed"] == 2) & (frame["epoch"] == 2))]
    assert "'new' seed 2 lacks 2" in refused(frame, "new", "old")


def test_a_missing_epoch_in_the_middle_is_refused():
    frame = table(CLEAR, epochs=3)
    frame = frame[~((frame["experiment"] == "old") & (frame["seed"] == 0) & (frame["epoch"] == 2))]
    assert "'old' seed 0 lacks 2" in refused(frame, "new", "old")


@pytest.mark.parametrize("epochs", [1, 2])
@pytest.mark.parametrize("repeated", [slice(None), slice(0, 1)], ids=["all rows", "one row"])
@pytest.mark.parametrize("check", ["of two experiments", "of one"])
def test_a_row_that_stands_twice_is_refused(epochs, repeated, check):
    frame = table(CLEAR, epochs=epochs)
    frame = pd.concat([frame, frame.iloc[repeated]])
    with pytest.raises(UserError, match="experiment new, seed 0, epoch 1 stands more than once"):
        checked_runs(frame, ("new", "old") if check == "of two experiments" else ("new",), "test_accuracy")


def test_rows_that_stand_in_order_are_given_as_rows_in_disorder_are():
    frame = table({"new": CLEAR["new"]}, epochs=3, state="finished")
    whole = checked_runs(frame, ("new",), "test_accuracy")
    mixed = [frame.sample(frac=1, random_state=seed) for seed in range(5)]
    for one in (*mixed, frame.sort_values(["seed", "epoch"], ascending=[True, False])):
        pd.testing.assert_frame_equal(whole, checked_runs(one, ("new",), "test_accuracy"))
    whole["test_accuracy"] = 0.0
    assert (frame["test_accuracy"] > 0).all(), "what is given can be changed, and what it was made of stays"


@pytest.mark.parametrize(("metric", "ahead"), [("test_accuracy", (1, 2)), ("test_loss", (2, 1))])
def test_a_seed_with_both_level_is_nobodys(metric, ahead):
    values = {"new": [0.5, 0.6, 0.4, 0.3], "old": [0.5, 0.5, 0.5, 0.5]}
    found = compare(table(values, metric=metric), "new", "old", metric=metric, margin=0.01)
    assert (found.seeds_ahead("new"), found.seeds_ahead("old")) == ahead


def test_rows_that_stand_by_seed_are_given_by_experiment():
    frame = table(CLEAR, epochs=1)
    by_seed = checked_runs(frame.sort_values(["seed", "experiment"]), ("new", "old"), "test_accuracy")
    assert list(by_seed["experiment"]) == ["new"] * 3 + ["old"] * 3
    pd.testing.assert_frame_equal(by_seed, checked_runs(frame, ("new", "old"), "test_accuracy"))


def test_two_configurations_of_one_experiment_are_refused_by_name():
    frame = table(CLEAR, configuration="aaaaaaaa1111")
    frame.loc[(frame["experiment"] == "new") & (frame["seed"] == 2), "configuration"] = "bbbbbbbb2222"
    message = refused(frame, "new", "old")
    assert "'new' has more than one configuration: aaaaaaaa (seeds 0, 1), bbbbbbbb (seeds 2)" in message


@pytest.mark.parametrize("column", ["profile", "data_fingerprint", "numerics_version"])
def test_runs_that_do_not_share_data_profile_or_numerics_are_refused(column):
    frame = table(CLEAR, **{column: "one"})
    frame.loc[frame["experiment"] == "old", column] = "two"
    message = refused(frame, "new", "old")
    assert f"more than one {column.replace('_', ' ')}: one (experiment new), two (experiment old)" in message


def test_an_experiment_without_a_finished_run_is_refused_with_its_states():
    frame = table(CLEAR, state="finished")
    frame.loc[frame["experiment"] == "old", "state"] = "interrupted"
    assert "experiment 'old' has no finished run (its runs are interrupted)" in refused(frame, "new", "old")


def test_experiments_without_a_common_seed_are_refused():
    values = {"new": {0: 0.5, 1: 0.6}, "old": {2: 0.5, 3: 0.6}}
    assert "share no seed" in refused(table(values), "new", "old")


def test_a_seed_that_is_no_whole_number_is_refused():
    frame = table(CLEAR).astype({"seed": float})
    frame.loc[0, "seed"] = np.nan
    assert "'seed' is not a whole number" in refused(frame, "new", "old")


@pytest.mark.parametrize("margin", [-0.1, np.nan, np.inf])
def test_a_margin_that_is_none_is_refused(margin):
    assert "margin" in refused(table(CLEAR), "new", "old", margin=margin)


def test_an_experiment_is_not_compared_with_itself():
    assert "given twice" in refused(table(CLEAR), "new", "new")


# --- one seed -------------------------------------------------------------------------------------


def test_two_networks_are_compared_by_their_discordant_images():
    label = np.zeros(100, dtype=int)
    a, b = np.zeros(100, dtype=int), np.zeros(100, dtype=int)
    a[:3], b[3:12] = 1, 1  # three that only b gets right, nine that only a does
    result = compare_two_networks(label, a, b)
    assert (result.only_a_right, result.only_b_right, result.images) == (9, 3, 100)
    assert (result.accuracy_a, result.accuracy_b, result.difference) == pytest.approx((0.97, 0.91, 0.06))
    assert result.p_mcnemar == pytest.approx(0.14599609)
    assert result.low < 0 < result.difference < result.high


def test_two_equal_networks_have_no_discordant_image():
    result = compare_two_networks([0, 1, 2], [0, 1, 1], [0, 1, 1])
    assert (result.only_a_right, result.only_b_right, result.p_mcnemar, result.difference) == (0, 0, 1.0, 0.0)


def test_networks_that_err_differently_on_the_same_image_agree_in_being_wrong():
    assert compare_two_networks([0], [1], [2]).only_a_right == 0


@pytest.mark.parametrize("shapes", [(0, 0, 0), (3, 3, 2), (3, 2, 3)])
def test_arrays_of_other_shapes_are_refused(shapes):
    with pytest.raises(UserError, match="three arrays of one shape"):
        compare_two_networks(*(np.zeros(n, dtype=int) for n in shapes))
