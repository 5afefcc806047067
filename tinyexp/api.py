"""The functions of the public Python interface that need more than one layer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinyexp.spec.load import Experiment

if TYPE_CHECKING:
    from tinyexp.report.render import ReportResult
    from tinyexp.runs.records import Status


def train(experiment: Experiment, seed: int, runs: str | Path = "runs") -> Status:
    """Train one run in this process, or what is left of it; a finished one is used again.

    Data sets are looked for in ``$TINYEXP_DATA``, or else in ``./data``.

    Raises
    ------
    UserError
        The data are missing or do not fit; nothing was trained.
    DivergedError
        A loss was no longer finite; the run is marked so.
    """
    from tinyexp.launch.prepare import prepare  # noqa: PLC0415 - torch is loaded only here
    from tinyexp.launch.wanted import Wanted  # noqa: PLC0415
    from tinyexp.runs.records import Status, read_section  # noqa: PLC0415

    folder = Path(os.environ.get("TINYEXP_DATA") or "data")
    [plan] = prepare([Wanted(experiment.name, experiment, (seed,))], Path(runs), folder)
    if plan.is_finished():
        return read_section(plan.folder.status, Status)
    from tinyexp.data.build import open_dataset  # noqa: PLC0415
    from tinyexp.training.run import train_run  # noqa: PLC0415

    return train_run(plan, open_dataset(experiment.spec.data, folder))


def write_report(
    runs: str | Path, out: str | Path, profile: str | None = None, overrides: Mapping[str, Any] | None = None
) -> ReportResult:
    """Write the report of the runs below ``runs`` into the folder ``out``, which is replaced whole.

    Raises
    ------
    UserError
        There are no runs, several profiles and none named, or ``out`` holds something else.
    """
    from tinyexp.report.render import write_report as write  # noqa: PLC0415 - matplotlib is loaded only here

    return write(Path(runs), Path(out), profile=profile, overrides=dict(overrides or {}))
