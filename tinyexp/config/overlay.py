"""An experiment with some keys set otherwise, as ``--set`` would, without going back to its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from tinyexp.config.difference import flatten
from tinyexp.config.experiment import Experiment
from tinyexp.config.explain import explained, shown
from tinyexp.config.load import nested, settings_in
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import UserError, unknown


def with_keys(experiment: Experiment, changes: Mapping[str, Any], where: str) -> Experiment:
    """The experiment with dotted keys set; each becomes one of its overrides.

    Parameters
    ----------
    where
        The file and place that sets them, for messages.

    Raises
    ------
    UserError
        A key or value that does not exist, or a reading, which is more than a key.
    """
    readings = [key for key in changes if key.startswith("readings.")]
    if readings:
        raise UserError(
            f"{where}: '{readings[0]}' cannot be set here, as a reading stands for other keys. Set those keys."
        )
    rules = settings_rules(experiment.trainer)
    model = rules.file
    flat = {
        rules.file_key(key): value for key, value in (flatten(experiment.settings) | dict(changes)).items()
    }
    tree = {"title": experiment.title, "trainer": experiment.trainer}
    try:
        file = model.model_validate(tree | nested(flat, dict.fromkeys(flat, where)))
    except ValidationError as error:
        raise explained(error, model, lambda _: where) from error
    return experiment.model_copy(
        update={"settings": settings_in(file), "overrides": {**experiment.overrides, **dict(changes)}}
    )


def multiplied(experiment: Experiment, factors: Mapping[str, float], where: str) -> dict[str, Any]:
    """Dotted keys with the experiment's own values times a factor, so that they follow its profile.

    Whole numbers stay whole: they are rounded, and are at least 1.

    Raises
    ------
    UserError
        A key that does not exist, or whose value is no number or list of numbers.
    """
    flat = flatten(experiment.settings)
    found: dict[str, Any] = {}
    for key, factor in factors.items():
        if key not in flat:
            raise unknown(where, "key", key, flat)
        value = flat[key]
        numbers = value if isinstance(value, list) else [value]
        if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
            raise UserError(f"{where}: {key} = {shown(value)} is no number, so it cannot be multiplied.")
        scaled = [max(1, round(one * factor)) if isinstance(one, int) else one * factor for one in numbers]
        found[key] = scaled if isinstance(value, list) else scaled[0]
    return found
