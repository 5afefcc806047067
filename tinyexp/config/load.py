"""From files to a complete experiment: the file, its readings, a profile, the user's overrides.

Each of these is an overlay on the one before. What a profile or an override changes against the
file is a deviation from the source, and the experiment carries the list to the report.
"""

from __future__ import annotations

import fnmatch
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment, ExperimentFile
from tinyexp.config.explain import explained, shown
from tinyexp.config.readings import CONTRADICTIONS
from tinyexp.config.section import Count, Name, PositiveInt, Section
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import UserError, unknown
from tinyexp.files import read_bounded
from tinyexp.resources import experiments_folder

_MAX_BYTES = 1_000_000
_HEAD = tuple(ExperimentFile.model_fields)
"""Keys of an experiment file that are no settings."""


class Profile(Section):
    """A named overlay that sets scale and data, for all experiments or for some."""

    title: str
    summary: str = ""
    """What it scales, in a few words, for the head of the report."""
    evidence: str = ""
    """What results of this profile cannot show, for the head of the report."""
    seeds: PositiveInt
    """Seeds that ``run-all`` trains where the user names no number."""
    studies: Annotated[tuple[Name, ...] | None, Field(strict=False)] = None
    """The studies that ``run-all`` trains where the user names none; all, if none is given."""
    jobs: Count = 0
    """Runs side by side where the user names no number; 0 for one a processor."""
    all: dict[str, Any] = Field(default_factory=dict)
    """Keys set in every experiment."""
    only: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Keys set in the experiments whose name matches the pattern, later tables last."""


def experiment_names(folder: Path | None = None) -> list[str]:
    """The experiments there are, by file name."""
    return _stems(folder or experiments_folder())


def profile_names(folder: Path | None = None) -> list[str]:
    """The profiles there are, by file name."""
    return _stems((folder or experiments_folder()) / "profiles")


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Read ``profiles/NAME.toml``.

    Raises
    ------
    UserError
        There is no such profile, or the file is not one.
    """
    folder = folder or experiments_folder()
    path = _find(folder / "profiles", name, "profile")
    try:
        return Profile.model_validate(read_toml(path))
    except ValidationError as error:
        raise explained(error, Profile, lambda _: str(path)) from error


def load_experiment(
    name: str,
    profile: str = "embedded",
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: Path | None = None,
) -> Experiment:
    """Read an experiment and put its readings, a profile and overrides on it.

    Parameters
    ----------
    name
        File name under ``experiments/`` without its ending.
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
    path = _find(folder, name, "experiment")
    chosen = load_profile(profile, folder)
    profile_path = folder / "profiles" / f"{profile}.toml"
    base = flatten(read_toml(path))
    layers = [(str(profile_path), flatten(chosen.all))]
    layers += [
        (str(profile_path), flatten(table))
        for pattern, table in chosen.only.items()
        if fnmatch.fnmatchcase(name, pattern)
    ]
    layers.append(("--set", dict(overrides or {})))
    alone, resolved = _resolve(str(path), base, []), _resolve(str(path), base, layers)
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
        overrides=dict(overrides or {}),
    )


def settings_in(file: ExperimentFile) -> dict[str, Any]:
    """What is left of an experiment file without the keys that every file has."""
    return file.model_dump(mode="json", exclude=set(_HEAD))


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
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
    except (ValueError, RecursionError) as error:  # a number of too many digits, lists in lists without end
        raise UserError(f"--set {key}: the value cannot be read: {error}.") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file of at most a megabyte.

    Raises
    ------
    UserError
        It cannot be read, is too large, or is not TOML; the message names file, line and column.
    """
    try:
        return tomllib.loads(read_bounded(path, _MAX_BYTES).decode())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # what is no UTF-8 or TOML, or has too many digits
        raise UserError(f"{path}: is not valid TOML: {error}.") from error


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


def _stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def _find(folder: Path, name: str, kind: str) -> Path:
    known = _stems(folder)
    if name not in known:
        raise unknown(str(folder), kind, name, known)
    return folder / f"{name}.toml"


def _resolve(path: str, base: dict[str, Any], layers: list[tuple[str, dict[str, Any]]]) -> ExperimentFile:
    """Put the overlays on the base, in order; the readings that they end up with come first."""
    origin = dict.fromkeys(base, path)
    flat = dict(base)
    readings = {key: value for key, value in base.items() if key.startswith("readings.")}
    origin_of_reading = dict.fromkeys(readings, path)
    for where, layer in layers:
        chosen = {key: value for key, value in layer.items() if key.startswith("readings.")}
        readings |= chosen
        origin_of_reading |= dict.fromkeys(chosen, where)
    for key, value in readings.items():
        where = origin_of_reading[key]
        for target, setting in _reading_overlay(where, key, value, base).items():
            flat[target], origin[target] = setting, f"{where} ({key} = '{value}')"
    for where, layer in layers:
        flat |= layer
        origin |= dict.fromkeys(layer, where)
    trainer = flat.get("trainer", "vision")
    model = settings_rules(str(trainer), _origin("trainer", origin, path)).file
    try:
        return model.model_validate(nested(flat, origin))
    except ValidationError as error:
        raise explained(error, model, lambda key: _origin(key, origin, path)) from error


def _reading_overlay(where: str, key: str, value: Any, base: Mapping[str, Any]) -> Mapping[str, Any]:
    number = key.removeprefix("readings.")
    if number not in CONTRADICTIONS:
        raise unknown(where, "contradiction", number, CONTRADICTIONS)
    if key not in base:
        known = [name for name in CONTRADICTIONS if f"readings.{name}" in base]
        raise unknown(where, "contradiction of this experiment", number, known)
    choices = CONTRADICTIONS[number].readings
    if not isinstance(value, str) or value not in choices:
        raise unknown(
            where, f"reading of {number}", value if isinstance(value, str) else shown(value), choices
        )
    return choices[value].overlay


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
