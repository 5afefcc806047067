"""Some of a report's runs trained anew, which its author could not choose: are its numbers those that training gives?

A report whose numbers, digests and pages were all rewritten alike passes every other check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tinyexp.analysis.design import experiment_point
from tinyexp.analysis.distributions import t_critical
from tinyexp.config.experiment import Experiment
from tinyexp.errors import TinyexpError, UserError
from tinyexp.files import sha256_of_bytes
from tinyexp.launch.prepare import prepare
from tinyexp.launch.progress import measured
from tinyexp.launch.tryout import thrown_away
from tinyexp.runs.environment import environment_changes
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.recorded import RecordedRun, read_run, read_runs
from tinyexp.runs.records import headline, read_bounded, read_predictions, result
from tinyexp.trainers.base import Listener, Row, trainer_of

RISK = 0.01
"""Of calling runs that are as they should be too far off, over all that are trained anew."""

Outcome = Literal["same_bits", "other_bits", "within_spread", "beyond_spread", "not_to_tell", "failed"]


@dataclass(frozen=True)
class Retrained:
    """What came of one run."""

    run: str
    outcome: Outcome
    told: str
    """A sentence without its beginning, which is the run."""
    environment: tuple[str, ...] = ()
    """What differs between the environment of the report's run and this one."""
    metric: str = ""
    reported: float | None = None
    found: float | None = None
    allowed: float | None = None
    """How far apart the two may be by the spread of seeds in the report; None where bits are compared."""

    @property
    def holds(self) -> bool:
        """Whether the run is what the report says, as far as it can be told here."""
        return self.outcome in {"same_bits", "within_spread"}


def retrain(
    runs: Path,
    digest: str,
    count: int,
    number: int,
    data_folder: Path,
    tell: Callable[[str], None],
    *,
    run_commands: bool = False,
) -> list[Retrained]:
    """Train some of the finished runs below ``runs`` anew and compare them; nothing of it is kept.

    Parameters
    ----------
    digest
        Of the whole report; with the number it decides which runs.
    run_commands
        Whether commands that the records name may be run.

    Raises
    ------
    UserError
        A chosen run cannot be trained here: it was trained elsewhere, its data, its code or what trains it are not here. None is
        left out for that: else whoever made the report could steer what is looked at.
    """
    finished = [run for run in read_runs(runs) if run.status.state == "finished"]
    chosen = drawn(finished, digest, count, number)
    for run in chosen:
        _require_trainable(run, run_commands=run_commands)
    found = []
    for run in chosen:
        tell(f"{run.name}: is trained anew")
        found.append(_retrained(run, finished, RISK / len(chosen), data_folder, tell))
    return found


def drawn(runs: Sequence[RecordedRun], digest: str, count: int, number: int) -> list[RecordedRun]:
    """The runs whose SHA-256 of ``DIGEST NUMBER NAME`` is lowest: nobody knows them who does not know the number."""
    if not runs:
        raise UserError("--retrain: the report has no finished run that could be trained anew.")

    def rank(run: RecordedRun) -> str:
        return sha256_of_bytes(f"{digest} {number} {run.name}".encode())

    return sorted(runs, key=rank)[:count]


def _require_trainable(run: RecordedRun, *, run_commands: bool) -> None:
    experiment = run.record.experiment
    if run.record.provenance or experiment.trainer == "imported":
        raise UserError(
            f"--retrain: {run.name} was read from a log, and nothing here trains it. Train it where its trainer is,"
            " and compare with `tinyexp compare`."
        )
    if experiment.trainer == "command" and not run_commands:
        line = experiment.settings.get("command", {}).get("run", "")
        raise UserError(
            f"--retrain: {run.name} is trained by a command that the report names, which may do anything: {line!r}. Read it and the"
            " files that it runs; where you trust them, give --run-commands, in the folder in which it is to run."
        )


def _retrained(
    run: RecordedRun,
    others: Sequence[RecordedRun],
    risk: float,
    data_folder: Path,
    tell: Callable[[str], None],
) -> Retrained:
    def epoch_done(row: Row, _timing: Row) -> None:
        metric = headline(row)
        tell(f"{run.name}: {measured(metric, row[metric] if metric else None)}")

    experiment = _as_trained(run)
    with thrown_away() as place:
        [plan] = prepare([experiment_point(experiment, (run.record.seed,))], place, data_folder)
        _require_same(run, plan)
        try:
            trainer_of(experiment.trainer).train(
                plan,
                data_folder,
                Listener(epoch_done=epoch_done, warn=tell),
                fresh=False,
                accept_environment=False,
            )
        except UserError:
            raise
        except TinyexpError as error:
            return Retrained(run.name, "failed", f"cannot be trained here: {error}")
        return _compared(run, read_run(plan.folder), others, risk)


