"""The JSON Schema of ``report.json``, made from its types."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from tinyexp.report.content import ReportFile
from tinyexp.runs.records import MAY_BE_LEFT_OUT


def report_schema_text() -> str:
    """The schema as a file: every key is there but those that may be left out, and no other."""
    made = TypeAdapter(ReportFile).json_schema(mode="serialization")
    made["title"] = "tinyexp report"
    for table in (made, *made["$defs"].values()):
        _close(table)
    schema: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _close(table: dict[str, Any]) -> None:
    """A dataclass is written with all of its fields; titles and defaults say nothing besides. Others are forbidden by its configuration."""
    fields = table.get("properties")
    if fields is None:
        return
    table["required"] = [name for name, field in fields.items() if not field.pop(MAY_BE_LEFT_OUT, False)]
    for field in fields.values():
        field.pop("title", None)
        field.pop("default", None)
