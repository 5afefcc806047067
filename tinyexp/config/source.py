"""The source that experiments implement: what it is, what in it is ambiguous, and how that can be read.

``experiments/source.toml`` says it; a folder of experiments without that file has no source. An experiment file names
the interpretation that it takes of each ambiguity that touches it (``[readings]``). An interpretation is an overlay of
keys, applied before any profile. An ambiguity with a single one changes nothing that can be run and is there to be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from tinyexp.config.difference import flatten
from tinyexp.config.explain import explained
from tinyexp.config.metric import MetricName, MetricTable
from tinyexp.config.names import SOURCE
from tinyexp.config.section import Section
from tinyexp.config.toml import read_toml
from tinyexp.files import read_error
from tinyexp.resources import experiments_folder

_Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]
"""What can stand between the dots of a key."""
_DottedKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]


class Interpretation(Section):
    """One way to take an ambiguity: what it means, and the keys that it sets."""

    meaning: str
    set: dict[str, Any] = Field(default_factory=dict)
    """Dotted keys and their values; tables in tables mean the same."""

    @field_validator("set", mode="before")
    @classmethod
    def _dotted(cls, value: Any) -> Any:
        return flatten(value) if isinstance(value, Mapping) else value


class Ambiguity(Section):
    """What the source leaves open, or says in two ways that exclude each other."""

    what: str
    interpretations: Annotated[dict[_Key, Interpretation], Field(min_length=1)]
    """The first is the usual one."""
    concerns: list[_DottedKey] = Field(default_factory=list)
    """Keys that the words speak of beside those that an interpretation sets. Where a run departs from its file in one of
    them, a report says that the words hold at full scale."""


class Source(Section):
    """The document that the experiments of a folder implement."""

    title: str
    address: str = ""
    """Where it can be read; empty where that is not known."""
    claims: tuple[_Key, ...] = Field(default=(), strict=False)
    """The ids of all claims of the folder's studies in the order in which the source states them; where there are none, a
    report lists claims in the order of the studies."""
    ambiguities: dict[_Key, Ambiguity] = Field(default_factory=dict)
    """In the order in which a report lists them."""
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict)
    """What metrics' names mean in all experiments: tables ``[metrics.NAME]``."""

    @field_validator("claims", mode="after")
    @classmethod
    def _each_once(cls, claims: tuple[str, ...]) -> tuple[str, ...]:
        twice = [name for place, name in enumerate(claims) if name in claims[:place]]
        if twice:
            raise ValueError(f"the claim '{twice[0]}' stands twice; each must stand once")
        return claims


def load_source(folder: Path | None = None) -> Source | None:
    """Read ``source.toml``; None where the folder has none. A file that did not change is read once.

    Raises
    ------
    UserError
        The file is not a source; the message names it, the key, the choices and the nearest.
    UnreadableError
        Whether there is one could not be seen.
    """
    path = (folder or experiments_folder()) / f"{SOURCE}.toml"
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise read_error(path, error) from error
    return _read(str(path), str(path.absolute()), state.st_mtime_ns, state.st_size)


def ambiguities(folder: Path | None = None) -> Mapping[str, Ambiguity]:
    """The ambiguities of the folder's source by their number; none without a source."""
    source = load_source(folder)
    return source.ambiguities if source else {}


@lru_cache(maxsize=8)
def _read(path: str, _absolute: str, _changed: int, _size: int) -> Source:
    try:
        return Source.model_validate(read_toml(Path(path)))
    except ValidationError as error:
        raise explained(error, Source, lambda _: path) from error
