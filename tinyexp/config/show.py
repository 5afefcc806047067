"""A resolved experiment as TOML for people, with what its file has where it is departed from."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import toml_key
from tinyexp.config.trainers import settings_rules


def as_toml(experiment: Experiment) -> str:
    """The complete experiment; a line that deviates from the file ends in a comment with the file's value."""
    source = {change.key: change.left for change in experiment.deviations}
    lines = [f"# {experiment.name}, profile {experiment.profile}; {len(source)} keys deviate from its file"]
    head = {"title": experiment.title, "section": experiment.section, "trainer": experiment.trainer}
    tables = {
        **experiment.settings,
        "reported": experiment.reported.model_dump(mode="json") if experiment.reported else {},
        "readings": experiment.readings,
    }
    whole = {**head, **tables}
    lines += [_line(key, value, source, key) for key, value in whole.items() if not isinstance(value, dict)]
    for section, table in whole.items():
        if isinstance(table, dict) and table:
            lines += ["", f"[{section}]"]
            lines += [_line(key, value, source, f"{section}.{key}") for key, value in table.items()]
    for name, metric in experiment.metrics.items():
        lines += ["", f"[metrics.{toml_key(name)}]"]
        lines += [_line(key, value, {}, key) for key, value in metric.model_dump(exclude_unset=True).items()]
    return "\n".join(lines) + "\n"


def schema_text(trainer: str = "vision") -> str:
    """The JSON Schema of a trainer's experiment files, for editors."""
    model = settings_rules(trainer).file
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_schema(model)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {**model.model_json_schema(), "title": "tinyexp experiment"}


def _line(name: str, value: Any, source: dict[str, Any], key: str) -> str:
    # Strings, numbers, booleans and lists of them are written alike in JSON and TOML.
    text = f"{name} = {json.dumps(value, ensure_ascii=False)}"
    return f"{text}  # file: {json.dumps(source[key], ensure_ascii=False)}" if key in source else text
