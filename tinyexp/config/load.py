"""From files to a complete experiment: the file, its interpretations of the source, a profile, the user's overrides.

Each of these is an overlay on the one before. What a profile or an override changes against the
file is a deviation from the source, and the experiment carries the list to the report.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment, ExperimentFile
from tinyexp.config.explain import as_typed, explained, shown
from tinyexp.config.metric_tables import merged, tables_of
from tinyexp.config.names import SOURCE
from tinyexp.config.profile import default_profile, load_profile, profile_names
from tinyexp.config.source import Ambiguity, ambiguities
from tinyexp.config.toml import find_toml, read_toml, toml_names
from tinyexp.config.trainers import SettingsRules, settings_rules
from tinyexp.errors import UserError, nearest, unknown
from tinyexp.resources import experiments_folder

__all__ = [
    "default_profile",
    "experiment_names",
    "load_experiment",
    "load_profile",
    "nested",
    "parse_override",
    "profile_names",
    "read_toml",
    "settings_in",
]

_HEAD = tuple(ExperimentFile.model_fields)
"""Keys of an experiment file that are no settings."""
_METRICS = "metrics"
_MAX_BITS = 1_000
_TAKEN = "readings."
"""Begins the keys that name an interpretation."""


def experiment_names(folder: Path | None = None) -> list[str]:
    """The experiments there are, by file name; ``source.toml`` is none."""
    return [name for name in toml_names(folder or experiments_folder()) if name != SOURCE]


def load_experiment(
    name: str,
    profile: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: Path | None = None,
) -> Experiment:
    """Read an experiment and put its interpretations, a profile and overrides on it.

    Parameters
    ----------
    name
        File name under ``experiments/`` without its ending.
    profile
        ``embedded`` if none is given and the folder has it; else the folder's first; ``default`` if it has none.
    overrides
        Dotted keys and their values, as in ``{"training.stop_after": 2}``; each is a deviation.

    Raises
    ------
    UserError
        A name, key or value that does not exist; the message gives the file, the choices and the nearest.

    >>> load_experiment("tiny-design1", "paper").settings["training"]["stop_after"]
    65
    """
    folder = folder or experiments_folder()
    path = find_toml(folder, name, "experiment", lambda: experiment_names(folder))
    profile = default_profile(folder=folder) if profile is None else profile
    chosen = load_profile(profile, folder)
    profile_path = folder / "profiles" / f"{profile}.toml"
    raw = read_toml(path)
    metrics = merged(tables_of([name], folder))
    # Apart from the settings, as a metric's name may have dots, and no profile changes what it means.
    base = flatten({key: value for key, value in raw.items() if key != _METRICS})
    layers = [(str(profile_path), flatten(chosen.all))]
    layers += [
        (str(profile_path), flatten(table))
        for pattern, table in chosen.only.items()
        if fnmatch.fnmatchcase(name, pattern)
    ]
    known, given = ambiguities(folder), dict(overrides or {})
    alone = _resolve(str(path), base, [], known)
    try:
        resolved = _resolve(str(path), base, [*layers, ("--set", given)], known)
    except UserError as error:
        if not (texts := _texts(error.__cause__, given)):
            raise
        given |= texts
        resolved = _resolve(str(path), base, [*layers, ("--set", given)], known)
    return Experiment(
        name=name,
        profile=profile,
        profile_title=chosen.title,
        profile_summary=chosen.summary,
        profile_evidence=chosen.evidence,
        title=resolved.title,
        section=resolved.section,
        trainer=resolved.trainer,
        settings=settings_in(resolved),
        readings=resolved.readings,
        reported=resolved.reported,
        file_settings=settings_in(alone),
        file_readings=alone.readings,
        overrides={
            key: float(value) if isinstance(value, _Number) else value for key, value in given.items()
        },
        metrics=metrics,
    )


def _is_endless(value: Any) -> bool:
    """Whether it is a number of so many digits that Python writes none of them."""
    return isinstance(value, int) and value.bit_length() > _MAX_BITS


def _texts(error: BaseException | None, given: Mapping[str, Any]) -> dict[str, str]:
    """The overrides that are refused as no text, as they were typed: the name of a folder may look like a number, ``2024``."""
    if not isinstance(error, ValidationError):
        return {}
    refused = {".".join(map(str, one["loc"])) for one in error.errors() if one["type"] == "string_type"}
    return {
        key: value.typed if isinstance(value, _Number) else as_typed(value)
        for key, value in given.items()
        if key in refused and not isinstance(value, list | dict) and not _is_endless(value)
    }


def settings_in(file: ExperimentFile) -> dict[str, Any]:
    """What is left of an experiment file without the keys that every file has."""
    return settings_rules(file.trainer).settings_in(file.model_dump(mode="json", exclude=set(_HEAD)))


def _file_key(key: str, rules: SettingsRules) -> str:
    """Where a dotted key stands in the file: every file's own keys as they are, a setting where the trainer has it."""
    return key if key.split(".", maxsplit=1)[0] in _HEAD else rules.file_key(key)


