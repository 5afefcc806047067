"""Comparisons: the verdicts, their guards, and the promise under A/A."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from thinned import thinned

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.comparison import compare, compare_two_networks
from tinyexp.analysis.samples import difference_interval
from tinyexp.analysis.started import LostRun
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


def test_a_clear_difference_beats_with_welchs_interval():
    result = compare(table(CLEAR), "new", "old")
    expected = stats.ttest_ind(CLEAR["new"], CLEAR["old"], equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert (result.verdict, result.winner, result.at, result.reason) == ("beats", "new", 2, "")
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert (result.contender_runs.seeds, result.differences) == ((0, 1, 2), ())
    assert (result.p_exact, result.p_floor, result.runs_to_confirm) == (0.1, 0.1, 4)


def test_seeds_that_belong_together_give_the_paired_t_interval():
    result = compare(table(CLEAR), "new", "old", pairing="seed")
    expected = stats.ttest_rel(CLEAR["new"], CLEAR["old"])
    interval = expected.confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.differences == pytest.approx((0.21, 0.20, 0.19))
    assert (result.p_exact, result.p_floor, result.runs_to_confirm) == (0.25, 0.25, 6)


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
    assert (result.verdict, result.winner, result.reason) == ("too_few_seeds", None, "too_few_runs")
    assert (result.low is None) == (n == 1)


def test_equal_differences_outside_the_margin_need_six_pairs_as_they_show_no_spread():
    new, old = [0.5, 0.6, 0.7, 0.51, 0.61, 0.71], [0.3, 0.4, 0.5, 0.31, 0.41, 0.51]
    five = compare(table({"new": new[:5], "old": old[:5]}), "new", "old", pairing="seed")
    six = compare(table({"new": new, "old": old}), "new", "old", pairing="seed")
    assert (five.verdict, five.reason, five.low, five.high) == ("too_few_seeds", "no_spread", None, None)
    assert (six.verdict, six.p_exact) == ("beats", 0.03125)
    assert (six.low, six.high) == pytest.approx((0.2, 0.2))


def test_runs_without_spread_need_four_of_each_where_they_differ():
    """Accuracies over few images are often equal; the permutation test is what trusts them."""
    three = compare(table({"new": [0.5] * 3, "old": [0.3] * 3}), "new", "old")
    four = compare(table({"new": [0.5] * 4, "old": [0.3] * 4}), "new", "old")
    assert (three.verdict, three.reason, three.low) == ("too_few_seeds", "no_spread", None)
    assert (four.verdict, four.p_exact) == ("beats", pytest.approx(2 / 70))
    level = compare(table({"new": [0.5] * 3, "old": [0.5] * 3}), "new", "old")
    assert (level.verdict, level.low, level.high) == ("within_margin", 0.0, 0.0)


def test_unequal_seeds_are_no_error_unless_they_belong_together():
    values = {"new": {0: 0.7, 1: 0.72, 2: 0.71, 7: 0.1}, "old": {2: 0.5, 1: 0.52, 0: 0.51, 9: 0.9}}
    paired = compare(table(values), "new", "old", pairing="seed")
    assert (paired.contender_runs.seeds, paired.contender_runs.left_out, paired.baseline_runs.left_out) == (
        (0, 1, 2),
        (7,),
        (9,),
    )
    assert paired.mean == pytest.approx(0.2)
    free = compare(table(values), "new", "old")
    assert (free.contender_runs.seeds, free.baseline_runs.seeds) == ((0, 1, 2, 7), (0, 1, 2, 9))
    apart = compare(
        table({"new": {0: 0.7, 1: 0.71, 2: 0.72}, "old": {5: 0.5, 6: 0.51, 7: 0.52, 8: 0.5}}), "new", "old"
    )
    assert (apart.verdict, len(apart.baseline_values)) == ("beats", 4)


# --- every training counts ------------------------------------------------------------------------


def diverged(frame, name, *seeds, state="diverged"):
    frame.loc[(frame["experiment"] == name) & frame["seed"].isin(seeds), "state"] = state
    return frame


SIX = {"new": [0.9, 0.91, 0.92, 0.9, 0.91, 0.92], "old": [0.7, 0.71, 0.72, 0.7, 0.71, 0.73]}


@pytest.mark.parametrize("state", ["diverged", "failed", "interrupted", "running"])
def test_a_winner_half_of_whose_runs_gave_nothing_does_not_beat(state):
    frame = diverged(table(SIX, state="finished"), "new", 3, 4, 5, state=state)
    result = compare(frame, "new", "old")
    assert (result.verdict, result.winner, result.reason) == ("no_difference_detected", None, "lost_runs")
    assert [(one.seed, one.state) for one in result.contender_runs.lost] == [
        (3, state),
        (4, state),
        (5, state),
    ]
    assert result.low > 0.01, "what finished would have said so"


def test_lost_runs_of_the_loser_turn_nothing():
    result = compare(diverged(table(SIX, state="finished"), "old", 3, 4, 5), "new", "old")
    assert (result.verdict, result.winner, len(result.baseline_runs.lost)) == ("beats", "new", 3)


def test_a_lost_run_that_left_no_row_counts_and_one_trained_again_does_not():
    five = {"new": SIX["new"][:5], "old": SIX["old"]}
    lost = {"new": [LostRun(5, "failed")]}
    assert compare(table(five), "new", "old", lost=lost).reason == "lost_runs"
    assert compare(table(SIX), "new", "old", lost=lost).verdict == "beats"


def test_of_a_metric_without_a_worst_value_any_lost_run_can_turn_the_verdict():
    values = {"new": [0.3, 0.31, 0.32, 0.3], "old": [0.7, 0.71, 0.72, 0.7]}
    frame = diverged(table(values, metric="test_loss", state="finished"), "new", 3)
    result = compare(frame, "new", "old", metric="test_loss", margin=0.01)
    assert (result.verdict, result.reason) == ("no_difference_detected", "lost_runs")


def test_a_run_that_collapsed_is_named_and_the_medians_stand_beside_the_means():
    """Better in nine runs of ten: the mean says that it loses, which is right for the mean."""
    generator = np.random.default_rng(5)
    good, other = generator.normal(0.80, 0.005, 10), generator.normal(0.78, 0.005, 10)
    good[6] = 0.1
    result = compare(table({"new": good, "old": other}), "new", "old")
    assert (result.contender_runs.behind, result.baseline_runs.behind) == ((6,), ())
    assert result.verdict != "beats"
    assert result.contender_runs.median > result.baseline_runs.median
    assert result.contender_runs.mean < result.baseline_runs.mean
    assert result.contender_runs.worst == 0.1


def test_copies_under_other_seeds_are_refused_by_name():
    frame = table({"new": [0.9, 0.91, 0.92, 0.9, 0.91, 0.92], "old": SIX["old"]}, epochs=3)
    message = refused(frame, "new", "old")
    assert "seeds 0, 3 of 'new' are equal to the last digit, so they are copies" in message
    six = table({"new": [0.8731205] * 6, "old": SIX["old"]}, epochs=1)
    assert "seeds 0, 1, 2, 3, 4, 5 of 'new'" in refused(six, "new", "old")


def test_accuracies_that_agree_by_chance_are_no_copies():
    level = {"new": [0.1] * 6, "old": [0.71, 0.72, 0.7, 0.71, 0.73, 0.72]}
    assert compare(table(level, epochs=1), "new", "old").winner == "old", "a net that learned nothing"


def test_runs_that_do_not_say_their_seeds_are_told_apart_by_their_names():
    frame = table(SIX).rename(columns={"seed": "run"})
    frame["run"] = "trial-" + frame["run"].astype(str)
    result = compare(frame, "new", "old")
    assert (result.verdict, result.seeds_known, result.contender_runs.seeds) == (
        "beats",
        False,
        (0, 1, 2, 3, 4, 5),
    )
    assert compare(frame.assign(seed=np.nan), "new", "old") == result
    assert "pairing = 'seed' needs runs that say their seeds" in refused(frame, "new", "old", pairing="seed")
    assert "no column 'run'" in refused(frame.drop(columns="run"), "new", "old")


# --- looks ----------------------------------------------------------------------------------------


def test_at_a_look_its_own_level_counts():
    frame = table({name: values[:3] for name, values in SIX.items()})
    result = compare(frame, "new", "old", looks=(3, 6))
    expected = stats.ttest_ind(SIX["new"][:3], SIX["old"][:3], equal_var=False).confidence_interval(0.99)
    assert (result.look.number, result.look.error, result.look.next) == (1, 0.01, 6)
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high))


def test_between_looks_the_last_look_counts_and_beyond_the_last_nothing_more():
    five = compare(table({name: values[:5] for name, values in SIX.items()}), "new", "old", looks=(3, 6))
    assert (five.contender_runs.seeds, five.contender_runs.later) == ((0, 1, 2), (3, 4))
    turned = {"new": [*SIX["new"], 0.1, 0.1], "old": [*SIX["old"], 0.9, 0.9]}
    beyond = compare(table(turned), "new", "old", looks=(3, 6))
    assert (beyond.verdict, beyond.winner, beyond.look.number) == ("beats", "new", 2)
    assert beyond.baseline_runs.later == (6, 7)
    assert beyond.low == compare(table(SIX), "new", "old", looks=(3, 6)).low


def test_before_the_first_look_nothing_is_said():
    result = compare(table(SIX), "new", "old", looks=(8, 16))
    assert (result.verdict, result.reason, result.look.next) == ("too_few_seeds", "before_first_look", 8)


def test_a_lost_run_beyond_the_look_turns_nothing():
    frame = diverged(table(SIX, state="finished"), "new", 4)
    assert compare(frame, "new", "old", looks=(3, 8)).verdict == "beats"


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


def ruled(a, b, margin):
    """The rule by itself: a comparison of a frame takes a hundred times as long."""
    interval = difference_interval(a, b, -margin, margin)
    if interval is None:
        return "too_few_seeds"
    if interval.low > margin or interval.high < -margin:
        return "beats"
    return (
        "within_margin" if -margin <= interval.low and interval.high <= margin else "no_difference_detected"
    )


def share_of_beats(draws):
    """Draws of shape (simulations, 2, seeds); the rule alone, and for the first fifty the whole comparison too."""
    verdicts = [ruled(a, b, 0.0) for a, b in draws]
    whole = [compare(table({"a": a, "b": b}, epochs=1), "a", "b", margin=0.0).verdict for a, b in draws[:50]]
    assert whole == verdicts[:50]
    return verdicts.count("beats") / len(verdicts)


LOW, HIGH = stats.binom.ppf([0.001, 0.999], 2000, 0.05) / 2000


@pytest.mark.parametrize("n", thinned([3, 5, 8], [3]))
@pytest.mark.usefixtures("scipy_tails")
def test_under_a_a_beats_appears_in_at_most_five_of_a_hundred(n):
    """2,000 simulated A/A comparisons at margin 0, within the 99.8 % binomial range of 5 %."""
    share = share_of_beats(np.random.default_rng(n).normal(0.6, 0.01, size=(2000, 2, n)))
    assert (
        (0.03 if n == 3 else LOW) <= share <= HIGH
    )  # at three runs Welch's degrees of freedom are on the safe side


@pytest.mark.parametrize("n", thinned([3, 5, 8], [5]))
@pytest.mark.usefixtures("scipy_tails")
def test_under_a_a_with_the_margin_of_the_studies_beats_is_rarer_still(n):
    """Margin of a point, spread of a point a run."""
    draws = np.random.default_rng(n).normal(0.6, 0.01, size=(2000, 2, n))
    verdicts = [ruled(a, b, 0.01) for a, b in draws]
    assert verdicts.count("beats") / 2000 <= 0.02


@pytest.mark.parametrize("n", thinned([3, 5, 8], [8]))
@pytest.mark.usefixtures("scipy_tails")
def test_under_a_a_on_few_test_images_beats_is_no_more_frequent(n):
    """Twenty test images: equal differences are common, and a t interval alone would call them certain."""
    assert share_of_beats(np.random.default_rng(n).binomial(20, 0.95, size=(2000, 2, n)) / 20) <= HIGH


def test_an_open_verdict_says_between_how_many_runs_would_decide():
    values = {"new": [0.55, 0.50, 0.62], "old": [0.50, 0.52, 0.51]}
    result = compare(table(values), "new", "old", margin=0.01)
    assert 3 < result.forecast.low < result.forecast.high
    looked = compare(table(values), "new", "old", margin=0.01, looks=(3, 6))
    assert looked.forecast.next_look == 6
    assert looked.forecast.high >= result.forecast.high, "the last look has less than 5 % to spend"
    many = compare(
        table({name: own * 4 for name, own in values.items()}, epochs=1), "new", "old", margin=0.11
    )
    assert many.forecast is None or many.forecast.low > 12


def test_a_settled_verdict_asks_for_no_more_runs():
    assert compare(table(CLEAR), "new", "old").forecast is None


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
    found = compare(table(values, metric=metric), "new", "old", metric=metric, margin=0.01, pairing="seed")
    assert (found.ahead("new"), found.ahead("old")) == ((ahead[0], 1, 4), (ahead[1], 1, 4))
    assert compare(table(values, metric=metric), "new", "old", metric=metric, margin=0.01).ahead("new") == (
        4 * ahead[0],
        4,
        16,
    )


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


def test_paired_experiments_without_a_common_seed_are_refused():
    values = {"new": {0: 0.5, 1: 0.6}, "old": {2: 0.5, 3: 0.6}}
    assert "share no seed" in refused(table(values), "new", "old", pairing="seed")


def test_a_seed_that_is_no_whole_number_is_refused():
    frame = table(CLEAR).astype({"seed": float})
    frame.loc[0, "seed"] = 0.5
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
