"""The name of a training: equal identities mean that training again would give the same bits."""

from __future__ import annotations

from typing import Any

from tinyexp.config.schema import Spec
from tinyexp.files import sha256_of_json

NUMERICS_VERSION = 1
"""Raised whenever a change of the code changes a number that some spec, seed and data give."""

NOT_NUMERICAL = ("title", "section", "reported", "readings", "execution")
"""Sections and keys that say what a training is called, where it runs or what others found."""


def numerical_part(spec: Spec) -> dict[str, Any]:
    """The spec without what cannot change a number; what is left decides the result."""
    part = spec.model_dump(mode="json", exclude=set(NOT_NUMERICAL))
    part["data"].pop("root")
    if not part["data"][
        "packed_side"
    ]:  # the key is younger than some runs, whose identities it leaves as they were
        part["data"].pop("packed_side")
    return part


def configuration_of(spec: Spec, numerics: int = NUMERICS_VERSION) -> str:
    """The digest that the runs of one configuration share, whatever their seed and data fingerprint."""
    return sha256_of_json({"spec": numerical_part(spec), "numerics": numerics})


def identity_of(spec: Spec, seed: int, fingerprint: str, numerics: int = NUMERICS_VERSION) -> str:
    """The digest (64 hexadecimal characters) of one run: configuration, seed and data.

    Parameters
    ----------
    fingerprint
        Digest of the data set, from :mod:`tinyexp.trainers.vision.data`.
    numerics
        The version that the run was trained with.
    """
    return sha256_of_json(
        {"configuration": configuration_of(spec, numerics), "seed": seed, "data": fingerprint}
    )
