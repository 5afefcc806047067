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
from tinyexp.launch.job import recorded_status
from tinyexp.runs.folder import RunFolder, find_runs
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import RunRecord, Status, read_bounded, read_section

_TIMES = ("train_s", "evaluate_s")
"""Columns of ``timing.csv`` that together are an epoch."""


@dataclass(frozen=True)
class Speed:
    """Measured times."""

    epoch_s: Mapping[str, float]
    """Seconds an epoch, by configuration."""
    run_s: Mapping[str, float]
    """Seconds a finished run, by configuration, of those whose epochs only their log says."""
    work_per_s: float | None
    """Multiply-adds a second, evaluation included; None where nothing was measured."""
    runs: int

    def seconds(self, plan: RunPlan) -> float | None:
        """What is left of a run: as its configuration went, else by its arithmetic or as the others did; None where unknown."""
        configuration = plan.record.configuration
        if not plan.epochs:
            return self.run_s.get(configuration, median(self.run_s.values()) if self.run_s else None)
        own = self.epoch_s.get(configuration)
        if own is None and self.work_per_s and (work := epoch_work(plan.record)) is not None:
            own = work / self.work_per_s
        return None if own is None else own * (plan.epochs - recorded_status(plan).epochs_done)


def measured_speed(profile_runs: Path) -> Speed:
    """From the runs below the folder of one profile; unreadable ones are passed over, as they only inform."""
    epochs: dict[str, list[float]] = {}
    whole: dict[str, list[float]] = {}
    rates, count = [], 0
    for folder in find_runs(profile_runs.parent):
        took = epoch_seconds(folder)
        if folder.path.parent.parent != profile_runs or not sum(took):
            continue
        try:
            record = read_section(folder.record, RunRecord)
            rules = settings_rules(record.experiment.trainer)
            if rules.epochs(record.experiment.settings):
                own = median(took)
                if work := epoch_work(record):
                    rates.append(work / own)
                epochs.setdefault(record.configuration, []).append(own)
            elif read_section(folder.status, Status).state == "finished":
                whole.setdefault(record.configuration, []).append(sum(took))
            else:
                continue
        except (TinyexpError, ZeroDivisionError):  # damaged, or changed into a net that cannot be
            continue
        count += 1
    return Speed(_medians(epochs), _medians(whole), median(rates) if rates else None, count)


def _medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    return {name: median(values) for name, values in seconds.items()}


def epoch_work(record: RunRecord) -> float | None:
    """What an epoch of a run costs by its settings; None where they do not say."""
    rules = settings_rules(record.experiment.trainer)
    return rules.epoch_work(record.experiment, record.data.model_dump(exclude={"fingerprint"}))


def epoch_seconds(folder: RunFolder) -> list[float]:
    """Seconds of each epoch, or row of its log, of a run, evaluation included; empty where ``timing.csv`` is not ours."""
    try:
        rows = list(csv.DictReader(read_bounded(folder.timing).decode().splitlines()))
        found = [sum(float(row[name]) for name in _TIMES if name in row) for row in rows]
    except (DamagedError, csv.Error, ValueError, TypeError):
        return []
    return found if all(0 <= one < math.inf for one in found) else []
