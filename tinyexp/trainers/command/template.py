"""A command line with places for settings: ``python train.py --lr {lr} {augment?--augment} --seed {seed} --out {folder}``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from tinyexp.errors import UserError, nearest

RESERVED = ("seed", "folder")
"""Places that every run fills."""
_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z0-9_.-]+)(\?(?P<flag>[^{}]*))?\}|[{}]")


def words_of(template: str, where: str) -> list[str]:
    """The words of a command line, as a shell splits them.

    Raises
    ------
    UserError
        A quote without its end, no word at all, or a brace that is no place.
    """
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise UserError(f"{where}: cannot be split into words ({error}).") from error
    if not words:
        raise UserError(f"{where}: is empty. Give the command that trains.")
    for word in words:
        for match in _PLACE.finditer(word):
            if match[0] in "{}":
                raise UserError(
                    f"{where}: '{word}' has a brace that belongs to no place. Write {{name}} for a setting, {{name?text}} for "
                    "text where a setting is true (in quotes where it has spaces), and {{ or }} for a brace itself."
                )
    return words


def places_in(template: str, where: str) -> Iterator[str]:
    """The names of the places of a command line."""
    for word in words_of(template, where):
        for match in _PLACE.finditer(word):
            if match["name"]:
                yield match["name"]


def filled(template: str, values: Mapping[str, Any], where: str) -> list[str]:
    """The command line with its places filled.

    A word that is a place alone becomes as many words as a list has entries, and none where a flag's setting is false.

    >>> filled("train --lr {lr} {augment?--augment} {sizes}", {"lr": 0.1, "augment": False, "sizes": [1, 2]}, "run")
    ['train', '--lr', '0.1', '1', '2']

    Raises
    ------
    UserError
        A place that no value fills, or a value that does not fit its place.
    """
    found: list[str] = []
    for word in words_of(template, where):
        alone = _PLACE.fullmatch(word)
        if alone and alone["name"]:
            found += _texts(alone, values, where)
        else:
            found.append(_PLACE.sub(lambda match: _inside(match, values, where), word))
    return found


def _texts(match: re.Match[str], values: Mapping[str, Any], where: str) -> list[str]:
    value = _value(match, values, where)
    if match["flag"] is not None:
        return [match["flag"]] if value else []
    return [_shown(entry) for entry in value] if isinstance(value, list) else [_shown(value)]


def _inside(match: re.Match[str], values: Mapping[str, Any], where: str) -> str:
    if match[0] in ("{{", "}}"):
        return match[0][0]
    value = _value(match, values, where)
    if match["flag"] is not None:
        return match["flag"] if value else ""
    if isinstance(value, list):
        raise UserError(
            f"{where}: the list '{match['name']}' stands inside a word. Let {match[0]} be a word of its own."
        )
    return _shown(value)


def _value(match: re.Match[str], values: Mapping[str, Any], where: str) -> Any:
    name = match["name"]
    if name not in values:
        raise UserError(
            f"{where}: no setting fills the place {match[0]}. Add '{name}' to [settings], or take the place out."
            f"{nearest(name, values)}"
        )
    value = values[name]
    if match["flag"] is not None and not isinstance(value, bool):
        raise UserError(
            f"{where}: {match[0]} asks whether '{name}' is true, and it is {value!r}. Give true or false."
        )
    return value


def _shown(value: Any) -> str:
    """A value as programs read it: true and false in small letters, the shortest digits that say a number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
