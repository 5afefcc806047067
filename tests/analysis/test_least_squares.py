"""Main effects from whatever was trained, against LAPACK; and what cannot be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyexp.analysis.least_squares import main_effects


def dummies(found, levels):
    blocks = found.block[:, None] == np.arange(found.block.max() + 1)
    return np.column_stack([blocks, levels]).astype(float)


@given(st.integers(0, 2**32 - 1))
def test_effects_variance_and_what_is_separable_are_plain_least_squares(draw):
    rng = np.random.default_rng(draw)
    factors, count = rng.integers(1, 6), rng.integers(2, 14)
    levels = rng.integers(0, 2, (count, factors))
    if factors > 2 and rng.random() < 0.5:
        levels[:, 1] = levels[:, 0]
    value = rng.normal(size=count)
    found = main_effects([tuple(row) for row in levels.tolist()], rng.integers(0, 4, count).tolist())
    model = dummies(found, levels)
    plain, _, rank, _ = np.linalg.lstsq(model, value, rcond=None)
    first = model.shape[1] - factors

    def told(places):
        row = np.zeros(model.shape[1])
        row[[first + place for place in places]] = 1
        return np.linalg.matrix_rank(np.vstack([model, row])) == rank, row @ plain

    for place in range(factors):
        known, effect = told([place])
        assert found.separable[place] == known
        assert not known or found.solution[place] @ value == pytest.approx(effect, abs=1e-9)
    for group, known in zip(found.groups, found.group_told, strict=True):
        expected, effect = told(group)
        assert known == expected
        assert not known or found.solution[list(group)].sum(axis=0) @ value == pytest.approx(effect, abs=1e-9)
    assert found.degrees == count - rank
    assert found.variance(value) == pytest.approx(
        ((value - model @ plain) ** 2).sum() / found.degrees if found.degrees else np.nan,
        abs=1e-9,
        nan_ok=True,
    )


def test_two_factors_that_are_always_switched_together_are_a_group_that_can_be_told():
    found = main_effects([(0, 0, 0), (1, 0, 0), (0, 1, 1), (1, 1, 1)], [0, 0, 0, 0])
    assert (found.separable, found.groups, found.group_told) == ((True, False, False), ((1, 2),), (True,))


def test_two_factors_of_which_always_one_is_on_have_a_sum_that_no_run_tells():
    found = main_effects([(0, 1), (1, 0), (0, 1), (1, 0)], [0, 0, 1, 1])
    assert (found.groups, found.group_told) == (((0, 1),), (False,))


def test_a_factor_that_was_never_switched_stands_by_itself():
    found = main_effects([(0, 1), (1, 1)], [0, 0])
    assert (found.separable, found.groups, found.group_told) == ((True, False), ((1,),), (False,))


def test_seeds_are_blocks_where_that_loses_no_factor():
    shared = main_effects([(0,), (1,), (0,), (1,)], [0, 0, 1, 1])
    assert (set(shared.block), shared.degrees) == ({0, 1}, 1)
    own = main_effects([(0,), (1,), (0,), (1,)], [0, 1, 2, 3])
    assert (set(own.block), own.separable, own.degrees) == ({0}, (True,), 2)
