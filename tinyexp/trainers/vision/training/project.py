"""What readers see of a run, written anew from its state; never appended to, so never torn."""

from __future__ import annotations

import hashlib
from typing import Literal

from tinyexp.files import write_text
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Predictions, Status, table_text, write_predictions, write_section
from tinyexp.runs.verify import record_digests
from tinyexp.trainers.vision.columns import METRIC_COLUMNS, TIMING_COLUMNS
from tinyexp.trainers.vision.training.state import TrainingState

State = Literal["running", "finished", "interrupted", "failed", "diverged"]


def project(
    folder: RunFolder,
    state: TrainingState,
    epochs: int,
    classes: tuple[str, ...],
    condition: State,
    message: str = "",
) -> Status:
    """Write metrics, timings, after the last epoch the predictions, and then the status with their digests."""
    metrics = table_text(METRIC_COLUMNS, state.rows)
    write_text(folder.metrics, metrics)
    write_text(folder.timing, table_text(TIMING_COLUMNS, state.timings))
    if condition == "finished":
        arrays = {name: value.numpy() for name, value in state.predictions.items()}
        write_predictions(folder.predictions, Predictions(**arrays, classes=classes))
    digests = record_digests(folder, condition)
    digests[folder.metrics.name] = hashlib.sha256(metrics.encode()).hexdigest()
    status = Status(
        state=condition, epochs_done=len(state.rows), epochs=epochs, message=message, digests=digests
    )
    return write_section(folder.status, status)
