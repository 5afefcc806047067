"""The closed lists of sentences about a comparison. A verdict is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "beats": ("{winner} beats {loser} by ", "{size}", ""),
    "within_margin": ("{contender} and {baseline} are equal within ", "{margin}", ""),
    "no_difference_detected": ("No difference between {contender} and {baseline} is detected", "", ""),
    "lost_runs": ("Too many runs gave no result to tell whether {contender} beats {baseline}", "", ""),
    "too_few_seeds": ("Too few seeds to tell whether {contender} beats {baseline}", "", ""),
}
"""Before the number, the number, after it."""

DETAILS: Mapping[str, str] = {
    "beats": "{level} interval {low} to {high}; {runs}; {metric} {when}.",
    "within_margin": "The whole {level} interval, {low} to {high}, lies within the margin of {margin}; {runs}; {metric} {when}.",
    "no_difference_detected": (
        "{contender} minus {baseline} is {mean} in {metric} {when}. "
        "Its {level} interval over {runs}, {low} to {high}, lies neither beyond the margin of {margin} nor within it."
    ),
    "lost_runs": (
        "Of the runs that finished, {contender} minus {baseline} is {mean} in {metric} {when} ({level} interval {low} to {high}; {runs}). "
        "But not all finished, and the others could turn that: so neither is called better."
    ),
    "too_few_seeds": "{contender} minus {baseline}: {mean} in {metric} {when}, from {runs}.",
}
"""How sure, from how much."""

TOO_FEW: Mapping[str, str] = {
    "too_few_runs": "A verdict takes {fewest} or more of each.",
    "before_first_look": "The study is first looked at with {next} of each.",
    "no_spread": "The runs of each are all alike and show no spread; a verdict takes {needed} of each then.",
}
"""Why there is no verdict yet."""

EXACT_TESTS: Mapping[str, str] = {"none": "permutation test", "seed": "paired sign-flip test"}
"""Beside the interval, by whether runs of one seed belong together."""

CONFIRMED: Mapping[bool, str] = {
    True: "The {test}, which assumes least, gives {p}.",
    False: "With {runs} the {test}, which assumes least, cannot confirm it at {error}: its p is {floor} at best. {needed} of each could.",
}
"""Beside "beats": whether the runs are enough for the exact test to speak."""
DECIDE = "Some {enough} of each in all would decide, were the difference as it is here; the range is what the spread at hand allows."
DECIDE_AT: Mapping[str, str] = {
    "none": "",
    "next": "The study looks again at {next}.",
    "last": "The study does not look again: more runs would be the start of another one.",
}
LOST = "{lost} of {of} runs of {design} gave no result: {ends}."
BEHIND = "Of {design}, {runs} {lies} far behind the others, whose median is {median}."
MEDIANS = "The medians say the opposite of the means ({size}): a few bad runs decide the mean."
"""Trainings that a mean alone would hide."""

ENDED: Mapping[str, str] = {
    "running": "did not end yet",
    "interrupted": "stopped on the way",
    "failed": "failed",
    "diverged": "diverged",
    "cut": "ended before the others",
}
"""How trainings ended that gave no result."""
