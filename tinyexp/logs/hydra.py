"""Settings that Hydra (1.0 to 1.3) leaves in ``.hydra`` in every job's folder, for whatever log lies there or below it.

``config.yaml`` is the whole configuration of the job, with interpolations ``${...}`` as they were written;
``overrides.yaml`` is a list of what was given on the command line, and is read where the other is missing or broken.
``multirun.yaml`` above the jobs is of the whole sweep and says nothing of one of them; ``hydra.yaml`` says nothing of
the training.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tinyexp.errors import UserError
from tinyexp.files import read_bounded
from tinyexp.logs.folder import names_below
from tinyexp.logs.settings import settings_in
from tinyexp.logs.yaml import MAX_SETTINGS_BYTES, parsed_yaml
from tinyexp.logs.yaml_scalars import resolved

_MAX_LEVELS = 64


class Beside(NamedTuple):
    """Settings of the job that a log belongs to."""

    settings: Mapping[str, Any]
    files: tuple[Path, ...]
    notes: tuple[str, ...]
    """Of files that are there and cannot be read."""


NOTHING = Beside({}, (), ())


def job_settings(folder: Path, root: Path, known: dict[Path, Beside | None] | None = None) -> Beside:
    """The settings in ``.hydra`` in a log's folder, or in the nearest folder above it that has one.

    Parameters
    ----------
    folder
        Of the log; a log that is a file may be given itself.
    root
        The last folder that is looked into. If the log does not lie below it, only the log's own folder is.
    known
        What folders have that were looked into for other logs; filled.
    """
    known = {} if known is None else known
    for one in _upward(folder, root):
        if one not in known:
            known[one] = _in_folder(one)
        if (found := known[one]) is not None:
            return found
    return NOTHING


def _in_folder(folder: Path) -> Beside | None:
    """What a folder's own ``.hydra`` says; None where it has none."""
    if not os.path.exists(f"{folder}/.hydra"):  # noqa: PTH110 - asked for each log; a path object takes longer
        return None
    notes: list[str] = []
    hydra = folder / ".hydra"
    config, overrides = hydra / "config.yaml", hydra / "overrides.yaml"
    settings: dict[str, Any] = settings_in(config, notes) if config.exists() else {}
    if settings:
        return Beside(settings, (config,), ())
    if overrides.exists():
        given = _overrides(overrides, notes)
        return Beside(given, (overrides,) if given else (), tuple(notes))
    return Beside({}, (), tuple(notes)) if notes or config.exists() else None


def _upward(folder: Path, root: Path) -> Iterator[Path]:
    yield folder
    names = names_below(folder, root)
    if not names:
        if folder.is_file():
            yield folder.parent
        return
    for _ in names[:_MAX_LEVELS]:
        folder = folder.parent
        yield folder


def _overrides(path: Path, notes: list[str]) -> dict[str, Any]:
    try:
        text = read_bounded(path, MAX_SETTINGS_BYTES).decode("utf-8-sig")
        lines = parsed_yaml(text, path.name)
    except (OSError, UnicodeDecodeError, UserError) as error:
        notes.append(f"settings are not known from {path.name}: {error}")
        return {}
    if not isinstance(lines, list):
        notes.append(f"settings are not known from {path.name}: it holds no list.")
        return {}
    return dict(_override(line) for line in lines if isinstance(line, str))


def _override(line: str) -> tuple[str, Any]:
    """What one override sets: ``+`` and ``++`` before a key only say that it is new; one after ``~`` takes it away."""
    key, equals, text = line.lstrip("+").partition("=")
    return key, _value(text) if equals else None


def _value(text: str) -> Any:
    if text[:1] in ("'", '"', "["):
        try:
            return parsed_yaml(text, "")
        except UserError:
            return text
    # Braces stay text, as {a:1} needs no space in Hydra; and its only booleans are true and false.
    value = resolved(text)
    return text if isinstance(value, bool) and text.lower() not in ("true", "false") else value
