"""Keys of settings in words, and their values as they ran, for tables that people read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyexp.config.difference import ABSENT, Difference
from tinyexp.config.experiment import Experiment
from tinyexp.config.trainers import AsRun, settings_rules
from tinyexp.words import plain, scaled_setting, setting

_OFF: tuple[Any, ...] = (None, "", "none", "off")
_KEPT_NAMES = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
"""Values whose usual spelling is not that of the settings."""
_MOST_KEYS = 2
"""A level of more settings than this is told by the design that has it."""


def named(key: str, trainer: str) -> str:
    """A key in words; one that has none stands as itself."""
    if key.startswith("readings."):
        return f"reading of {plain(key.removeprefix('readings.'))}"
    return settings_rules(trainer).labels.get(key, plain(key))


def ran(experiment: Experiment, key: str, value: Any) -> str:
    """A setting of an experiment as it ran, with where that comes from: ``16 (128 × ⅛)``."""
    found = None if value == ABSENT else _taken(experiment, key, value)
    if found is None:
        return setting(value)
    return scaled_setting(found.value, value, found.factor)


def switch_way(changes: Sequence[Difference]) -> str:
    """``on`` or ``off`` where that is all that happens to some settings, else nothing."""
    if changes and all(_is_off(one.left) and not _is_off(one.right) for one in changes):
        return "on"
    if changes and all(_is_off(one.right) and not _is_off(one.left) for one in changes):
        return "off"
    return ""


def level_words(
    changes: Sequence[Difference],
    pair: tuple[Experiment, Experiment],
    titles: tuple[str, str],
    *,
    with_origin: bool = True,
) -> tuple[str, str]:
    """Both levels of a factor in words, numbers as they ran: ``softmax`` and ``ReLU``, ``off`` and ``on``.

    Parameters
    ----------
    pair
        Who has the left and the right values.
    titles
        How they are called, where a level takes more words than a row has room for.
    with_origin
        Whether what was multiplied stands behind a number that ran.
    """
    way = switch_way(changes)
    if way and (len(changes) > 1 or isinstance(changes[0].left, bool)):
        return ("off", "on") if way == "on" else ("on", "off")
    told = [found for one in changes if (found := one_level(one, pair, with_origin=with_origin))]
    if not 0 < len(told) == len(changes) <= _MOST_KEYS:
        return f"as in {titles[0]}", f"as in {titles[1]}"
    left, right = zip(*told, strict=True)
    return " and ".join(left), " and ".join(right)


def one_level(
    one: Difference, pair: tuple[Experiment, Experiment], *, with_origin: bool
) -> tuple[str, str] | None:
    """The two values of a key as they ran; of two lists those that differ, where that is one. None where one side has none."""
    if any(value == ABSENT or isinstance(value, dict) for value in (one.left, one.right)):
        return None
    place = _differing(one.left, one.right)
    told = []
    for experiment, value in zip(pair, (one.left, one.right), strict=True):
        found = _taken(experiment, one.key, value)
        written, taken = value, found.value if found else value
        if place is not None:
            written, taken = written[place], taken[place]
        if found and with_origin:
            told.append(scaled_setting(taken, written, found.factor))
        else:
            told.append(_KEPT_NAMES.get(taken, setting(taken)) if isinstance(taken, str) else setting(taken))
    return told[0], told[1]


def _taken(experiment: Experiment, key: str, value: Any) -> AsRun | None:
    return settings_rules(experiment.trainer).as_run(experiment.settings, key, value)


def _differing(left: Any, right: Any) -> int | None:
    """The one place in which two lists differ."""
    if not (isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) == len(right)):
        return None
    places = [place for place, (one, other) in enumerate(zip(left, right, strict=True)) if one != other]
    return places[0] if len(places) == 1 else None


def _is_off(value: Any) -> bool:
    return value in _OFF or (isinstance(value, bool | int | float) and not value)
