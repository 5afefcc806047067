"""Attribution on plain frames: rows that add up, flags, guards, and agreement with a linear model."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tinyexp.analysis.attribution import attribute, leading_factor
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.plan import PLAN_KINDS, make_plan
from tinyexp.config.metric import Metric
from tinyexp.errors import UserError

SIX = ["augmentation", "activation", "conv1", "conv4", "fc", "input"]
MAINS = np.array([0.09, 0.04, 0.01, 0.0, 0.02, -0.01])
METRIC = "test_accuracy"


def study(
    kind="fraction", seeds=(0, 1, 2), *, factors=SIX, mains=MAINS, extra=(), spread=0.005, draw=0, **columns
):
    """A frame of simulated runs: a row a run, factors as 0 and 1."""
    levels = np.array(make_plan(kind, factors).levels)
    coded, rng = 2.0 * levels - 1, np.random.default_rng(draw)
    mean = 0.4 + coded @ np.asarray(mains) / 2
    for names, size in extra:
        mean = mean + size * coded[:, [factors.index(name) for name in names]].prod(axis=1)
    frames = [
        pd.DataFrame(levels, columns=factors).assign(
            seed=seed, test_accuracy=mean + rng.normal(0, spread, len(levels)) + rng.normal(0, 0.02)
        )
        for seed in seeds
    ]
    return pd.concat(frames, ignore_index=True).assign(**columns)


def shares(result):
    return {row.factor: row.share.estimate for row in result.in_metric.shares}


# --- what comes out -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PLAN_KINDS)
@given(draw=st.integers(0, 2**32 - 1), seeds=st.integers(1, 4))
def test_the_rows_add_up_to_the_measured_gap_in_points_and_in_log_odds(kind, draw, seeds):
    factors = SIX[:4]
    frame = study(kind, range(seeds), factors=factors, mains=MAINS[:4], draw=draw, spread=0.05)
    result = attribute(frame, factors, METRIC, kind)
    for scale in (result.in_metric, result.in_log_odds):
        total = sum(row.share.estimate for row in scale.shares) + scale.not_explained.estimate
        assert total == pytest.approx(scale.gap.estimate, abs=1e-12)
        assert scale.contender - scale.baseline == pytest.approx(scale.gap.estimate, abs=1e-12)


@pytest.mark.parametrize("kind", PLAN_KINDS)
def test_the_planted_shares_come_out(kind):
    result = attribute(study(kind, range(8)), SIX, METRIC, kind)
    assert list(shares(result).values()) == pytest.approx(MAINS, abs=0.01)
    assert (result.plan.kind, result.seeds, result.error, result.degrees) == (
        kind,
        tuple(range(8)),
        "paired_by_seed",
        7,
    )
    assert result.runs == 8 * len(result.plan.levels)
    assert leading_factor(result.in_metric) == "augmentation"


def test_the_gap_and_its_interval_are_those_of_the_comparison():
    frame = study()
    ends = frame[frame[SIX].sum(axis=1).isin([0, 6])]
    ends = ends.assign(experiment=np.where(ends["augmentation"] == 1, "new", "old"), epoch=12)
    compared, gap = compare(ends, "new", "old"), attribute(frame, SIX, METRIC).in_metric.gap
    assert (gap.estimate, gap.low, gap.high) == pytest.approx((compared.mean, compared.low, compared.high))
    assert gap.by_seed == pytest.approx(compared.differences)


def test_interactions_come_in_the_groups_that_the_plan_can_tell_apart():
    frame = study(extra=[(("augmentation", "activation"), 0.02)], spread=0.002)
    found = {row.pairs: row for row in attribute(frame, SIX, METRIC).in_metric.interactions}
    group = (("augmentation", "activation"), ("conv1", "fc"))
    assert found[group].effect.estimate == pytest.approx(0.08, abs=0.005)
    assert found[group].p_holm < 0.05
    assert all(
        row.effect.low < 0 < row.effect.high or abs(row.effect.estimate) < 0.01
        for g, row in found.items()
        if g != group
    )


def test_a_two_way_interaction_leaves_the_shares_as_they_are():
    plain, bent = study(spread=1e-6), study(spread=1e-6, extra=[(("augmentation", "fc"), 0.03)])
    assert list(shares(attribute(bent, SIX, METRIC)).values()) == pytest.approx(
        list(shares(attribute(plain, SIX, METRIC)).values()), abs=1e-5
    )


def test_what_a_switch_does_at_either_end_is_told_where_the_plan_has_the_runs():
    frame = study("one-at-a-time", extra=[(("augmentation", "activation"), 0.02)], spread=1e-6)
    row = attribute(frame, SIX, METRIC).in_metric.shares[0]
    assert (row.from_baseline.estimate, row.from_contender.estimate) == pytest.approx((0.05, 0.13), abs=1e-4)
    assert attribute(study(), SIX, METRIC).in_metric.shares[0].from_baseline is None


def test_holm_is_applied_over_all_factors():
    rows = attribute(study(), SIX, METRIC).in_metric.shares
    p = sorted((row.share.p, row.p_holm) for row in rows)
    assert p[0][1] == pytest.approx(min(1, 6 * p[0][0]))
    assert all(adjusted >= raw for raw, adjusted in p)


# --- three factors that interact ------------------------------------------------------------------

SEEN = ("augmentation", "conv1", "conv4")


@pytest.mark.parametrize(
    ("kind", "seeds", "ends", "least"),
    [
        ("fraction", 3, 0, 0.99),
        ("fraction", 5, 0, 0.99),
        ("full", 3, 0, 0.99),
        ("fraction", 1, 5, 0.9),
        ("one-at-a-time", 5, 0, 0.7),
    ],
)
def test_a_planted_three_way_interaction_is_flagged(kind, seeds, ends, least):
    """Of the size of a run's spread (an effect of two spreads; four for one seed): 100 studies."""
    size = 0.02 if seeds == 1 else 0.01
    flagged = 0
    for draw in range(100):
        frame = study(kind, range(seeds), extra=[(SEEN, size)], spread=0.01, draw=draw)
        if ends:
            more = study(
                kind, range(seeds, seeds + ends), extra=[(SEEN, size)], spread=0.01, draw=1000 + draw
            )
            frame = pd.concat([frame, more[more[SIX].sum(axis=1).isin([0, 6])]])
        found = attribute(frame, SIX, METRIC, kind).in_metric.lack_of_fit
        named = any(not group or SEEN in group for group, _, _ in found.groups)
        flagged += found.verdict == "flagged" and named
    assert flagged >= 100 * least


