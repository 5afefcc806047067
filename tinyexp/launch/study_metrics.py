"""Says after the first run of a study that its log does not have the metric which the study compares, and not after the last."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from tinyexp.analysis.study import Study
from tinyexp.errors import DamagedError, listed, nearest
from tinyexp.launch.beside import Beside
from tinyexp.resources import experiments_folder
from tinyexp.runs.cost import COST_COLUMNS
from tinyexp.runs.metrics import read_metrics
from tinyexp.runs.plan import RunPlan


class StudyMetrics(Beside):
    """Goes on beside the training, and beside what else does."""

    def __init__(self, studies: Sequence[Study], other: Beside) -> None:
        self._studies, self._other, self._lines = [*studies], other, deque[str]()

    def begin(self, first: Sequence[RunPlan]) -> None:
        """See :class:`tinyexp.launch.beside.Beside`."""
        self._other.begin(first)

    def ended(self, plan: RunPlan) -> None:
        """See :class:`tinyexp.launch.beside.Beside`."""
        self._other.ended(plan)
        asking = [study for study in self._studies if plan.experiment.name in study.experiments]
        if not asking or not plan.is_finished():
            return
        try:
            columns = [*next(iter(read_metrics(plan.folder.metrics)), {})]
        except DamagedError:  # told of by whoever reads the run
            return
        self._studies = [study for study in self._studies if study not in asking]
        told = filter(None, (not_measured(study, columns[1:]) for study in asking))
        self._lines += [f"{plan.title}: {sentence}" for sentence in told]

    def look(self) -> str:
        """See :class:`tinyexp.launch.beside.Beside`."""
        return self._lines.popleft() if self._lines else self._other.look()

    def close(self) -> None:
        """See :class:`tinyexp.launch.beside.Beside`."""
        self._other.close()


def not_measured(study: Study, metrics: Sequence[str]) -> str:
    """That a log with these metrics does not have what a study compares, and what to do; empty where it has."""
    if study.metric in {*metrics, *COST_COLUMNS}:
        return ""
    return (
        f"the study '{study.name}' compares '{study.metric}', which this log does not have. Known: {listed(metrics)}."
        f"{nearest(study.metric, metrics)} Write that in {experiments_folder() / 'studies' / f'{study.name}.toml'}, or have the "
        "command write the other."
    )
