"""Plans: how many runs, what they can tell apart, and that dear ones hold the cheap ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tinyexp.analysis.plan import PLAN_KINDS, make_plan
from tinyexp.errors import UserError

COUNTS = range(2, 13)


def names(count):
    return list("ABCDEFGHJKLM"[:count])


def signs(plan):
    return 2 * np.array(plan.levels) - 1


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", PLAN_KINDS)
def test_every_plan_begins_with_the_baseline_and_ends_with_the_contender(kind, count):
    plan = make_plan(kind, names(count))
    assert plan.levels[0] == (0,) * count
    assert plan.levels[-1] == (1,) * count
    assert len(set(plan.levels)) == len(plan.levels)


@pytest.mark.parametrize("count", COUNTS)
def test_cheap_plans_are_subsets_of_the_full_one(count):
    full = set(make_plan("full", names(count)).levels)
    assert len(full) == 2**count
    assert set(make_plan("fraction", names(count)).levels) <= full
    assert set(make_plan("one-at-a-time", names(count)).levels) <= full


RUNS = dict(zip(COUNTS, [4, 8, 8, 16, 16, 16, 16, 32, 32, 32, 32], strict=True))


@pytest.mark.parametrize(("count", "runs"), list(RUNS.items()))
def test_a_fraction_has_the_fewest_runs_of_its_resolution(count, runs):
    """Resolution IV needs at least 2 K runs, so none of these could be halved."""
    plan = make_plan("fraction", names(count))
    assert len(plan.levels) == runs
    assert (plan.kind == "full") == (count < 4)
    assert count < 4 or runs / 2 < 2 * count


@pytest.mark.parametrize("count", range(4, 13))
def test_a_fraction_has_resolution_four(count):
    """Main effects are orthogonal to each other, to the mean and to every two-way interaction."""
    x = signs(make_plan("fraction", names(count)))
    assert (x.T @ x == len(x) * np.eye(count)).all()
    assert (x.sum(axis=0) == 0).all()
    for a, b in itertools.combinations(range(count), 2):
        assert (x.T @ (x[:, a] * x[:, b]) == 0).all()


@pytest.mark.parametrize("count", range(4, 13))
def test_all_defining_words_of_a_fraction_have_even_length_of_four_or_more(count):
    x = signs(make_plan("fraction", names(count)))
    lengths = [
        size
        for size in range(1, count + 1)
        for places in itertools.combinations(range(count), size)
        if (x[:, places].prod(axis=1) == 1).all()
    ]
    assert len(lengths) == 2**count / len(x) - 1
    assert min(lengths) == 4
    assert all(length % 2 == 0 for length in lengths)
    assert not any(
        (x[:, places].prod(axis=1) == -1).all() for places in itertools.combinations(range(count), 3)
    )


def test_six_factors_have_the_generators_of_the_method():
    x = signs(make_plan("fraction", names(6)))
    assert (x[:, 4] == x[:, 0] * x[:, 1] * x[:, 2]).all()
    assert (x[:, 5] == x[:, 1] * x[:, 2] * x[:, 3]).all()


@pytest.mark.parametrize("count", range(2, 10))
@pytest.mark.parametrize("kind", ["fraction", "full"])
def test_alias_groups_are_the_columns_that_are_equal(kind, count):
    plan = make_plan(kind, names(count))
    columns = {}
    for pair in itertools.combinations(plan.factors, 2):
        columns.setdefault(tuple(plan.column(pair)), []).append(pair)
    assert set(plan.two_way_groups) == {tuple(group) for group in columns.values()}
    assert sum(map(len, plan.two_way_groups)) == count * (count - 1) // 2


@pytest.mark.parametrize("count", range(4, 10))
def test_what_hides_behind_a_main_effect_is_every_equal_three_way_column(count):
    plan = make_plan("fraction", names(count))
    for name in plan.factors:
        column = plan.column([name])
        equal = {t for t in itertools.combinations(plan.factors, 3) if (plan.column(t) == column).all()}
        assert set(plan.hidden_behind[name]) == equal


def test_in_a_full_plan_nothing_hides():
    plan = make_plan("full", names(5))
    assert all(not group for group in plan.hidden_behind.values())
    assert all(len(group) == 1 for group in plan.two_way_groups)
    assert len(plan.groups(3)) == 10


def test_one_at_a_time_goes_from_both_ends():
    plan = make_plan("one-at-a-time", names(6))
    assert len(plan.levels) == 14
    assert sorted(sum(row) for row in plan.levels) == [0, *[1] * 6, *[5] * 6, 6]


@pytest.mark.parametrize("kind", PLAN_KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_few_factors_every_plan_is_the_full_one(kind, count):
    assert make_plan(kind, names(count)) == make_plan("full", names(count))


def test_a_plan_that_cannot_be_made_is_refused():
    with pytest.raises(UserError, match=r"unknown kind 'fractional'.*Did you mean 'fraction'"):
        make_plan("fractional", names(4))
    with pytest.raises(UserError, match="give 1 to 12 factors"):
        make_plan("full", [])
    with pytest.raises(UserError, match="give 1 to 12 factors"):
        make_plan("fraction", [f"f{number}" for number in range(13)])
    with pytest.raises(UserError, match="each once"):
        make_plan("full", ["A", "A"])
