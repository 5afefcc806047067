"""How an interval decides a prediction, how the claims of a study are decided together, and in which words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tinyexp.analysis.judgement import ClaimVerdict, Judgement, Reason
from tinyexp.analysis.reproduction import departures, incomparable
from tinyexp.analysis.statistics import ALPHA, Interval
from tinyexp.analysis.study import Claim, Study
from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.overlay import multiplied

Outcome = tuple[ClaimVerdict, Reason]
Test = Callable[[float], Judgement]
"""A claim with its runs at hand, as a function of what its verdict may be wrong by."""

RISING = ("raises", "higher", "rises_along")
"""Kinds that predict more of something."""
DECIDED: tuple[ClaimVerdict, ...] = ("supported", "refuted", "below_margin")

_HERE: Mapping[ClaimVerdict, ClaimVerdict] = {
    "supported": "as_predicted_here",
    "refuted": "not_as_predicted_here",
    "inconclusive": "undecided_here",
}


@dataclass(frozen=True)
class ClaimTest:
    """A claim to be decided with others."""

    at: Test
    here: bool = False
    """Whether its runs depart from the source, so that they show only what comes out here."""


def settled(judgement: Judgement) -> Test:
    """One that no error changes."""
    return lambda _: judgement


def threshold_of(claim: Claim, margin: float) -> float:
    """What an interval must lie beyond for a claim to be supported."""
    return margin if claim.kind in RISING else -margin


def decide(interval: Interval | None, margin: float, *, rising: bool) -> Outcome:
    """What an interval says of a prediction that something rises (or falls) by more than a margin.

    With the predicted direction up and ``m`` for the margin, by where the interval begins and where it ends:

    ==================  =====================  =====================  ===================  =============
    begins in           ends at 0 or below     ends in (0, m]         ends above m         no interval
    ==================  =====================  =====================  ===================  =============
    below -m            refuted                direction_open         interval_too_wide
    from -m to 0        refuted                direction_open         interval_too_wide
    above 0, up to m                           **below_margin**       size_open
    above m                                                           **supported**
    no interval                                                                            too_few_seeds
    ==================  =====================  =====================  ===================  =============

    All but ``refuted``, ``below_margin`` and ``supported`` are ``inconclusive``, for the reason that stands there. So a
    prediction is refuted only where no effect in its direction is left, however small: an effect in that direction and
    below the margin is refuted in 2.5 % of cases at most, whatever its size. Where the interval holds zero and nothing
    beyond the margin, the effect is too small to matter, and its direction is open: it cannot be told from such an effect.
    Without a margin there is no ``below_margin``, ``size_open`` or ``direction_open``.

    >>> decide(Interval(0.02, 0.05), 0.01, rising=True), decide(Interval(-0.008, -0.002), 0.01, rising=False)
    (('supported', 'prediction_holds'), ('below_margin', 'too_small'))
    """
    if interval is None:
        return "inconclusive", "too_few_seeds"
    low, high = interval if rising else (-interval.high, -interval.low)
    if low > margin:
        return "supported", "prediction_holds"
    if high <= 0:
        return "refuted", "prediction_fails"
    if low > 0:
        return ("below_margin", "too_small") if high <= margin else ("inconclusive", "size_open")
    return "inconclusive", "direction_open" if high <= margin else "interval_too_wide"


def together(tests: Sequence[ClaimTest]) -> tuple[Judgement, ...]:
    """The claims of a study decided so that any of their verdicts is wrong by chance in at most 5 % of cases.

    Holm's procedure by verdicts: of the claims that rest on a test and are left, each is decided with an equal part of
    the 5 %; those that are decided leave with that verdict, whichever it is, and it begins again, until none is. Claims
    about a fact, and those that nothing tests, take no part. A claim that would be decided by itself and is not among the
    others is ``inconclusive``, ``only_before_adjustment``. A verdict never turns into another by this, as an interval
    only grows.

    Source: Holm (1979), A simple sequentially rejective multiple test procedure; Shaffer (1980) for directions.
    """
    found = [test.at(ALPHA) for test in tests]
    left = [place for place, one in enumerate(found) if _rests_on_a_test(one)]
    while left:
        error = ALPHA / len(left)
        decided = {place for place in left if tests[place].at(error).verdict in DECIDED}
        for place in left:
            found[place] = replace(found[place], error=error)
        left = [place for place in left if place not in decided]
        if not decided:
            break
    for place in left:
        if found[place].verdict in DECIDED:
            found[place] = replace(found[place], verdict="inconclusive", reason="only_before_adjustment")
    return tuple(_at_scale(one, here=test.here) for one, test in zip(found, tests, strict=True))


def _rests_on_a_test(found: Judgement) -> bool:
    return found.low is not None and found.verdict != "not_tested" and found.reason != "too_few_seeds"


def _at_scale(found: Judgement, *, here: bool) -> Judgement:
    """A fact of the text or of the model is the same at every scale."""
    if not here or found.quantity == "fact":
        return found
    return replace(found, verdict=_HERE.get(found.verdict, found.verdict))


def departs(claim: Claim, study: Study, experiments: Mapping[str, Experiment]) -> bool:
    """Whether what a claim is tested with departs from the source in data, size or length.

    Experiments that name no source, such as one's own and most commands, are what they are: they depart from nothing. Of
    a variant its own keys are what the claim is about, and no departure.
    """
    names = claim.experiments or (study.baseline, study.contender)
    return any(_departures(study, name, experiments[name]) for name in names if name in experiments)


def _departures(study: Study, name: str, experiment: Experiment) -> set[str]:
    if not (experiment.section or experiment.reported or experiment.readings):
        return set()
    keys = set(incomparable(experiment) if experiment.reported else departures(experiment))
    variant = study.variant(name)
    if variant is None:
        return keys
    printed = experiment.model_copy(update={"settings": experiment.file_settings})
    meant, flat = multiplied(printed, variant.times, f"variant '{name}'"), flatten(experiment.settings)
    own = {key for key, value in {**meant, **variant.set}.items() if flat.get(key) == value}
    return keys - own
