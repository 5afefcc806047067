"""Which interval gives which verdict, at every position; and claims that are decided together."""

from __future__ import annotations

import numpy as np
import pytest

from tinyexp.analysis.decisions import ClaimTest, decide, settled, together
from tinyexp.analysis.judgement import Judgement
from tinyexp.analysis.statistics import Interval, interval_around

SUPPORTED, REFUTED, BELOW = (
    ("supported", "prediction_holds"),
    ("refuted", "prediction_fails"),
    ("below_margin", "too_small"),
)
WIDE, SIZE, DIRECTION = (("inconclusive", reason) for reason in ("interval_too_wide", "size_open", "direction_open"))  # fmt: skip


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        # begins beyond the margin on the other side
        (-3, -2, REFUTED), (-3, -1, REFUTED), (-3, -0.5, REFUTED), (-3, 0, REFUTED), (-3, 0.5, DIRECTION), (-3, 1, DIRECTION), (-3, 2, WIDE),
        # begins on the margin on the other side, or within it
        (-1, -0.5, REFUTED), (-1, 0, REFUTED), (-1, 0.5, DIRECTION), (-1, 1, DIRECTION), (-1, 2, WIDE),
        (-0.5, -0.2, REFUTED), (-0.5, 0, REFUTED), (-0.5, 0.5, DIRECTION), (-0.5, 1, DIRECTION), (-0.5, 2, WIDE),
        # begins at zero
        (0, 0, REFUTED), (0, 0.5, DIRECTION), (0, 1, DIRECTION), (0, 2, WIDE),
        # begins in the predicted direction, within the margin or on it
        (0.2, 0.5, BELOW), (0.2, 1, BELOW), (0.2, 2, SIZE), (1, 1, BELOW), (1, 2, SIZE),
        # begins beyond the margin
        (1.1, 2, SUPPORTED), (1.1, 1.1, SUPPORTED),
    ],
)  # fmt: skip
def test_every_position_of_an_interval_has_its_verdict_in_both_directions(low, high, outcome):
    assert decide(Interval(low, high), 1, rising=True) == outcome
    assert decide(Interval(-high, -low), 1, rising=False) == outcome


@pytest.mark.parametrize(("low", "high", "outcome"), [(1, 2, SUPPORTED), (0, 2, WIDE), (-1, 2, WIDE), (-1, 0, REFUTED), (-2, -1, REFUTED)])  # fmt: skip
def test_without_a_margin_nothing_is_too_small_to_matter(low, high, outcome):
    assert decide(Interval(low, high), 0, rising=True) == outcome


def test_without_an_interval_nothing_is_decided():
    assert decide(None, 1, rising=True) == ("inconclusive", "too_few_seeds")


def of(estimate, error=1.0, degrees=8, margin=0.0, *, here=False):
    """A claim that something rises, from its estimate and standard error."""

    def at(share):
        verdict, reason = decide(interval_around(estimate, error, degrees, 1 - share), margin, rising=True)
        low, high = interval_around(estimate, error, degrees)
        return Judgement("c", verdict, reason, "difference", estimate, low, high)

    return ClaimTest(at, here=here)


def test_by_itself_a_claim_has_all_of_the_five_per_cent():
    (found,) = together([of(2.4)])
    assert (found.verdict, found.error) == ("supported", 0.05)


def test_those_that_are_decided_leave_their_part_to_the_others():
    """t of 2.9 with 8 degrees: p = .02. Of two it has half, and all once the other one is decided."""
    assert [one.verdict for one in together([of(2.4), of(0.5)])] == ["inconclusive", "inconclusive"]
    assert together([of(2.4), of(0.5)])[0].reason == "only_before_adjustment"
    found = together([of(2.4), of(9.0)])
    assert [(one.verdict, one.error) for one in found] == [("supported", 0.05), ("supported", 0.025)]
    assert [one.error for one in together([of(0.2), of(9.0), of(0.1)])] == [0.025, 0.05 / 3, 0.025]


def test_a_refuted_claim_needs_its_part_too():
    found = together([of(-2.4), of(0.5)])
    assert (found[0].verdict, found[0].reason) == ("inconclusive", "only_before_adjustment")


def test_what_rests_on_no_test_takes_no_part():
    idle = [
        settled(Judgement("a", "refuted", "prediction_fails", "fact")),
        settled(Judgement("b", "not_tested", "runs_missing")),
        settled(Judgement("c", "inconclusive", "too_few_seeds", "difference", 1.0, -9.0, 9.0)),
        settled(Judgement("d", "inconclusive", "no_error_estimate", "share", 1.0)),
    ]
    found = together([of(2.4), *(ClaimTest(one) for one in idle)])
    assert found[0].verdict == "supported"
    assert [one.error for one in found] == [0.05, None, None, None, None]
    assert found[1].verdict == "refuted"


def test_here_nothing_is_supported_or_refuted_but_facts():
    found = together([of(9.0, here=True), of(-9.0, here=True), of(0.1, here=True)])
    assert [one.verdict for one in found] == ["as_predicted_here", "not_as_predicted_here", "undecided_here"]
    fact = ClaimTest(settled(Judgement("a", "refuted", "prediction_fails", "fact")), here=True)
    assert together([fact])[0].verdict == "refuted"


def test_of_claims_that_nothing_is_behind_one_family_in_twenty_is_wrong_anywhere():
    """Six claims without any effect, a thousand times: any verdict is by chance."""
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(1000):
        samples = rng.normal(size=(6, 9))
        tests = [of(float(one.mean()), float(one.std(ddof=1)) / 3) for one in samples]
        wrong += any(one.verdict in {"supported", "refuted", "below_margin"} for one in together(tests))
    assert 0.03 <= wrong / 1000 <= 0.065
