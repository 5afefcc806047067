"""The tables ``[metrics.NAME]`` of experiments, of their source and of studies, brought together.

Any of the three may say what a metric's name means, and none of them has the last word: where two say different things
of one name, and both are asked in one comparison, that is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from tinyexp.config.explain import explained, shown
from tinyexp.config.metric import MetricName, MetricTable, toml_key
from tinyexp.config.names import SOURCE
from tinyexp.config.section import Section
from tinyexp.config.toml import read_toml
from tinyexp.errors import UserError
from tinyexp.resources import experiments_folder

Tables = Mapping[str, MetricTable]


class _WithTables(Section):
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict)


def tables_in(raw: Mapping[str, Any], where: str) -> Tables:
    """The tables of a file that was parsed.

    Raises
    ------
    UserError
        They are none; the message names the file, the key and the choices.
    """
    try:
        return _WithTables.model_validate({"metrics": raw.get("metrics", {})}).metrics
    except ValidationError as error:
        raise explained(error, _WithTables, lambda _: where) from error


def tables_of(experiments: Iterable[str], folder: Path | None = None) -> list[tuple[str, Tables]]:
    """The tables of experiments and of their source, each with its file; names without a file are passed over.

    Raises
    ------
    UserError
        A file cannot be read, or its tables are none.
    """
    folder = folder or experiments_folder()
    paths = [folder / f"{name}.toml" for name in (SOURCE, *dict.fromkeys(experiments))]
    return [(str(path), tables_in(read_toml(path), str(path))) for path in paths if path.is_file()]


def merged(tables: Iterable[tuple[str, Tables]]) -> dict[str, MetricTable]:
    """What several files say of metrics, together: each key of a name from the file that has it.

    Parameters
    ----------
    tables
        Each with the file that it stands in.

    Raises
    ------
    UserError
        Two files give one key of one name different values; the message names both.
    """
    keys: dict[str, dict[str, tuple[str, Any]]] = {}
    for where, own in tables:
        for name, table in own.items():
            told = keys.setdefault(name, {})
            for key in sorted(table.model_fields_set):
                value = getattr(table, key)
                before, kept = told.setdefault(key, (where, value))
                if kept != value:
                    raise UserError(
                        f"{where}: [metrics.{toml_key(name)}] {key} = {shown(value)} contradicts {before}, which has "
                        f"{key} = {shown(kept)}. Both are asked in one comparison: say the same in both, or take it out of one."
                    )
    return {
        name: MetricTable(**{key: value for key, (_, value) in told.items()}) for name, told in keys.items()
    }
