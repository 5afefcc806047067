"""The closed lists of sentences about a comparison. A verdict is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "beats": ("{winner} beats {loser} by ", "{size}", "{measure}"),
    "within_margin": ("{contender} and {baseline} are equal within ", "{margin}", "{measure}"),
    "no_difference_detected": ("Too close to call: {contender} \u2212 {baseline} = ", "{mean}", "{measure}"),
    "lost_runs": ("Too many runs gave no result to tell whether {contender} beats {baseline}", "", ""),
    "too_few_seeds": ("Too few seeds to tell whether {contender} beats {baseline}", "", ""),
}
"""Before the number, the number, after it."""

DETAILS: Mapping[str, str] = {
    "beats": "{level} interval {low} to {high}; {runs}; {metric} {when}.",
    "within_margin": "The whole {level} interval, {low} to {high}, lies within the margin of {margin}; {runs}; {metric} {when}.",
    "no_difference_detected": (
        "{level} interval {low} to {high}; {runs}; {metric} {when}. "
        "It lies neither wholly beyond the margin of {margin} nor wholly within it."
    ),
    "lost_runs": (
        "Of the runs that finished, {contender} minus {baseline} is {mean} in {metric} {when} ({level} interval {low} to {high}; {runs}). "
        "The others could reverse that, so neither design is called better."
    ),
    "too_few_seeds": "{contender} minus {baseline}: {mean} in {metric} {when}, from {runs}.",
}
"""How sure, from how much."""

TOO_FEW: Mapping[str, str] = {
    "too_few_runs": "A verdict needs {fewest} or more of each.",
    "before_first_look": "The study looks first at {next} of each.",
    "no_spread": "The runs of each design are all equal and show no spread; a verdict then needs {needed} of each.",
}
"""Why there is no verdict yet."""

EXACT_TESTS: Mapping[str, str] = {"none": "permutation test", "seed": "paired sign-flip test"}
"""Beside the interval, by whether runs of one seed belong together."""

CONFIRMED: Mapping[bool, str] = {
    True: "The {test}, which assumes least, gives {p}.",
    False: "The {test}, which assumes least, cannot confirm this at {error} with {runs}: its p is {floor} at best. {needed} of each could.",
}
"""Beside "beats": whether the runs are enough for the exact test to speak."""
DECIDE = "{enough} of each in all should settle it if the difference holds{range}."
DECIDE_AT: Mapping[str, str] = {
    "none": "",
    "next": "The study looks again at {next}.",
    "last": "The study has no further look: more runs would begin a new study.",
}
LOST = "{lost} of {of} runs of {design} gave no result: {ends}."
BEHIND = "Of {design}, {runs} {lies} far behind the other runs, whose median is {median}."
MEDIANS = "The medians say the opposite of the means ({size}): a few bad runs decide the mean."
"""Trainings that a mean alone would hide."""

ENDED: Mapping[str, str] = {
    "running": "has not ended yet",
    "interrupted": "was interrupted",
    "failed": "failed",
    "diverged": "diverged",
    "cut": "ended before the others",
}
"""How trainings ended that gave no result."""
