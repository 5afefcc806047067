"""Intervals and tests against known values, against scipy, and against their promises."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tinyexp.analysis import statistics
from tinyexp.analysis.statistics import (
    decisive_interval,
    has_no_spread,
    holm,
    mcnemar_p,
    mean_interval,
    paired_interval,
    paired_share_interval,
    permutation_floor,
    seeds_to_confirm,
    seeds_to_decide,
    sign_flip_floor,
    sign_flip_p,
)

accuracies = st.floats(0, 1, allow_subnormal=False)
differences = st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=9)


@given(st.lists(accuracies, min_size=2, max_size=12))
def test_the_mean_interval_is_scipys(values):
    scale = np.std(values, ddof=1) / len(values) ** 0.5
    if scale > 0:
        expected = stats.t.interval(0.95, len(values) - 1, np.mean(values), scale)
    else:
        expected = (values[0], values[0])
    assert mean_interval(values) == pytest.approx(expected, abs=1e-12)


def test_the_mean_interval_of_fishers_sleep_data_is_the_one_in_print():
    """Student 1908: extra sleep under two drugs; R's t.test(paired) prints -2.459886 to -0.7001142."""
    a = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    b = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    assert paired_interval(a, b) == pytest.approx((-2.4598858, -0.7001142), abs=1e-7)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_below_two_values_there_is_no_interval(values):
    assert mean_interval(values) is None
    assert decisive_interval(values, 0, 1) is None


@pytest.mark.parametrize("n", [3, 5, 8])
def test_the_interval_covers_the_truth_in_95_of_100_simulations(n):
    """Measured 0.9494, 0.9509, 0.9512 at 3, 5 and 8 seeds."""
    values = np.random.default_rng(n).normal(0.2, 0.013, size=(20_000, n))
    centre, half = values.mean(axis=1), stats.t.ppf(0.975, n - 1) * values.std(axis=1, ddof=1) / n**0.5
    one = mean_interval(values[0])
    assert one == pytest.approx((centre[0] - half[0], centre[0] + half[0]))
    assert np.mean(np.abs(centre - 0.2) <= half) == pytest.approx(0.95, abs=0.006)


@given(differences)
def test_the_sign_flip_test_is_the_brute_force_one(values):
    observed = abs(sum(values))
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(values))
    ]
    tolerance = 1e-12 * sum(map(abs, values))
    assert sign_flip_p(values) == np.mean([total >= observed - tolerance for total in sums])


@given(differences)
def test_the_sign_flip_p_keeps_its_floor_and_does_not_see_signs_or_order(values):
    p = sign_flip_p(values)
    assert sign_flip_floor(len(values)) <= p <= 1
    assert sign_flip_p([-v for v in values]) == p
    assert sign_flip_p(sorted(values)) == pytest.approx(p)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 12, 20])
def test_differences_of_one_sign_reach_the_floor(n):
    assert sign_flip_p(np.linspace(0.1, 0.3, n)) == sign_flip_floor(n)


def test_no_difference_at_all_gives_p_one():
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0


def test_beyond_twenty_differences_a_seed_is_demanded():
    with pytest.raises(ValueError, match="give a seed"):
        sign_flip_p([0.1] * 21)


def test_sampled_flips_repeat_come_near_scipy_and_are_never_zero():
    values = np.random.default_rng(1).normal(0.3, 1, size=25)
    p = sign_flip_p(values, seed=4)
    assert p == sign_flip_p(values, seed=4)
    assert p == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.02)
    assert sign_flip_p([1.0] * 40, seed=4) > 0


def test_sampled_flips_are_the_same_however_many_are_held_at_once(monkeypatch):
    values = np.random.default_rng(3).normal(0.1, 1.0, size=37)
    p = sign_flip_p(values, seed=4)
    for at_once in (100_000, 777):
        monkeypatch.setattr(statistics, "_FLIPS_AT_ONCE", at_once)
        assert sign_flip_p(values, seed=4) == p


def test_the_floors_are_those_of_the_method_page():
    assert [sign_flip_floor(n) for n in (3, 4, 5, 6, 8)] == [0.25, 0.125, 0.0625, 0.03125, 0.0078125]
    assert [permutation_floor(n, n) for n in (3, 4, 5, 6, 8)] == pytest.approx(
        [0.1, 0.029, 0.0079, 0.0022, 0.00016], rel=0.03
    )
    assert sign_flip_floor(0) == sign_flip_floor(1) == 1.0
    assert permutation_floor(3, 4) == pytest.approx(1 / 35)


