"""Steps along a sweep, by Holm's intervals, and the change along its line."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tinyexp.analysis.samples import difference_interval
from tinyexp.analysis.statistics import holm
from tinyexp.analysis.sweeps import along_each_seed, change_along, line_weights, steps_along

LEVELS = st.lists(st.floats(-3, 3), min_size=3, max_size=6)


def drawn(levels, runs=5, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    return [tuple(rng.normal(level, spread, runs)) for level in levels]


@given(levels=LEVELS, seed=st.integers(0, 1000))
def test_a_step_is_clear_of_zero_just_where_holms_p_is_below_five_per_cent(levels, seed):
    samples = drawn(levels, seed=seed)
    steps = steps_along([str(place) for place in range(len(levels))], samples)
    p = [stats.ttest_ind(b, a, equal_var=False).pvalue for a, b in itertools.pairwise(samples)]
    assert [step.low > 0 or step.high < 0 for step in steps] == [one < 0.05 for one in holm(p)]
    assert all(step.low < step.estimate < step.high for step in steps)


def test_paired_by_seed_a_step_is_the_paired_t():
    samples = [np.add(one, [0, 3, 6, 9, 12]) for one in drawn([0, 1, 2], spread=0.1)]
    steps = steps_along("abc", samples, paired=True)
    first = stats.ttest_rel(samples[1], samples[0]).confidence_interval(steps[0].level)
    assert (steps[0].low, steps[0].high) == pytest.approx((first.low, first.high))
    assert [step.low > 0 for step in steps] == [True, True]
    assert [step.low > 0 for step in steps_along("abc", samples)] == [False, False]


def test_the_change_of_two_is_welchs_difference():
    a, b = drawn([0, 1], runs=4)
    estimate, interval = change_along([a, b[:3]], 0.0, 0.01)
    assert interval == pytest.approx(difference_interval(b[:3], a, 0.0, 0.0, 0.99))
    assert estimate == pytest.approx(np.mean(b[:3]) - np.mean(a))


def test_the_change_along_is_that_of_the_fitted_line():
    samples = drawn([0, 2, 1, 5], runs=3)
    slope = np.polyfit(range(4), [np.mean(one) for one in samples], 1)[0]
    assert change_along(samples, 0.0)[0] == pytest.approx(3 * slope)
    paired, interval = change_along(samples, 0.0, paired=True)
    assert paired == pytest.approx(3 * slope)
    ends = stats.ttest_1samp(along_each_seed(samples), 0).confidence_interval()
    assert interval == pytest.approx((ends.low, ends.high))
    assert line_weights(4) == pytest.approx([-0.9, -0.3, 0.3, 0.9])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("runs", "change", "told"), [(2, 0, False), (3, 0, True), (3, 1, False), (6, 1, True)]
)
def test_without_any_spread_it_is_told_where_the_exact_test_could_confirm_it(runs, change, told, paired):
    samples = [(0.5,) * runs, (0.5,) * runs, (0.5 + change,) * runs]
    assert (change_along(samples, 0.1, paired=paired)[1] is not None) == told


def test_one_run_gives_no_interval():
    samples = [(0.5,), (0.6, 0.7), (0.8, 0.9)]
    assert change_along(samples, 0.0)[1] is None
    assert [step.low is None for step in steps_along("abc", samples)] == [True, False]


def test_a_middle_that_alone_has_a_spread_weighs_nothing():
    estimate, interval = change_along([(0.5,) * 4, (0.1, 0.9, 0.3, 0.2), (0.7,) * 4], 0.0)
    assert (estimate, *interval) == pytest.approx((0.2, 0.2, 0.2))


@pytest.mark.slow
@pytest.mark.usefixtures("scipy_tails")
def test_of_sweeps_that_go_nowhere_one_in_twenty_has_a_clear_step():
    steps = [steps_along("abcd", drawn([0, 0, 0, 0], runs=4, seed=seed)) for seed in range(4000)]
    assert 0.03 <= np.mean([any(step.low > 0 or step.high < 0 for step in one) for one in steps]) <= 0.06
