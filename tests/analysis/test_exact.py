"""Sums are rounded once, logarithms correctly, and neither the order of runs nor that of seeds moves a bit."""

from __future__ import annotations

import math
import operator
import random
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyexp.analysis.attribution import attribute
from tinyexp.analysis.comparison import compare
from tinyexp.analysis.curves import mean_curves
from tinyexp.analysis.effects import fit_additive, paired_effects
from tinyexp.analysis.exact import column_means, deviation, dot, dots, folded, logarithms, mean, total
from tinyexp.analysis.plan import make_plan
from tinyexp.analysis.statistics import mean_interval, sign_flip_p

anything = st.floats(allow_nan=False, allow_infinity=False)
moderate = st.floats(-1e100, 1e100)
orders = st.randoms(use_true_random=False)
accuracies = st.floats(0.01, 0.99)


def exactly(values):
    """The sum by rational arithmetic, rounded once."""
    try:
        return float(sum(map(Fraction, values)))
    except OverflowError:
        return math.inf if sum(map(Fraction, values)) > 0 else -math.inf


def shuffled(values, order):
    return order.sample(values, len(values))


@given(st.lists(anything))
def test_a_sum_is_rounded_once(values):
    assert total(values) == exactly(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e308, 1e308, -1e308, 1e-300], 1e308),
        ([1e308, 1e308, -1e308, -1e308, 1e-300], 1e-300),
        ([1e308, 1e308], math.inf),
        ([-1e308, -1e308], -math.inf),
        ([math.inf, 1e308, 1e308], math.inf),
        ([-math.inf, 1.0], -math.inf),
        ([-0.0, -0.0], 0.0),
        ([], 0.0),
    ],
)
def test_sums_at_the_edge_of_what_floats_can_hold(values, expected):
    assert total(values) == expected
    assert math.copysign(1, total(values)) == math.copysign(1, expected)


def test_what_has_no_sum_or_mean_is_no_number():
    assert math.isnan(total([math.inf, -math.inf]))
    assert math.isnan(total([math.inf, -math.inf, 1e308, 1e308]))
    assert math.isnan(mean([]))


@given(st.lists(moderate, min_size=2, max_size=30), orders)
def test_the_order_of_values_moves_no_bit(values, order):
    other = shuffled(values, order)
    assert mean(other) == mean(values)
    assert deviation(other) == deviation(values)
    assert mean_interval(other) == mean_interval(values)
    assert column_means(np.array(other)[:, None]) == (mean(values),)


@given(st.lists(st.tuples(moderate, moderate), min_size=1, max_size=30), orders)
def test_the_order_of_products_moves_no_bit(pairs, order):
    a, b = zip(*pairs, strict=True)
    other_a, other_b = zip(*shuffled(pairs, order), strict=True)
    assert dot(other_a, other_b) == dot(a, b)
    assert dots(np.array([a]), np.array([b])) == [[dot(a, b)]]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), orders)
def test_the_order_and_the_common_sign_of_differences_move_no_bit_of_the_flips(values, order):
    """Up to twenty all are tried, above that they are drawn."""
    p = sign_flip_p(values, seed=0, samples=200)
    assert sign_flip_p(shuffled(values, order), seed=0, samples=200) == p
    assert sign_flip_p([-value for value in values], seed=0, samples=200) == p


def test_sums_agree_with_numpys():
    table, rows = np.random.default_rng(0).normal(size=(7, 33)), np.random.default_rng(1).normal(size=(5, 33))
    assert dots(table, rows) == pytest.approx(table @ rows.T, abs=1e-12)
    assert column_means(table) == pytest.approx(table.mean(axis=0), abs=1e-12)
    assert deviation(table[0]) == pytest.approx(table[0].std(ddof=1), abs=1e-12)


@pytest.mark.parametrize("width", [0, 1, 2, 3, 7, 8, 100, 1001])
def test_folding_sums_every_row_and_each_by_itself(width):
    table = np.random.default_rng(width).normal(size=(6, width))
    found = folded(table.copy())
    assert found == pytest.approx(table.sum(axis=1), abs=1e-12)
    for place in range(6):
        assert folded(table[place : place + 1].copy())[0] == found[place]


@given(st.lists(st.floats(min_value=0, exclude_min=True, allow_infinity=False), max_size=20))
def test_logarithms_are_correctly_rounded(values):
    exact = Context(prec=80).ln
    found = logarithms(np.array(values))
    assert found.tolist() == [float(exact(Decimal(value))) for value in values]
    assert found.tolist() == pytest.approx([math.log(value) for value in values], rel=1e-15, abs=1e-300)