@pytest.mark.parametrize("kind", PLAN_KINDS)
def test_without_a_three_way_interaction_the_flag_is_rare(kind):
    """300 studies of three seeds; at most 5 %, with the 99.9 % binomial allowance."""
    flags = [
        attribute(
            study(kind, draw=draw, extra=[(("fc", "input"), 0.02)]), SIX, METRIC, kind
        ).in_metric.lack_of_fit.verdict
        for draw in range(300)
    ]
    assert flags.count("flagged") <= stats.binom.ppf(0.999, 300, 0.05)
    assert "cannot_tell" not in flags


def test_a_three_way_interaction_that_hides_is_at_least_named_beside_its_factor():
    frame = study(extra=[(("activation", "conv1", "fc"), 0.02)], spread=1e-4)
    result = attribute(frame, SIX, METRIC)
    row = result.in_metric.shares[0]
    assert ("activation", "conv1", "fc") in row.hidden
    assert row.share.estimate == pytest.approx(
        0.09 + 0.04, abs=1e-3
    )  # wrong, and no run of the fraction can say so
    assert result.in_metric.lack_of_fit.verdict == "not_seen"


def test_a_three_way_interaction_fills_the_row_not_explained():
    frame = study(extra=[(SEEN, 0.02)], spread=1e-4)
    assert attribute(frame, SIX, METRIC).in_metric.not_explained.estimate == pytest.approx(0.04, abs=1e-3)


@pytest.mark.parametrize("count", [4, 8])
def test_a_saturated_fraction_says_that_it_cannot_tell(count):
    factors = [f"f{number}" for number in range(count)]
    result = attribute(study(factors=factors, mains=np.zeros(count)), factors, METRIC, "fraction")
    assert (result.in_metric.lack_of_fit.verdict, result.in_metric.lack_of_fit.tested) == ("cannot_tell", 0)
    assert result.in_metric.not_explained.estimate == 0


