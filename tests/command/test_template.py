"""A command line with places: filled as written, and refused before anything runs where it cannot be."""

from __future__ import annotations

import pytest

from tinyexp.errors import UserError
from tinyexp.trainers.command.template import filled, places_in

VALUES = {
    "lr": 1e-05,
    "on": True,
    "off": False,
    "sizes": [64, 32],
    "name": "a b",
    "optim.beta": 0.9,
    "seed": 3,
}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("train --lr {lr}", ["train", "--lr", "1e-05"]),
        ("train --lr={lr} --seed={seed}", ["train", "--lr=1e-05", "--seed=3"]),
        ("train {on?--fast} {off?--slow}", ["train", "--fast"]),
        ("train '{on?--two words}'", ["train", "--two words"]),
        ("train --flag={on} {off}", ["train", "--flag=true", "false"]),
        ("train {sizes}", ["train", "64", "32"]),
        ("train {name}", ["train", "a b"]),
        ("train --x {optim.beta}", ["train", "--x", "0.9"]),
        ("train {{literal}} a{{{seed}}}b", ["train", "{literal}", "a{3}b"]),
        ("train 'quoted word' \"$HOME; rm -rf\"", ["train", "quoted word", "$HOME; rm -rf"]),
    ],
)
def test_places_are_filled_and_no_shell_reads_the_words(template, words):
    assert filled(template, VALUES, "run") == words


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("train {sead}", r"no setting fills the place \{sead\}.*Did you mean 'seed'"),
        ("train {lr?--x}", "asks whether 'lr' is true, and it is 1e-05"),
        ("train a{sizes}", "the list 'sizes' stands inside a word"),
        ("train {", "has a brace that belongs to no place"),
        ("train {on?--two words}", "has a brace that belongs to no place"),
        ("train 'open", "cannot be split into words"),
        ("  ", "is empty"),
    ],
)
def test_what_cannot_be_filled_is_said(template, said):
    with pytest.raises(UserError, match=said):
        filled(template, VALUES, "mine: command.run")


def test_the_places_of_a_line_are_known():
    assert list(places_in("train {lr} {on?--x} {{no}} --s={seed}", "run")) == ["lr", "on", "seed"]
