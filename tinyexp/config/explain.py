"""pydantic's findings in this project's words: where, what, the choices, the next step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tinyexp.errors import UserError, listed, nearest
from tinyexp.terminal import visible


def explained(error: ValidationError, schema: type[BaseModel], where: Callable[[str], str]) -> UserError:
    """One message for everything that is wrong, a line each.

    Parameters
    ----------
    schema
        The model that was validated against; it knows the valid keys.
    where
        Gives, for a dotted key, the file or option that it came from.
    """
    tagged = _tagged(schema)
    entries = error.errors()
    misspelt = {entry["loc"] for entry in entries if entry["type"] == "extra_forbidden"}
    lines = [
        _line(entry, schema, where, tagged)
        for entry in entries
        if not (entry["type"] == "missing" and _stands_misspelt(entry["loc"], misspelt))
    ]
    return UserError("\n".join(dict.fromkeys(lines)))


def _stands_misspelt(missing: tuple[int | str, ...], misspelt: set[tuple[int | str, ...]]) -> bool:
    """Whether a missing key is the one that an unknown key beside it was meant to be, whose line is enough."""
    key = str(missing[-1])
    return any(nearest(str(other[-1]), [key]) for other in misspelt if other[:-1] == missing[:-1])


def first_fault(error: ValidationError) -> str:
    """The first of pydantic's findings about a file that a program wrote: where in it, and what."""
    found = error.errors()[0]
    place = ".".join(map(str, found["loc"])) or "the whole file"
    return f"{place}: {found['msg'][:1].lower()}{found['msg'][1:]}"


def _line(
    entry: ErrorDetails,
    schema: type[BaseModel],
    where: Callable[[str], str],
    tagged: Mapping[str, type[BaseModel]],
) -> str:
    path = [str(part) for part in entry["loc"]]
    named = [part for place, part in enumerate(path) if not (place == 1 and part in tagged)]
    key = ".".join(named)
    place, value = where(key), entry.get("input")
    match entry["type"]:
        case "extra_forbidden":
            known = _keys(schema, path[:-1], tagged)
            table = f" in [{'.'.join(named[:-1])}]" if len(named) > 1 else ""
            near = nearest(named[-1], known) or ("" if table else _in_a_table(schema, key))
            return f"{place}: unknown key '{named[-1]}'{table}. Known: {listed(known)}.{near}"
        case "missing":
            is_experiment = "trainer" in schema.model_fields
            keys = (
                "`tinyexp schema` prints all keys"
                if is_experiment
                else f"Known: {listed(_keys(schema, path[:-1], tagged))}"
            )
            return f"{place}: the key '{key}' is missing. Add it{';' if is_experiment else '.'} {keys}."
        case "literal_error" | "union_tag_invalid":
            context = entry["ctx"]
            if entry["type"] == "union_tag_invalid":
                key, value = f"{key}.{_discriminator(entry)}", context["tag"]
            choices = re.findall(r"'([^']*)'", str(context.get("expected", context.get("expected_tags", ""))))
            return f"{place}: {key} = {shown(value)} is not a choice. Known: {listed(choices)}.{nearest(value if isinstance(value, str) else shown(value), choices)}"
        case "union_tag_not_found":
            return f"{place}: the key '{key}.{_discriminator(entry)}' is missing. Known: {listed(tagged)}."
        case "value_error":
            told = str(entry["ctx"]["error"])
            table = f"[{key}] " if key else ""
            return f"{place}: {table}{told}{'' if told.endswith(('.', '?')) else '.'}"
        case _:
            is_list = entry["type"] == "tuple_type" and isinstance(value, str)
            what = (
                f"it takes a list, as [{shown(value)}]"
                if is_list
                else f"{entry['msg'][:1].lower()}{entry['msg'][1:]}"
            )
            return f"{place}: {key} = {shown(value)} cannot be used: {what}."


def as_typed(value: Any) -> str:
    """A value as files and options have it: ``true``, where Python writes ``True``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(repr(one) if isinstance(one, str) else as_typed(one) for one in value)}]"
    return str(value)


def shown(value: Any) -> str:
    """A value as a user typed it, cut where it is very long."""
    try:
        text = f"'{value}'" if isinstance(value, str) else as_typed(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of very many digits"
    text = visible(text, one_line=True)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _keys(schema: type[BaseModel], path: list[str], tagged: Mapping[str, type[BaseModel]]) -> list[str]:
    """The valid keys of the table that ``path`` leads to."""
    model: type[BaseModel] | None = schema
    for part in path:
        if part in tagged:
            model = tagged[part]
        elif model is not None and part in model.model_fields:
            model = _section(model.model_fields[part].annotation)
    return list(model.model_fields) if model is not None else []


def _in_a_table(schema: type[BaseModel], key: str) -> str:
    """The key of a table that one which stands in none was probably meant to be, as a clause."""
    sections = {name: _section(field.annotation) for name, field in schema.model_fields.items()}
    found = {
        inner: f"{name}.{inner}"
        for name, section in sections.items()
        if section
        for inner in section.model_fields
    }
    near = difflib.get_close_matches(key, found, n=1)
    return f" Did you mean '{found[near[0]]}'?" if near else ""


def _discriminator(entry: ErrorDetails) -> str:
    """The key that says which of several forms a table has."""
    return str(entry["ctx"]["discriminator"]).strip("'")


def _tagged(schema: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """The forms that tables of a schema can have, by the value that says which."""
    found = {}
    for field in schema.model_fields.values():
        if isinstance(field.discriminator, str):
            for form in get_args(field.annotation):
                for tag in get_args(form.model_fields[field.discriminator].annotation):
                    found[tag] = form
    return found


def _section(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
