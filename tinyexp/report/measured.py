"""The rows of the finished runs, each under the name it was chosen by, and the curves made of them once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from tinyexp.analysis.checked import checked_runs
from tinyexp.analysis.curves import Curve, curve_of, with_gap
from tinyexp.errors import UserError
from tinyexp.report.drawings import MOST_SEED_LINES
from tinyexp.report.select import Chosen
from tinyexp.runs.frame import RecordedRun, metrics_frame

_METRICS = ("test_accuracy", "train_accuracy", "train_clean_accuracy", "test_loss", "train_loss")


class Measured:
    """What the runs of a report measured; with many runs a report is made of small parts of the whole table.

    Parameters
    ----------
    runs
        The finished ones, each once.
    chosen
        Whose rows are asked for by name.
    """

    def __init__(self, runs: Sequence[RecordedRun], chosen: Iterable[Chosen]) -> None:
        self.everything = metrics_frame(runs)
        """A row per run and epoch, under the experiments that the records name."""
        lengths = [run.status.epochs_done for run in runs]  # metrics_frame saw to it
        ends = np.cumsum(lengths, dtype=np.int64)
        places = {
            run.name: np.arange(end - length, end)
            for run, end, length in zip(runs, ends, lengths, strict=True)
        }
        self._rows = {one.name: self._taken(one, places) for one in chosen if one.finished}
        self._curves: dict[tuple[str, str], Curve] = {}
        accuracy = self.everything["test_accuracy"].to_numpy()
        self.last_accuracy: Mapping[str, float] = {
            run.record.identity: float(accuracy[end - 1])
            for run, end in zip(runs, ends, strict=True)
            if run.status.epochs_done
        }
        """The last test accuracy of each run, a fraction, by identity."""

    def rows(self, names: Iterable[str]) -> pd.DataFrame:
        """The rows of those among some experiments and variants that have any."""
        parts = [self._rows[name] for name in dict.fromkeys(names) if name in self._rows]
        if len(parts) == 1:
            return parts[0]
        return pd.concat(parts, ignore_index=True) if parts else self.everything.iloc[:0]

    def curves(self, metric: str, names: Iterable[str]) -> tuple[Curve, ...]:
        """The mean curves of some experiments, in the order asked for; see :func:`~tinyexp.analysis.curves.mean_curves`."""
        return tuple(self._curve(metric, name) for name in names)

    def _curve(self, metric: str, name: str) -> Curve:
        key = (metric, name)
        if key not in self._curves:
            rows = with_gap(checked_runs(self._rows[name], (name,), "test_accuracy"))
            # Rows are checked once for all curves, and not kept: together they would be the whole table once more.
            for other in dict.fromkeys((*_METRICS, metric)):
                with contextlib.suppress(*(() if other == metric else (UserError,))):
                    self._curves[other, name] = curve_of(rows, name, other, most_seeds=MOST_SEED_LINES)
        return self._curves[key]

    def _taken(self, chosen: Chosen, places: Mapping[str, np.ndarray]) -> pd.DataFrame:
        """The rows of some runs under the name they were chosen by; one training may have two."""
        own = np.concatenate([places[run.name] for run in chosen.finished])
        together = len(own) > 0 and bool((np.diff(own) == 1).all())
        # Rows that stand together are looked at where they are, others are copied.
        rows = self.everything.iloc[own[0] : own[-1] + 1] if together else self.everything.take(own)
        return rows.assign(experiment=chosen.name)
