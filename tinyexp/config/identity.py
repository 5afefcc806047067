"""The name of a training: equal identities mean that training again would give the same bits."""

from __future__ import annotations

from tinyexp.config.experiment import Experiment
from tinyexp.files import sha256_of_json

NUMERICS_VERSION = 1
"""Raised whenever a change of the code changes a number that some spec, seed and data give."""


def configuration_of(experiment: Experiment, numerics: int = NUMERICS_VERSION) -> str:
    """The digest that the runs of one configuration share, whatever their seed and data fingerprint."""
    return sha256_of_json({"spec": experiment.numerical_settings, "numerics": numerics})


def identity_of(experiment: Experiment, seed: int, fingerprint: str, numerics: int = NUMERICS_VERSION) -> str:
    """The digest (64 hexadecimal characters) of one run: configuration, seed and data.

    Parameters
    ----------
    fingerprint
        Digest of what is trained on.
    numerics
        The version that the run was trained with.
    """
    return sha256_of_json(
        {"configuration": configuration_of(experiment, numerics), "seed": seed, "data": fingerprint}
    )
