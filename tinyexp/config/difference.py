"""What two specs do not share, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

ABSENT = "(none)"
"""Stands for a key that the other spec does not have, as between two architectures."""


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


def differences(left: BaseModel, right: BaseModel, *, ignore: tuple[str, ...] = ()) -> tuple[Difference, ...]:
    """The keys in which two specs differ, in the order of the schema.

    Parameters
    ----------
    ignore
        Beginnings of dotted keys to leave out, such as ``"execution."``.
    """
    a, b = flatten(left.model_dump(mode="json")), flatten(right.model_dump(mode="json"))
    keys = [*a, *(key for key in b if key not in a)]
    return tuple(
        Difference(key, a.get(key, ABSENT), b.get(key, ABSENT))
        for key in keys
        if not key.startswith(ignore) and a.get(key, ABSENT) != b.get(key, ABSENT)
    )
