"""Going on from a shorter run: epochs that a run of the same settings and seed has trained are not trained again.

``training.stop_after`` is part of a run's identity, as it decides the result. Of the epochs before its end it decides
nothing: no schedule looks at it, so four epochs after two go on from the second, to the bits of four at once. A run on other
data is told of in the same walk over the neighbours, since nothing else would say why training begins anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinyexp.errors import DamagedError
from tinyexp.files import entries
from tinyexp.runs.environment import environment_changes
from tinyexp.runs.folder import RunFolder, is_run_name
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import Environment, RunRecord, read_section
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint
from tinyexp.trainers.vision.training.resumed import Warn, kept_records

_LENGTHS = ("stop_after", "epochs")
_SCHEDULES = ("constant", "plateau")
"""Those whose rates in an epoch do not depend on how many epochs there will be; a schedule that is new has to be looked at."""


def shorter_run(plan: RunPlan, environment: Environment, warn: Warn) -> dict[str, Any] | None:
    """The furthest checkpoint of a run that is this one but for its length, of the first of its epochs; None where there is none.

    Parameters
    ----------
    environment
        What is trained in; a checkpoint of another one would give other bits.
    """
    found: list[tuple[tuple[int, int], str, dict[str, Any]]] = []
    for folder, record in _neighbours(plan):
        if record.data.fingerprint != plan.record.data.fingerprint:
            if record.configuration == plan.record.configuration:
                warn(
                    f"the data are not those of {folder.path.name}, which has the same settings; this run begins anew."
                )
        elif _is_shorter(record, plan.record):
            found += [(place, folder.path.name, state) for place, state in _states(folder, plan, environment)]
    if not found:
        return None
    (epoch, step), name, state = max(found, key=lambda one: one[0])
    inside = f" after step {step}" if step else ""
    rest = "nothing is left to train" if epoch > plan.epochs else f"training goes on in epoch {epoch}{inside}"
    warn(f"{name} has the same settings but for its length, and its epochs are this run's too: {rest}.")
    return state


def _neighbours(plan: RunPlan) -> Iterator[tuple[RunFolder, RunRecord]]:
    """The other runs of the experiment under the same seed."""
    own = plan.folder.path
    try:
        paths = entries(own.parent)
    except DamagedError:
        return
    for path in paths:
        if (
            path.name == own.name
            or not is_run_name(path.name)
            or not path.name.startswith(f"{plan.record.seed}-")
        ):
            continue
        try:
            yield RunFolder(path), read_section(RunFolder(path).record, RunRecord)
        except DamagedError:
            continue


def _is_shorter(record: RunRecord, wanted: RunRecord) -> bool:
    """Whether the settings are the same but for the length, and the rates do not depend on it."""
    settings = wanted.experiment.numerical_settings
    return (
        settings["optimizer"]["schedule"] in _SCHEDULES
        and record.numerics_version == wanted.numerics_version
        and record.experiment.trainer == wanted.experiment.trainer
        and _without_length(record.experiment.numerical_settings) == _without_length(settings)
    )


def _without_length(settings: dict[str, Any]) -> dict[str, Any]:
    training = {key: value for key, value in settings["training"].items() if key not in _LENGTHS}
    return {**settings, "training": training}


def _states(
    folder: RunFolder, plan: RunPlan, environment: Environment
) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """Checkpoints that this run would have passed through, to the bit."""
    try:
        paths = checkpoints(folder.checkpoints)
    except DamagedError:
        return
    for path in paths:
        try:
            state = load_checkpoint(path)
            kept = kept_records(state, path)
            place = (int(state["position"]["epoch"]), int(state["position"]["step"]))
        except (DamagedError, KeyError, TypeError, ValueError):  # that run's own matter
            continue
        if (
            kept is not None
            and kept.environment is not None
            and kept.record.seed == plan.record.seed
            and kept.record.data.fingerprint == plan.record.data.fingerprint
            and _is_shorter(kept.record, plan.record)
            and kept.environment.bit_identical
            and kept.environment.threads == environment.threads
            and not environment_changes(kept.environment, environment)
            and (1, 0) < place <= (plan.epochs + 1, 0)
        ):
            yield place, state
