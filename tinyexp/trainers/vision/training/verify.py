"""Are a run's checkpoints whole, and are the records made from the newest one?"""

from __future__ import annotations

from tinyexp.errors import DamagedError
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.records import Status, read_bounded, read_section, table_text
from tinyexp.runs.verify import Finding
from tinyexp.trainers.vision.columns import METRIC_COLUMNS
from tinyexp.trainers.vision.training.checkpoint import checkpoints, load_checkpoint


def verify_checkpoints(folder: RunFolder) -> list[Finding]:
    """Checkpoints that are not what was written, and a metrics.csv that is not the newest one's."""
    found, newest = [], None
    paths = checkpoints(folder.checkpoints)
    for path in paths:
        try:
            newest = load_checkpoint(path)
        except DamagedError as error:
            found.append(Finding.of(error, path))
            newest = None
    if newest is None:
        return found
    try:
        wanted = table_text(METRIC_COLUMNS, newest["rows"]).encode()
        told = read_bounded(folder.metrics)
        finished = read_section(folder.status, Status).state == "finished"
    except DamagedError:  # missing, or no record: the records' own check has said so
        return found
    except (KeyError, TypeError, AttributeError):
        return [*found, Finding(paths[-1], "is not a checkpoint of this version: its rows cannot be read.")]
    # The newest checkpoint of a run that is not finished may be an epoch ahead of the records: it was stopped between them.
    if told != wanted and (finished or not wanted.startswith(told)):
        found.append(Finding(folder.metrics, f"has other rows than {paths[-1].name}."))
    return found
