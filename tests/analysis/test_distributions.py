"""Tails and critical values against other formulas at fifty digits, and against scipy."""

import math
import subprocess
import sys

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tinyexp.analysis.distributions import coin_lower, f_upper, normal_critical, t_critical, t_two_sided

CLOSE = 1e-12
REAL = mpmath.MPContext()
REAL.dps = 50

degrees_of_freedom = st.one_of(st.integers(1, 200), st.floats(1, 200))
probabilities = st.one_of(st.floats(1e-15, 0.999), st.floats(-15, -1e-3).map(lambda power: 10.0**power))


def beta_fraction(a, b, part, rest):
    """The regularised incomplete beta function by its continued fraction, which shares nothing with a series.

    Source: Abramowitz and Stegun 26.5.8, from the innermost term outward.
    """
    a, b, part, rest = (REAL.mpf(value) for value in (a, b, part, rest))
    x = part / (part + rest)
    if x > (a + 1) / (a + b + 2):  # where it would need more terms
        return 1 - beta_fraction(b, a, rest, part)
    value = REAL.mpf(1)
    for m in range(400, -1, -1):
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)) if m else None
        value = 1 + odd / value
        value = 1 + even / value if m else 1 / value
    return value * x**a * (1 - x) ** b / (a * REAL.beta(a, b))


def relative(value, truth):
    return float(abs(REAL.mpf(value) / truth - 1))


@given(st.floats(1e-3, 60), degrees_of_freedom)
@settings(max_examples=100, deadline=None)
def test_both_tails_of_t_are_what_the_continued_fraction_gives(statistic, degrees):
    t = REAL.mpf(statistic)
    truth = beta_fraction(REAL.mpf(degrees) / 2, 0.5, degrees, t * t)
    assert relative(t_two_sided(statistic, degrees), truth) <= CLOSE
    assert t_two_sided(-statistic, degrees) == t_two_sided(statistic, degrees)


@given(probabilities, degrees_of_freedom)
@settings(max_examples=100, deadline=None)
def test_t_exceeds_its_critical_value_as_often_as_was_asked(alpha, degrees):
    """The error of the value, not of the probability there, which for many degrees is many times as large."""
    value = REAL.mpf(t_critical(alpha, degrees))
    nu = REAL.mpf(degrees)
    off = beta_fraction(nu / 2, 0.5, nu, value * value) - REAL.mpf(alpha)
    density = 2 * REAL.gamma((nu + 1) / 2) / REAL.gamma(nu / 2) / REAL.sqrt(nu * REAL.pi)
    density *= (1 + value * value / nu) ** (-(nu + 1) / 2)
    assert float(abs(off / density / value)) <= CLOSE


@given(st.floats(1e-3, 60), degrees_of_freedom, degrees_of_freedom)
@settings(max_examples=100, deadline=None)
def test_the_upper_tail_of_f_is_what_the_continued_fraction_gives(statistic, numerator, denominator):
    above, below = REAL.mpf(numerator), REAL.mpf(denominator)
    truth = beta_fraction(below / 2, above / 2, below, above * REAL.mpf(statistic))
    if truth > 1e-290:  # below that a float has fewer digits
        assert relative(f_upper(statistic, numerator, denominator), truth) <= CLOSE


@pytest.mark.parametrize("degrees", [1, 1.37, 2, 3, 4.5, 9, 30, 199.5])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.025, 0.01, 0.001, 1e-6])
def test_scipy_gives_the_same(alpha, degrees):
    value = t_critical(alpha, degrees)
    assert value == pytest.approx(stats.t.isf(alpha / 2, degrees), rel=CLOSE)
    assert t_two_sided(value, degrees) == pytest.approx(2 * stats.t.sf(value, degrees), rel=CLOSE)
    assert f_upper(value, degrees, 7.5) == pytest.approx(stats.f.sf(value, degrees, 7.5), rel=CLOSE)


@given(probabilities)
@settings(deadline=None)
def test_the_normal_exceeds_its_critical_value_as_often_as_was_asked(alpha):
    value = REAL.mpf(normal_critical(alpha))
    density = REAL.sqrt(2 / REAL.pi) * REAL.exp(-value * value / 2)
    off = REAL.erfc(value / REAL.sqrt(2)) - REAL.mpf(alpha)
    assert float(abs(off / density / value)) <= CLOSE


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_coin_is_counted_exactly(heads, throws):
    ways = sum(math.comb(throws, k) for k in range(min(heads, throws) + 1))
    assert coin_lower(heads, throws) == ways / 2**throws


def test_a_coin_of_as_many_throws_as_a_test_set_has_images_is_no_overflow():
    assert coin_lower(4_900, 10_000) == pytest.approx(stats.binom.cdf(4_900, 10_000, 0.5), rel=1e-9)


def test_the_edges_of_the_scale_have_their_values():
    assert t_two_sided(0.0, 4) == f_upper(0.0, 3, 4) == f_upper(-1.0, 3, 4) == 1.0
    assert t_two_sided(math.inf, 4) == t_two_sided(-math.inf, 4) == f_upper(math.inf, 3, 4) == 0.0
    assert math.isnan(t_two_sided(math.nan, 4))
    assert math.isnan(f_upper(math.nan, 3, 4))
    assert t_two_sided(1e-300, 3) == 1.0
    assert t_two_sided(1e300, 3) == 0.0 != t_two_sided(1e100, 3)


@pytest.mark.parametrize("degrees", [0, -1, math.inf, math.nan])
def test_degrees_of_freedom_that_are_none_are_refused(degrees):
    for call in (
        lambda: t_two_sided(1.0, degrees),
        lambda: t_critical(0.05, degrees),
        lambda: f_upper(1.0, 3, degrees),
    ):
        with pytest.raises(ValueError, match="degrees of freedom are finite and above zero"):
            call()


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan])
def test_a_level_that_is_no_probability_is_refused(alpha):
    for call in (lambda: t_critical(alpha, 3), lambda: normal_critical(alpha)):
        with pytest.raises(ValueError, match="between 0 and 1"):
            call()


@pytest.mark.parametrize("degrees", [1, 1.5, 7, 200, 5000, 1e6])
@pytest.mark.parametrize("alpha", [0.999999, 0.5, 1e-15, 1e-100])
def test_the_search_ends_far_outside_of_what_reports_ask(alpha, degrees):
    assert t_two_sided(t_critical(alpha, degrees), degrees) == pytest.approx(alpha, rel=1e-9)


def test_neither_reads_nor_changes_the_precision_that_others_set():
    before = t_two_sided(2.5, 17.3), mpmath.mp.prec
    t_two_sided.cache_clear()
    with mpmath.workprec(10):
        assert t_two_sided(2.5, 17.3) == before[0]
    assert mpmath.mp.prec == before[1]


def test_analysis_needs_no_scipy():
    """It would be a third of an installation."""
    code = "import sys, tinyexp.api, tinyexp.analysis.attribution, tinyexp.report.render; print('scipy' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
