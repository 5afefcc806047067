"""The closed lists of sentences. A verdict is looked up here; nothing is decided here."""

from __future__ import annotations

from collections.abc import Mapping

VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "beats": ("{winner} beats {loser} by ", "{size}", ""),
    "within_margin": ("{contender} and {baseline} are equal within ", "{margin}", ""),
    "no_difference_detected": ("No difference between {contender} and {baseline} is detected", "", ""),
    "too_few_seeds": ("Too few seeds to say whether {contender} beats {baseline}", "", ""),
    "not_comparable": ("{contender} and {baseline} cannot be compared", "", ""),
    "missing": ("{contender} and {baseline} cannot be compared yet", "", ""),
    "no_study": ("These runs belong to no comparison", "", ""),
    "nothing_finished": ("No run has finished yet", "", ""),
}
"""The report's first sentence: before the number, the number, after it."""

DETAILS: Mapping[str, str] = {
    "beats": "95 % interval {low} to {high}; {seeds}; {metric} after epoch\u00a0{epoch}.",
    "within_margin": "The whole 95 % interval, {low} to {high}, lies within the margin of {margin}; {seeds}; {metric} after epoch\u00a0{epoch}.",
    "no_difference_detected": (
        "The 95 % interval, {low} to {high}, lies neither beyond the margin of {margin} nor within it; {seeds}; {metric} after epoch\u00a0{epoch}."
    ),
    "too_few_seeds": "{contender} minus {baseline}: {mean} in {metric} after epoch\u00a0{epoch}, from {seeds}. A verdict takes three or more that show a spread.",
    "not_comparable": "{problem}",
    "missing": "{missing} {has} no finished run in profile {profile}.",
    "no_study": "{trained} finished, and no study names two experiments among them.",
    "nothing_finished": "{runs} recorded in profile {profile}; none has finished. To go on: {command}",
}
"""How sure, from how much."""

CONFIRMED: Mapping[bool, str] = {
    True: "The sign-flip test, which assumes least, gives {p}.",
    False: "With {bare_seeds} the sign-flip test, which assumes least, cannot confirm it: its p is {floor} at best. {needed} seeds could.",
}
"""Beside "beats": whether the seeds are enough for the exact test to speak."""
TO_TRAIN = "To train what is missing: {command}"
MORE_SEEDS = "More seeds, for what is not settled with {bare_seeds}: {command}"

COMPARISON_HEADINGS: Mapping[str, str] = {
    "beats": "{winner} is ahead with {ahead} of {bare_seeds}",
    "within_margin": "{contender} and {baseline} stay within {margin} of each other",
    "no_difference_detected": "The seeds do not tell {contender} from {baseline}",
    "too_few_seeds": "{bare_seeds} cannot tell {contender} from {baseline}",
}

REPRODUCTIONS: Mapping[str, str] = {
    "reproduced": "Reproduced: the whole interval lies within the tolerance.",
    "differs": "Differs: the whole interval lies outside the tolerance.",
    "cannot_tell": "Cannot tell yet: the interval reaches across the edge of the tolerance, or there are too few seeds for one.",
    "not_comparable": "Not comparable: {reasons} here from the source in data, size or length.",
    "nothing_reported": "The source reports no figure.",
}
NOTHING_MEASURED = "No finished run."

STATES: Mapping[str, str] = {
    "finished": "finished",
    "running": "was still running",
    "interrupted": "was interrupted",
    "failed": "failed",
    "diverged": "diverged: its loss became infinite or not a number",
}

NETWORKS = (
    "With one seed the two trained networks can be compared, image by image, but not the designs: another seed may turn it round. "
    "Of {images} {contender} alone gets {only_contender} right and {baseline} alone {only_baseline}; "
    "the exact McNemar test gives {p}, and the 95 % interval of the difference over draws of test images is {low} to {high}."
)

METHOD = (
    "All experiments share their seeds: a seed fixes the initial weights, the order of the images and every random draw, so differences are taken seed by seed.",
    "Intervals are Student's t intervals at 95 %, over seeds. The verdict is read off the interval: a design beats another when the whole interval lies beyond the margin that the study sets.",
    "The sign-flip test stands beside it because it assumes least. With n seeds its p cannot fall below 2 in 2 to the power n.",
    "Every figure is taken after the last epoch. No epoch was chosen by its test result.",
    "Training loss and accuracy are measured as the source does: on augmented images, with dropout on, averaged over the epoch.",
    "Clean training accuracy is measured after the epoch, without dropout, on training images that went through the test transform.",
)
LIMITS = (
    "Seeds show what another seed would change. They show nothing about other data, other settings or other code.",
    "Two designs that differ in several settings were switched as a whole: the difference belongs to all of them together.",
)
SINGLE_RUN = "The source reports one run of each experiment, so the spread of its own figures is unknown."
NOT_BIT_IDENTICAL = "went on in another environment than it began in: not bit-identical to an untouched run."
