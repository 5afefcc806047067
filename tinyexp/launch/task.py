"""A job as plain data, so that another process, or another machine, can carry it out: JSON, never a pickle."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from tinyexp.config.experiment import Experiment
from tinyexp.config.metric import MetricName, MetricTable
from tinyexp.config.section import Section
from tinyexp.launch.job import Job
from tinyexp.runs.folder import run_folder
from tinyexp.runs.plan import RunPlan
from tinyexp.runs.records import RunRecord


class Task(Section):
    """What a machine needs to know of a job, besides where its runs are kept."""

    experiment: Experiment
    """As it is to be carried out, with folders, workers and intervals."""
    metrics: dict[MetricName, MetricTable] = Field(default_factory=dict)
    """What names mean in its log: no part of an experiment's record, and so not of its JSON."""
    record: RunRecord
    label: str = ""
    data_folder: str
    fresh: bool = False
    accept_environment: bool = False

    @classmethod
    def of(cls, job: Job) -> Task:
        """The job as data; a relative data folder stays relative to the working directory."""
        plan = job.plan
        return cls(
            experiment=plan.experiment,
            metrics=plan.experiment.metrics,
            record=plan.record,
            label=plan.label,
            data_folder=str(job.data_folder),
            fresh=job.fresh,
            accept_environment=job.accept_environment,
        )

    def job(self, runs: Path, *, again: bool = False) -> Job:
        """The job over the runs below a folder.

        Parameters
        ----------
        again
            It was begun before, so that what ``fresh`` asked for is done.
        """
        record = self.record
        folder = run_folder(
            runs, record.experiment.profile, record.experiment.name, record.seed, record.identity
        )
        experiment = self.experiment.model_copy(update={"metrics": self.metrics})
        plan = RunPlan(experiment, record, folder, self.label)
        return Job(
            plan,
            Path(self.data_folder),
            fresh=self.fresh and not again,
            accept_environment=self.accept_environment,
        )