@pytest.mark.parametrize("count", [1, 2])
def test_two_factors_have_no_three_way_interaction_to_look_for(count):
    result = attribute(study(factors=SIX[:count], mains=MAINS[:count]), SIX[:count], METRIC)
    assert (result.in_metric.lack_of_fit.verdict, result.in_metric.lack_of_fit.tested) == ("not_seen", 0)


# --- log-odds -------------------------------------------------------------------------------------


def test_a_ceiling_makes_interactions_in_points_and_none_in_log_odds():
    levels = np.array(list(itertools.product((0, 1), repeat=2)) * 3)
    odds = (
        1.0
        + levels @ np.array([2.0, 2.0])
        + np.repeat([0.0, 0.1, -0.1], 4)
        + np.tile([0.001, 0, 0, 0.002], 3)
    )
    frame = pd.DataFrame(levels, columns=["a", "b"]).assign(
        seed=np.repeat([0, 1, 2], 4), test_accuracy=1 / (1 + np.exp(-odds))
    )
    result = attribute(frame, ["a", "b"], METRIC)
    assert result.in_metric.interactions[0].effect.high < -0.1
    assert result.in_log_odds.interactions[0].effect.estimate == pytest.approx(0, abs=0.01)
    assert [row.share.estimate for row in result.in_log_odds.shares] == pytest.approx([2, 2], abs=0.01)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_run_at_the_end_of_the_scale_has_no_log_odds(value):
    frame = study()
    frame.loc[3, METRIC] = value
    assert attribute(frame, SIX, METRIC).in_log_odds is None


def test_percents_have_the_log_odds_of_the_fractions_that_they_are():
    frame = study("full", range(3), factors=SIX[:2], mains=MAINS[:2], spread=0.01)
    percent = Metric(name="top1", label="top-1", direction="higher", unit="percent", low=0, high=100)
    odds = attribute(frame.assign(top1=100 * frame[METRIC]), SIX[:2], percent).in_log_odds
    expected = attribute(frame, SIX[:2], METRIC).in_log_odds
    assert odds.gap.estimate == pytest.approx(expected.gap.estimate)


def test_a_loss_has_no_log_odds():
    frame = study().rename(columns={METRIC: "test_loss"})
    assert attribute(frame, SIX, "test_loss").in_log_odds is None


# --- which runs, which error ----------------------------------------------------------------------


def test_the_dearest_plan_that_is_there_is_taken_and_another_can_be_asked_for():
    frame = study("full")
    assert attribute(frame, SIX, METRIC).plan.kind == "full"
    chosen = attribute(frame, SIX, METRIC, "fraction")
    assert (chosen.plan.kind, chosen.runs) == ("fraction", 48)


def test_one_seed_alone_gives_shares_without_intervals():
    result = attribute(study(seeds=(4,)), SIX, METRIC)
    row = result.in_metric.shares[0]
    assert (result.error, result.degrees, result.seeds) == ("none", 0, (4,))
    assert row.share.estimate == pytest.approx(0.09, abs=0.02)
    assert (row.share.low, row.share.p, row.p_holm) == (None, None, None)
    assert result.in_metric.lack_of_fit.verdict == "cannot_tell"
    assert leading_factor(result.in_metric) is None


def test_one_seed_with_its_ends_repeated_has_intervals():
    more = study(seeds=(1, 2, 3), draw=7)
    frame = pd.concat([study(seeds=(0,)), more[more[SIX].sum(axis=1).isin([0, 6])]])
    result = attribute(frame, SIX, METRIC)
    assert (result.error, result.degrees, result.seeds, result.partial_seeds) == (
        "pooled_over_runs",
        3,
        (0,),
        (1, 2, 3),
    )
    assert result.runs == 16 + 6
    assert result.in_metric.shares[0].share.low > 0
    ends = frame[frame[SIX].sum(axis=1).isin([0, 6])].groupby("augmentation")[METRIC].mean()
    assert result.in_metric.gap.estimate == pytest.approx(ends[1] - ends[0])


def test_two_seeds_pool_their_spread_over_the_runs():
    result = attribute(study(seeds=(0, 1)), SIX, METRIC)
    assert (result.error, result.degrees) == ("pooled_over_runs", 15)


