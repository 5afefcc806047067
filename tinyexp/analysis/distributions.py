"""Tail probabilities and critical values of t, F, the normal distribution and a fair coin.

By mpmath, whose arithmetic is on integers: each result has twice a float's bits before it is rounded to a float, and is
the same on every processor, which the last bits of compiled functions are not. Degrees of freedom may be fractions, as
those of Welch's test are. A call takes 0.1 to 3 ms, and is made once for each set of arguments.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from mpmath import MPContext

_BITS = 106
_STEPS = 50
"""Two to eight are needed."""
_mp = MPContext()  # of our own: the precision that other users of mpmath set is neither read nor changed
_mp.prec = _BITS
_Real = Any  # a number of mpmath, which publishes no types


@lru_cache(maxsize=4096)
def t_two_sided(statistic: float, degrees: float) -> float:
    """The probability that t with so many degrees of freedom is at least as far from zero as ``statistic``.

    Raises ValueError unless the degrees are finite and above zero.

    >>> round(t_two_sided(2.5, 5), 12)
    0.054490099342
    """
    _check_degrees(degrees)
    if math.isnan(statistic) or math.isinf(statistic):
        return math.nan if math.isnan(statistic) else 0.0
    return float(_t_tails(_mp.mpf(statistic), _mp.mpf(degrees)))


@lru_cache(maxsize=4096)
def t_critical(alpha: float, degrees: float) -> float:
    """The value that t with so many degrees of freedom exceeds in size with probability ``alpha``.

    An interval of confidence ``1 - alpha`` reaches so many standard errors to either side. Raises ValueError
    unless ``0 < alpha < 1`` and the degrees are finite and above zero.

    >>> round(t_critical(0.05, 2), 12)
    4.302652729749
    """
    _check_degrees(degrees)
    nu = _mp.mpf(degrees)
    constant = 2 * _mp.gammaprod([(nu + 1) / 2], [nu / 2]) / _mp.sqrt(nu * _mp.pi)

    def density(t: _Real) -> _Real:
        return constant * (1 + t * t / nu) ** (-(nu + 1) / 2)

    return _critical(alpha, lambda t: _t_tails(t, nu), density, _near_t(alpha, degrees))


@lru_cache(maxsize=1024)
def f_upper(statistic: float, numerator: float, denominator: float) -> float:
    """The probability that F with so many degrees of freedom above and below the line is at least ``statistic``.

    Raises ValueError unless both are finite and above zero.

    >>> round(f_upper(3.0, 2, 10), 12)
    0.095367431641
    """
    _check_degrees(numerator)
    _check_degrees(denominator)
    if math.isnan(statistic):
        return math.nan
    if statistic <= 0 or math.isinf(statistic):
        return 0.0 if statistic > 0 else 1.0
    above, below = _mp.mpf(numerator), _mp.mpf(denominator)
    return float(_beta_below(below, above * _mp.mpf(statistic), below / 2, above / 2))


@lru_cache(maxsize=64)
def normal_critical(alpha: float) -> float:
    """The value that a standard normal variable exceeds in size with probability ``alpha``, between 0 and 1.

    >>> round(normal_critical(0.05), 12)
    1.95996398454
    """
    root = _mp.sqrt(_mp.mpf(2))
    constant = root / _mp.sqrt(_mp.pi)
    start = _near_normal(alpha)
    return _critical(alpha, lambda z: _mp.erfc(z / root), lambda z: constant * _mp.exp(-z * z / 2), start)


def coin_lower(heads: int, throws: int) -> float:
    """The probability of at most so many heads in throws of a fair coin: exact, then rounded once.

    >>> coin_lower(1, 3)
    0.5
    """
    ways, term = 0, 1
    for k in range(min(heads, throws) + 1):
        ways += term
        term = term * (throws - k) // (k + 1)
    return ways / (1 << throws)


def _critical(
    alpha: float, tails: Callable[[_Real], _Real], density: Callable[[_Real], _Real], start: float
) -> float:
    """Where ``tails``, the integral of ``density`` from there on, is ``alpha``."""
    # Newton on log(tails) over u = log(x). The density of u is log-concave for the normal and for every t, so
    # log(tails) is concave too: the first step may pass the root, no later one does, and no bracket is needed. In a
    # tail the curve is nearly straight, so that a start far from the root costs little.
    goal, u = _mp.log(_mp.mpf(alpha)), _mp.log(_mp.mpf(start))
    for _ in range(_STEPS):
        x = _mp.exp(u)
        here = tails(x)
        step = (_mp.log(here) - goal) * here / (density(x) * x)
        u += step
        if abs(step) < 1e-12:  # what is left is of the order of its square
            return float(_mp.exp(u))
    raise AssertionError(f"no convergence for alpha {alpha!r}")


def _near_normal(alpha: float) -> float:
    """Near the critical value of the normal. How near a start is decides how many steps follow, and nothing else."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a probability between 0 and 1, not {alpha!r}")
    return -NormalDist().inv_cdf(max(alpha / 2, sys.float_info.min))


def _near_t(alpha: float, degrees: float) -> float:
    """Near the critical value of t. Source: Abramowitz and Stegun 26.7.5, an expansion for many degrees of freedom."""
    z = _near_normal(alpha)
    return z + (z * z + 1) * z / (4 * degrees) + ((5 * z * z + 16) * z * z + 3) * z / (96 * degrees * degrees)


def _t_tails(t: _Real, nu: _Real) -> _Real:
    """Both tails of Student's t. Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1."""
    return _beta_below(nu, t * t, nu / 2, _mp.mpf(1) / 2)


def _beta_below(part: _Real, rest: _Real, a: _Real, b: _Real) -> _Real:
    """The regularised incomplete beta function of a and b, up to ``part / (part + rest)``."""
    if part * b > rest * a:  # beyond the mean the other side is the smaller one, and the quicker
        return 1 - _mp.betainc(b, a, 0, rest / (part + rest), regularized=True)
    return _mp.betainc(a, b, 0, part / (part + rest), regularized=True)


def _check_degrees(degrees: float) -> None:
    if not (degrees > 0 and math.isfinite(degrees)):
        raise ValueError(f"degrees of freedom are finite and above zero, not {degrees!r}")
