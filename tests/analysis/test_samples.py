"""Welch's interval, and the bound on its degrees of freedom where the numbers of runs differ."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from tinyexp.analysis.looks import look_errors
from tinyexp.analysis.samples import degrees_of_freedom, difference_interval, welch
from tinyexp.analysis.sweeps import change_along


def drawn(*runs, seed=0, spread=(1.0, 3.0)):
    rng = np.random.default_rng(seed)
    return [rng.normal(0.0, sd, count) for sd, count in zip(spread, runs, strict=True)]


@pytest.mark.parametrize("runs", [2, 3, 5, 20])
@pytest.mark.parametrize("level", [0.95, 0.99])
def test_of_equal_numbers_it_is_scipys_welch(runs, level):
    a, b = drawn(runs, runs)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(level)
    assert difference_interval(a, b, 0.0, 0.0, level) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize("runs", [(3, 4), (10, 3), (3, 20), (5, 6)])
@pytest.mark.parametrize("spread", [(1.0, 1.0), (1.0, 3.0), (3.0, 1.0)])
def test_of_unequal_numbers_its_degrees_of_freedom_are_bounded(runs, spread):
    a, b = drawn(*runs, spread=spread)
    whole = stats.ttest_ind(a, b, equal_var=False)
    error, degrees = welch(a, b)
    few, many = sorted(runs)
    assert degrees == pytest.approx(min(whole.df, (few - 1) * (1 + (few / many) ** 2)))
    half = stats.t.ppf(0.975, degrees) * error
    point = a.mean() - b.mean()
    assert difference_interval(a, b, 0.0, 0.0) == pytest.approx((point - half, point + half))
    assert difference_interval(b, a, 0.0, 0.0) == pytest.approx((-point - half, -point + half))


def test_a_variance_that_the_fewer_runs_make_leaves_them_their_own_degrees():
    assert degrees_of_freedom([1.0, 1e-6], [3, 4]) == pytest.approx(2.0, abs=1e-4)
    assert degrees_of_freedom([1e-6, 1.0], [3, 4]) == pytest.approx(3.0, abs=1e-4)
    assert degrees_of_freedom([1e-6, 1.0], [3, 20]) == pytest.approx(2.045)
    assert degrees_of_freedom([1.0, 1.0], [3, 3]) == pytest.approx(4.0)


def test_what_has_no_spread_leaves_the_degrees_of_the_other():
    assert welch([0.5] * 3, [0.1, 0.2, 0.3])[1] == pytest.approx(2.0)
    assert welch([0.5] * 3, [0.5] * 3) == (0.0, 0.0)


def test_the_change_along_a_sweep_is_bounded_too_and_by_what_has_a_weight():
    a, b = drawn(3, 8)
    middle = [0.1, 0.4]
    _, interval = change_along([a, middle, b], 0.0)
    assert interval == pytest.approx(difference_interval(b, a, 0.0, 0.0))


def test_what_a_look_spends_is_the_power_of_its_share_of_the_runs():
    for looks in [(3, 6), (3, 6, 10), (5, 10), (2, 3, 7, 50)]:
        spent = np.round(0.05 * (np.array(looks) / looks[-1]) ** math.log2(5), 6)
        assert look_errors(looks) == pytest.approx(np.diff([0.0, *spent]), abs=1e-9)


def false_alarms(draw, few, many, simulations=40_000):
    """How often a design beats itself, by arrays; the rule itself says the same of the first two hundred."""
    rng = np.random.default_rng(few * 100 + many)
    a, b = draw(rng, (simulations, few)), draw(rng, (simulations, many))
    parts = a.var(axis=1, ddof=1) / few, b.var(axis=1, ddof=1) / many
    variance = parts[0] + parts[1]
    own = variance**2 / (parts[0] ** 2 / (few - 1) + parts[1] ** 2 / (many - 1))
    half = special.stdtrit(np.minimum(own, (few - 1) * (1 + (few / many) ** 2)), 0.975) * np.sqrt(variance)
    point = a.mean(axis=1) - b.mean(axis=1)
    found = np.abs(point) > half
    for x, y, beats in zip(a[:200], b[:200], found, strict=False):
        low, high = difference_interval(x, y, 0.0, 0.0)
        assert (low > 0 or high < 0) == beats
    return found.mean()


NOISE = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.exponential(size=shape),
}


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("many", [4, 10, 20])
def test_a_design_of_three_runs_seldom_beats_itself_with_more(noise, many):
    assert false_alarms(NOISE[noise], 3, many) <= 0.055