class _Number(float):
    """A number that is written otherwise than it was typed, as ``2024.10``: where text is wanted, that is the text."""

    typed = ""


def parse_override(text: str) -> tuple[str, Any]:
    """``KEY=VALUE`` as a dotted key and a TOML value; what is no TOML is a string.

    >>> parse_override("model.kernels=[5, 5, 5, 5, 5]")
    ('model.kernels', [5, 5, 5, 5, 5])
    >>> parse_override("model.hidden_activation=relu")
    ('model.hidden_activation', 'relu')
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", key):
        raise UserError(f"--set {text!r}: write KEY=VALUE, as in --set training.stop_after=2.")
    try:
        read = tomllib.loads(f"value = {value}")["value"]
        if isinstance(read, float) and str(read) != value:
            read = _Number(read)
            read.typed = value
        return key, read  # noqa: TRY300 - the others are returned where they are caught
    except tomllib.TOMLDecodeError:
        return key, value
    except (ValueError, RecursionError) as error:  # a number of too many digits, lists in lists without end
        raise UserError(f"--set {key}: the value cannot be read: {error}.") from error


def nested(flat: Mapping[str, Any], origin: Mapping[str, str]) -> dict[str, Any]:
    """Dotted keys as nested tables; ``origin`` says for each key which file or option set it, for messages."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *tables, name = key.split(".")
        table = tree
        for part in tables:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise UserError(
                    f"{origin[key]}: '{key}' is set inside '{part}', which is a value and no table."
                )
        table[name] = value
    return tree


def _resolve(
    path: str,
    base: dict[str, Any],
    layers: list[tuple[str, dict[str, Any]]],
    known: Mapping[str, Ambiguity],
) -> ExperimentFile:
    """Put the overlays on the base, in order; the interpretations that they end up with come first."""
    origin = dict.fromkeys(base, path)
    flat = dict(base)
    _require_trainer(path, base)
    trainer = str(base.get("trainer", "vision"))
    rules = settings_rules(trainer, path)
    layers = [
        (where, {_file_key(key, rules): value for key, value in layer.items()}) for where, layer in layers
    ]
    for where, layer in layers:
        if layer.get("trainer", trainer) != trainer:
            raise UserError(
                f"{where}: trainer: {path} is of the trainer '{trainer}', and so are its settings. Write an experiment of its own for"
                " another trainer."
            )
        for key in layer:
            if key.startswith(f"{_METRICS}."):
                raise UserError(
                    f"{where}: {key}: what a metric means is said in a table [metrics.NAME] of the experiment's file, the "
                    f"study's or {SOURCE}.toml, and is the same under every profile. Put it there."
                )
    taken = {key: (path, value) for key, value in base.items() if key.startswith(_TAKEN)}
    for where, layer in layers:
        taken |= {key: (where, value) for key, value in layer.items() if key.startswith(_TAKEN)}
    for key, (where, value) in taken.items():
        for target, setting in _interpreted(where, key, value, base, known).items():
            flat[target], origin[target] = setting, f"{where} ({key} = '{value}')"
    for where, layer in layers:
        flat |= layer
        origin |= dict.fromkeys(layer, where)
    model = rules.file
    try:
        return model.model_validate(nested(flat, origin))
    except ValidationError as error:
        raise explained(error, model, lambda key: _origin(key, origin, path)) from error


def _require_trainer(path: str, base: Mapping[str, Any]) -> None:
    """Refuse a command of which nothing says that it is the trainer: it would be told what a net for images lacks."""
    if "trainer" in base or not any(key.startswith("command.") for key in base):
        return
    misspelt = next((key for key in base if nearest(key, ["trainer"])), "")
    what = (
        f"the key 'trainer' is missing ('{misspelt}' is none)" if misspelt else "the key 'trainer' is missing"
    )
    raise UserError(
        f'{path}: {what}, and there is a table [command]. Write trainer = "command" above the first table.'
    )


def _interpreted(
    where: str, key: str, value: Any, base: Mapping[str, Any], known: Mapping[str, Ambiguity]
) -> Mapping[str, Any]:
    """The keys that an interpretation sets."""
    number = key.removeprefix(_TAKEN)
    if number not in known:
        raise unknown(where, f"ambiguity (a table of {SOURCE}.toml)", number, known)
    if key not in base:
        own = [name for name in known if f"{_TAKEN}{name}" in base]
        raise unknown(where, "ambiguity of this experiment", number, own)
    choices = known[number].interpretations
    if not isinstance(value, str) or value not in choices:
        told = value if isinstance(value, str) else shown(value)
        raise unknown(where, f"interpretation of {number}", told, choices)
    return choices[value].set


def _origin(key: str, origin: Mapping[str, str], default: str) -> str:
    """The file that set a key; for a list's entry or a table, the one that set what it belongs to."""
    while key:
        if key in origin:
            return origin[key]
        below = [where for other, where in origin.items() if other.startswith(f"{key}.")]
        if below:
            return below[-1]
        key = key.rpartition(".")[0]
    return default
