"""Contrasts against brute force: Shapley values, a linear model, and the table of standard errors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinyexp.analysis.contrasts import contrasts
from tinyexp.analysis.plan import PLAN_KINDS, make_plan

CASES = [
    (kind, count) for kind in PLAN_KINDS for count in (1, 2, 3, 4, 5, 6, 8, 9) if (kind, count) != ("full", 9)
]


def names(count):
    return list("ABCDEFGHJ"[:count])


def response(plan, coefficients):
    """The value of each run from coefficients of products of levels coded -1 and +1."""
    return sum(value * plan.column(list(term)) for term, value in coefficients.items())


def shapley(plan, value):
    """By definition: the mean over all orders of switching."""
    at = dict(zip(plan.levels, value, strict=True))
    count = len(plan.factors)
    total = np.zeros(count)
    orders = list(itertools.permutations(range(count)))
    for order in orders:
        levels = [0] * count
        for place in order:
            before = at[tuple(levels)]
            levels[place] = 1
            total[place] += at[tuple(levels)] - before
    return total / len(orders)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_a_full_plan_gives_the_shapley_values_whatever_the_interactions(count):
    plan = make_plan("full", names(count))
    value = np.random.default_rng(count).normal(size=2**count)
    assert contrasts(plan).shares @ value == pytest.approx(shapley(plan, value), abs=1e-12)


@pytest.mark.parametrize(("kind", "count"), CASES)
def test_without_three_way_interactions_every_plan_gives_the_same_shares(kind, count):
    """Twice the coefficient of the factor, which is its Shapley value."""
    plan, rng = make_plan(kind, names(count)), np.random.default_rng(count)
    terms = [term for order in (1, 2) for term in itertools.combinations(names(count), order)]
    coefficients = dict(zip(terms, rng.normal(size=len(terms)), strict=True))
    rows, value = contrasts(plan), response(plan, coefficients)
    mains = [2 * coefficients[name,] for name in names(count)]
    assert rows.shares @ value == pytest.approx(mains, abs=1e-12)
    assert rows.main_effects @ value == pytest.approx(mains, abs=1e-12)
    assert rows.gap @ value == pytest.approx([sum(mains)])
    assert rows.not_explained @ value == pytest.approx([0], abs=1e-12)
    assert rows.beyond_pairs @ value == pytest.approx(np.zeros(len(rows.beyond_pairs)), abs=1e-12)
    groups = [
        sum(4 * coefficients[tuple(sorted(pair, key=names(count).index))] for pair in group)
        for group in rows.pair_groups
    ]
    assert rows.pairs @ value == pytest.approx(groups, abs=1e-12)


@pytest.mark.parametrize(("kind", "count"), CASES)
def test_the_rows_add_up_to_the_gap_whatever_the_runs_say(kind, count):
    plan = make_plan(kind, names(count))
    rows, value = contrasts(plan), np.random.default_rng(count).normal(size=len(plan.levels))
    total = (rows.shares @ value).sum() + (rows.not_explained @ value).item()
    assert total == pytest.approx((rows.gap @ value).item(), abs=1e-12)
    assert (rows.gap @ value).item() == pytest.approx(value[-1] - value[0])


@pytest.mark.parametrize(("kind", "count"), CASES)
def test_every_contrast_sums_to_zero_so_that_what_a_seed_shares_cancels(kind, count):
    rows = contrasts(make_plan(kind, names(count)))
    for weights in (
        rows.gap,
        rows.shares,
        rows.main_effects,
        rows.not_explained,
        rows.pairs,
        rows.beyond_pairs,
    ):
        assert np.abs(weights.sum(axis=1)).max(initial=0) < 1e-12


@pytest.mark.parametrize(("kind", "expected"), [("one-at-a-time", 1.0), ("fraction", 0.5), ("full", 0.38)])
def test_the_standard_errors_are_those_of_the_method_page(kind, expected):
    """At K = 6, for a run's spread of 1 and one seed; all factors have the same. Exact: 1, 0.5, 0.38006."""
    weights = contrasts(make_plan(kind, names(6))).shares
    assert np.sqrt((weights**2).sum(axis=1)) == pytest.approx(np.full(6, expected), rel=0.001)


@pytest.mark.parametrize(("kind", "count"), [case for case in CASES if case[0] != "one-at-a-time"])
def test_main_effects_are_those_of_a_linear_model_on_coded_factors(kind, count):
    plan = make_plan(kind, names(count))
    value = np.random.default_rng(count).normal(size=len(plan.levels))
    model = np.column_stack([np.ones(len(value)), np.array(plan.levels)])
    coefficients = np.linalg.lstsq(model, value, rcond=None)[0]
    assert contrasts(plan).main_effects @ value == pytest.approx(coefficients[1:], abs=1e-9)


@pytest.mark.parametrize("count", [4, 6])
def test_one_at_a_time_is_the_mean_of_two_usual_ablations(count):
    plan = make_plan("one-at-a-time", names(count))
    value = np.random.default_rng(count).normal(size=len(plan.levels))
    at, rows = dict(zip(plan.levels, value, strict=True)), contrasts(plan)
    for place in range(count):
        single = tuple(int(other == place) for other in range(count))
        rest = tuple(1 - level for level in single)
        near, far = at[single] - value[0], value[-1] - at[rest]
        assert (rows.from_baseline @ value)[place] == pytest.approx(near)
        assert (rows.from_contender @ value)[place] == pytest.approx(far)
        assert (rows.shares @ value)[place] == pytest.approx((near + far) / 2)


@pytest.mark.parametrize(("kind", "count"), [("fraction", 5), ("fraction", 6), ("fraction", 9), ("full", 5)])
def test_a_three_way_interaction_shows_in_its_own_group_or_hides_where_the_plan_says_so(kind, count):
    plan = make_plan(kind, names(count))
    rows = contrasts(plan)
    hidden = {term for group in plan.hidden_behind.values() for term in group}
    for term in itertools.combinations(names(count), 3):
        seen = rows.beyond_pairs @ response(plan, {term: 0.5})
        own = [term in group for group in rows.beyond_pair_groups]
        assert seen == pytest.approx(np.array(own, dtype=float), abs=1e-12)
        assert any(own) != (term in hidden)


@pytest.mark.parametrize("count", [4, 8])
def test_a_saturated_fraction_has_no_run_left_for_three_way_interactions(count):
    rows = contrasts(make_plan("fraction", names(count)))
    assert rows.beyond_pairs.shape[0] == 0
    assert not rows.not_explained.any()