def test_a_seed_with_a_run_missing_is_named_and_left_out():
    frame = study(seeds=(0, 1, 2, 3)).drop(index=20)
    result = attribute(frame, SIX, METRIC)
    assert (result.seeds, result.partial_seeds, result.runs) == ((0, 2, 3), (1,), 48)
    assert shares(result) == pytest.approx(shares(attribute(frame[frame["seed"] != 1], SIX, METRIC)))


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    frame = study("full", factors=SIX[:3], mains=MAINS[:3])
    order = list(range(len(frame)))
    random.shuffle(order)
    assert attribute(frame.iloc[order], SIX[:3], METRIC) == attribute(frame, SIX[:3], METRIC)


def test_no_factor_leads_where_intervals_overlap():
    frame = study("full", (0, 1, 2), factors=["a", "b"], mains=[0.05, 0.049], spread=0.01)
    assert leading_factor(attribute(frame, ["a", "b"], METRIC).in_metric) is None


def test_where_the_contender_loses_the_leading_factor_is_the_one_that_costs_most():
    result = attribute(study(mains=-MAINS), SIX, METRIC)
    assert result.in_metric.gap.estimate < 0
    assert leading_factor(result.in_metric) == "augmentation"


# --- nothing silent -------------------------------------------------------------------------------


def refused(frame, *, factors=SIX, metric=METRIC, plan=None):
    with pytest.raises(UserError) as caught:
        attribute(frame, factors, metric, plan)
    return str(caught.value)


def test_missing_mixtures_are_named():
    frame = study()
    frame = frame[
        ~(
            (frame["conv4"] == 1)
            & (frame["augmentation"] == 0)
            & (frame["activation"] == 0)
            & (frame["conv1"] == 0)
        )
    ]
    message = refused(frame, plan="fraction")
    assert "the plan 'fraction' has 16 mixtures" in message
    assert "1 of them have no finished run: the baseline with conv4+input" in message
    assert "the baseline, " in refused(study()[1:].query("augmentation + conv1 + fc > 0"), plan="fraction")


def test_unfinished_runs_do_not_count():
    frame = study(state="finished")
    frame.loc[frame["seed"] == 2, "state"] = "diverged"
    assert attribute(frame, SIX, METRIC).seeds == (0, 1)
    assert "none is finished" in refused(frame.assign(state="running"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused_with_its_seed(value):
    frame = study()
    frame.loc[18, METRIC] = value
    assert f"'test_accuracy' is {value} at seed 1" in refused(frame)


def test_a_level_other_than_zero_and_one_is_refused():
    assert "'fc' holds other levels" in refused(study().replace({"fc": {1: 2}}))
    assert "'fc' holds other levels" in refused(study().assign(fc=np.nan))


def test_a_misspelt_factor_or_metric_is_refused_with_the_nearest():
    assert "Did you mean 'activation'" in refused(study(), factors=["activaton", "fc"])
    assert "Did you mean 'test_accuracy'" in refused(study(), metric="test_acuracy")


def test_an_empty_frame_is_refused():
    assert "there is no row" in refused(study()[:0])


def test_two_runs_of_one_mixture_and_seed_are_refused():
    frame = study()
    assert "the contender has more than one run of seed 2" in refused(pd.concat([frame, frame[-1:]]))


def test_rows_of_several_epochs_are_refused():
    frame = pd.concat([study(epoch=1), study(epoch=2)])
    assert "different epochs" in refused(frame)


@pytest.mark.parametrize("column", ["profile", "data_fingerprint", "numerics_version"])
def test_runs_that_do_not_share_data_profile_or_numerics_are_refused(column):
    frame = study(**{column: "one"})
    frame.loc[frame["seed"] == 2, column] = "two"
    assert f"more than one {column.replace('_', ' ')}: one (seed 0, 1), two (seed 2)" in refused(frame)


def test_seeds_that_share_no_run_cannot_be_told_from_factors():
    whole = study("full", (0,), factors=["a", "b"], mains=[0.1, 0.1]).assign(seed=[0, 1, 2, 3])
    assert "no chain of shared runs" in refused(whole, factors=["a", "b"])
