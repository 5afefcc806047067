"""A peer's numbers: an ordinary linear model on the coded factors, by statsmodels, agrees to 1e-9."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from tinyexp.analysis.attribution import attribute
from tinyexp.analysis.plan import make_plan

FACTORS = ["augmentation", "activation", "conv1", "conv4", "fc", "input"]
EXACT = 1e-9


def runs(kind, seeds, factors=FACTORS):
    """Accuracies with main effects, pairs, a shift that a seed's runs share, and a run's own spread."""
    plan, rng = make_plan(kind, factors), np.random.default_rng(11)
    levels = np.array(plan.levels)
    coded = 2.0 * levels - 1
    mean = 0.5 + coded @ rng.normal(0, 0.03, len(factors))
    for pair in itertools.combinations(range(len(factors)), 2):
        mean = mean + rng.normal(0, 0.005) * coded[:, pair].prod(axis=1)
    frames = [
        pd.DataFrame(levels, columns=factors).assign(
            seed=seed, test_accuracy=mean + rng.normal(0, 0.02) + rng.normal(0, 0.01, len(levels))
        )
        for seed in range(seeds)
    ]
    return pd.concat(frames, ignore_index=True)


def coded(frame):
    """Levels as -1 and +1, as an effect-coded design has them."""
    return frame.assign(**{name: 2 * frame[name] - 1 for name in FACTORS if name in frame})


@pytest.mark.parametrize("kind", ["fraction", "full"])
@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
def test_the_main_effects_are_the_coefficients_of_an_additive_model(kind, seeds):
    frame = runs(kind, seeds)
    formula = f"test_accuracy ~ {' + '.join(FACTORS)}{' + C(seed)' if seeds > 1 else ''}"
    fitted = smf.ols(formula, data=coded(frame)).fit()
    found = attribute(frame, FACTORS, "test_accuracy", kind).in_metric
    for row in found.shares:
        assert row.main_effect.estimate == pytest.approx(2 * fitted.params[row.factor], abs=EXACT)
        if kind == "fraction":
            assert row.share.estimate == pytest.approx(2 * fitted.params[row.factor], abs=EXACT)


@pytest.mark.parametrize("seeds", [2, 3])
def test_the_pairs_are_the_coefficients_of_the_products_that_a_fraction_can_tell(seeds):
    frame = runs("fraction", seeds)
    found = attribute(frame, FACTORS, "test_accuracy", "fraction").in_metric
    first = [row.pairs[0] for row in found.interactions]
    terms = [*FACTORS, *(":".join(pair) for pair in first), "C(seed)"]
    fitted = smf.ols(f"test_accuracy ~ {' + '.join(terms)}", data=coded(frame)).fit()
    for row in found.interactions:
        assert row.effect.estimate == pytest.approx(4 * fitted.params[":".join(row.pairs[0])], abs=EXACT)


def test_the_shares_of_a_full_plan_are_those_of_the_saturated_model():
    """Shapley values from the coefficients: each product of odd order is shared equally among its factors."""
    factors = FACTORS[:4]
    frame = runs("full", 3, factors)
    fitted = smf.ols(f"test_accuracy ~ {' * '.join(factors)} + C(seed)", data=coded(frame)).fit()
    found = attribute(frame, factors, "test_accuracy", "full").in_metric
    for row in found.shares:
        share = sum(
            2 * value / len(name.split(":"))
            for name, value in fitted.params.items()
            if row.factor in name.split(":") and len(name.split(":")) % 2 == 1
        )
        assert row.share.estimate == pytest.approx(share, abs=EXACT)


def test_with_one_seed_and_repeated_ends_the_interval_is_the_linear_models():
    """Where runs are pooled, statsmodels' two-way layout gives the same estimate, error, interval and p."""
    frame = runs("fraction", 1)
    plan, rng = make_plan("fraction", FACTORS), np.random.default_rng(3)
    ends = pd.DataFrame([plan.levels[0], plan.levels[-1]] * 4, columns=FACTORS).assign(
        seed=np.repeat([1, 2, 3, 4], 2), test_accuracy=rng.normal(0.5, 0.02, 8)
    )
    both = pd.concat([frame, ends], ignore_index=True)
    found = attribute(both, FACTORS, "test_accuracy", "fraction")
    assert (found.error, found.degrees) == ("pooled_over_runs", 4)
    cells = both.assign(mixture=both[FACTORS].astype(str).agg("".join, axis=1))
    fitted = smf.ols("test_accuracy ~ 0 + C(mixture) + C(seed)", data=cells).fit()
    weights = np.zeros(len(fitted.params))
    names = ["".join(map(str, row)) for row in plan.levels]
    for level, name in zip(np.array(plan.levels)[:, 0], names, strict=True):
        weights[list(fitted.params.index).index(f"C(mixture)[{name}]")] = (2 * level - 1) / 8
    test = fitted.t_test(weights)
    share = found.in_metric.shares[0].share
    low, high = test.conf_int()[0]
    assert share.estimate == pytest.approx(float(test.effect[0]), abs=EXACT)
    assert share.standard_error == pytest.approx(float(np.squeeze(test.sd)), abs=EXACT)
    assert (share.low, share.high) == pytest.approx((low, high), abs=EXACT)
    assert share.p == pytest.approx(float(np.squeeze(test.pvalue)), abs=EXACT)


def test_by_seed_the_interval_is_that_of_the_seeds_own_coefficients():
    """A linear model in each seed; the means of its coefficients, with the residual of their two-way table where it is pooled."""
    frame = runs("fraction", 5)
    formula = f"test_accuracy ~ {' + '.join(FACTORS)}"
    fits = [smf.ols(formula, data=coded(part)).fit().params for _, part in frame.groupby("seed")]
    own = pd.DataFrame([(name, 2 * one[name]) for one in fits for name in FACTORS], columns=["factor", "y"])
    pooled = smf.ols("y ~ 0 + factor", data=own).fit()
    found = attribute(frame, FACTORS, "test_accuracy", "fraction")
    assert found.error == "pooled_by_seed"
    for row in found.in_metric.shares:
        term, share = f"factor[{row.factor}]", row.share
        assert share.by_seed == pytest.approx(own.query("factor == @row.factor")["y"].tolist(), abs=EXACT)
        assert (share.low, share.high) == pytest.approx(tuple(pooled.conf_int().loc[term]), abs=EXACT)
        assert share.p == pytest.approx(pooled.pvalues[term], abs=EXACT)
