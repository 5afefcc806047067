"""A resolved experiment as TOML for people, with what the source has where it is departed from."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from tinyexp.config.load import Experiment
from tinyexp.config.schema import Spec


def as_toml(experiment: Experiment) -> str:
    """The complete spec; a line that deviates from the source ends in a comment with the source's value."""
    source = {change.key: change.left for change in experiment.deviations}
    lines = [f"# {experiment.name}, profile {experiment.profile}; {len(source)} keys deviate from the source"]
    spec = experiment.spec.model_dump(mode="json", exclude_none=True)
    lines += [_line(key, value, source, key) for key, value in spec.items() if not isinstance(value, dict)]
    for section, table in spec.items():
        if isinstance(table, dict):
            lines += ["", f"[{section}]"]
            lines += [_line(key, value, source, f"{section}.{key}") for key, value in table.items()]
    return "\n".join(lines) + "\n"


def schema_text() -> str:
    """The JSON Schema of an experiment file, for editors."""
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(Spec)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {**model.model_json_schema(), "title": "tinyexp experiment"}


def _line(name: str, value: Any, source: dict[str, Any], key: str) -> str:
    # Strings, numbers, booleans and lists of them are written alike in JSON and TOML.
    text = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    return f"{text}  # source: {json.dumps(source[key], ensure_ascii=False)}" if key in source else text
