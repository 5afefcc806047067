"""Keys of settings in words, for tables that people read."""

from __future__ import annotations

from tinyexp.config.trainers import settings_rules
from tinyexp.words import plain


def named(key: str, trainer: str) -> str:
    """A key in words; one that has none stands as itself."""
    if key.startswith("readings."):
        return f"reading of {plain(key.removeprefix('readings.'))}"
    return settings_rules(trainer).labels.get(key, plain(key))