def test_logarithms_that_the_c_library_misses_by_a_bit_are_correctly_rounded():
    """glibc's are off in one of two thousand, and not in the same ones on every processor."""
    values = [1.0709862288443377, 2.3254398143442807, 1.112464878667655, 2.296020854468654]
    exact = Context(prec=80).ln
    assert logarithms(np.array(values)).tolist() == [float(exact(Decimal(value))) for value in values]


def frame_of(table, names):
    """Runs of some experiments over shared seeds and two epochs, from values of shape (experiments, seeds)."""
    rows = [
        (name, seed, epoch, value / epoch)
        for name, values in zip(names, table, strict=True)
        for seed, value in enumerate(values)
        for epoch in (2, 1)
    ]
    return pd.DataFrame(rows, columns=["experiment", "seed", "epoch", "test_accuracy"])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(accuracies, accuracies),
        min_size=3,
        max_size=12,
        unique_by=(operator.itemgetter(0), operator.itemgetter(1)),  # equal ones are taken for copies
    ),
    orders,
    st.integers(0, 2**32 - 1),
)
def test_neither_the_order_of_rows_nor_which_seed_a_pair_has_moves_a_bit(pairs, order, draw):
    frame = frame_of(list(zip(*pairs, strict=True)), ("new", "old"))
    found = compare(frame, "new", "old")
    assert compare(frame.sample(frac=1, random_state=draw), "new", "old") == found
    other = frame_of(list(zip(*shuffled(pairs, order), strict=True)), ("new", "old"))
    again = compare(other, "new", "old")
    assert (again.mean, again.low, again.high) == (found.mean, found.low, found.high)
    assert (again.p_exact, again.verdict) == (found.p_exact, found.verdict)
    curves = mean_curves(frame, "test_accuracy")
    assert mean_curves(frame.sample(frac=1, random_state=draw), "test_accuracy", ("new", "old")) == curves
    assert [one.mean for one in mean_curves(other, "test_accuracy")] == [one.mean for one in curves]


FACTORS = ("a", "b", "c", "d")


@pytest.mark.parametrize("seeds", [1, 2, 3, 7])
@pytest.mark.parametrize("draw", range(3))
def test_the_order_of_runs_moves_no_bit_of_the_shares(seeds, draw):
    """With repeated ends, so that one and two seeds are pooled."""
    rng = np.random.default_rng(draw)
    plan = make_plan("fraction", FACTORS)
    rows = [(*levels, seed) for seed in range(seeds) for levels in plan.levels]
    rows += [(*plan.levels[place], seed) for seed in range(seeds, seeds + 3) for place in (0, -1)]
    frame = pd.DataFrame(rows, columns=[*FACTORS, "seed"])
    frame["test_accuracy"] = rng.uniform(0.1, 0.9, len(frame))
    found = attribute(frame, FACTORS, "test_accuracy", "fraction")
    assert found.error == ("pooled_by_seed" if seeds >= 3 else "pooled_over_runs")
    for again in range(3):
        other = frame.sample(frac=1, random_state=again)
        assert attribute(other, FACTORS, "test_accuracy", "fraction") == found


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_runs_and_seeds_moves_no_bit_of_a_fit_and_of_paired_effects(draw):
    rng = np.random.default_rng(draw)
    mixture, seed = np.concatenate([np.tile(np.arange(4), 3), [0, 3, 0, 3]]), np.repeat(np.arange(4), 4)
    value = rng.normal(size=16) * 10.0 ** rng.integers(-8, 8, 16)
    order = rng.permutation(16)
    fit, again = (
        fit_additive(*parts)
        for parts in ((mixture, seed, value), (mixture[order], seed[order], value[order]))
    )
    assert (fit.means.tobytes(), fit.variance) == (again.means.tobytes(), again.variance)
    assert (fit.lever.tobytes(), fit.spread.tobytes()) == (again.lever.tobytes(), again.spread.tobytes())
    table, rows = value.reshape(4, 4), np.array([[-1.0, 1, 0, 0], [-0.5, -0.5, 0.5, 0.5]])
    for one, other in zip(
        paired_effects(table, rows), paired_effects(table[rng.permutation(4)], rows), strict=True
    ):
        assert (one.estimate, one.standard_error, one.low, one.high, one.p) == (
            other.estimate,
            other.standard_error,
            other.low,
            other.high,
            other.p,
        )


def test_the_random_orders_of_these_tests_do_change_plain_sums():
    values = [0.1 * 3**place for place in range(30)]
    assert len({sum(shuffled(values, random.Random(draw))) for draw in range(20)}) > 1  # noqa: S311 - an order
