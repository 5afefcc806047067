"""The base of everything that a file of ours may say: frozen, typed, and refusing what it does not know."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1, le=1_000_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Fraction = Annotated[float, Field(ge=0, le=1)]

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""What experiments, profiles and studies may be called, as their files are."""
NAME_RULE = "A name begins with a letter or a digit and has up to 80 letters (a to z, A to Z), digits, '-', '_' and '.'."
Name = Annotated[str, Field(pattern=NAME)]


class Section(BaseModel):
    """A table of a file: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
