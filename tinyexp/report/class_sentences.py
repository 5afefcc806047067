"""Sentences on what two designs do differently by class and by image."""

from __future__ import annotations

from collections.abc import Mapping

CLASS_HEADINGS: Mapping[str, str] = {
    "carries": "One class, {name}, accounts for {share} of the {gap}",
    "spread": "The {gap} are spread over the classes; the largest part, {name}, is {share}",
    "differ": "The two differ most on one class, {name}: {here} against {there}",
    "none_clear": "No single class tells {leader} from {other}",
    "one_run": "Class by class, from one run of each: another seed may change it",
}
FIRST_SCREEN = "One class, {name}, accounts for {share} of the {gap}: {leader} gets {here} of its test images right, {other} {there}."
LEVELS = "{leader} gets {here} of the {images} of {name} right, {other} {there}."
CONFUSION = "The largest shift: {other} takes {there} of {label} for {predicted}, {leader} {here}."
OTHER_CLEAR: Mapping[str, str] = {
    "too": "{design} is clearly ahead on {names} too.",
    "clear": "{design} is clearly ahead on {names}.",
    "opposite": "The other way round, {design} is clearly ahead on {names}.",
}
READ_CLASSES = (
    "In the first picture each row is a class, with a mark at the accuracy of each design, the mean over its runs. The second shows what each class adds "
    "to the lead of {leader}: its difference, weighted by how many of the test images are of that class. These shares add up to the whole difference of {gap}. "
    "The bars are 95\u00a0% intervals for new seeds and new images, each for its class alone: of twenty classes one is expected to lie outside of its own. "
    "The largest of many shares is more likely to be over- than underestimated."
)
READ_ONE_RUN = (
    "In the first picture each row is a class, with a mark at the accuracy of each design's one run. The second shows what each class adds to the lead of {leader}: "
    "its difference, weighted by how many of the test images are of that class. These shares add up to the whole difference of {gap}. One run gives no interval."
)
AGREEMENT = (
    "On {between} of the test images a net of {leader} and a net of {other} disagree: one is right and the other wrong. Part of that is the seed: two nets of {leader} "
    "disagree so on {first} of them, two of {other} on {second}."
)
SHOWN = "{here} are right with all {leaders} of {leader} and wrong with all {others} of {other}; {there} the other way round."
RULE = "Up to three of each kind are shown: of each class the first in the order of the test images, the class that carries most first."
SAID_WHEN_WRONG = "{design} says {names}"
NO_IMAGES = "The images themselves are not shown: {problem}."
NOT_KEPT = "The images themselves are not shown, as the data were not at hand when this report was made. With --data-folder and the folder of the data `tinyexp report` shows them."