def test_six_seeds_are_the_fewest_that_the_sign_flip_test_can_confirm():
    assert seeds_to_confirm() == 6
    assert seeds_to_confirm(0.01) == 8


@given(st.lists(accuracies, min_size=2, max_size=9))
def test_equal_values_are_trusted_from_three_inside_the_region_and_from_six_outside(values):
    n, equal = len(values), [values[0]] * len(values)
    assert (decisive_interval(equal, values[0] - 0.1, values[0] + 0.1) is None) == (n < 3)
    assert (decisive_interval(equal, values[0] + 0.1, values[0] + 0.2) is None) == (n < 6)
    if not has_no_spread(values):
        assert decisive_interval(values, 0, 1) == mean_interval(values)


def test_rounding_is_no_spread_and_one_image_in_ten_million_is():
    assert has_no_spread([0.3 - 0.1, 0.2, 0.5 - 0.3])
    assert not has_no_spread([0.2, 0.2000001, 0.2])


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemars_test_is_the_tail_of_a_fair_coin_twice(b, c):
    tail = stats.binom.cdf(min(b, c), b + c, 0.5)
    assert mcnemar_p(b, c) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar_p(b, c) == pytest.approx(mcnemar_p(c, b))


def test_mcnemars_test_on_a_textbook_table():
    """R: binom.test(3, 12); and no discordant pair at all."""
    assert mcnemar_p(3, 9) == pytest.approx(0.14599609)
    assert mcnemar_p(0, 0) == 1.0


@pytest.mark.parametrize(("only_a", "only_b"), [(0.02, 0.02), (0.12, 0.05), (0.3, 0.1)])
def test_the_interval_over_images_covers_the_truth(only_a, only_b):
    """10,000 draws of 1,000 test images: at least 94 % and no more than 97 %."""
    counts = np.random.default_rng(3).multinomial(1000, [only_a, only_b, 1 - only_a - only_b], size=10_000)
    truth = only_a - only_b
    seen, repeats = np.unique(counts, axis=0, return_counts=True)
    covered = [
        low <= truth <= high
        for low, high in (paired_share_interval(int(a), int(b), 1000) for a, b, _ in seen)
    ]
    assert 0.94 <= np.sum(repeats[covered]) / 10_000 <= 0.97


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_interval_over_images_stays_in_range_and_turns_with_the_networks(a, b, rest):
    low, high = paired_share_interval(a, b, a + b + rest + 1)
    assert -1 <= low <= high <= 1
    assert paired_share_interval(b, a, a + b + rest + 1) == pytest.approx((-high, -low))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_lies_between_the_raw_p_and_bonferronis(p):
    adjusted = holm(p)
    for raw, own in zip(p, adjusted, strict=True):
        assert raw <= own <= min(1.0, raw * len(p)) or own == max(adjusted)
        assert own <= 1
    order = np.argsort(p, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)
    assert adjusted[int(np.argmin(p))] == pytest.approx(min(1.0, min(p) * len(p)))


def test_holm_on_a_known_example():
    """R: p.adjust(c(.01, .02, .03, .04, .05), "holm")."""
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])


@given(st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=6), st.floats(-0.1, 0.1))
def test_the_seeds_that_would_decide_are_the_fewest_whose_interval_clears_the_edge(values, edge):
    """Checked with the formula written out: half-width against distance, at that number and at one fewer."""
    n = seeds_to_decide(values, edge)
    if n is None:
        return
    distance, spread = abs(np.mean(values) - edge), np.std(values, ddof=1)
    half = [stats.t.ppf(0.975, k - 1) * spread / k**0.5 for k in (n, max(n - 1, 2))]
    assert 3 <= n <= 999
    assert half[0] < distance
    assert n == 3 or half[1] >= distance


def test_the_nearest_of_several_edges_decides_how_many_seeds_it_takes():
    values = [0.02, 0.05, 0.03]
    assert (
        seeds_to_decide(values, -0.01, 0.01) == seeds_to_decide(values, 0.01) > seeds_to_decide(values, -0.01)
    )


def test_seeds_that_would_decide_cannot_be_told_without_a_spread_or_on_the_edge():
    assert seeds_to_decide([0.1], 0.0) is None
    assert seeds_to_decide([0.1, 0.1, 0.1], 0.0) is None
    assert seeds_to_decide([0.1, 0.2, 0.3], 0.2) is None
