"""The whole report of a comparison of logs."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from tinyexp.analysis.asked import keep_asked
from tinyexp.analysis.compared import Comparison
from tinyexp.analysis.study import Study
from tinyexp.config.metric import MetricTable
from tinyexp.foreign.compare import LogComparison
from tinyexp.foreign.importing import PROFILE, import_logs
from tinyexp.report.render import ReportResult, write_report


def write_log_report(found: LogComparison, out: Path) -> ReportResult:
    """The whole report of a comparison of logs, with the records that it is made from.

    Raises
    ------
    UserError
        As :func:`tinyexp.import_logs.import_logs` and :func:`tinyexp.report.render.write_report`.
    """
    with tempfile.TemporaryDirectory(prefix="tinyexp-compare-") as place:
        runs = Path(place) / "runs"
        names = {
            one.placed.design: one.experiment for one in import_logs(found.grouping, runs, shared=True).runs
        }
        for number, one in enumerate(found.comparisons):
            keep_asked(runs / PROFILE, _asked(one, names, leads=number == 0))
        return write_report(runs, out, profile=PROFILE)


def _asked(one: Comparison, names: Mapping[str, str], *, leads: bool) -> Study:
    """The comparison as a question that lies beside its runs."""
    metric = one.metric
    table = MetricTable(
        label=metric.label,
        direction=metric.direction,
        unit=metric.unit,
        low=metric.low,
        high=metric.high,
        split=metric.split,
    )
    chooser = one.endpoint.chooser
    return Study(
        name=f"{names[one.contender]}-against-{names[one.baseline]}"[:80],
        title=f"{one.contender} against {one.baseline}",
        question=f"Is {one.contender} better than {one.baseline} in {metric.label}?",
        lead=leads,
        baseline=names[one.baseline],
        contender=names[one.contender],
        metrics={metric.name: table},
        metric=metric.name,
        margin=one.margin,
        endpoint=one.endpoint,
        selected_on_test=chooser is not None and chooser.split not in ("validation", "train"),
    )
