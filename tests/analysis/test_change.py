"""A quantity measured twice with the same seeds: moved, no clear change, equal, or not to be told."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tinyexp.analysis.change import change_between

BEFORE = {0: 0.50, 1: 0.52, 2: 0.51, 3: 0.49}


def shifted(*by):
    return {seed: BEFORE[seed] + step for seed, step in enumerate(by)}


@pytest.mark.parametrize(
    ("by", "verdict"),
    [
        ((0.05, 0.06, 0.05, 0.06), "rose"),
        ((-0.05, -0.06, -0.05, -0.06), "fell"),
        ((0.05, -0.06, 0.05, -0.03), "within_noise"),
        ((0.0, 0.0, 0.0, 0.0), "equal"),
    ],
)
def test_the_verdict_is_read_off_the_paired_interval(by, verdict):
    found = change_between(BEFORE, shifted(*by))
    assert found.verdict == verdict
    assert found.change == pytest.approx(np.mean(by))


@pytest.mark.parametrize(("apart", "verdict"), [(9e-10, "equal"), (2e-9, "cannot_tell")])
def test_digits_that_not_every_report_stores_are_no_change(apart, verdict):
    """An earlier version stored twelve where ten are stored now."""
    assert change_between(BEFORE, shifted(apart, apart, apart, apart)).verdict == verdict
    assert (
        change_between(dict.fromkeys(range(3), 50.0), dict.fromkeys(range(3), 50 + 50 * apart)).verdict
        == verdict
    )


def test_the_interval_is_that_of_the_paired_t_test():
    here = shifted(0.05, 0.01, 0.03, 0.02)
    found = change_between(BEFORE, here)
    test = stats.ttest_rel(list(here.values()), list(BEFORE.values())).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((test.low, test.high))


def test_an_interval_that_touches_zero_is_within_noise():
    """One more seed with nothing moved pulls the interval over zero, whatever the mean says."""
    found = change_between(BEFORE, shifted(0.05, 0.06, 0.05, -0.02))
    assert found.low is not None
    assert found.low < 0 < (found.change or 0)
    assert found.verdict == "within_noise"


def test_two_shared_seeds_are_too_few_whatever_they_show():
    found = change_between({0: 0.1, 1: 0.2, 7: 0.3}, {0: 0.9, 1: 0.91})
    assert (found.verdict, found.reason) == ("cannot_tell", "too_few_seeds")
    assert (found.low, found.high) == (None, None)
    assert (found.seeds, found.unpaired_seeds) == ((0, 1), (7,))


def test_no_shared_seed_is_told_with_the_seeds():
    found = change_between({0: 0.1}, {1: 0.2})
    assert (found.verdict, found.reason, found.change) == ("cannot_tell", "no_shared_seed", None)
    assert found.unpaired_seeds == (0, 1)


def test_the_same_step_with_every_seed_shows_no_spread():
    """Three images more with each of three seeds is no certainty; with six it is."""
    three = change_between(dict.fromkeys(range(3), 0.5), dict.fromkeys(range(3), 0.503))
    assert (three.verdict, three.reason) == ("cannot_tell", "no_spread")
    six = change_between(dict.fromkeys(range(6), 0.5), dict.fromkeys(range(6), 0.503))
    assert six.verdict == "rose"


def test_of_two_rounds_that_do_not_differ_about_one_in_twenty_is_said_to_have_moved():
    """A/A: 2,000 pairs of rounds from one distribution; five standard errors of room."""
    draw = np.random.default_rng(0)
    moved = 0
    for _ in range(2000):
        before, here = draw.normal(0.5, 0.02, size=(2, 5))
        found = change_between(dict(enumerate(before)), dict(enumerate(here)))
        moved += found.verdict in ("rose", "fell")
    assert 0.0256 < moved / 2000 < 0.0744
