"""How fast runs went on this machine, from their records of time, and what others would take."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError, TinyexpError
from tinyexp.runs.folder import RunFolder, find_runs
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import RunRecord, Status, read_bounded, read_section


@dataclass(frozen=True)
class Speed:
    """Measured times of an epoch."""

    by_configuration: Mapping[str, float]
    """Seconds an epoch."""
    work_per_s: float | None
    """Multiply-adds a second, evaluation included; None where nothing was measured."""
    runs: int

    def seconds(self, plan: RunPlan) -> float | None:
        """What is left of a run: as its configuration went, else by its arithmetic; None where unknown."""
        left = plan.epochs - _epochs_done(plan.folder)
        own = self.by_configuration.get(plan.record.configuration)
        if own is None and self.work_per_s and (work := epoch_work(plan.record)) is not None:
            own = work / self.work_per_s
        return None if own is None else own * left


def measured_speed(profile_runs: Path) -> Speed:
    """From the runs below the folder of one profile; unreadable ones are passed over, as they only inform."""
    seconds: dict[str, list[float]] = {}
    rates, count = [], 0
    for folder in find_runs(profile_runs.parent):
        if folder.path.parent.parent != profile_runs:
            continue
        own = _epoch_seconds(folder)
        if own is None:
            continue
        try:
            record = read_section(folder.record, RunRecord)
            work = epoch_work(record)
        except TinyexpError:  # damaged, or changed into a net that cannot be
            continue
        seconds.setdefault(record.configuration, []).append(own)
        if work is not None:
            rates.append(work / own)
        count += 1
    return Speed(
        {name: median(values) for name, values in seconds.items()}, median(rates) if rates else None, count
    )


def epoch_work(record: RunRecord) -> float | None:
    """What an epoch of a run costs by its settings; None where they do not say."""
    rules = settings_rules(record.experiment.trainer)
    return rules.epoch_work(record.experiment, record.data.model_dump(exclude={"fingerprint"}))


def _epoch_seconds(folder: RunFolder) -> float | None:
    try:
        rows = list(csv.DictReader(read_bounded(folder.timing).decode().splitlines()))
        found = [float(row["train_s"]) + float(row["evaluate_s"]) for row in rows]
    except (DamagedError, csv.Error, KeyError, ValueError, TypeError):
        return None
    return median(found) if found and all(0 < one < math.inf for one in found) else None


def _epochs_done(folder: RunFolder) -> int:
    try:
        return read_section(folder.status, Status).epochs_done
    except DamagedError:
        return 0
