"""Claims: each kind can be supported, refuted, too small to matter, left open, and left untested."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tinyexp.analysis.attribution import attribute
from tinyexp.analysis.claims import judge, metrics_to_attribute
from tinyexp.analysis.design import study_design
from tinyexp.analysis.judgement import Evidence
from tinyexp.analysis.statistics import seeds_to_decide
from tinyexp.analysis.study import Study
from tinyexp.config.load import load_experiment
from tinyexp.config.trainers import Fact
from tinyexp.errors import UserError

FACTORS = ["augmentation", "activation"]


def study(*claims, margin=0.01):
    words = {"name": "mine", "title": "", "question": "", "metric": "test_accuracy", "margin": margin}
    told = [
        {"id": f"claim-{number}", "says": "", "predicts": "", **claim} for number, claim in enumerate(claims)
    ]
    factors = [{"name": name, "keys": [name]} for name in FACTORS]
    return Study.model_validate(
        {**words, "baseline": "old", "contender": "new", "factors": factors, "claims": told}
    )


def attributed(mains, *, spread=0.004, seeds=5, metric="test_accuracy"):
    levels = np.array(list(itertools.product((0, 1), repeat=2)) * seeds)
    noise = np.random.default_rng(2).normal(0, spread, len(levels))
    frame = pd.DataFrame(levels, columns=FACTORS).assign(seed=np.repeat(np.arange(seeds), 4))
    return {
        metric: attribute(frame.assign(**{metric: 0.4 + levels @ np.array(mains) + noise}), FACTORS, metric)
    }


def curves(seeds=5, spread=0.003, **levels):
    """Three epochs that end at the level named, with a gap to clean training accuracy of 0.2."""
    rng = np.random.default_rng(3)
    rows = [
        {"experiment": name, "seed": seed, "epoch": epoch, "test_accuracy": value}
        for name, level in levels.items()
        for seed in range(seeds)
        for epoch, value in zip(
            (1, 2, 3), level * np.array([0.4, 0.8, 1.0]) + rng.normal(0, spread, 3), strict=True
        )
    ]
    frame = pd.DataFrame(rows, columns=["experiment", "seed", "epoch", "test_accuracy"])
    return frame.assign(train_clean_accuracy=frame["test_accuracy"] + 0.2 + rng.normal(0, spread, len(frame)))


def factor_claim(kind, mains, **options):
    claim = {"kind": kind, "factor": "augmentation"}
    (found,) = judge(study(claim), Evidence(curves(), attributed(mains, **options)))
    return found


@pytest.mark.parametrize(
    ("kind", "mains", "options", "verdict", "reason"),
    [
        ("raises", [0.10, 0.02], {}, "supported", "prediction_holds"),
        ("raises", [-0.10, 0.02], {}, "refuted", "prediction_fails"),
        ("raises", [-0.006, 0.02], {"spread": 0.001}, "refuted", "prediction_fails"),
        ("raises", [0.006, 0.02], {"spread": 0.001}, "below_margin", "too_small"),
        ("raises", [0.0, 0.02], {}, "inconclusive", "direction_open"),
        ("raises", [0.015, 0.02], {"spread": 0.006}, "inconclusive", "size_open"),
        ("raises", [0.03, 0.02], {"spread": 0.03}, "inconclusive", "interval_too_wide"),
        ("raises", [0.10, 0.02], {"seeds": 1}, "inconclusive", "no_error_estimate"),
        ("raises", [0.10, 0.02], {"spread": 1e-15}, "inconclusive", "too_few_seeds"),
        ("lowers", [-0.10, 0.02], {}, "supported", "prediction_holds"),
        ("lowers", [0.10, 0.02], {}, "refuted", "prediction_fails"),
        ("lowers", [-0.006, 0.02], {"spread": 0.001}, "below_margin", "too_small"),
        ("carries_most", [0.10, 0.02], {}, "supported", "prediction_holds"),
        ("carries_most", [0.02, 0.10], {}, "refuted", "prediction_fails"),
        ("carries_most", [0.05, 0.05], {"spread": 0.02}, "inconclusive", "interval_too_wide"),
        ("carries_most", [-0.05, 0.20], {}, "refuted", "works_against"),
        ("carries_most", [0.02, -0.20], {}, "not_tested", "nothing_to_explain"),
        ("carries_most", [0.05, -0.05], {}, "inconclusive", "gap_not_clear"),
        ("carries_most", [0.10, 0.02], {"seeds": 1}, "inconclusive", "no_error_estimate"),
    ],
)
def test_a_claim_on_a_factor_is_decided_from_its_share(kind, mains, options, verdict, reason):
    found = factor_claim(kind, mains, **options)
    assert (found.verdict, found.reason) == (verdict, reason)
    of_half = kind == "carries_most" and reason != "works_against"
    assert found.quantity == ("share_minus_half_gap" if of_half else "share")
    expected = mains[0] - sum(mains) / 2 if of_half else mains[0]
    assert found.estimate == pytest.approx(expected, abs=0.03)


def test_a_share_that_does_not_survive_holms_adjustment_supports_nothing():
    """Two factors, three seeds: raw p near 0.04, adjusted over both."""
    levels = np.array(list(itertools.product((0, 1), repeat=2)) * 3)
    effect = np.repeat([0.01, 0.05, 0.06], 4) * levels[:, 0] + np.repeat([0.0, 0.02, -0.02], 4) * levels[:, 1]
    frame = pd.DataFrame(levels, columns=FACTORS).assign(
        seed=np.repeat([0, 1, 2], 4), test_accuracy=0.4 + effect
    )
    found = attribute(frame, FACTORS, "test_accuracy")
    row = found.in_metric.shares[0]
    assert row.share.p < 0.06
    claims = study({"kind": "raises", "factor": "augmentation"}, margin=0.0)
    (judged,) = judge(claims, Evidence(frame, {"test_accuracy": found}))
    assert row.share.low > 0
    assert row.p_holm > 0.05
    assert (judged.verdict, judged.reason) == ("inconclusive", "only_before_adjustment")


@pytest.mark.parametrize(
    ("kind", "mains", "by_itself"),
    [
        ("raises", [0.10, 0.02], "supported"),
        ("raises", [-0.10, 0.02], "refuted"),
        ("lowers", [-0.10, 0.02], "supported"),
        ("carries_most", [0.10, 0.02], "supported"),
        ("carries_most", [-0.05, 0.20], "refuted"),
    ],
)
def test_of_a_factor_that_does_alone_something_else_no_verdict_is_given(kind, mains, by_itself):
    claims, found = study({"kind": kind, "factor": "augmentation"}), attributed(mains)
    (before,) = judge(claims, Evidence(curves(), found))
    assert before.verdict == by_itself
    own = found["test_accuracy"]
    first, *others = own.in_metric.shares
    alone = (replace(first, confirmation="contradicted", verdict="contradicted"), *others)
    told = {"test_accuracy": replace(own, in_metric=replace(own.in_metric, shares=alone))}
    (judged,) = judge(claims, Evidence(curves(), told))
    assert (judged.verdict, judged.reason) == ("inconclusive", "contradicted_alone")
    assert judged.seeds_to_decide is None
    assert (judged.estimate, judged.low, judged.high) == (before.estimate, before.low, before.high)


def test_of_a_loss_the_claim_is_explained_by_the_lower_one():
    claim = {"kind": "carries_most", "factor": "augmentation", "metric": "test_loss", "margin": 0.01}
    (found,) = judge(study(claim), Evidence(curves(), attributed([-0.3, -0.1], metric="test_loss")))
    assert found.verdict == "supported"
    (other,) = judge(study(claim), Evidence(curves(), attributed([0.3, 0.1], metric="test_loss")))
    assert other.verdict == "refuted"


def test_an_open_claim_says_about_how_many_seeds_would_decide():
    found = factor_claim("raises", [0.03, 0.02], spread=0.03)
    assert found.seeds_to_decide > 5
    assert factor_claim("raises", [0.10, 0.02]).seeds_to_decide is None


def test_where_the_gap_is_not_clear_the_seeds_are_those_that_would_clear_it():
    found = factor_claim("carries_most", [0.05, -0.05], spread=0.02)
    assert found.reason == "gap_not_clear"
    attribution = attributed([0.05, -0.05], spread=0.02)["test_accuracy"]
    assert found.seeds_to_decide == seeds_to_decide(attribution.in_metric.gap.by_seed, -0.01, 0.01)


def test_a_claim_whose_attribution_is_not_there_is_not_tested():
    claims = study({"kind": "raises", "factor": "augmentation", "metric": "generalisation_gap"})
    (found,) = judge(claims, Evidence(curves(), attributed([0.1, 0.1])))
    assert (found.verdict, found.reason) == ("not_tested", "attribution_missing")
    assert metrics_to_attribute(claims) == ("test_accuracy", "generalisation_gap")


@pytest.mark.parametrize(
    ("kind", "new", "seeds", "verdict", "reason"),
    [
        ("higher", 0.60, 5, "supported", "prediction_holds"),
        ("higher", 0.40, 5, "refuted", "prediction_fails"),
        ("higher", 0.50, 5, "inconclusive", "direction_open"),
        ("higher", 0.508, 5, "inconclusive", "size_open"),
        ("higher", 0.60, 2, "inconclusive", "too_few_seeds"),
        ("lower", 0.40, 5, "supported", "prediction_holds"),
        ("lower", 0.60, 5, "refuted", "prediction_fails"),
    ],
)
def test_a_claim_on_two_experiments_is_decided_as_a_comparison(kind, new, seeds, verdict, reason):
    frame = curves(seeds, old=0.5, new=new)
    by_default, named = judge(
        study({"kind": kind}, {"kind": kind, "experiments": ["old", "new"]}), Evidence(frame)
    )
    assert (by_default.verdict, by_default.reason, by_default.quantity) == (verdict, reason, "difference")
    assert (named.verdict, named.estimate) == (by_default.verdict, by_default.estimate)


def test_the_height_of_the_curve_can_be_claimed_instead_of_its_end():
    frame = curves(old=0.5, new=0.5)
    frame.loc[(frame["experiment"] == "new") & (frame["epoch"] < 3), "test_accuracy"] += 0.1
    end, whole = judge(study({"kind": "higher"}, {"kind": "higher", "epochs": "mean"}), Evidence(frame))
    assert (end.verdict, whole.verdict) == ("inconclusive", "supported")
    assert whole.estimate == pytest.approx(0.2 / 3, abs=0.01)


def test_the_generalisation_gap_can_be_claimed():
    frame = curves(old=0.5, new=0.5)
    frame.loc[frame["experiment"] == "new", "train_clean_accuracy"] -= 0.1
    (found,) = judge(study({"kind": "lower", "metric": "generalisation_gap"}), Evidence(frame))
    assert found.verdict == "supported"
    assert found.estimate == pytest.approx(-0.1, abs=0.01)


@pytest.mark.parametrize(
    ("kind", "levels", "seeds", "verdict", "reason"),
    [
        ("falls_along", [0.6, 0.5, 0.45], 5, "supported", "prediction_holds"),
        ("falls_along", [0.4, 0.5, 0.6], 5, "refuted", "step_against"),
        ("rises_along", [0.4, 0.2, 0.44], 5, "refuted", "step_against"),  # the line through them rises
        ("falls_along", [0.5, 0.6, 0.3], 5, "refuted", "step_against"),
        ("falls_along", [0.6, 0.5, 0.5], 5, "inconclusive", "step_open"),
        ("falls_along", [0.5, 0.5, 0.5], 5, "inconclusive", "step_open"),
        ("falls_along", [0.6, 0.5, 0.45], 2, "inconclusive", "too_few_seeds"),
        ("rises_along", [0.4, 0.5, 0.6], 5, "supported", "prediction_holds"),
    ],
)
def test_a_claim_on_a_sweep_is_decided_from_every_step(kind, levels, seeds, verdict, reason):
    names = ["small", "middle", "large"]
    frame = curves(seeds, **dict(zip(names, levels, strict=True)))
    (found,) = judge(study({"kind": kind, "experiments": names}), Evidence(frame))
    assert (found.verdict, found.reason, found.quantity) == (verdict, reason, "change_along")
    assert found.estimate == pytest.approx(levels[2] - levels[0], abs=0.01)
    assert [(step.first, step.second) for step in found.steps] == [("small", "middle"), ("middle", "large")]
    assert [step.estimate for step in found.steps] == pytest.approx(np.diff(levels), abs=0.01)
    assert found.runs == (seeds,) * 3


def test_steps_that_are_clear_and_a_change_too_small_to_matter_are_below_the_margin():
    names = ["small", "middle", "large"]
    frame = curves(5, spread=0.0003, small=0.5, middle=0.503, large=0.506)
    (found,) = judge(study({"kind": "rises_along", "experiments": names}), Evidence(frame))
    assert (found.verdict, found.reason) == ("below_margin", "too_small")


def test_the_open_steps_of_a_sweep_say_about_how_many_seeds_would_decide():
    names = ["small", "middle", "large"]
    frame = curves(4, spread=0.02, small=0.4, middle=0.6, large=0.572)
    (found,) = judge(study({"kind": "rises_along", "experiments": names}), Evidence(frame))
    assert found.reason == "step_open"
    last = frame[frame["epoch"] == 3].set_index(["experiment", "seed"])["test_accuracy"]
    steps = [last["large", seed] - last["middle", seed] for seed in range(4)]
    assert found.seeds_to_decide == seeds_to_decide(steps, 0.0)


def test_experiments_that_share_no_seed_can_make_a_sweep_and_paired_they_cannot():
    frame = curves(3, small=0.4, middle=0.5, large=0.6)
    frame.loc[frame["experiment"] == "large", "seed"] += 3
    claims = study({"kind": "rises_along", "experiments": ["small", "middle", "large"]})
    (found,) = judge(claims, Evidence(frame))
    assert (found.verdict, found.seeds, found.runs) == ("supported", (0, 1, 2, 3, 4, 5), (3, 3, 3))
    (paired,) = judge(claims.model_copy(update={"pairing": "seed"}), Evidence(frame))
    assert (paired.verdict, paired.reason) == ("not_tested", "runs_missing")


def test_a_difference_is_welchs_and_paired_only_where_the_study_says_so():
    frame = curves(5, spread=0.0, old=0.5, new=0.53)
    frame["test_accuracy"] += 0.02 * frame["seed"] + 0.001 * (frame["seed"] % 2) * (
        frame["experiment"] == "new"
    )
    claims = study({"kind": "higher"})
    (apart,) = judge(claims, Evidence(frame))
    (paired,) = judge(claims.model_copy(update={"pairing": "seed"}), Evidence(frame))
    old, new = (
        frame[(frame["experiment"] == name) & (frame["epoch"] == 3)]["test_accuracy"]
        for name in ("old", "new")
    )
    ends = stats.ttest_ind(new, old, equal_var=False).confidence_interval()
    assert (apart.low, apart.high) == pytest.approx((ends.low, ends.high))
    ends = stats.ttest_rel(new, old).confidence_interval()
    assert (paired.low, paired.high) == pytest.approx((ends.low, ends.high))
    assert (apart.verdict, paired.verdict) == ("inconclusive", "supported")


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.001, 0.003, 0.006])
@pytest.mark.usefixtures("scipy_tails")
def test_a_true_effect_below_the_margin_is_refuted_in_a_fortieth_at_most(effect):
    """Five seeds, a spread of half to an eighth of the margin; the first version refuted most of them."""
    rng, claims, found = np.random.default_rng(8), study({"kind": "higher"}), []
    for spread in (0.00125, 0.0025, 0.005):
        for _ in range(300):
            rows = [
                {
                    "experiment": name,
                    "seed": seed,
                    "epoch": 1,
                    "test_accuracy": 0.5 + rise + rng.normal(0, spread),
                }
                for name, rise in (("old", 0.0), ("new", effect))
                for seed in range(5)
            ]
            found.append(judge(claims, Evidence(pd.DataFrame(rows)))[0].verdict)
    assert found.count("refuted") / len(found) <= 0.035
    assert found.count("supported") / len(found) <= 0.01
    if effect > 0.005:
        assert found.count("below_margin") > len(found) / 3


def test_the_change_along_a_sweep_is_that_of_the_fitted_line():
    names, levels = ["a", "b", "c", "d"], np.array([0.3, 0.5, 0.4, 0.7])
    frame = curves(3, spread=1e-9, **dict(zip(names, levels, strict=True)))
    (found,) = judge(study({"kind": "rises_along", "experiments": names}), Evidence(frame))
    assert found.estimate == pytest.approx(3 * np.polyfit(range(4), levels, 1)[0], abs=1e-6)


@pytest.mark.parametrize("kind", ["higher", "lower", "rises_along"])
def test_a_claim_without_its_runs_is_not_tested(kind):
    experiments = ["old", "new", "newer"][: 3 if kind == "rises_along" else 2]
    frame = curves(old=0.5).assign(state="finished")
    (found,) = judge(study({"kind": kind, "experiments": experiments}), Evidence(frame))
    assert (found.verdict, found.reason) == ("not_tested", "runs_missing")
    unfinished = pd.concat([frame, curves(new=0.6, newer=0.7).assign(state="diverged")])
    assert (
        judge(study({"kind": kind, "experiments": experiments}), Evidence(unfinished))[0].reason
        == "runs_missing"
    )


def test_runs_that_are_there_and_cannot_be_used_are_refused():
    frame = curves(old=0.5, new=0.6)
    frame.loc[4, "test_accuracy"] = np.nan
    for epochs in ("last", "mean"):
        with pytest.raises(UserError, match="seed 1, epoch 2"):
            judge(study({"kind": "higher", "epochs": epochs}), Evidence(frame))


def test_a_static_claim_is_decided_from_the_model_itself():
    claim = {"kind": "static", "fact": "pool_kernels_vary", "experiments": ["tiny-design1"]}
    printed = {"tiny-design1": load_experiment("tiny-design1")}
    (found,) = judge(study(claim), Evidence(curves(), experiments=printed))
    assert (found.verdict, found.fact) == ("refuted", "pooling windows: 2, 2, 2, 2")
    read = {"tiny-design1": load_experiment("tiny-design1", overrides={"readings.C2": "variable_pools"})}
    assert judge(study(claim), Evidence(curves(), experiments=read))[0].verdict == "supported"
    kernels = {**claim, "fact": "conv_kernels_vary"}
    assert (
        judge(study(kernels), Evidence(curves(), experiments=printed))[0].fact
        == "convolution kernels: 5, 5, 5, 2, 5"
    )


def test_a_fact_can_be_handed_in_and_an_unknown_one_is_refused():
    claim = {"kind": "static", "fact": "pool_kernel_vary", "experiments": ["tiny-design1"]}
    handed = Evidence(curves(), facts={"claim-0": Fact(holds=False, detail="1,000 more")})
    assert judge(study(claim), handed)[0].verdict == "refuted"
    with pytest.raises(UserError, match="Did you mean 'pool_kernels_vary'"):
        judge(study(claim), Evidence(curves(), experiments={"tiny-design1": load_experiment("tiny-design1")}))


def test_a_fact_about_another_kind_of_net_is_not_tested():
    claim = {"kind": "static", "fact": "pool_kernels_vary", "experiments": ["imagenet-resnet18"]}
    experiments = {"imagenet-resnet18": load_experiment("imagenet-resnet18")}
    for evidence in (Evidence(curves(), experiments=experiments), Evidence(curves())):
        (found,) = judge(study(claim), evidence)
        assert (found.verdict, found.reason) == ("not_tested", "fact_missing")


def test_claims_are_judged_in_their_order():
    claims = study(
        {"kind": "higher", "experiments": ["old", "absent"]},
        {"kind": "higher"},
        {"kind": "higher", "experiments": ["old", "absent"]},
    )
    found = judge(claims, Evidence(curves(old=0.5, new=0.6)))
    assert [one.claim for one in found] == ["claim-0", "claim-1", "claim-2"]


def test_a_static_claim_may_compare_two_nets():
    own = load_experiment("tiny-design1")
    more = load_experiment("tiny-design1", overrides={"model.channels": [128, 192, 192, 192, 128]})
    fewer = load_experiment("tiny-design1", overrides={"model.fc_width": 100})
    claim = {"kind": "static", "fact": "parameters_do_not_grow", "experiments": ["own", "other"]}
    for other, verdict in ((more, "refuted"), (fewer, "supported"), (own, "supported")):
        (found,) = judge(study(claim), Evidence(curves(), experiments={"own": own, "other": other}))
        assert found.verdict == verdict
        assert found.fact.startswith("parameters: ")
    (found,) = judge(study(claim), Evidence(curves(), experiments={"own": own}))
    assert (found.verdict, found.reason) == ("not_tested", "fact_missing")


def test_a_claim_on_a_factor_in_which_the_two_do_not_differ_is_not_tested():
    claim = {"kind": "raises", "factor": "augmentation"}
    evidence = Evidence(curves(), attributed([0.1, 0.1]), inactive=("augmentation",))
    (found,) = judge(study(claim), evidence)
    assert (found.verdict, found.reason) == ("not_tested", "no_difference")


SCALED = {name: load_experiment(name, "embedded") for name in ("tiny-design1", "tiny-design2")}
PAPER = {name: load_experiment(name, "paper") for name in ("tiny-design1", "tiny-design2")}


def between(experiments, claim, **levels):
    """Of a study over the two designs, one of them perhaps a variant."""
    told = study({"kind": "higher", **claim}).model_dump() | {
        "baseline": "tiny-design2",
        "contender": "tiny-design1",
    }
    names = {"old": "tiny-design2", "new": "tiny-design1"}
    frame = curves(**levels).replace({"experiment": names})
    (found,) = judge(Study.model_validate(told), Evidence(frame, experiments=experiments))
    return found.verdict


@pytest.mark.parametrize(
    ("experiments", "words"),
    [
        (PAPER, ("supported", "refuted", "inconclusive")),
        (SCALED, ("as_predicted_here", "not_as_predicted_here", "undecided_here")),
        ({**PAPER, "tiny-design1": SCALED["tiny-design1"]}, ("as_predicted_here", "not_as_predicted_here", "undecided_here")),
        ({}, ("supported", "refuted", "inconclusive")),
    ],
)  # fmt: skip
def test_away_from_the_sources_data_and_size_a_verdict_says_what_came_out_here(experiments, words):
    found = [between(experiments, {}, old=0.5, new=new) for new in (0.6, 0.4, 0.5)]
    assert tuple(found) == words


def test_too_small_to_matter_and_not_tested_are_the_same_words_everywhere():
    levels = {"old": 0.5, "new": 0.505, "spread": 0.0005}
    assert between(SCALED, {}, **levels) == between(PAPER, {}, **levels) == "below_margin"
    assert (
        between(SCALED, {"kind": "higher", "experiments": ["old", "absent"]}, old=0.5, new=0.5)
        == "not_tested"
    )


def test_experiments_without_a_source_are_at_their_own_scale():
    own = {
        name: one.model_copy(update={"section": "", "reported": None, "readings": {}})
        for name, one in SCALED.items()
    }
    assert between(own, {}, old=0.5, new=0.4) == "refuted"


def test_what_a_variant_sets_is_no_departure_and_what_the_profile_sets_is():
    told = study({"kind": "higher", "experiments": ["tiny-design1", "larger"]}).model_dump()
    told |= {"baseline": "tiny-design2", "contender": "tiny-design1"}
    told["variants"] = [
        {"name": "larger", "title": "", "of": "tiny-design1", "times": {"input.image_size": 1.5}, "set": {"model.dropout": 0.1}}
    ]  # fmt: skip
    asked, frame = Study.model_validate(told), curves(**{"tiny-design1": 0.5, "larger": 0.4})
    for experiments, verdict in ((PAPER, "refuted"), (SCALED, "not_as_predicted_here")):
        members = study_design(asked, experiments, "none").members
        of = {name: point.experiment for name, point in members.items()}
        assert judge(asked, Evidence(frame, experiments=of))[0].verdict == verdict


def test_a_fact_of_the_model_is_refuted_at_any_scale():
    claim = {"kind": "static", "fact": "pool_kernels_vary", "experiments": ["tiny-design1"]}
    (found,) = judge(study(claim), Evidence(curves(), experiments=SCALED))
    assert found.verdict == "refuted"


def test_the_claims_of_a_study_share_their_error():
    """By itself the difference is clear of the margin; among nine that tell nothing it is not."""
    frame = curves(5, spread=0.012, old=0.5, new=0.52)
    alone = judge(study({"kind": "higher"}), Evidence(frame))
    assert (alone[0].verdict, alone[0].error) == ("supported", 0.05)
    many = judge(
        study(
            {"kind": "higher"},
            *[{"kind": "higher", "margin": 0.035}] * 8,
            {"kind": "higher", "experiments": ["old", "absent"]},
        ),
        Evidence(frame),
    )
    assert (many[0].verdict, many[0].reason) == ("inconclusive", "only_before_adjustment")
    assert (many[0].low, many[0].high) == (alone[0].low, alone[0].high)
    assert many[0].error == pytest.approx(0.05 / 9)
    assert many[-1].error is None


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [({}, "supported"), ({"new": 1}, "inconclusive"), ({"old": 1}, "supported"), ({"other": 3}, "supported")],
)
def test_a_claim_that_lost_runs_could_turn_is_not_decided(lost, verdict):
    """A run of the better one that gave nothing may have been as bad as can be."""
    (found,) = judge(study({"kind": "higher"}), Evidence(curves(4, old=0.5, new=0.6), lost=lost))
    assert found.verdict == verdict
    assert found.reason == ("lost_runs" if verdict == "inconclusive" else "prediction_holds")


def test_neither_is_one_of_which_nobody_knows_how_bad_a_run_can_be():
    frame = curves(4, old=0.5, new=0.6).rename(columns={"test_accuracy": "score"})
    asked = study({"kind": "higher"}).model_copy(update={"metric": "score"})
    (found,) = judge(asked, Evidence(frame, lost={"new": 1}))
    assert (found.verdict, found.reason) == ("inconclusive", "lost_runs")