def _as_trained(run: RecordedRun) -> Experiment:
    """The record's experiment with the number of threads that it was trained with, which changes last bits."""
    experiment = run.record.experiment
    if experiment.trainer != "vision" or run.environment is None:
        return experiment
    execution = {"threads": run.environment.threads}
    return experiment.model_copy(update={"settings": {**experiment.settings, "execution": execution}})


def _require_same(run: RecordedRun, plan: RunPlan) -> None:
    """Raise UserError where what would be trained is not what the report says."""
    told, here = run.record, plan.record
    if told.identity == here.identity:
        return
    if told.numerics_version != here.numerics_version:
        what = f"was trained by numerics version {told.numerics_version}, and this tinyexp trains version {here.numerics_version}"
        step = f"Install the tinyexp of its environment.json ({(run.environment.packages if run.environment else {}).get('tinyexp')})"
    elif told.data.fingerprint != here.data.fingerprint:
        what = "was trained on other data, or other files, than are here"
        step = "Give the folder of its data (--data-folder), or a checkout of its code"
    else:
        what, step = "has an identity that its settings do not give", "Run `tinyexp check` on its folder"
    raise UserError(f"--retrain: {run.name} {what}. {step}; nothing was trained.")


def _compared(told: RecordedRun, now: RecordedRun, others: Sequence[RecordedRun], risk: float) -> Retrained:
    if not (differing := _other_records(told.folder, now.folder)):
        return Retrained(told.name, "same_bits", "the same bits.")
    experiment = told.record.experiment
    metric, reported = result(told.folder, experiment)
    found = result(now.folder, experiment)[1]
    changes = _changes(told, now)
    values = f"{metric} {_shown(reported)} in the report and {_shown(found)} here"
    if not changes and experiment.trainer == "vision":
        words = f"other bits in {' and '.join(differing)}, in the same environment: {values}."
        return Retrained(told.name, "other_bits", words, (), metric, reported, found)
    allowed = _allowed(others, metric, risk)
    where = (
        f"in another environment ({'; '.join(changes)})"
        if changes
        else "by a command, whose bits are its own matter"
    )
    if allowed is None or reported is None or found is None:
        words = f"trained {where}: {values}; the report has no spread of seeds to hold that against."
        return Retrained(told.name, "not_to_tell", words, changes, metric, reported, found)
    within = abs(found - reported) <= allowed
    words = (
        f"trained {where}, so bits are not compared: {values}, {_shown(abs(found - reported))} apart;"
        f" the spread of seeds in the report allows {_shown(allowed)}{'' if within else ', and this is beyond it'}."
    )
    outcome: Outcome = "within_spread" if within else "beyond_spread"
    return Retrained(told.name, outcome, words, changes, metric, reported, found, allowed)


def _other_records(told: RunFolder, now: RunFolder) -> list[str]:
    """Which of metrics and predictions have other bits. Arrays are compared, as what packs them has versions."""
    differing = [] if read_bounded(told.metrics) == read_bounded(now.metrics) else ["metrics.csv"]
    if told.predictions.is_file() or now.predictions.is_file():
        left, right = read_predictions(told), read_predictions(now)
        alike = np.array_equal(left.label, right.label) and np.array_equal(left.predicted, right.predicted)
        if not alike or not _equal(left.in_top5, right.in_top5):
            differing.append("predictions.npz")
    return differing


def _equal(left: object, right: object) -> bool:
    return left is right if left is None or right is None else np.array_equal(left, right)  # type: ignore[arg-type]


def _changes(told: RecordedRun, now: RecordedRun) -> tuple[str, ...]:
    if told.environment is None or now.environment is None:
        return ("unknown",)
    found = environment_changes(told.environment, now.environment)
    changes = [f"{one.key} {one.left}, here {one.right}" for one in found]
    if not told.environment.bit_identical:
        changes.append("the report's run went on elsewhere than it began")
    return tuple(changes)


def _allowed(runs: Sequence[RecordedRun], metric: str, risk: float) -> float | None:
    """How far two trainings of one configuration may be apart: by the spread of seeds, pooled over all configurations of a report."""
    by_configuration: dict[str, list[float]] = {}
    for run in runs:
        name, value = result(run.folder, run.record.experiment)
        if name == metric and value is not None:
            by_configuration.setdefault(run.record.configuration, []).append(value)
    degrees = sum(len(values) - 1 for values in by_configuration.values())
    if degrees < 1:
        return None
    squares = sum(float(np.var(values)) * len(values) for values in by_configuration.values())
    return t_critical(risk, degrees) * math.sqrt(2 * squares / degrees)


def _shown(value: float | None) -> str:
    return "no number" if value is None else f"{value:.6g}"
