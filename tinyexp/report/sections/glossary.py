"""The words of the field that a page uses, a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from tinyexp.report.view import Section, Table
from tinyexp.words import counted

WORDS: Mapping[str, tuple[str, str]] = {
    "alias": (r"alias(es)?", "An effect that a plan cannot separate from another one."),
    "augmentation": (
        r"augmentation|augmented",
        "Random changes to the training images, such as crops and flips, new in each epoch.",
    ),
    "baseline": (r"baseline", "The earlier report, or the design, that something is compared with."),
    "clean training accuracy": (
        r"clean training",
        "Accuracy on the training images without augmentation and dropout, measured as on test images.",
    ),
    "degrees of freedom": (
        r"degrees of freedom",
        "How much independent information an estimate of spread rests on.",
    ),
    "epoch": (r"epochs?", "One pass over all training images or examples."),
    "F test": (r"F test", "A test of whether two or more spreads differ."),
    "factor": (r"factors?", "A setting, or a group of settings, that is switched as a whole."),
    "fraction": (
        r"fraction of all combinations",
        "A chosen part of all combinations of the factors that is enough for the factors' own effects.",
    ),
    "gate": (
        r"gates?",
        "A condition set beforehand; where it fails, the command that writes the report fails too.",
    ),
    "generalisation gap": (
        r"gap between (clean )?training",
        "How much better a network is on its training images than on test images.",
    ),
    "Holm": (
        r"Holm",
        "An adjustment of several tests together, so that the risk of any false finding stays at 5\u00a0%.",
    ),
    "identity": (
        r"identity",
        "A digest of everything that decides a run: settings, seed, data and version of the arithmetic.",
    ),
    "interaction": (
        r"interactions?|interact",
        "What two or more factors do together beyond the sum of their own effects.",
    ),
    "interval": (
        r"intervals?",
        "A range that contains the true value in the stated share of repeated experiments.",
    ),
    "log-odds": (r"log-odds", "The logarithm of right answers to wrong ones."),
    "look": (
        r"this is (?:the last )?look|the next look|a study's look",
        "A number of runs, fixed beforehand, at which a study may give its verdict.",
    ),
    "margin": (r"margin", "The smallest difference that matters; smaller ones are too small to matter."),
    "McNemar test": (r"McNemar", "A test of two networks on the images that only one of them gets right."),
    "median": (r"medians?", "The middle value; half of the runs lie above it."),
    "mixture": (
        r"mixtures?",
        "A network trained with some factors at one design's setting and the others at the other's.",
    ),
    "p": (r"p (=|below)", "How often chance alone would give a result at least as extreme as this one."),
    "permutation test": (
        r"permutation test",
        "A test that counts how many ways of dealing the runs to two groups give a difference as large.",
    ),
    "placebo": (r"placebo", "A factor that cannot matter; its effect shows the size of chance."),
    "point": (
        r"points?",
        "The difference of two percentages: from 75\u00a0% to 86\u00a0% is a rise of 11 points.",
    ),
    "prediction interval": (
        r"prediction interval",
        "A range that contains the result of one more run in 95\u00a0% of cases.",
    ),
    "profile": (r"[Pp]rofile", "The scale of the runs: data, image size, width and length."),
    "run": (r"runs?", "One training of one design with one seed."),
    "seed": (
        r"seeds?",
        "The number that fixes all random choices of a run: initial weights, order of the data, augmentation.",
    ),
    "Shapley value": (r"Shapley", "A factor's effect averaged over all orders of switching the factors."),
    "share": (
        r"[Ss]hares? (?:of|is)|shares",
        "The part of the difference between two designs that goes with one factor.",
    ),
    "sign-flip test": (
        r"sign-flip",
        "A test of pairs that counts how many choices of signs give a mean difference as large.",
    ),
    "standard error": (r"standard error", "The typical error of an estimate."),
    "sweep": (
        r"sweep",
        "A series of experiments along one setting, such as smaller, middle and larger images.",
    ),
    "Welch": (
        r"Welch",
        "An interval for a difference of two means that allows the two groups different spreads.",
    ),
}
"""What a page may use: how it is found in its text, and what it means."""
_UNREAD = {"id", "name", "drawing", "kind", "links", "formats", "tone", "lines"}
"""Fields that are no words of the page."""


def glossary_section(parts: Iterable[Any]) -> Section | None:
    """The words that some parts of a page use, folded; None where they use none."""
    text = "\n".join(_texts(tuple(parts))).replace("\N{NO-BREAK SPACE}", " ")
    used = [
        (word, meaning)
        for word, (pattern, meaning) in WORDS.items()
        if re.search(rf"(?<![\w{{-])(?:{pattern})(?!\w)", text)
    ]
    if not used:
        return None
    table = Table(
        f"{counted(len(used), 'word')} in one sentence each", ("word", "meaning"), tuple(used), folded=True
    )
    return Section("glossary", "Glossary", (table,))


def _texts(part: Any) -> Iterator[str]:
    """Every string that a reader sees in a part of a view."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple | list):
        for one in part:
            yield from _texts(one)
    elif is_dataclass(part):
        for field in fields(part):
            if field.name not in _UNREAD:
                yield from _texts(getattr(part, field.name))
