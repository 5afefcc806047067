"""Settings that lie beside a log, by dotted keys; a file of them that cannot be read is told and costs no run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.yaml import MAX_SETTINGS_BYTES, read_yaml


def settings_in(path: Path, notes: list[str]) -> dict[str, Any]:
    """The settings in a file of YAML or JSON, by dotted keys; none, and a note of why, where it cannot be read."""
    try:
        return dotted(_read_json(path) if path.suffix == ".json" else read_yaml(path))
    except UserError as error:
        notes.append(f"settings are not known from {path.name}: {str(error).removeprefix(f'{path}: ')}")
        return {}


def dotted(settings: Mapping[Any, Any]) -> dict[str, Any]:
    """Settings in mappings within mappings, each under the keys that lead to it; lists stay whole.

    >>> dotted({"seed": 3, "optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "hooks": {}})
    {'seed': 3, 'optim.lr': 0.1, 'optim.betas': [0.9, 0.99], 'hooks': {}}
    """
    found: dict[str, Any] = {}
    waiting = [(str(key), value) for key, value in reversed(list(settings.items()))]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Mapping) and value:
            waiting += [(f"{key}.{name}", one) for name, one in reversed(list(value.items()))]
        elif key in found:
            raise UserError(f"two settings have the name '{key}'.")
        else:
            found[key] = value
    return found


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(read_bounded(path, MAX_SETTINGS_BYTES).decode("utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}).") from error
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds no settings by name, but {type(value).__name__} alone.")
    return value
