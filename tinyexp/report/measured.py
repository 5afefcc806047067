"""The rows of the finished runs, each under the name it was chosen by, and the curves made of them once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import checked_rows, metric_names
from tinyexp.analysis.curves import Curve, curve_of, with_gap
from tinyexp.analysis.design import DesignPoint
from tinyexp.analysis.endpoints import index_of
from tinyexp.analysis.study import Study
from tinyexp.config.metric import GAP, GAP_OF, USUAL, Metric, MetricTable, Split, known_metric
from tinyexp.errors import UserError
from tinyexp.report.drawings import MOST_SEED_LINES
from tinyexp.runs.frame import metrics_frame
from tinyexp.runs.recorded import RecordedRun

_SPLITS: tuple[Split, ...] = ("test", "validation", "unknown", "train")
"""Data that a report without a study looks at first."""

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
        self._rows = {one.name: self._taken(one, places) for one in chosen if one.finished}
        self._curves: dict[tuple[str, str], Curve | None] = {}
        self._ends = {
            run.record.identity: int(end) - 1 for run, end, n in zip(runs, ends, lengths, strict=True) if n
        }
        tables: dict[str, MetricTable] = {}
        for study in studies:
            tables = {**study.metrics, **tables}
        self.metrics: dict[str, Metric] = {}
        """What the runs hold and somebody says the meaning of, by name; the generalisation gap where it can be taken."""
        self.untyped: list[str] = []
        """Names of which nobody says which direction is the better one."""
        for name in (*metric_names(self.everything), *((GAP,) if self.measures_clean else ())):
            metric = known_metric(name, tables)
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
        """The last value of each run that has one, by identity."""
        if metric.name not in self.everything:
            return {}
        values = self.everything[metric.name].to_numpy()
        return {
            identity: float(values[end]) for identity, end in self._ends.items() if np.isfinite(values[end])
        }

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
        """The metric of a report that no study leads: on test data before validation data before others, and of these
        the first as :data:`~tinyexp.config.metric.USUAL` has them.
        """
        order = list(USUAL)
        known = [one for one in self.metrics.values() if one.name != GAP and not one.on_clean]
        return min(
            known,
            key=lambda one: (
                _SPLITS.index(one.split),
                order.index(one.base) if one.base in order else len(order),
            ),
            default=None,
        )

    @property
    def curve_metrics(self) -> tuple[Metric, ...]:
        """Whose curves are kept and stored: all; of very many experiments those of the first metric and its companions."""
        first = self.first
        if first is None or len(self._rows) <= _MANY:
            return tuple(self.metrics.values())
        return self.companions(first)

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
