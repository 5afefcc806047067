"""What two tables of settings do not share, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABSENT = "(none)"
"""Stands for a key that the other side does not have, as between two architectures."""


@dataclass(frozen=True)
class Difference:
    """A key, and its value on either side."""

    key: str
    left: Any
    right: Any


def flatten(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested tables as one with dotted keys; lists stay values.

    >>> flatten({"model": {"width": 1.0, "kernels": [5, 2]}})
    {'model.width': 1.0, 'model.kernels': [5, 2]}
    """
    flat: dict[str, Any] = {}
    for name, entry in value.items():
        if isinstance(entry, Mapping) and entry:
            flat.update(flatten(entry, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = entry
    return flat


def differences(
    left: Mapping[str, Any], right: Mapping[str, Any], *, ignore: tuple[str, ...] = ()
) -> tuple[Difference, ...]:
    """The dotted keys in which two tables of settings differ, in the order in which they stand.

    Parameters
    ----------
    ignore
        Beginnings of dotted keys to leave out, such as ``"execution."``.
    """
    a, b = flatten(left), flatten(right)
    keys = [*a, *(key for key in b if key not in a)]
    return tuple(
        Difference(key, a.get(key, ABSENT), b.get(key, ABSENT))
        for key in keys
        if not key.startswith(ignore) and a.get(key, ABSENT) != b.get(key, ABSENT)
    )


def without(table: Mapping[str, Any], beginnings: tuple[str, ...]) -> dict[str, Any]:
    """A table of tables without the dotted keys that begin so; a table that loses all its keys goes with them.

    >>> without({"data": {"root": "x", "name": "y"}, "execution": {"jobs": 2}}, ("execution.", "data.root"))
    {'data': {'name': 'y'}}
    """
    kept: dict[str, Any] = {}
    for key, value in flatten(table).items():
        if key.startswith(beginnings):
            continue
        *tables, name = key.split(".")
        place = kept
        for part in tables:
            place = place.setdefault(part, {})
        place[name] = value
    return kept
