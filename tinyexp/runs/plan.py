"""One run that is to be: what, with which seed, on which data, into which folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinyexp.config.experiment import Experiment
from tinyexp.config.identity import NUMERICS_VERSION, configuration_of, identity_of
from tinyexp.config.trainers import settings_rules
from tinyexp.errors import DamagedError
from tinyexp.runs.folder import RunFolder, run_folder
from tinyexp.runs.records import DataRecord, RunRecord, Status, read_section
from tinyexp.runs.verify import changed_records


@dataclass(frozen=True, eq=False)  # a plan is itself: it is looked up by identity
class RunPlan:
    """A run before it is trained."""

    experiment: Experiment
    """As it is to be carried out, with folders, workers and intervals."""
    record: RunRecord
    """As it will be told: without them, so that the record is the same wherever it was trained."""
    folder: RunFolder
    label: str = ""
    """What it is trained as, where that is more than the experiment's name: a mixture, a variant."""

    @property
    def name(self) -> str:
        """Its label, or the experiment's name."""
        return self.label or self.record.experiment.name

    @property
    def epochs(self) -> int:
        """The epochs that it will have; 0 where only its log will say."""
        return settings_rules(self.experiment.trainer).epochs(self.experiment.settings)

    @property
    def title(self) -> str:
        """Name and seed, as progress lines name the run."""
        return f"{self.name} seed {self.record.seed}"

    def is_finished(self) -> bool:
        """Whether the folder holds this very run, finished, and every record is as it was written.

        Where a record was edited, torn or lost this is false, and training puts it right from the checkpoint.
        """
        try:
            status = read_section(self.folder.status, Status)
            return (
                status.state == "finished"
                and read_section(self.folder.record, RunRecord).identity == self.record.identity
                and not changed_records(self.folder, status)
            )
        except DamagedError:
            return False


def plan_run(experiment: Experiment, seed: int, data: DataRecord, runs: Path, label: str = "") -> RunPlan:
    """The plan of one run below the folder ``runs``."""
    told = experiment.without_circumstances()
    identity = identity_of(experiment, seed, data.fingerprint)
    record = RunRecord(
        experiment=told,
        seed=seed,
        identity=identity,
        configuration=configuration_of(experiment),
        numerics_version=NUMERICS_VERSION,
        data=data,
    )
    folder = run_folder(runs, experiment.profile, experiment.name, seed, identity)
    return RunPlan(experiment, record, folder, label)
