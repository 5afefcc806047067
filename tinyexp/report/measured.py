"""The rows of the finished runs, each under the name it was chosen by, and the curves made of them once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tinyexp.analysis.checked import checked_rows, metric_names
from tinyexp.analysis.curves import Curve, curve_of, with_gap
from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.endpoints import index_of, run_starts
from tinyexp.analysis.study import Study
from tinyexp.config.metric import GAP, GAP_OF, Metric, MetricTable, check_values, known_metric
from tinyexp.config.metric_tables import merged, tables_of
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import MetricValuesError, UserError
from tinyexp.report.drawings import MOST_SEED_LINES
from tinyexp.report.implied import by_preference
from tinyexp.runs.cost import COST_COLUMNS, RunCost
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.recorded import RecordedRun
from tinyexp.runs.taken import TAKEN

_MANY = 200
"""Experiments; the curves of nine metrics of a thousand of them filled a gigabyte and a half."""


class Measured:
    """What the runs of a report measured; with many runs a report is made of small parts of the whole table.

    Parameters
    ----------
    runs
        The finished ones, each once.
    chosen
        Whose rows are asked for by name.
    studies
        The leading one first: what their tables say of metrics.
    """

    def __init__(
        self, runs: Sequence[RecordedRun], chosen: Iterable[DesignPoint], studies: Iterable[Study] = ()
    ) -> None:
        self.everything = metrics_frame(runs)
        """A row per run and epoch, under the experiments that the records name."""
        lengths = [run.status.epochs_done for run in runs]  # metrics_frame saw to it
        ends = np.cumsum(lengths, dtype=np.int64)
        places = {
            run.name: np.arange(end - length, end)
            for run, end, length in zip(runs, ends, lengths, strict=True)
        }
        chosen = tuple(chosen)
        self._rows = {one.name: self._taken(one, places) for one in chosen if one.finished}
        self._curves: dict[tuple[str, str], Curve | None] = {}
        self._ends = {
            run.record.identity: self._result_row(int(end) - n, n)
            for run, end, n in zip(runs, ends, lengths, strict=True)
            if n
        }
        self._names = {run.record.identity: run.name for run in runs}
        self._starts = ends - np.array(lengths, dtype=np.int64)
        self._whole = {
            run.record.identity: (int(end) - n, int(end))
            for run, end, n in zip(runs, ends, lengths, strict=True)
            if n
        }
        self._studies = tuple(studies)
        tables = _tables(self._studies, [one.name for one in chosen])
        self.metrics: dict[str, Metric] = {}
        """What the runs hold and somebody says the meaning of, by name; the generalisation gap where it can be taken."""
        self.untyped: list[str] = []
        """Names of which nobody says which direction is the better one."""
        self.cost_columns = self._costs_in(runs)
        """What runs cost on the machine: neither curves nor results, unless a study asks for it by name."""
        for name in (*metric_names(self.everything), *((GAP,) if self.measures_clean else ())):
            metric = known_metric(name, tables)
            if name in self.cost_columns:
                continue
            if metric is None:
                self.untyped.append(name)
            else:
                self.metrics[name] = metric

    def rows(self, names: Iterable[str]) -> pd.DataFrame:
        """The rows of those among some experiments and variants that have any."""
        parts = [self._rows[name] for name in dict.fromkeys(names) if name in self._rows]
        if len(parts) == 1:
            return parts[0]
        return pd.concat(parts, ignore_index=True) if parts else self.everything.iloc[:0]

    def curves(self, metric: Metric, names: Iterable[str]) -> tuple[Curve, ...]:
        """The mean curves of those among some experiments that have the metric throughout, in the order asked for."""
        found = (self._curve(metric, name) for name in names)
        return tuple(curve for curve in found if curve is not None)

    def last_values(self, metric: Metric) -> Mapping[str, float]:
        """The last value of each run that has one, by identity; of one that stops early that of the epoch it is taken from."""
        if metric.name not in self.everything:
            return {}
        values = self.everything[metric.name].to_numpy()
        return {
            identity: float(values[end]) for identity, end in self._ends.items() if np.isfinite(values[end])
        }

    def run_rows(self, identity: str) -> pd.DataFrame:
        """All rows of a run that has any."""
        start, end = self._whole[identity]
        return self.everything.iloc[start:end]

    def cost(self, identity: str) -> RunCost:
        """What a run cost, as far as it is recorded."""
        if identity not in self._whole:
            return RunCost()
        row = self._whole[identity][0]
        return RunCost(**{name: float(self.everything[name].iloc[row]) for name in self.cost_columns})

    def taken_epoch(self, identity: str) -> int | None:
        """The epoch that the result of a run is taken from, where it may stop early; else None."""
        if TAKEN not in self.everything or identity not in self._whole:
            return None
        epoch = float(self.everything[TAKEN].iloc[self._whole[identity][0]])
        return None if np.isnan(epoch) else round(epoch)

    def _costs_in(self, runs: Sequence[RecordedRun]) -> tuple[str, ...]:
        """The columns that are measured beside every run; a log may have one of such a name, which is a metric like others."""
        trainers = {run.record.experiment.trainer for run in runs}
        if any(settings_rules(trainer).columns is None for trainer in trainers):
            return ()
        return tuple(name for name in COST_COLUMNS if name in self.everything)

    def _result_row(self, start: int, length: int) -> int:
        """Where the row of a run's result stands in the whole table."""
        taken = self.everything[TAKEN].iloc[start] if TAKEN in self.everything else np.nan
        if np.isnan(taken):
            return start + length - 1
        epochs = self.everything["epoch"].iloc[start : start + length].to_numpy()
        return start + int(np.flatnonzero(epochs == taken)[0])

    def companions(self, metric: Metric) -> tuple[Metric, ...]:
        """What is shown beside a metric: the same on training data, and the losses on its data and on training data."""
        wanted = [(metric.base, "train"), ("loss", metric.split), ("loss", "train")]
        found = [metric]
        for base, split in wanted:
            own = [
                one
                for one in self.metrics.values()
                if (one.base, one.split) == (base, split) and not one.on_clean and one not in found
            ]
            found += own[:1]
        return tuple(found)

    @property
    def first(self) -> Metric | None:
        """The metric of a report that no study leads; see :func:`tinyexp.report.implied.by_preference`."""
        return next(iter(by_preference(self.metrics.values())), None)

    @cached_property
    def index(self) -> str:
        """What the curves of the page are over, in words: ``epoch``, ``step``, or ``epoch or step`` where runs differ."""
        by = {index_of(rows) for rows in self._rows.values() if len(rows)}
        return " or ".join(sorted(by)) or "epoch"

    @property
    def curve_metrics(self) -> tuple[Metric, ...]:
        """Whose curves are kept and stored: all; of very many experiments those of the first metric and its companions."""
        first = self.first
        if first is None or len(self._rows) <= _MANY:
            return tuple(self.metrics.values())
        return self.companions(first)

    @cached_property
    def faults(self) -> tuple[str, ...]:
        """Of each metric whose values cannot be what it is said to be: the first such value, where it stands, what to do."""
        found: dict[str, str] = {}
        for study in self._studies:
            rows = self.rows(study.members)
            for metric in _asked_by(study):
                if metric.name in rows and metric.name not in found:
                    found[metric.name] = self._fault(metric, rows, run_starts(rows))
        for metric in self.metrics.values():
            if metric.name in self.everything and not found.get(metric.name):
                found[metric.name] = self._fault(metric, self.everything, self._starts)
        return tuple(fault for fault in found.values() if fault)

    def _fault(self, metric: Metric, rows: pd.DataFrame, starts: NDArray[np.intp]) -> str:
        values = rows[metric.name].to_numpy(dtype=np.float64)
        there = np.flatnonzero(np.isfinite(values))  # runs may lack a metric, or some of its values
        run_of = np.searchsorted(starts, there, side="right")
        firsts = np.flatnonzero(np.diff(run_of, prepend=-1))
        index = index_of(rows)

        def named(place: int) -> str:
            row = rows.iloc[there[place]]
            where = ", ".join(f"{key} {row[key]}" for key in ("experiment", "seed", index))
            return f"{where} of {self._names[row['identity']]}/metrics.csv"

        try:
            check_values(metric, values[there], firsts, named)
        except MetricValuesError as error:
            return str(error)
        return ""

    @property
    def measures_clean(self) -> bool:
        """Whether the generalisation gap can be taken."""
        return all(name in self.everything for name in GAP_OF)

    def _curve(self, metric: Metric, name: str) -> Curve | None:
        key = (metric.name, name)
        if key not in self._curves:
            rows = self._shared(checked_rows(self._rows[name], (name,)))
            rows = with_gap(rows) if self.measures_clean else rows
            # Rows are checked once for all curves, and not kept: together they would be the whole table once more.
            for other in {one.name: one for one in (*self.curve_metrics, metric)}.values():
                self._curves[other.name, name] = None
                with contextlib.suppress(UserError):
                    self._curves[other.name, name] = curve_of(rows, name, other, most_seeds=MOST_SEED_LINES)
        return self._curves[key]

    @staticmethod
    def _shared(rows: pd.DataFrame) -> pd.DataFrame:
        """Up to where the first of an experiment's runs ends: a mean is of all seeds."""
        index = index_of(rows)
        runs = len(rows["seed"].unique())
        if len(rows) == runs * len(rows[index].unique()):
            return rows
        counts = rows[index].value_counts()
        return rows[rows[index].isin(counts.index[counts == runs])].reset_index(drop=True)

    def _taken(self, chosen: DesignPoint, places: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """The rows of some runs under the name they were chosen by; one training may have two."""
        own = np.concatenate([places[run.name] for run in chosen.finished])
        together = len(own) > 0 and bool((np.diff(own) == 1).all())
        # Rows that stand together are looked at where they are, others are copied.
        rows = self.everything.iloc[own[0] : own[-1] + 1] if together else self.everything.take(own)
        return rows.assign(experiment=chosen.name)


def _asked_by(study: Study) -> list[Metric]:
    """Every metric that a study compares or chooses by."""
    chooser = study.endpoint.chooser
    names = [study.metric, *(claim.metric for claim in study.claims if claim.metric)]
    return [*(study.type_of(name) for name in dict.fromkeys(names)), *([chooser] if chooser else [])]


def _tables(studies: Sequence[Study], experiments: Sequence[str]) -> dict[str, MetricTable]:
    """What names mean on the whole page: as the leading study has it, then the others, then the experiments' own files.

    Without a study all experiments are in one comparison, and may not contradict each other.
    """
    files = tables_of(experiments)
    if not studies:
        return merged(files)
    found: dict[str, MetricTable] = {}
    for own in (*(study.metrics for study in studies), *(tables for _, tables in files)):
        found = {**own, **found}
    return found
